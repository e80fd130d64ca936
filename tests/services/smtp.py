"""A real mail server (aiosmtpd) in a thread, with and without TLS and logins, that misbehaves when it is told to."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from enum import Enum, auto
from pathlib import Path
from threading import Thread
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

from tests.cli.site import read_mail
from tests.services.needs import require

USER, PASSWORD = "reconciler", "Open-Sesame-11"


class Fault(Enum):
    """What the server does wrong."""

    CLOSES_AT_NOOP = auto()
    DROPS_AFTER_DATA = auto()
    """It takes the message, and the connection breaks before its answer."""
    DROPS_IN_DATA = auto()
    """The connection breaks before the message is complete."""
    REFUSES_DATA = auto()
    GARBLES_AFTER_DATA = auto()
    """Its answer is none."""


class MailServer:
    """What came in, and what goes wrong: `faults` for every message, `slow` seconds before the answer to one."""

    def __init__(self) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.encrypted: list[bool] = []
        """Of each mail, whether it came over TLS."""
        self.logins: list[str] = []
        self._peers: set[Any] = set()
        self.faults: set[Fault] = set()
        self.slow = 0.0
        self.refusal = ""
        """The answer to every recipient, when there is one."""

    @property
    def connections(self) -> int:
        """How many greeted."""
        return len(self._peers)

    def to(self, recipient: str) -> list[EmailMessage]:
        """The mails to one recipient, oldest first."""
        return [mail for mail in self.mails if mail["To"] == recipient]

    # aiosmtpd's hooks
    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]) -> Any:
        session.host_name = hostname
        self._peers.add(session.peer)
        return responses

    async def handle_NOOP(self, server: Any, session: Any, envelope: Any, argument: str) -> str:
        if Fault.CLOSES_AT_NOOP in self.faults:
            server.transport.abort()
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if Fault.REFUSES_DATA in self.faults:
            return "554 5.7.1 not this one"
        self.mails.append(read_mail(envelope.content))
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        if Fault.DROPS_AFTER_DATA in self.faults:
            server.transport.abort()
        await asyncio.sleep(self.slow)
        return "what was that" if Fault.GARBLES_AFTER_DATA in self.faults else "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        """Who may log in. The refusal repeats the password, as no server should."""
        self.logins.append(data.login.decode())
        success = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        said = f"535 5.7.8 not with {data.password.decode()}"
        return AuthResult(success=success, handled=False, message=None if success else said)


@contextmanager
def running_server(
    certificate: Path | None = None, *, tls: bool = False, login: bool = False, login_in_clear: bool = False
) -> Iterator[MailServer]:
    """A server while the block runs: with a certificate it offers STARTTLS, or speaks TLS at once with `tls`."""
    server = MailServer()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    options: dict[str, Any] = {} if tls else {"tls_context": context}
    if login or login_in_clear:
        options |= {"authenticator": server.authenticate, "auth_require_tls": not (tls or login_in_clear)}
    else:
        options["auth_exclude_mechanism"] = ("LOGIN", "PLAIN")
    loop = asyncio.new_event_loop()

    def session() -> Any:
        return SMTP(server, hostname="mail.example", loop=loop, **options)

    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(
        loop.create_server(session, server.host, 0, ssl=context if tls else None), loop
    ).result(10)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_end(listening), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end(listening: asyncio.Server) -> None:
    listening.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def make_certificate(folder: Path) -> Path:
    """A self-signed certificate for localhost and 127.0.0.1, with its key."""
    (program,) = require("openssl", "openssl")
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2"]
    argv = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *names]
    subprocess.run([*argv, "-keyout", "key.pem", "-out", "cert.pem"], cwd=folder, check=True, capture_output=True)
    path = folder / "server.pem"
    path.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return path
