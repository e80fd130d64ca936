"""A private Postfix with a queue: it takes mail by SMTP, and delivers to nobody but a server of the test, if to that.

Mail to `@away.test` is deferred at the first attempt; mail to `@slow.test` is under delivery until the test's server
answers. Thousands of messages are copies of the files of one that came by SMTP.
"""

from __future__ import annotations

import json
import os
import shutil
import smtplib
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.services.databases import free_port
from tests.services.mail import _stop_master, _wait_for_greeting
from tests.services.main_cf import write_main_cf
from tests.services.needs import cannot, require

REASON = "muster@muster.example and its friends are away"
"""Why mail is deferred; it names the address of the tests' sender, as a server's answer may."""

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
myhostname = mail.example
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtputf8_enable = yes
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_reject_unlisted_recipient = no
default_transport = retry:4.3.0 {reason}
transport_maps = inline:{{slow.test=smtp:[127.0.0.1]:{slow_port}}}
smtp_address_preference = ipv4
in_flow_delay = 0
# no folders by the first letter of an id where tests look for files
hash_queue_names = incoming
"""
_MASTER_CF = """\
127.0.0.1:{port} inet n - n - 1 smtpd
pickup     unix  n - n 60 1 pickup
cleanup    unix  n - n - 0 cleanup
qmgr       unix  n - n 300 1 qmgr
rewrite    unix  - - n - - trivial-rewrite
bounce     unix  - - n - 0 bounce
defer      unix  - - n - 0 bounce
flush      unix  n - n - 0 flush
showq      unix  n - n - - showq
smtp       unix  - - n - - smtp
error      unix  - - n - - error
retry      unix  - - n - - error
anvil      unix  - - n - 1 anvil
postlog    unix-dgram n - n - 1 postlogd
"""


@dataclass(slots=True)
class SlowServer:
    """Takes mail as slowly as the test wants: no answer to the end of a message before `answer` is set."""

    port: int = 0
    answer: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Event = field(default_factory=threading.Event)
    """Set while a message is under delivery."""
    taken: list[str] = field(default_factory=list)
    """The recipients."""


@dataclass(frozen=True, slots=True)
class QueuePostfix:
    """A running Postfix with mail in its queue."""

    folder: Path
    port: int
    slow: SlowServer

    @property
    def config(self) -> Path:
        """Its `config_directory`."""
        return self.folder / "etc"

    def call(self, program: str, *arguments: str, stdin: str = "") -> str:
        """One of Postfix' programs, as root on the host would call it; its standard output and error."""
        (path,) = require("postfix", program)
        command = [path, "-c", str(self.config), *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr

    def listed(self) -> dict[str, dict[str, Any]]:
        """The queue by id, as Postfix lists it."""
        lines = self.call("postqueue", "-j").splitlines()
        return {message["queue_id"]: message for message in map(json.loads, lines)}

    def ids(self, sender: str, queue: str = "") -> set[str]:
        """The messages of a sender as Postfix has it, or those of them that are in this queue."""
        return {
            each
            for each, message in self.listed().items()
            if message["sender"] == sender and queue in ("", message["queue_name"])
        }

    def send(self, sender: str, *recipients: str, text: str = "Hello") -> str:
        """A message by SMTP; its id."""
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname="client.test", timeout=30) as session:
            session.ehlo()
            for command in (f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{each}>" for each in recipients)):
                code, said = session.docmd(command)
                assert code == 250, (command, said)
            code, said = session.data(f"Subject: test\r\n\r\n{text}\r\n")
            assert code == 250, said
        return said.decode().rpartition(" ")[2]

    def send_deferred(self, sender: str, *recipients: str, text: str = "Hello") -> str:
        """A message that is deferred; its id."""
        queue_id = self.send(sender, *(recipients or ("somebody@away.test",)), text=text)
        self.wait(lambda: self._is_deferred(queue_id))
        return queue_id

    def copy(self, queue_id: str, times: int, *, first: int = 0) -> set[str]:
        """So many more messages like this deferred one; their ids, made as Postfix makes short ones, from `first`
        microseconds on."""
        made = set()
        for number in range(first, first + times):
            new = self._file("deferred", f"copy-{number}")
            shutil.copy2(self._file("deferred", queue_id), new)
            copy = f"{number:05X}{new.stat().st_ino:X}"
            why = Path(shutil.copy2(self._file("defer", queue_id), self._file("defer", copy)))
            for file in (new, why):
                shutil.chown(file, "postfix", "postfix")
            new.rename(new.with_name(copy))
            made.add(copy)
        return made

    def empty(self) -> None:
        """Nothing is in the queue, and the slow server answers nobody."""
        self.slow.answer.set()
        self.call("postsuper", "-d", "ALL")
        self.wait(lambda: not self.listed() or not self.call("postsuper", "-d", "ALL"))
        self.slow.answer.clear()
        self.slow.waiting.clear()
        self.slow.taken.clear()

    @staticmethod
    def wait(true: Callable[[], bool], seconds: float = 30) -> None:
        """Until it is so."""
        until = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < until, "it never came true"
            time.sleep(0.02)

    def _is_deferred(self, queue_id: str) -> bool:
        return self._file("deferred", queue_id).exists()

    def _file(self, queue: str, name: str) -> Path:
        return self.folder / "queue" / queue / name


@contextmanager
def running_queue() -> Iterator[QueuePostfix]:
    """A Postfix with an empty queue while the block runs."""
    require("postfix", "postfix", "postqueue", "postsuper")
    if os.geteuid() != 0:
        cannot("a private Postfix needs root: its master gives up rights for each daemon")
    folder = Path(tempfile.mkdtemp(prefix="reconciler-queue-"))
    folder.chmod(0o755)
    with _slow_server() as slow:
        instance = QueuePostfix(folder, free_port(), slow)
        try:
            _configure(instance)
            started = instance.call("postfix", "start")
            try:
                assert (folder / "queue" / "pid" / "master.pid").exists(), started
                _wait_for_greeting(instance.port, folder / "mail.log")
                yield instance
            finally:
                slow.answer.set()
                _stop_master(folder / "queue" / "pid" / "master.pid")
        finally:
            shutil.rmtree(folder)


@pytest.fixture(scope="session")
def queue_instance() -> Iterator[QueuePostfix]:
    """The session's Postfix with a queue."""
    with running_queue() as instance:
        yield instance


@pytest.fixture
def mail_queue(queue_instance: QueuePostfix) -> QueuePostfix:
    """A Postfix with an empty queue."""
    queue_instance.empty()
    return queue_instance


def _configure(instance: QueuePostfix) -> None:
    for name in ("etc", "queue", "data"):
        (instance.folder / name).mkdir(mode=0o755)
    shutil.chown(instance.folder / "data", "postfix")
    values = {"folder": instance.folder, "reason": REASON, "slow_port": instance.slow.port}
    write_main_cf(instance.config / "main.cf", _MAIN_CF.format(**values))
    (instance.config / "master.cf").write_text(_MASTER_CF.format(port=instance.port), encoding="utf-8")


@contextmanager
def _slow_server() -> Iterator[SlowServer]:
    slow = SlowServer()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            recipients: list[str] = []
            self._say("220 slow.test")
            while line := self.rfile.readline().decode().strip():
                match line.upper().split(maxsplit=1)[0]:
                    case "RCPT":
                        recipients.append(line.partition("<")[2].partition(">")[0])
                        self._say("250 ok")
                    case "DATA":
                        self._say("354 go on")
                        while self.rfile.readline() not in (b".\r\n", b""):
                            pass
                        slow.waiting.set()
                        slow.answer.wait(60)
                        slow.taken.extend(recipients)
                        self._say("250 kept")
                    case _:
                        self._say("250 ok")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Postfix went away while it waited."""

    with Server(("127.0.0.1", 0), Session) as server:
        slow.port = int(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield slow
        server.shutdown()
        thread.join()
