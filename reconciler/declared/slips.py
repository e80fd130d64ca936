"""Slips of the keyboard that YAML reports somewhere else or not at all: found in the text itself, said where they are.

`files` asks before YAML begins, `tree` when the parser refuses a text. Nothing here decides whether a text is right:
what is looked at is wrong already, or gives a warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple


class Slip(NamedTuple):
    """One slip. `line` and `column` count from 1; `hint` says what to write."""

    line: int
    column: int
    message: str
    hint: str


_CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})(?: [^\n]*)?\r?$", re.MULTILINE)
# spaces that look like spaces: no-break, narrow, figure, ideographic and the like
_ODD_SPACE = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_ODD_INDENT = re.compile(rf"^ *([{_ODD_SPACE}])[ {_ODD_SPACE}]*[^\s#]", re.MULTILINE)
_NO_COMMENT = re.compile(r"^[^#'\"\n]*?(?::|-) +([^\s#'\"\[\]{}|>&*!][^#'\"\n]*?) (#[^\s#!][^\n]*?)\s*$", re.MULTILINE)


def conflicts(text: str) -> Iterator[Slip]:
    """The lines that git leaves in a file whose merge was not finished."""
    if "<<<<<<<" not in text and ">>>>>>>" not in text:
        return
    for match in _CONFLICT.finditer(text):
        hint = "finish the merge: keep the lines that are right, and delete the lines of <, = and >"
        yield Slip(_line(text, match.start()), 1, "git could not merge these lines by itself", hint)


def odd_indent(text: str) -> Slip | None:
    """A line that is indented with spaces that YAML takes for letters."""
    match = None if text.isascii() else _ODD_INDENT.search(text)
    if match is None:
        return None
    column = match.start(1) - match.start() + 1
    message = f"a no-break space (U+{ord(match[1]):04X}) indents this line"
    return Slip(_line(text, match.start()), column, message, "replace it by plain spaces")


def unmeant_comments(text: str) -> Iterator[Slip]:
    """Values of which a part is a comment, and was perhaps not meant to be: `name: Clara #1 Probe`."""
    if " #" not in text:
        return
    for match in _NO_COMMENT.finditer(text):
        column = match.start(2) - match.start() + 1
        message = f"`{match[2]}` is a comment here, the value is `{match[1]}`"
        hint = f"if it belongs to the value, write '{match[1]} {match[2]}'; in a comment put a space behind the #"
        yield Slip(_line(text, match.start()), column, message, hint)


_KEY = r"[A-Za-z_0-9.@+-]+"
_COLON_WITHOUT_SPACE = re.compile(rf"^\s*(?:- )?({_KEY}):([^\s/][^\n]*)$")
_WITHOUT_COLON = re.compile(rf"^\s*(?:- )?({_KEY})(?:[ \t]+([^\n]*?))?\s*$")
_QUOTE_INSIDE = re.compile(r"(?:[:,\[-] *)('[^'\n]*'[^\s,\]}:#'][^\n]*?')\s*(?:[,\]}#]|$)")
_SIGN_FIRST = re.compile(r"(?:^[ -]+|[{,] *)(sender|domain): *([*@][^\s,}]*)")


def behind(problem: str, text: str, line: int) -> Slip | None:
    """The slip behind a complaint of the parser at `line`, when it is one that we know."""
    lines = text.split("\n")
    here = lines[line - 1] if line <= len(lines) else ""
    if "cannot start any token" in problem or "alphabetic or numeric" in problem or "expected alphabetic" in problem:
        return _sign_first(here, line)
    if "did not find expected key" in problem or "block end" in problem or "expected ','" in problem:
        return _quote_inside(here, line)
    if "mapping values are not allowed" in problem or "could not find expected ':'" in problem:
        return _colon(lines, line)
    return None


def _sign_first(here: str, line: int) -> Slip | None:
    match = _SIGN_FIRST.search(here)
    if match is None:
        return None
    domain = match[2].lstrip("*@.")
    message = f"a text cannot begin with `{match[2][0]}`"
    hint = f"write `domain: {domain}`: that blocks the whole domain with its subdomains"
    return Slip(line, match.start(2) + 1, message, hint)


def _quote_inside(here: str, line: int) -> Slip | None:
    match = _QUOTE_INSIDE.search(here)
    if match is None:
        return None
    meant = match[1][1:-1]
    return Slip(line, match.start(1) + 1, "the quote inside ends the text", f'write "{meant}", in double quotes')


def _colon(lines: list[str], line: int) -> Slip | None:
    """The line that lacks a colon, or the space behind it: the parser complains one line later."""
    for number in range(min(line, len(lines)), 0, -1):
        shown = lines[number - 1].rstrip("\r")
        if not shown.strip() or shown.lstrip().startswith("#"):
            continue
        column = len(shown) - len(shown.lstrip()) + 1
        if match := _COLON_WITHOUT_SPACE.match(shown):
            meant = f"{match[1]}: {match[2].strip()}"
            return Slip(number, column, "the space behind the colon is missing", f"write `{meant}`")
        if match := _WITHOUT_COLON.match(shown):
            meant = f"{match[1]}: {match[2]}" if match[2] else f"{match[1]}:"
            return Slip(number, column, f"`{match[1]}` lacks its colon", f"write `{meant}`")
        if number < line:
            return None
    return None


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
