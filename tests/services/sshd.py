"""A real sshd on a free loopback port, with its own keys and settings; stopped by its process id.

As root the tests log in as `reconciler-test`, a user without any rights whom the first run creates and leaves (its
password is locked, so only the key of a running test logs in). Without root sshd lets only ourselves in. There is
no SFTP and no AcceptEnv, as on a strict host.
"""

from __future__ import annotations

import getpass
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from reconciler.remote.host import Login
from tests.services.needs import require

TEST_USER = "reconciler-test"

_CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
"""


class Sshd:
    """The server; `login` gives what a Host needs to reach it."""

    def __init__(self, folder: Path, program: str, user: str) -> None:
        self.folder = folder
        self.user = user
        self.port = _free_port()
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def login(self, user: str | None = None) -> Login:
        """As `user`: the restricted one when None."""
        return Login(
            "127.0.0.1",
            self.port,
            user or self.user,
            str(self.folder / "client_key"),
            str(self.folder / "known_hosts"),
        )

    def start(self) -> None:
        """Writes the settings and keys when there are none yet, starts, and waits until the port answers."""
        if not (self.folder / "sshd_config").exists():
            self._prepare()
        with (self.folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-D", "-e", "-f", self.folder / "sshd_config"], stdin=subprocess.DEVNULL, stderr=log
            )
        _wait_for_port(self.port, self._process, self.folder / "sshd.log")
        while self.connections():  # the one that looked whether it answers
            time.sleep(0.01)

    def configure(self, *lines: str) -> None:
        """Starts anew with these lines at the end of its settings."""
        self.stop()
        with (self.folder / "sshd_config").open("a") as config:
            config.writelines(f"{line}\n" for line in lines)
        self.start()

    def stop(self) -> None:
        """Ends the server and every session of it."""
        if self._process is not None:
            self.cut()
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def cut(self) -> int:
        """Kills the processes that serve connections, as a crash of the far side would; says how many."""
        assert self._process is not None
        # from 9.8 on it is called sshd-session
        pids = [pid for pid in _descendants(self._process.pid) if _name(pid).startswith("sshd")]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(pids)

    def connections(self) -> int:
        """How many connections there are: each has one child of the server."""
        assert self._process is not None
        return len(_children(self._process.pid))

    def _prepare(self) -> None:
        for name in ("host_key", "client_key"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True)
        shutil.copy(self.folder / "client_key.pub", self.folder / "authorized_keys")
        host_key = (self.folder / "host_key.pub").read_text()
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host_key}")
        config = _CONFIG.format(port=self.port, folder=self.folder)
        said = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
        version = re.search(r"OpenSSH_(\d+)\.(\d+)", said)
        assert version, said
        if (int(version[1]), int(version[2])) >= (9, 8):  # it would shut us out for logins that are to fail
            config += "PerSourcePenalties no\n"
        (self.folder / "sshd_config").write_text(config)


@pytest.fixture(scope="session")
def sshd() -> Iterator[Sshd]:
    """One server for the whole test run."""
    yield from serve()


@pytest.fixture
def own_sshd() -> Iterator[Sshd]:
    """A server for one test that cuts or stops it."""
    yield from serve()


class OddLogin(NamedTuple):
    """A server whose logins do what a test wants before, instead of or around the command that was asked for."""

    server: Sshd

    def session(self, script: str) -> None:
        """What sshd runs from now on, as a POSIX script; the command is in SSH_ORIGINAL_COMMAND."""
        (self.server.folder / "session").write_text(f"{script}\n")

    def bash(self, start_file: str | bytes) -> None:
        """The login shell is bash, with this `.bashrc`, which bash reads because sshd started it."""
        home = self.server.folder / "home"
        home.mkdir(exist_ok=True)
        (home / ".bashrc").write_bytes(start_file.encode() if isinstance(start_file, str) else start_file)
        self.session(f'export HOME={home}; exec bash -c "$SSH_ORIGINAL_COMMAND"')


@pytest.fixture(scope="session")
def _odd_sshd() -> Iterator[OddLogin]:
    for server in serve():
        server.configure(f"ForceCommand . {server.folder}/session")
        yield OddLogin(server)


@pytest.fixture
def odd_login(_odd_sshd: OddLogin) -> OddLogin:
    """A server that runs what it is asked for, until a test says otherwise."""
    _odd_sshd.session('exec sh -c "$SSH_ORIGINAL_COMMAND"')
    return _odd_sshd


@pytest.fixture
def open_folder(sshd: Sshd) -> Iterator[Path]:
    """A folder that the restricted user owns; pytest's own are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="reconciler-open-"))
    if os.geteuid() == 0:
        shutil.chown(folder, sshd.user)
    yield folder
    shutil.rmtree(folder)


def serve() -> Iterator[Sshd]:
    """A server of its own, as a generator that stops it."""
    program, _ = require("openssh-server", "sshd", "ssh-keygen")
    folder = Path(tempfile.mkdtemp(prefix="reconciler-sshd-"))
    folder.chmod(0o755)  # sshd reads authorized_keys as the user who logs in
    server = Sshd(folder, program, _restricted_user())
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


def _restricted_user() -> str:
    if os.geteuid() != 0:
        return getpass.getuser()
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # its separation of privileges needs this very folder
    try:
        pwd.getpwnam(TEST_USER)
    except KeyError:
        # `*` is a password that nothing matches; `!` would lock the account for keys too
        argv = ["useradd", "--create-home", "--shell", "/bin/sh", "--password", "*", TEST_USER]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 9):  # 9: another run was faster (useradd(8))
            pytest.fail(f"useradd {TEST_USER}: {done.stderr}")
    return TEST_USER


def _free_port() -> int:
    """Below the ports that the kernel gives to outgoing connections: one of those may take ours during a restart."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as probe:
            if probe.recv(4) == b"SSH-":
                return
        time.sleep(0.02)
    pytest.fail(f"sshd does not answer: {log.read_text(errors='replace')}")


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(text) for text in listed.read_text().split()]
    except OSError:  # ended meanwhile
        return []


def _descendants(pid: int) -> list[int]:
    return [found for child in _children(pid) for found in (child, *_descendants(child))]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
