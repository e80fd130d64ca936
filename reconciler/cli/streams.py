"""The three standard streams: reports on standard output, messages beside them on standard error. Nothing here imports
more than it must, so that `--help` and messages come at once.
"""

from __future__ import annotations

import codecs
import os
import sys
from io import TextIOWrapper
from typing import TextIO

from reconciler.errors import UsageError
from reconciler.report.sanitize import plainer, visible


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
            stream.write(whole)
        stream.flush()
    except BrokenPipeError:
        _write_no_more(sys.stdout)
    except OSError as error:
        raise unwritable(error) from None


def say(text: str) -> None:
    """A message beside the report, on standard error. What a server, a setting or a ledger says in it may hold
    anything; a terminal obeys none of it."""
    write_beside("\n".join(map(visible, text.split("\n"))))


def write_beside(report: str, *, end: str = "\n") -> None:
    """A report, as it is, on standard error; the renderers have made it harmless. Where standard error takes nothing
    any more, nobody reads messages: the command goes on, and its status says how it ended."""
    try:
        sys.stderr.write(report + end)
        sys.stderr.flush()
    except OSError:
        _write_no_more(sys.stderr)


def unwritable(error: OSError) -> UsageError:
    """What to say when standard output takes nothing any more; nothing is written there afterwards."""
    _write_no_more(sys.stdout)
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


def _write_no_more(stream: TextIO) -> None:
    # what is in the buffer still would be tried again when Python ends, and fail with words of its own
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
