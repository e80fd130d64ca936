"""pytest fixtures: a private Postfix that refuses by a sender map, and a private Dovecot that checks passwords.

Both have their own folder and their own loopback port, deliver nothing and are stopped by their process ids.
"""

from __future__ import annotations

import contextlib
import imaplib
import os
import select
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.services.databases import free_port
from tests.services.dovecot_conf import Lookup, write_configuration
from tests.services.mail_conf import MAIN_CF, MASTER_CF
from tests.services.main_cf import write_main_cf
from tests.services.needs import cannot, require

RECIPIENT = "somebody@mail.example"


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running Postfix whose smtpd asks one sender map."""

    folder: Path
    port: int
    map_type: str

    @property
    def config(self) -> Path:
        """Its `config_directory`."""
        return self.folder / "etc"

    @property
    def map(self) -> Path:
        """The text of the sender map."""
        return self.folder / "maps" / "sender_access"

    @property
    def sender_access(self) -> str:
        """The map as main.cf and the site file name it."""
        return f"{self.map_type}:{self.map}"

    @property
    def log(self) -> str:
        """What Postfix logged."""
        file = self.folder / "mail.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def answer(self, sender: str) -> tuple[int, str]:
        """Code and text of the reply to RCPT TO for this envelope sender, in a session of its own."""
        if self.map_type == "texthash":
            # an smtpd that finds a text of this very second reads it again and again for two seconds
            os.utime(self.map, (0, 0))
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname="client.test", timeout=30) as session:
            session.ehlo()
            # smtplib writes its commands in ASCII unless it is told
            session.command_encoding = "utf-8"
            options = [] if sender.isascii() else ["SMTPUTF8"]
            code, text = session.mail(sender, options)
            if code == 250:
                code, text = session.rcpt(RECIPIENT)
            return code, text.decode("utf-8", errors="replace")

    def refuses(self, sender: str) -> bool:
        """Whether mail of this sender is refused for good by the map. Any answer but yes or no fails the test."""
        code, text = self.answer(sender)
        assert (code, "Sender address rejected" in text) in {(250, False), (554, True)}, f"{sender}: {code} {text}"
        return code == 554

    def postmap(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """The real postmap with this instance's configuration, as somebody on the host would call it."""
        (program,) = require("postfix", "postmap")
        command = [program, "-c", str(self.config), *arguments]
        done = subprocess.run(command, input=stdin.encode(), capture_output=True, timeout=60, check=False)
        # not `text=True`: that would turn a CR inside a value into a line break
        return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())

    def dump(self, *keys: str) -> dict[str, str]:
        """The built map; of a cdb, which lists nothing, the entries of `keys`."""
        if self.map_type != "cdb":
            done = self.postmap("-s", self.sender_access)
        else:
            done = self.postmap("-q", "-", self.sender_access, stdin="".join(f"{key}\n" for key in keys))
        pairs = (line.partition("\t") for line in done.stdout.split("\n") if line)
        return {key: action for key, _, action in pairs}

    def write_by_hand(self, text: str) -> None:
        """An administrator edits the map and has it built."""
        self.map.write_text(text, encoding="utf-8")
        if self.map_type == "texthash":
            return  # a new smtpd reads it, and here every session has a new one
        # moved into place, since a map that is built in place in the second in which an smtpd opened it goes unnoticed
        # (facts/postfix.md 3.4)
        other = Path(shutil.copy2(self.map, self.map.with_name("by-hand")))
        self.postmap(f"{self.map_type}:{other}")
        suffix = {"lmdb": ".lmdb", "cdb": ".cdb"}.get(self.map_type, ".db")
        Path(f"{other}{suffix}").replace(f"{self.map}{suffix}")
        other.unlink()


@contextlib.contextmanager
def running_postfix(map_type: str) -> Iterator[Postfix]:
    """A Postfix with an empty sender map of this type, while the block runs."""
    require("postfix", "postfix", "postmap", "postconf")
    if os.geteuid() != 0:
        cannot("a private Postfix needs root: its master gives up rights for each daemon")
    # daemons run as `postfix`, which may not enter pytest's own folders
    folder = Path(tempfile.mkdtemp(prefix="reconciler-postfix-"))
    folder.chmod(0o755)
    instance = Postfix(folder, free_port(), map_type)
    try:
        _configure(instance)
        subprocess.run([*_postfix(instance.config), "start"], check=True, capture_output=True, timeout=60)
        try:
            _wait_for_greeting(instance.port, folder / "mail.log")
            yield instance
        finally:
            _stop_master(folder / "queue" / "pid" / "master.pid")
    finally:
        shutil.rmtree(folder)


