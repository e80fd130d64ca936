"""The frame around every command: running it, and what becomes of an error.

`asyncio.run` occurs here and nowhere else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from reconciler.cli.exit_status import Status, status_of
from reconciler.cli.formats import Format, writers
from reconciler.cli.process_tuning import give_memory_back, many_values
from reconciler.cli.streams import release, say, write
from reconciler.errors import InvalidInput, ReconcilerError, UsageError

if TYPE_CHECKING:
    from reconciler.cli.unattended import Unattended
    from reconciler.planning.finding import Finding


def enter(
    command: Callable[[], Status | Coroutine[Any, Any, Status]],
    output: Format = Format.TEXT,
    unattended: Unattended | None = None,
) -> None:
    """Runs a command, in a loop when it is a coroutine, and leaves with its exit status; errors become messages, never
    tracebacks."""
    with many_values(), _around(unattended) as around:
        try:
            status = command()
            if not isinstance(status, Status):
                import asyncio

                from reconciler.systems.registry import register_kinds

                give_memory_back()
                register_kinds()  # whatever reads a plan or the ledger knows the kinds of all systems
                status = asyncio.run(status)
        except ReconcilerError as error:
            status = _report(error, output)
        status = around(status)
    sys.exit(int(status))


@contextmanager
def _around(unattended: Unattended | None) -> Iterator[Callable[[Status], Status]]:
    """What is to be done before a command, and with its exit status; a bug ends it, too."""
    if unattended is None:
        yield lambda status: status
        return
    unattended.begins()
    try:
        yield unattended.ended
    except ReconcilerError:
        raise  # what was to be printed cannot be written
    except Exception:
        unattended.ended(Status.BUG)
        raise
    finally:
        release()  # of what is interrupted, whatever was said by then


def _report(error: ReconcilerError, output: Format) -> Status:
    """Writes what an error means; its exit status."""
    try:
        if isinstance(error, InvalidInput):
            write_findings(cast("tuple[Finding, ...]", error.findings), output)
            return Status.INVALID
    except UsageError as unwritten:
        error = unwritten
    complain(error)
    return status_of(error)


def complain(error: ReconcilerError) -> None:
    """An error and what to do about it, on standard error."""
    say(f"error: {error.message}")
    if error.hint:
        say(f"  → {error.hint}")


def write_findings(findings: tuple[Finding, ...], output: Format) -> None:
    """Findings in the format that was asked for."""
    write(writers(output).findings(findings))


def report_bug(error: BaseException) -> None:
    """One line for people; the traceback (without values of variables) goes to a file to send in."""
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
