"""Letters into a folder: for the demo, where nothing may leave the machine."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import getaddresses
from pathlib import Path

from reconciler.errors import Unreadable
from reconciler.remote.mailer import NOT_SENT

_NUMBER = re.compile(r"[0-9]+(?=-)")


class OutboxMailer:
    """Writes `0001-anna@gmx.example.eml` and so on into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, messages: list[EmailMessage]) -> list[str | None]:
        return await asyncio.to_thread(self._send, messages) if messages else []

    async def check(self) -> None:
        """See Mailer: makes the folder and a file in it, which is gone at once."""
        await asyncio.to_thread(self._check)

    async def close(self) -> None:
        """See Mailer: nothing is held open."""

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
        last = max((int(found[0]) for p in self._folder.iterdir() if (found := _NUMBER.match(p.name))), default=0)
        return [self._write(message, number) for number, message in enumerate(messages, last + 1)]

    def _write(self, message: EmailMessage, number: int) -> str | None:
        try:
            with tempfile.NamedTemporaryFile(prefix=".", dir=self._folder) as file:  # 0600: there is a password in it
                file.write(message.as_bytes(policy=SMTP))
                file.flush()
                os.fsync(file.fileno())
                self._name(Path(file.name), message, number)
        except OSError as error:
            return f"{NOT_SENT}: {error.strerror}"
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