def map_types() -> list[str]:
    """What this machine's Postfix offers of the types that we build or write; empty without a Postfix."""
    program = shutil.which("postconf", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        return []
    offered = subprocess.run([program, "-m"], capture_output=True, text=True, timeout=60, check=False).stdout.split()
    return [name for name in ("hash", "btree", "lmdb", "cdb", "texthash") if name in offered]


@pytest.fixture(scope="session")
def new_postfix() -> Iterator[Callable[[str], Postfix]]:
    """Gives the session's Postfix with a map of the type that is asked for; started at the first call."""
    running: dict[str, Postfix] = {}
    with contextlib.ExitStack() as lifetimes:

        def get(map_type: str) -> Postfix:
            if map_type not in running:
                running[map_type] = lifetimes.enter_context(running_postfix(map_type))
            return running[map_type]

        yield get


@pytest.fixture
def postfix(new_postfix: Callable[[str], Postfix]) -> Postfix:
    """A running Postfix with an empty hash map, the type of Debian and of the wiki."""
    instance = new_postfix("hash")
    empty_map(instance)
    return instance


def empty_map(instance: Postfix) -> None:
    """Takes everything out of the maps folder and starts with an empty, built map."""
    shutil.rmtree(instance.map.parent)
    instance.map.parent.mkdir(mode=0o755)
    instance.write_by_hand("")


def _configure(instance: Postfix) -> None:
    for name in ("etc", "queue", "data", "maps"):
        (instance.folder / name).mkdir(mode=0o755)
    shutil.chown(instance.folder / "data", "postfix")
    main_cf = MAIN_CF.format(folder=instance.folder, sender_map=instance.sender_access)
    if instance.map_type == "texthash":
        # `postfix reload` returns before Postfix is through with it, and until then an old smtpd might answer a test
        main_cf += "max_use = 1\n"
    write_main_cf(instance.config / "main.cf", main_cf)
    (instance.config / "master.cf").write_text(MASTER_CF.format(port=instance.port), encoding="utf-8")
    instance.map.touch(mode=0o644)
    if instance.map_type != "texthash":
        built = instance.postmap(instance.sender_access)
        assert built.returncode == 0, built.stderr


def _postfix(config: Path) -> list[str]:
    (program,) = require("postfix", "postfix")
    return [program, "-c", str(config)]


def _wait_for_greeting(port: int, log: Path) -> None:
    """Until the server greets; when it does not, the test fails with the end of its log."""
    until = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            if connection.recv(1):
                return
        if time.monotonic() > until:
            pytest.fail(log.read_text(errors="replace")[-2000:] if log.exists() else f"no answer, and no {log}")
        time.sleep(0.05)


def _stop_master(pid_file: Path) -> None:
    master = os.pidfd_open(int(pid_file.read_text()))
    try:
        signal.pidfd_send_signal(master, signal.SIGTERM)
        ended, _, _ = select.select([master], [], [], 30)
    finally:
        os.close(master)
    if not ended:
        pytest.fail(f"the private Postfix of {pid_file} does not stop")


@dataclass(frozen=True, slots=True)
class Dovecot:
    """A running Dovecot that answers one question: does this password let this mailbox in?"""

    folder: Path
    port: int

    def lets_in(self, user: str, password: str) -> bool:
        """Whether an IMAP login succeeds."""
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=30) as session:
            try:
                session.login(user, password)
            except imaplib.IMAP4.error:
                return False
            return True


def password_file(users: dict[str, str]) -> Lookup:
    """A passdb that is a file: user to hash (with its `{SCHEME}`). For `running_dovecot`."""
    return Lookup(file="".join(f"{user}:{hashed}::::::\n" for user, hashed in users.items()))


def sql_passwords(url: URL, query: str) -> Lookup:
    """A passdb that is a MariaDB and Dovecot's `password_query`. For `running_dovecot`."""
    return Lookup(url=url, query=query)


@contextlib.contextmanager
def running_dovecot(passdb: Lookup) -> Iterator[Dovecot]:
    """A Dovecot on this passdb while the block runs."""
    (program,) = require("dovecot-imapd", "dovecot")
    if os.geteuid() != 0:
        cannot("a private Dovecot needs root: its master gives up rights for each service")
    folder = Path(tempfile.mkdtemp(prefix="reconciler-dovecot-"))
    folder.chmod(0o755)
    instance = Dovecot(folder, free_port())
    (folder / "mail").mkdir(mode=0o755)
    shutil.chown(folder / "mail", "dovecot", "dovecot")
    everybody = {"uid": "dovecot", "gid": "dovecot", "home": f"{folder}/mail/%u", "allow_all_users": "yes"}
    conf = write_configuration(program, folder, instance.port, passdb, Lookup(fields=everybody))
    passwords = folder / "passdb"
    if passwords.exists():
        shutil.chown(passwords, "dovecot")
    process = subprocess.Popen([program, "-F", "-c", str(conf)])
    try:
        _wait_for_greeting(instance.port, folder / "dovecot.log")
        yield instance
    finally:
        process.terminate()
        process.wait(timeout=60)
        shutil.rmtree(folder)
