"""The three standard streams: reports on standard output, messages beside them on standard error. Nothing here imports
more than it must, so that `--help` and messages come at once.
"""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Callable
from functools import partial
from io import TextIOWrapper
from typing import TextIO

from reconciler.errors import UsageError
from reconciler.report.sanitize import plainer, visible

_COMMAND = r"(?:^ *|[:;→`] |`|\bthen )(?:reconciler|git|sudo|apt-get|ssh) "
"""A command as messages name one; `reconciler` may also be the subject of a sentence."""


def write(text: str, *, for_programs: bool = False) -> None:
    """A report, unchanged, on standard output. A closed pipe (`| head`) is no error: the command goes on and keeps its
    status. `for_programs`: in UTF-8 whatever the terminal is, as JSON is. Raises UsageError when the report cannot be
    written."""
    if _held is not None:
        _held.append((partial(write, for_programs=for_programs), text))
        return
    whole = text if text.endswith("\n") else text + "\n"
    _make_room()
    try:
        stream = sys.stdout
        if (for_programs or whole.startswith("{")) and isinstance(stream, TextIOWrapper) and not _is_utf8(stream):
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
    """A message on standard error. It may quote a server, a setting or the ledger: control characters are shown, and a
    terminal obeys none."""
    write_beside("\n".join(fitting(visible(line)) for line in text.split("\n")))


def fitting(line: str) -> str:
    """The line as the terminal shows it without cutting a word at its edge. A line with a command stays in one piece,
    since people copy it."""
    width = terminal_width()
    if len(line) <= width or not width or re.search(_COMMAND, line):
        return line
    import textwrap

    indent = " " * (len(line) - len(line.lstrip()))
    how = {"initial_indent": indent, "subsequent_indent": f"{indent}  ", "break_on_hyphens": False}
    wrapped = textwrap.fill(line.strip(), width, break_long_words=False, **how)  # type: ignore[arg-type]  # of both kinds
    return wrapped + " " * (len(line) - len(line.rstrip()))


def terminal_width() -> int:
    """Cells of a line of the terminal that messages go to; 0 where there is none, and where it does not say."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return 0


def write_beside(report: str, *, end: str = "\n") -> None:
    """A report, unchanged, on standard error; the renderers have made it harmless. When it cannot be written, the
    command goes on, and its status says how it ended."""
    if _held is not None:
        _held.append((partial(write_beside, end=end), report))
        return
    _make_room()
    try:
        sys.stderr.write(report + end)
        sys.stderr.flush()
    except OSError:
        _write_no_more(sys.stderr)


_Held = tuple[Callable[[str], None], str]
_held: list[_Held] | None = None
"""What was said since `hold_back`, in its order."""


def hold_back() -> None:
    """From now on nothing is printed, on either stream, until it is known whether there is anything to say."""
    global _held
    _held = []


def drop_held() -> None:
    """There was nothing to say."""
    global _held
    _held = None


def release(*first: _Held) -> None:
    """Prints `first`, then what was held back, each on its own stream."""
    global _held
    said, _held = _held or [], None
    for out, text in (*first, *said):
        out(text)


before_writing: list[Callable[[], None]] = []
"""What takes away what stands on the terminal only for a while, before anything else is written there."""


def _make_room() -> None:
    for clear in before_writing:
        clear()


def unwritable(error: OSError) -> UsageError:
    """The error for a standard output that takes no more; nothing is written there afterwards."""
    _write_no_more(sys.stdout)
    hint = "free some space or write elsewhere, and run it again; what an `apply` did is in: reconciler history"
    return UsageError(f"the output cannot be written: {error.strerror}", hint=hint)


def open_streams() -> None:
    """Opens /dev/null for each standard stream that is closed (`>&-`): else the next file that we open would take its
    number, and become our output."""
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
    """Ignores `COLUMNS=0`, of a terminal without a size: rich would write nothing at all."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) == 0:
        del os.environ["COLUMNS"]


def plain_streams() -> None:
    """Writes plainer characters where a stream is not UTF-8: no character may change a status."""
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
    # else Python would try to write what is left in the buffer when it ends, and print an error
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
