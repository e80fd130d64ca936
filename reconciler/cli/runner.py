"""The frame around every command: formats, exit statuses, and what becomes of an error.

`asyncio.run` occurs here and nowhere else.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Coroutine
from enum import IntEnum, StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, TextIO, cast

import typer
from rich.console import Console

from reconciler.apply.ledger import Locked, LockLost
from reconciler.cli.process_tuning import many_values
from reconciler.errors import InvalidInput, ReconcilerError, StalePlan, Unreadable, UsageError
from reconciler.planning.findings import Finding
from reconciler.report.json import findings_json
from reconciler.report.markdown import findings_markdown
from reconciler.report.sanitize import plainer, visible
from reconciler.report.text import findings_text


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


class Format(StrEnum):
    """How a report is written to standard output."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


SiteOption = Annotated[
    Path | None,
    typer.Option(
        "--site", envvar="RECONCILER_SITE", help="The site file; default ./reconciler.yaml, ./state/reconciler.yaml."
    ),
]
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        envvar="RECONCILER_STATE",
        help="The folder of the declared state, instead of the site file's `state`.",
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the report to standard output.")]

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def write(text: str) -> None:
    """A report, as it is, on standard output. Raises UsageError when it cannot be written.

    Who closed the pipe (`| head`) has read enough: the command goes on and ends with the status that it would have had.
    """
    whole = text if text.endswith("\n") else text + "\n"
    try:
        stream = sys.stdout
        if whole.startswith("{") and isinstance(stream, TextIOWrapper) and not _is_utf8(stream):
            # JSON is UTF-8 whatever the terminal is (RFC 8259, 8.1)
            stream.buffer.write(whole.encode("utf-8", "backslashreplace"))
        else:
            sys.stdout.write(whole)
        sys.stdout.flush()
    except BrokenPipeError:
        _write_no_more()
    except OSError as error:
        raise unwritable(error) from None


def unwritable(error: OSError) -> UsageError:
    """What to say when standard output takes nothing any more; nothing is written there afterwards."""
    _write_no_more()
    hint = "free some space or write elsewhere, and run it again; what an `apply` did is in: reconciler history"
    return UsageError(f"the output cannot be written: {error.strerror}", hint=hint)


def open_streams() -> None:
    """Who closed a standard stream of ours (`>&-`) wants to see nothing. It leads nowhere then; the next file that we
    open would take its number, and become our output."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8", errors="backslashreplace"))


def known_width() -> None:
    """`COLUMNS=0` says that no width is known (a terminal without a size); rich would write nothing at all."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) == 0:
        del os.environ["COLUMNS"]
        console.width = errors.width = shutil.get_terminal_size().columns


def plain_streams() -> None:
    """On a terminal or pipe that is not UTF-8 plainer signs are written; no sign may change a status."""
    codecs.register_error("plainer", plainer)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not _is_utf8(stream):
            stream.reconfigure(errors="plainer")


def _is_utf8(stream: TextIO) -> bool:
    try:
        return codecs.lookup(stream.encoding or "ascii").name == "utf-8"
    except LookupError:
        return False


def _write_no_more() -> None:
    # what is in the buffer still would be tried again when Python ends, and fail with words of its own
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def say(text: str) -> None:
    """A word beside the report, on standard error. What a server, a setting or a ledger says in it may hold anything;
    a terminal obeys none of it."""
    errors.print("\n".join(map(visible, text.split("\n"))), markup=False, soft_wrap=True)


def write_beside(report: str) -> None:
    """A report, as it is, on standard error; the renderers have made it harmless."""
    errors.print(report, markup=False, soft_wrap=True)


async def agreed(question: str) -> bool:
    """Asks somebody at a terminal; Enter alone, Ctrl-C and Ctrl-D are no. The loop runs meanwhile: a lock is renewed
    and lines are kept open, however long somebody thinks."""
    loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
    answers: asyncio.Queue[str | None] = asyncio.Queue()
    # a terminal gives a line at a time; nothing is Ctrl-D
    loop.add_reader(terminal, lambda: answers.put_nowait(os.read(terminal, 1024).decode("utf-8", "replace") or None))
    loop.add_signal_handler(signal.SIGINT, lambda: answers.put_nowait(None))
    try:
        while True:
            errors.print(f"{question} [y/N]: ", markup=False, end="", soft_wrap=True)
            answer = await answers.get()
            if answer is None:
                say("")
                return False
            if answer.strip().lower() in ("y", "yes"):
                return True
            if answer.strip().lower() in ("", "n", "no"):
                return False
            say("please answer y or n")
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_reader(terminal)


def colored() -> bool:
    """Whether standard output is a terminal that shows colours (TERM=dumb does not) and NO_COLOR is not set."""
    return console.is_terminal and not console.is_dumb_terminal and not console.no_color


def enter(pipeline: Callable[[], Coroutine[Any, Any, Status]], output: Format = Format.TEXT) -> None:
    """Runs one command and leaves with its exit status; errors become messages, never tracebacks."""
    with many_values():
        status = asyncio.run(_guarded(pipeline, output))
    raise typer.Exit(int(status))


async def _guarded(pipeline: Callable[[], Coroutine[Any, Any, Status]], output: Format) -> Status:
    try:
        return await _with_findings(pipeline, output)
    except ReconcilerError as error:
        complain(error)
        return status_of(error)


async def _with_findings(pipeline: Callable[[], Coroutine[Any, Any, Status]], output: Format) -> Status:
    try:
        return await pipeline()
    except InvalidInput as error:
        write_findings(cast("tuple[Finding, ...]", error.findings), output)
        return Status.INVALID


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
        case Locked() | LockLost():
            return Status.LOCKED
    return Status.PARTLY


def complain(error: ReconcilerError) -> None:
    """An error and what to do about it, on standard error."""
    say(f"error: {error.message}")
    if error.hint:
        say(f"  → {error.hint}")


def write_findings(findings: tuple[Finding, ...], output: Format) -> None:
    """Findings in the format that was asked for."""
    match output:
        case Format.TEXT:
            write(findings_text(findings, width=console.width, color=colored()))
        case Format.JSON:
            write(findings_json(findings))
        case Format.MARKDOWN:
            write(findings_markdown(findings))


def report_bug(error: BaseException) -> None:
    """One line for people; the traceback (without values of variables) goes to a file that can be sent in."""
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
