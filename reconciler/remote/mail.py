"""Sending mail: over SMTP, or into a folder."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Protocol


class Mailer(Protocol):
    """Takes messages that are ready to go."""

    async def send(self, messages: list[EmailMessage]) -> list[str | None]:
        """One answer a message, in order: None when it was accepted, else why not. Raises Unreadable when the server
        cannot be reached before the first message."""
        ...

    async def check(self) -> None:
        """Whether messages would be taken at all; sends none. Raises Unreadable."""
        ...
