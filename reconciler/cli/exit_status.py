"""The exit statuses: their numbers, which of several wins, and which an error has (docs/exit-statuses.md)."""

from __future__ import annotations

from enum import IntEnum

from reconciler.errors import InvalidInput, LockError, ReconcilerError, StalePlan, Unreadable, UsageError


class Status(IntEnum):
    """How a command ended."""

    DONE = 0
    BUG = 1
    USAGE = 2
    INVALID = 3
    PENDING = 4
    REFUSED = 5
    STALE = 6
    LOCKED = 7
    PARTLY = 8
    UNREADABLE = 9


# docs/exit-statuses.md, "Which status wins"
_PRECEDENCE = [Status(number) for number in (1, 2, 3, 7, 6, 5, 8, 9, 4, 0)]


def worst(*statuses: Status) -> Status:
    """The status that wins when several are true."""
    return min(statuses, key=_PRECEDENCE.index, default=Status.DONE)


def status_of(error: ReconcilerError) -> Status:
    """The exit status of a command that ends with this error."""
    match error:
        case UsageError():
            return Status.USAGE
        case InvalidInput():
            return Status.INVALID
        case StalePlan():
            return Status.STALE
        case Unreadable():
            return Status.UNREADABLE
        case LockError():
            return Status.LOCKED
    return Status.PARTLY
