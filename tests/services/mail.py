"""pytest fixtures: a private Postfix that refuses by a sender map, and a private Dovecot that checks passwords.

Both have their own folder and their own loopback port, deliver nothing and are stopped by their process ids.
"""

from __future__ import annotations

import imaplib
import os
import shutil
import signal
import smtplib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.databases import free_port
from tests.services.needs import require

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = mail.example
mydestination = mail.example
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
alias_maps =
alias_database =
smtputf8_enable = yes
recipient_delimiter = +
# nothing is ever delivered
default_transport = discard:
local_transport = discard:
relay_transport = discard:
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_sender_access {sender_map}, permit
"""

_MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup     unix  n - n 60 1 pickup
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
trace      unix  - - n - 0 bounce
verify     unix  - - n - 1 verify
proxymap   unix  - - n - - proxymap
error      unix  - - n - - error
retry      unix  - - n - - error
discard    unix  - - n - - discard
showq      unix  n - n - - showq
anvil      unix  - - n - 1 anvil
postlog    unix-dgram n - n - 1 postlogd
"""

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
            # a new smtpd reads a text that changed this very second again and again, for two seconds
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
        """An administrator edits the map and builds it as she always did."""
        self.map.write_text(text, encoding="utf-8")
        if self.map_type == "texthash":
            subprocess.run([*_postfix(self.config), "reload"], check=True, capture_output=True, timeout=60)
        else:
            self.postmap(self.sender_access)


@contextmanager
def running_postfix(map_type: str) -> Iterator[Postfix]:
    """A Postfix with an empty sender map of this type, while the block runs."""
    require("postfix", "postfix", "postmap", "postconf")
    if os.geteuid() != 0:
        _cannot("a private Postfix needs root: its master gives up rights for each daemon")
    # daemons run as `postfix`, which may not enter pytest's own folders
    folder = Path(tempfile.mkdtemp(prefix="reconciler-postfix-"))
    folder.chmod(0o755)
    instance = Postfix(folder, free_port(), map_type)
    try:
        _configure(instance)
        subprocess.run([*_postfix(instance.config), "start"], check=True, capture_output=True, timeout=60)
        try:
            _wait_until_it_answers(instance)
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
    running: dict[str, tuple[Iterator[Postfix], Postfix]] = {}

    def get(map_type: str) -> Postfix:
        if map_type not in running:
            lifetime = _lifetime(map_type)
            running[map_type] = (lifetime, next(lifetime))
        return running[map_type][1]

    yield get
    for lifetime, _ in running.values():
        next(lifetime, None)


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


def _lifetime(map_type: str) -> Iterator[Postfix]:
    with running_postfix(map_type) as instance:
        yield instance


def _configure(instance: Postfix) -> None:
    for name in ("etc", "queue", "data", "maps"):
        (instance.folder / name).mkdir(mode=0o755)
    shutil.chown(instance.folder / "data", "postfix")
    main_cf = _MAIN_CF.format(folder=instance.folder, sender_map=instance.sender_access)
    (instance.config / "main.cf").write_text(main_cf, encoding="utf-8")
    (instance.config / "master.cf").write_text(_MASTER_CF.format(port=instance.port), encoding="utf-8")
    instance.map.touch(mode=0o644)
    if instance.map_type != "texthash":
        built = instance.postmap(instance.sender_access)
        assert built.returncode == 0, built.stderr


def _postfix(config: Path) -> list[str]:
    (program,) = require("postfix", "postfix")
    return [program, "-c", str(config)]


def _wait_until_it_answers(instance: Postfix) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            instance.answer("probe@probe.test")
        except (OSError, smtplib.SMTPException):
            if time.monotonic() > until:
                pytest.fail(f"the private Postfix does not answer:\n{instance.log[-2000:]}")
            time.sleep(0.05)
        else:
            return


def _stop_master(pid_file: Path) -> None:
    pid = int(pid_file.read_text())
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + 30
    while _alive(pid):
        if time.monotonic() > until:
            pytest.fail(f"the private Postfix (process {pid}) does not stop")
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    """Whether the process runs; one that is dead and not yet waited for does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def _cannot(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


_DOVECOT_CONF = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = {driver}
  args = {arguments}
}}
userdb {{
  driver = static
  args = uid=dovecot gid=dovecot home={folder}/mail/%u allow_all_users=yes
}}
"""


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


def password_file(users: dict[str, str]) -> tuple[str, str]:
    """A passdb that is a file: user to hash (with its `{SCHEME}`). For `running_dovecot`."""
    return "passwd-file", "".join(f"{user}:{hashed}::::::\n" for user, hashed in users.items())


def sql_passwords(connect: str, query: str, driver: str = "mysql") -> tuple[str, str]:
    """A passdb that is a database: Dovecot's `connect` string and `password_query`. For `running_dovecot`."""
    return "sql", f"driver = {driver}\nconnect = {connect}\npassword_query = {query}\n"


@contextmanager
def running_dovecot(passdb: tuple[str, str]) -> Iterator[Dovecot]:
    """A Dovecot on this passdb while the block runs."""
    (program,) = require("dovecot-imapd", "dovecot")
    if os.geteuid() != 0:
        _cannot("a private Dovecot needs root: its master gives up rights for each service")
    folder = Path(tempfile.mkdtemp(prefix="reconciler-dovecot-"))
    folder.chmod(0o755)
    instance = Dovecot(folder, free_port())
    driver, content = passdb
    passwords = folder / "passdb"
    passwords.touch(mode=0o600)
    passwords.write_text(content, encoding="utf-8")
    shutil.chown(passwords, "dovecot")
    (folder / "mail").mkdir(mode=0o755)
    shutil.chown(folder / "mail", "dovecot", "dovecot")
    conf = _DOVECOT_CONF.format(folder=folder, port=instance.port, driver=driver, arguments=passwords)
    (folder / "dovecot.conf").write_text(conf, encoding="utf-8")
    process = subprocess.Popen([program, "-F", "-c", str(folder / "dovecot.conf")])
    try:
        _wait_for_imap(instance, process)
        yield instance
    finally:
        process.terminate()
        process.wait(timeout=60)
        shutil.rmtree(folder)


def _wait_for_imap(instance: Dovecot, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            imaplib.IMAP4("127.0.0.1", instance.port, timeout=30).shutdown()
        except (OSError, imaplib.IMAP4.error):
            if process.poll() is not None or time.monotonic() > until:
                log = instance.folder / "dovecot.log"
                pytest.fail(log.read_text(errors="replace")[-2000:] if log.exists() else "Dovecot does not start")
            time.sleep(0.05)
        else:
            return
