"""Sending mail, over SMTP or into a folder, and what an answer means."""

from __future__ import annotations

import re
from email.message import EmailMessage
from typing import Protocol

BROKE = "the connection broke before the server's answer"
NOT_SENT = "not sent"
LOST = "the message was handed over, and the server's answer to it was lost"
_TEMPORARY = re.compile(rf"4[0-9][0-9] |{BROKE}|{NOT_SENT}")


class Mailer(Protocol):
    """Sends messages. A connection may stay open between two calls, until `close`."""

    async def send(self, messages: list[EmailMessage]) -> list[str | None]:
        """One answer a message, in order: None when it was accepted, else why not; see `is_temporary` and
        `is_uncertain`. Raises Unreadable when the server cannot be reached before the first message."""
        ...

    async def check(self) -> None:
        """Raises Unreadable when no message would be accepted; sends none."""
        ...

    async def close(self) -> None:
        """Closes connections."""
        ...


def is_temporary(answer: str) -> bool:
    """Whether the same message may be taken in a moment: a 4xx answer (RFC 5321, 4.2.1), or none at all."""
    return _TEMPORARY.match(answer) is not None


def is_uncertain(answer: str) -> bool:
    """Whether the message may have been taken: it was handed over to its end, and no answer came. Sending it again
    could deliver it twice (RFC 5321, 4.5.3.2.6)."""
    return answer.startswith(LOST)
