"""What is being read, as one line on the terminal, while it takes longer than a moment. It stands on standard error,
where that is a terminal and no CI, and is gone when the reading is over.

A timer draws it and no thread: a process with threads reads a big state without helpers (declared/parse/parallel).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from reconciler.cli.streams import before_writing, terminal_width

SOON, _EACH = 0.4, 0.25
"""Seconds before the line is shown, and between two looks at it."""
_CLEAR = "\r\x1b[K"
"""To the line's beginning, and what is behind it erased (ECMA-48, EL)."""


class ReadingLine:
    """One line for one command."""

    def __init__(self) -> None:
        self._parts: dict[str, str] = {}
        self._since = 0.0
        self._drawn = False

    def began(self, name: str) -> None:
        """This is read from now on."""
        self._parts[name] = f"{name} …"

    def ended(self, name: str, sign: str, rows: int | None = None) -> None:
        """This has been read, or not."""
        self._parts[name] = f"{name} {sign}" + (f" {rows:,}" if rows is not None else "")

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the line while the block runs; whatever is written meanwhile takes its place first."""
        if not _wanted():
            yield
            return
        self._since = time.monotonic()
        before_writing.append(self.clear)
        usual = signal.signal(signal.SIGALRM, lambda *_: self._draw())
        signal.setitimer(signal.ITIMER_REAL, SOON, _EACH)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, usual)
            before_writing.remove(self.clear)
            self.clear()

    def clear(self) -> None:
        """Takes the line away; a moment later it is back, as long as the block runs."""
        if self._drawn:
            self._drawn = False
            _put(_CLEAR)

    def _draw(self) -> None:
        self._drawn = True
        _put(_CLEAR + self._text(time.monotonic() - self._since))

    def _text(self, seconds: float) -> str:
        parts = list(self._parts.values())
        doing = "reading" if any(part.endswith("…") for part in parts) else "comparing"
        line = f"{doing}: {'  '.join(parts)}  {seconds:.0f} s" if parts else f"reading …  {seconds:.0f} s"
        return line[: (terminal_width() or 80) - 1]  # a line that wraps would not be erased whole


def _wanted() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


def _put(text: str) -> None:
    """Past Python's buffer, which may be in use when the signal comes."""
    with suppress(OSError):  # nobody looks any more
        os.write(sys.stderr.fileno(), text.encode(sys.stderr.encoding or "ascii", "replace"))
