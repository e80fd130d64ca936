"""The two Mailers: over SMTP, and into a folder for the demo. Made by the workflow from the site's `letters`."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import smtplib
import ssl
import tempfile
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from pathlib import Path

from reconciler.errors import Unreadable

TIMEOUT = 30.0
"""Seconds that the server may take for one answer."""

_BROKE = "the connection broke before the server's answer"
_NOT_SENT = "not sent"
_NUMBER = re.compile(r"[0-9]+(?=-)")
_TEMPORARY = re.compile(rf"4[0-9][0-9] |{_BROKE}|{_NOT_SENT}")


def is_temporary(answer: str) -> bool:
    """Whether the same message may be taken in a moment: a 4xx answer (RFC 5321, 4.2.1), or none at all."""
    return _TEMPORARY.match(answer) is not None


class SmtpMailer:
    """Hands messages to one server, in one connection. Off this machine STARTTLS is used when it is offered, and then
    the certificate must be valid for `host`."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    async def send(self, messages: list[EmailMessage]) -> list[str | None]:
        """See Mailer. A refusal starts with the server's three digits; see `is_temporary`."""
        return await asyncio.to_thread(self._send, messages) if messages else []

    async def check(self) -> None:
        """See Mailer: connects, greets and leaves."""
        await asyncio.to_thread(self._check)

    def _send(self, messages: list[EmailMessage]) -> list[str | None]:
        connection: smtplib.SMTP | None = self._connect()
        answers: list[str | None] = []
        for message in messages:
            if connection is None:
                try:
                    connection = self._connect()
                except Unreadable as error:
                    # the rest would only wait for the same
                    answers += [f"{_NOT_SENT}: {error.message}"] * (len(messages) - len(answers))
                    break
            answers.append(_hand_over(connection, message))
            if connection.sock is None:  # broken, or closed by smtplib after 421
                connection = None
        if connection is not None:
            _leave(connection)
        return answers

    def _check(self) -> None:
        connection = self._connect()
        code, text = connection.noop()
        _leave(connection)
        if code != 250:
            raise self._unreachable(_answer(code, text))

    def _connect(self) -> smtplib.SMTP:
        connection = None
        try:
            connection = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT)
            connection.ehlo_or_helo_if_needed()
            if not _on_this_machine(connection) and connection.has_extn("starttls"):
                connection.starttls(context=ssl.create_default_context())
                connection.ehlo_or_helo_if_needed()
        except OSError as error:  # smtplib's own errors are OSErrors too
            if connection is not None:
                connection.close()
            raise self._unreachable(_reason(error)) from None
        return connection

    def _unreachable(self, reason: str) -> Unreadable:
        return Unreadable(
            f"the mail server {self._host} port {self._port} takes no mail: {reason}",
            hint="start it, or name another one under letters: smtp: in the site file",
        )


def _hand_over(connection: smtplib.SMTP, message: EmailMessage) -> str | None:
    try:
        refused = connection.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except smtplib.SMTPResponseException as error:
        return _answer(error.smtp_code, error.smtp_error)
    except smtplib.SMTPNotSupportedError as error:
        return f"554 {error}"
    except OSError as error:
        connection.close()
        return f"{_BROKE}: {_reason(error)}"
    for code, text in refused.values():
        return _answer(code, text)
    return None


def _answer(code: int, text: bytes | str) -> str:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(shown.split())}"


def _reason(error: OSError) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    return error.strerror or str(error) or type(error).__name__


def _on_this_machine(connection: smtplib.SMTP) -> bool:
    assert connection.sock is not None
    address = ipaddress.ip_address(connection.sock.getpeername()[0].partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _leave(connection: smtplib.SMTP) -> None:
    # all answers are in; a server that hangs up without a goodbye changes nothing
    with suppress(OSError):
        connection.quit()
    connection.close()


class OutboxMailer:
    """Writes `0001-anna@gmx.example.eml` and so on into a folder: for the demo, where nothing may leave the machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, messages: list[EmailMessage]) -> list[str | None]:
        """See Mailer."""
        return await asyncio.to_thread(self._send, messages) if messages else []

    async def check(self) -> None:
        """See Mailer: makes the folder and a file in it, which is gone at once."""
        await asyncio.to_thread(self._check)

    def _check(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                pass
        except OSError as error:
            raise Unreadable(
                f"the outbox {self._folder} takes no mail: {error.strerror}",
                hint="name a folder that can be written under letters: outbox: in the site file",
            ) from None

    def _send(self, messages: list[EmailMessage]) -> list[str | None]:
        self._check()
        first = self._last_number() + 1
        return [self._write(message, number) for number, message in enumerate(messages, first)]

    def _last_number(self) -> int:
        return max((int(found[0]) for p in self._folder.iterdir() if (found := _NUMBER.match(p.name))), default=0)

    def _write(self, message: EmailMessage, number: int) -> str | None:
        try:
            handle, temporary = tempfile.mkstemp(prefix=".", dir=self._folder)  # 0600: there is a password in it
        except OSError as error:
            return f"{_NOT_SENT}: {error.strerror}"
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(message.as_bytes(policy=SMTP))
                file.flush()
                os.fsync(file.fileno())
            self._name(Path(temporary), message, number)
        except OSError as error:
            return f"{_NOT_SENT}: {error.strerror}"
        finally:
            Path(temporary).unlink()
        return None

    def _name(self, temporary: Path, message: EmailMessage, number: int) -> None:
        """Gives the finished file its number or the next free one: a link never replaces another run's letter."""
        recipient = getaddresses([str(message["To"])])[0][1]
        readable = re.sub(r"[^A-Za-z0-9@._+-]", "_", recipient)[:200]
        while True:
            try:
                (self._folder / f"{number:04d}-{readable}.eml").hardlink_to(temporary)
            except FileExistsError:
                number += 1
            else:
                return
