"""The frame around every command: its exit status, and what becomes of an error.

`asyncio.run` occurs here and nowhere else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from enum import IntEnum
from typing import TYPE_CHECKING, Any, cast

from reconciler.cli.formats import Format, writers
from reconciler.cli.process_tuning import many_values
from reconciler.cli.streams import say, write
from reconciler.errors import InvalidInput, LockError, ReconcilerError, StalePlan, Unreadable, UsageError

if TYPE_CHECKING:
    from reconciler.planning.finding import Finding


class Status(IntEnum):
    """Exit statuses (docs/exit-statuses.md)."""

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


# when several are true, the first of these is the one (docs/exit-statuses.md, "Which status wins")
_PRECEDENCE = (
    Status.BUG,
    Status.USAGE,
    Status.INVALID,
    Status.LOCKED,
    Status.STALE,
    Status.REFUSED,
    Status.PARTLY,
    Status.UNREADABLE,
    Status.PENDING,
    Status.DONE,
)


def worst(*statuses: Status) -> Status:
    """The status that wins."""
    return min(statuses, key=_PRECEDENCE.index, default=Status.DONE)


def enter(command: Callable[[], Status], output: Format = Format.TEXT) -> None:
    """Runs a command that waits for nothing, and leaves with its exit status; errors become messages, never
    tracebacks."""
    with many_values():
        try:
            status = command()
        except ReconcilerError as error:
            status = _told(error, output)
    sys.exit(int(status))


def enter_loop(command: Callable[[], Coroutine[Any, Any, Status]], output: Format = Format.TEXT) -> None:
    """As `enter`, for a command that asks live systems, many at once."""
    import asyncio

    from reconciler.systems.registry import register_kinds

    register_kinds()  # whatever reads a plan or the ledger knows the kinds of all systems

    async def guarded() -> Status:
        try:
            return await command()
        except ReconcilerError as error:
            return _told(error, output)

    with many_values():
        status = asyncio.run(guarded())
    sys.exit(int(status))


def _told(error: ReconcilerError, output: Format) -> Status:
    """Says what an error means; its exit status."""
    try:
        if isinstance(error, InvalidInput):
            write_findings(cast("tuple[Finding, ...]", error.findings), output)
            return Status.INVALID
    except UsageError as unwritten:
        error = unwritten
    complain(error)
    return status_of(error)


def status_of(error: ReconcilerError) -> Status:
    """The exit status that an error stands for."""
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


def complain(error: ReconcilerError) -> None:
    """An error and what to do about it, on standard error."""
    say(f"error: {error.message}")
    if error.hint:
        say(f"  → {error.hint}")


def write_findings(findings: tuple[Finding, ...], output: Format) -> None:
    """Findings in the format that was asked for."""
    write(writers(output).findings(findings))


def report_bug(error: BaseException) -> None:
    """One line for people; the traceback (without values of variables) goes to a file that can be sent in."""
    import tempfile
    import traceback

    say(f"unexpected error: {type(error).__name__}; this is a bug in reconciler, not your mistake")
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="reconciler-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.writelines(traceback.format_exception(error))
    except OSError as failed:
        say(f"  → no temporary file takes the details ({failed.strerror}): set TMPDIR to a folder, and run it again")
        return
    say(f"  → please send {file.name} to the maintainers (docs/trouble.md); look through it first")
