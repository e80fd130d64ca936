"""The text of a sender map: parsed by postmap's own rules, our section found in it and written back. Pure.

Lines are bytes, so that hand-made ones survive byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import NamedTuple

from reconciler.errors import Unreadable

_SPACES = " \t\n\v\f\r"
_BLANKS = _SPACES.encode()
_KEY = re.compile(r'(?:\\.?+|"(?:\\.?+|[^"\\])*+"|[^"\\ \t\n\v\f\r]++)*+', re.DOTALL)
"""Up to the first blank outside quotes; it stops at a quote that is never closed."""


class MapEntry(NamedTuple):
    """A logical line, with the numbers of its first and last physical line, counted from 1."""

    line: int
    last: int
    key: str
    action: str
    """Empty when postmap skips the line."""
    problem: str = ""
    """Why postmap complains about it; postmap then goes on and ends with status 0 (facts/postfix.md 3.1)."""


class Section(NamedTuple):
    """The numbers of the marker lines."""

    begin: int
    end: int


class Lines(NamedTuple):
    """The lines of one block: a comment for readers, and the entries."""

    comment: str
    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MapText:
    """A sender map's text."""

    content: bytes
    lines: tuple[bytes, ...]
    entries: tuple[MapEntry, ...]
    section: Section | None
    whole_file: bool

    @cached_property
    def ours(self) -> tuple[MapEntry, ...]:
        """The entries of our section, or of a file that is all ours."""
        return tuple(entry for entry in self.entries if self._is_ours(entry))

    @cached_property
    def by_hand(self) -> tuple[MapEntry, ...]:
        """All others."""
        return tuple(entry for entry in self.entries if not self._is_ours(entry))

    def comment_above(self, entry: MapEntry) -> str:
        """The comment in the line above an entry."""
        above = self.lines[entry.line - 2].strip(_BLANKS) if entry.line > 1 else b""
        marker = self.section is not None and entry.line - 1 in self.section
        return "" if marker or not above.startswith(b"#") else above[1:].strip().decode("utf-8", "replace")

    def without(self, entries: Iterable[MapEntry]) -> bytes:
        """The text without these entries of one line each, and without the comments directly above them."""
        gone = {number for entry in entries for number in self._with_comment(entry)}
        return b"".join(line for number, line in enumerate(self.lines, 1) if number not in gone)

    def _with_comment(self, entry: MapEntry) -> tuple[int, ...]:
        return (entry.line - 1, entry.line) if self.comment_above(entry) else (entry.line,)

    def _is_ours(self, entry: MapEntry) -> bool:
        return self.whole_file or (self.section is not None and self.section.begin < entry.line < self.section.end)


def parse(content: bytes, site: str, path: str, *, whole_file: bool = False) -> MapText:
    """Raises Unreadable when the markers do not enclose exactly one section; with `whole_file` they mean nothing."""
    lines = tuple(BytesIO(content))  # lines end at LF alone: for postmap a CR is a blank inside a line
    entries = tuple(_entry(*logical) for logical in _logical_lines(lines))
    return MapText(content, lines, entries, None if whole_file else _section(lines, site, path), whole_file)


def render(text: MapText, blocks: dict[str, Lines], site: str) -> bytes:
    """The file with these blocks: our section on top, so that it wins, then the hand-made lines as they are. Without
    blocks there is no section."""
    section = b"".join(_section_lines(blocks, site)) if blocks else b""
    if text.whole_file:
        return section
    kept = text.lines
    if text.section is not None:
        kept = kept[: text.section.begin - 1] + kept[text.section.end :]
    return section + b"".join(kept)


def _logical_lines(lines: Iterable[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """A line that begins with a blank continues the one before it, also across comments and empty lines."""
    current, first, last = b"", 0, 0
    for number, line in enumerate(lines, 1):
        bare = line.strip(_BLANKS)
        if not bare or bare.startswith(b"#"):
            continue
        text = line.removesuffix(b"\n")
        if current and text[:1] in _BLANKS:
            current, last = current + text, number
            continue
        if current:
            yield first, last, current
        current, first, last = text, number, number
    if current:
        yield first, last, current


def _entry(first: int, last: int, raw: bytes) -> MapEntry:
    raw = raw.partition(b"\0")[0]  # for postmap the text ends there
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return MapEntry(first, last, raw.decode("utf-8", "backslashreplace").strip(), "", "is not UTF-8")
    if text[:1] in _SPACES:
        return MapEntry(first, last, text.strip(), "", "begins with a blank and continues nothing")
    match = _KEY.match(text)
    end = match.end() if match else 0
    key, action = text[:end], text[end:].strip(_SPACES)
    if text[end : end + 1] == '"':
        return MapEntry(first, last, text.strip(), "", 'has an unbalanced "')
    if not key or not action:
        return MapEntry(first, last, text.strip(), "", "has no action")
    return MapEntry(first, last, key, action, "has a key that ends in a colon" if key.endswith(":") else "")


def _section(lines: Iterable[bytes], site: str, path: str) -> Section | None:
    begin, end = _begin(site).encode(), _end(site).encode()
    comments = [(number, line.strip(_BLANKS)) for number, line in enumerate(lines, 1) if b"# " in line]
    begins = [number for number, line in comments if line.startswith(begin)]
    ends = [number for number, line in comments if line == end]
    if not begins and not ends:
        return None
    if len(begins) == len(ends) == 1 and begins < ends:
        return Section(begins[0], ends[0])
    raise Unreadable(
        f"{path}: our section has its BEGIN in line {_numbers(begins)} and its END in line {_numbers(ends)}",
        hint=f"edit the file so that one line `{_begin(site)} …` stands above our entries and one line `{_end(site)}` "
        "below them, or remove all marker lines: what stood between them then counts as made by hand",
    )


def _numbers(lines: list[int]) -> str:
    return " and ".join(map(str, lines)) or "none"


def _begin(site: str) -> str:
    return f"# BEGIN reconciler {site}:"


def _end(site: str) -> str:
    return f"# END reconciler {site}"


def _section_lines(blocks: dict[str, Lines], site: str) -> Iterator[bytes]:
    yield f"{_begin(site)} declared in git, do not edit\n".encode()
    for key in sorted(blocks):
        comment, entries = blocks[key]
        comment = " ".join("".join(c if c.isprintable() else " " for c in comment).split())
        if comment:
            # a reason that reads like a marker must not become one
            shield = "- " if f"# {comment}".startswith((_begin(site), _end(site))) else ""
            yield f"# {shield}{comment}\n".encode()
        for form, action in entries:
            yield f"{form} {action}\n".encode()
    yield f"{_end(site)}\n".encode()
