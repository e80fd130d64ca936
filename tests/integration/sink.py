"""A mail server that takes everything and keeps it, in a thread: where letters and welcome mails of the tests go."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import parseaddr
from threading import Thread
from typing import NamedTuple

from tests.cli.site import read_mail


class Mail(NamedTuple):
    """One mail as it came in."""

    recipient: str
    """Of the envelope."""
    message: EmailMessage


class Sink(socketserver.ThreadingTCPServer):
    """The server; `refused` are recipients that it does not take."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails: list[Mail] = []
        self.refused: set[str] = set()

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self.server_address[1])

    def to(self, recipient: str) -> list[EmailMessage]:
        """The mails to one recipient, oldest first."""
        return [mail.message for mail in self.mails if mail.recipient == recipient]

    def forget(self) -> None:
        """An empty sink that takes everything."""
        self.mails.clear()
        self.refused.clear()


class _Session(socketserver.StreamRequestHandler):
    """Just enough SMTP (RFC 5321) for smtplib."""

    server: Sink

    def handle(self) -> None:
        recipients: list[str] = []
        self._say("220 sink.test")
        while line := self.rfile.readline().decode("utf-8").strip():
            match line.upper().split(maxsplit=1)[0]:
                case "RCPT":
                    recipient = parseaddr(line.partition(":")[2])[1]
                    refused = recipient in self.server.refused
                    recipients += [] if refused else [recipient]
                    self._say("550 no such user here" if refused else "250 ok")
                case "DATA":
                    self._say("354 go on")
                    content = b"".join(iter(self._data_line, b""))
                    self.server.mails += [Mail(recipient, read_mail(content)) for recipient in recipients]
                    recipients = []
                    self._say("250 kept")
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 ok")

    def _data_line(self) -> bytes:
        """The next line of a mail without its dot-stuffing; empty at the end."""
        line = self.rfile.readline()
        return b"" if line == b".\r\n" else line.removeprefix(b".")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def running_sink() -> Iterator[Sink]:
    """A sink while the block runs."""
    with Sink() as sink:
        thread = Thread(target=sink.serve_forever, daemon=True)
        thread.start()
        yield sink
        sink.shutdown()
        thread.join()
