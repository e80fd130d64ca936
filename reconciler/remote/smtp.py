"""Letters over SMTP: one connection, encrypted unless it stays on this machine. Made from the site's `letters: smtp:`.

A message is sent once. When its answer is lost, it is not known whether it was accepted, and it is not sent again (see
`mailer.is_uncertain`).
"""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from threading import Lock
from typing import Any, Literal, TypeVar

from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.remote.mailer import BROKE, LOST, NOT_SENT

TIMEOUT = 30.0
"""Seconds that the server may take for one answer."""
AFTER_DATA = 600.0
"""Seconds for its answer to a whole message (RFC 5321, 4.5.3.2.6): it may be delivering it meanwhile."""
TLS_PORT = 465
"""TLS from the first byte on (RFC 8314, 3.3)."""

Security = Literal["tls", "starttls", "none"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Server:
    """Where letters go, and how. Without `security`: TLS at port 465, else STARTTLS; none on this machine itself."""

    host: str
    port: int = 25
    security: Security | None = None
    user: str | None = None
    """Whom to log in as; nobody when None."""
    password: Callable[[], SecretStr] = lambda: SecretStr("")
    """Called only when somebody logs in: a plan needs no password. May raise Unreadable."""
    ca_file: Path | None = None
    """Trusted certificate authorities, instead of the system's."""


class SmtpMailer:
    """Sends messages to one server. The connection is kept for later messages until `close`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session: _Session | None = None
        # messages are sent in threads, and the connection is for one at a time
        self._lock = Lock()

    async def send(self, messages: list[EmailMessage]) -> list[str | None]:
        """As Mailer; a refusal begins with the server's three digits."""
        return await self._in_thread(lambda: self._send(messages)) if messages else []

    async def check(self) -> None:
        """As Mailer: connects, greets, encrypts, logs in and leaves."""
        await self._in_thread(self._check)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except asyncio.CancelledError:
            session = self._session
            if session is not None and session.sock is not None:
                # a thread cannot be cancelled, but the connection that it waits for can be closed
                with suppress(OSError):
                    session.sock.shutdown(socket.SHUT_RDWR)
            raise

    def _send(self, messages: list[EmailMessage]) -> list[str | None]:
        answers: list[str | None] = []
        with self._lock:
            if self._session is not None and not _is_alive(self._session):
                self._leave()  # servers close a connection that was idle for minutes
            for message in messages:
                try:
                    session = self._connected()
                except Unreadable as error:
                    if not answers:
                        raise
                    # the rest would fail in the same way
                    answers += [f"{NOT_SENT}: {error.message}"] * (len(messages) - len(answers))
                    break
                answers.append(_hand_over(session, message))
        return answers

    def _connected(self) -> _Session:
        """The connection; a new one when there is none, or the last one broke."""
        if self._session is None or self._session.sock is None:
            self._session = self._connect()
        return self._session

    def _check(self) -> None:
        with self._lock:
            self._leave()
            self._session = self._connect()
            alive = _is_alive(self._session)
            self._leave()
        if not alive:
            raise self._unusable("it does not answer NOOP as it should")

    def _close(self) -> None:
        with self._lock:
            self._leave()

    def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            # all answers have come; a server that closes without an answer to QUIT changes nothing
            with suppress(OSError):
                session.quit()
            session.close()

    def _connect(self) -> _Session:
        """A new connection, encrypted and logged in as the site file says. Raises Unreadable."""
        server = self._server
        password = server.password() if server.user is not None else None
        session: _Session | None = None
        try:
            session = self._opened()
            session.ehlo_or_helo_if_needed()
            encrypted = isinstance(session, _TlsSession) or self._starttls(session)
            if server.user is not None and password is not None:
                self._log_in(session, server.user, password, encrypted=encrypted)
        except (Unreadable, OSError) as error:  # smtplib's own errors are OSErrors too
            if session is not None:
                session.close()
            if isinstance(error, Unreadable):
                raise
            raise self._unusable(_reason(error)) from None
        return session

    def _opened(self) -> _Session:
        host, port, security = self._server.host, self._server.port, self._server.security
        if security == "tls" or (security is None and port == TLS_PORT):
            return _TlsSession(host, port, timeout=TIMEOUT, context=self._context())
        return _Session(host, port, timeout=TIMEOUT)

    def _starttls(self, session: _Session) -> bool:
        """Encrypts the connection, unless it stays here or the site file says that it need not be. Returns whether."""
        if self._server.security == "none" or (self._server.security is None and _on_this_machine(session)):
            return False
        if not session.has_extn("starttls"):
            raise self._unusable(
                "it offers no STARTTLS, and letters hold passwords",
                hint="turn TLS on there, or write `security: tls` with its port (465) or, where nobody can listen in"
                f" between, `security: none` {_PLACE}",
            )
        session.starttls(context=self._context())
        session.ehlo_or_helo_if_needed()
        return True

    def _context(self) -> ssl.SSLContext:
        """Certificates are always verified, for the name in the site file."""
        file = self._server.ca_file
        try:
            return ssl.create_default_context(cafile=file)
        except OSError as error:
            raise self._unusable(
                f"the certificates in {file} cannot be read: {error.strerror or error}",
                hint=f"write them there as PEM, or correct `ca_file` {_PLACE}",
            ) from None

    def _log_in(self, session: _Session, user: str, password: SecretStr, *, encrypted: bool) -> None:
        if not (encrypted or _on_this_machine(session)):
            raise self._unusable(
                f"the password of {user} would travel in clear text",
                hint=f"write `security: starttls` or `security: tls`, or remove `user` {_PLACE}",
            )
        plain = password.get_secret_value()
        if not plain.isascii():  # smtplib sends no others
            raise self._unusable(
                f"the password of {user} holds other characters than ASCII, which no login can be tried with",
                hint="choose one of ASCII letters, digits and signs",
            )
        try:
            session.login(user, plain)
        except smtplib.SMTPException as error:
            if type(error) in (smtplib.SMTPNotSupportedError, smtplib.SMTPException):  # smtplib's own words
                raise self._unusable(
                    f"it offers no login (PLAIN, LOGIN or CRAM-MD5), and {user} is to log in",
                    hint="most servers offer it at port 587 (starttls) or 465 (tls); without a login take `user` and"
                    f" the password out {_PLACE}",
                ) from None
            answer = _without(_reason(error), user, plain)
            raise self._unusable(
                f"it does not let {user} log in: {answer}", hint=f"correct the password, or `user` {_PLACE}"
            ) from None

    def _unusable(self, reason: str, hint: str = "") -> Unreadable:
        return Unreadable(
            f"the mail server {self._server.host} port {self._server.port} takes no mail: {reason}",
            hint=hint or f"start it, or name another one {_PLACE}",
        )


class _Session(smtplib.SMTP):
    """A connection; `awaiting` says whether a message was sent whose answer has not come."""

    awaiting = False

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Sends the message, in bytes with CRLF, and reads the server's answer to it."""
        self.awaiting = False
        code, text = self.docmd("DATA")
        if code != 354:
            with suppress(smtplib.SMTPServerDisconnected):
                self.rset()  # else the next message would be a nested one
            raise smtplib.SMTPDataError(code, text)
        content: bytes = re.sub(rb"(?m)^\.", b"..", msg)
        # without its end no server may accept it
        self.send(content if content.endswith(b"\r\n") else content + b"\r\n")
        assert self.sock is not None
        self.sock.settimeout(AFTER_DATA)
        self.awaiting = True
        self.send(b".\r\n")
        code, text = self.getreply()
        self.sock.settimeout(TIMEOUT)
        taken = 200 <= code < 300
        self.awaiting = not (taken or 400 <= code < 600)
        return 250 if taken else code, text


class _TlsSession(_Session, smtplib.SMTP_SSL):
    """One that is encrypted from its first byte on."""


_PLACE = "under letters: smtp: in the site file"


def _hand_over(session: _Session, message: EmailMessage) -> str | None:
    try:
        refused = session.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except OSError as error:
        if session.awaiting:
            session.close()
            return f"{LOST}: {_reason(error)}"
        if isinstance(error, smtplib.SMTPResponseException):
            return _answer(error.smtp_code, error.smtp_error)
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return f"554 {error}"
        session.close()
        return f"{BROKE}: {_reason(error)}"
    for code, text in refused.values():
        return _answer(code, text)
    return None


def _is_alive(session: _Session) -> bool:
    try:
        return session.noop()[0] == 250
    except OSError:
        return False


def _answer(code: int, text: bytes | str) -> str:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    plain = "".join(c if c.isprintable() else " " for c in shown)
    return f"{code} {' '.join(plain.split())}"


def _reason(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS from the first byte on; most servers do at port 465, and want STARTTLS elsewhere"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or str(error) or type(error).__name__


def _without(answer: str, user: str, password: str) -> str:
    """The answer without the password, should the server repeat it."""
    for secret in (f"\0{user}\0{password}", password):
        answer = answer.replace(base64.b64encode(secret.encode()).decode(), "********").replace(secret, "********")
    return answer


def _on_this_machine(session: smtplib.SMTP) -> bool:
    assert session.sock is not None
    address = ipaddress.ip_address(session.sock.getpeername()[0].partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
