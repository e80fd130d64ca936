"""Which exit status an error has (docs/exit-statuses.md). Their numbers and order: `planning.command_status`."""

from __future__ import annotations

from reconciler.errors import InvalidInput, LockError, ReconcilerError, StalePlan, Unreadable, UsageError
from reconciler.planning.command_status import Status, worst

__all__ = ["Status", "status_of", "worst"]


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
