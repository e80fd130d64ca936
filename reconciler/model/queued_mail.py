"""Mail that waits in Postfix' queue, as `postqueue -j` lists it, and what became of it. Frozen values.

`mail_queue` reads and changes it, `report` shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

NULL_SENDER = "MAILER-DAEMON"
"""How Postfix lists the null sender `<>`, which bounces have (facts/postfix.md 6.1)."""


class QueueName(StrEnum):
    """Where in Postfix a message waits."""

    MAILDROP = "maildrop"
    """Handed in on the host itself, or requeued; not looked at yet."""
    INCOMING = "incoming"
    ACTIVE = "active"
    """It may be under delivery at this very moment."""
    DEFERRED = "deferred"
    HOLD = "hold"
    """Postfix leaves it alone until somebody releases it."""


class QueuedRecipient(NamedTuple):
    """One recipient that has not got the message yet; `delay_reason` is empty before the first attempt."""

    address: str
    delay_reason: str


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """One message. `arrived` is in seconds since 1970, `size` in bytes; `sender` as Postfix stored it."""

    queue: QueueName
    id: str
    arrived: int
    size: int
    sender: str
    recipients: tuple[QueuedRecipient, ...]

    @property
    def identity(self) -> tuple[str, int, int, str]:
        """What tells it from another message that has its id by now: Postfix uses short ids again (facts/postfix.md
        6.3)."""
        return self.id, self.arrived, self.size, self.sender


class QueueVerb(StrEnum):
    """What is done to messages of the queue."""

    FLUSH = "flush"
    HOLD = "hold"
    RELEASE = "release"
    DELETE = "delete"


class QueueResult(StrEnum):
    """What became of one message."""

    ASKED = "asked"
    """Postfix was told to try again."""
    HELD = "held"
    RELEASED = "released"
    DELETED = "deleted"
    DELIVERED = "delivered"
    """No recipient was left when it was looked at on hold: delivery had ended meanwhile, or it had been returned."""
    GONE = "gone"
    """It was no longer there: delivered, returned or deleted by somebody else meanwhile."""
    LEFT = "left"
    """It is still in the queue, and was not changed."""


@dataclass(frozen=True, slots=True)
class QueueOutcome:
    """One message of the list that was shown, and what became of it."""

    message: QueuedMessage
    result: QueueResult
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRun:
    """What one command did to the queue. `newer` are messages of the sender that were not in the list that was shown
    and are there now: they are untouched."""

    verb: QueueVerb
    host: str
    about: str
    """The sender or the domain that was asked for; empty for the whole queue."""
    outcomes: tuple[QueueOutcome, ...]
    newer: tuple[QueuedMessage, ...] = ()

    @property
    def counts(self) -> Counter[QueueResult]:
        """How many messages came to which end."""
        return Counter(outcome.result for outcome in self.outcomes)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueListing:
    """What was in the queue at one moment. It is no snapshot: mail moves while Postfix lists it."""

    host: str
    read: int
    """When, in seconds since 1970 by our clock."""
    messages: tuple[QueuedMessage, ...]
    total: int
    """How many there were in all, with those that were not asked for."""
    warning: str = ""
    """What Postfix said beside the list: to root, that it is down."""

    @property
    def counts(self) -> Counter[QueueName]:
        """How many of the listed messages wait where."""
        return Counter(message.queue for message in self.messages)


def oldest_first(messages: Sequence[QueuedMessage]) -> tuple[QueuedMessage, ...]:
    """Postfix lists in any order, and in another one each time."""
    return tuple(sorted(messages, key=lambda message: (message.arrived, message.id)))
