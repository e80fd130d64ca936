"""Slips of the keyboard that YAML reports somewhere else or not at all: found in the text itself, said where they are.

`files` asks before YAML begins, `tree` when the parser refuses a text. Nothing here decides whether a text is right:
what is looked at is wrong already, or gives a warning.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from reconciler.declared.yaml_scalars import OddNumber, plain_value


class Slip(NamedTuple):
    """One slip. `line` and `column` count from 1; `hint` says what to write."""

    line: int
    column: int
    message: str
    hint: str


class Meant(NamedTuple):
    """A plain scalar that was meant otherwise: what is wrong, what to write, and what was meant (without quotes?)."""

    message: str
    hint: str
    text: str
    plain: bool = True


_QUOTES = r"""[„“”«»]([^„“”«»\n]*)[„“”«»"]|[‚‘’‹›]([^„“”«»‚‘’‹›\n]*)[‚‘’‹›']"""
_IN_QUOTES = re.compile(_QUOTES)
_DASH = re.compile(r"-[^\W\d].*")
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


def meant(text: str) -> Meant | None:
    """What was meant with a plain scalar like `„spam“` or `-anna`, which YAML takes with all its signs."""
    if match := _IN_QUOTES.fullmatch(text):
        bare = match[1] or match[2] or ""
        value = plain_value(bare)
        number = isinstance(value, int | float | OddNumber) and not isinstance(value, bool)
        hint = f"put it in plain quotes: '{bare}'" if number else f"write {bare} without quotes"
        return Meant(f"the typographic quotes of {text} would be part of the value", hint, bare, plain=not number)
    if _DASH.fullmatch(text):
        items = text[1:].split(" -")  # YAML makes one text of several such lines
        hint = f"write {', '.join(f'`- {item}`' for item in items)}; a text that begins with - needs quotes"
        return Meant("the space behind the dash is missing", hint, items[0])
    return None


def several(text: str) -> list[str]:
    """The parts of a text that lists addresses or domains; none when it is not such a list."""
    parts = _BETWEEN.split(text.strip(" ,;"))
    listed = len(parts) > 1 and (_COMMA.search(text) or all(_ADDRESS.search(part) for part in parts))
    return parts if listed and '"' not in text else []


def as_list(parts: list[str]) -> str:
    """As a list in brackets, long ones cut."""
    return f"[{', '.join(parts[:_SHOWN])}{', …' if len(parts) > _SHOWN else ''}]"


_SHOWN = 10
_LONGEST = 2_000  # characters of a line; what is longer was not typed, and no pattern here may take its time
_BETWEEN = re.compile(r"[,;\s]+")
_COMMA = re.compile("[,;]")
_ADDRESS = re.compile("[.@]")
_KEY = r"[A-Za-z_0-9.@+-]+"
_COLON_WITHOUT_SPACE = re.compile(rf"^\s*(?:- )?({_KEY}):([^\s/][^\n]*)$")
_WITHOUT_COLON = re.compile(rf"^\s*(?:- )?({_KEY})(?:[ \t]+([^\n]*?))?\s*$")
_QUOTE_INSIDE = re.compile(r"(?:[:,\[-] *)('[^'\n]*'[^\s,\]}:#'][^\n]*?')\s*(?:[,\]}#]|$)")
_KEY_BEFORE_BRACES = re.compile(rf"(\s*(?:- )?)({_KEY})(:|[ \t]+)([{{\[].*)")
_KEY_IN_BRACES = re.compile(rf"[{{,] *({_KEY}):([{{\[][^\n]*?[}}\]])")
_NEXT_FIELD = re.compile(rf"\s(?={_KEY}:[^\s/])")
_QUOTED_OR_COMMENT = re.compile(r"""'[^'\n]*'|"[^"\n]*"|(?<=\s)#""")
_END_INSIDE = re.compile(r"[,}\]]")
_VALUE_BEFORE = re.compile(r": |, |[\[{]")
_IN_TYPOGRAPHIC = re.compile(rf"(?:^\s*|[:,\[{{-] +|[\[{{])({_QUOTES})")
_SIGN_FIRST = re.compile(r"(?:^[ -]+|[{,] *)(sender|domain): *([*@][^\s,}]*)")


def behind(problem: str, text: str, line: int, begun: int) -> Slip | None:
    """The slip behind a complaint of the parser at `line`, when it is one that we know.

    `begun` is the line where that which the parser was reading begins.
    """
    lines = [each if len(each) <= _LONGEST else "" for each in text.split("\n")]
    here = lines[line - 1] if line <= len(lines) else ""
    if slip := _typographic(here, line):
        return slip
    if "cannot start any token" in problem or "alphabetic or numeric" in problem or "expected alphabetic" in problem:
        return _sign_first(here, line)
    if "expected ','" in problem and (slip := _comment_inside(lines[:line], begun)):
        return slip
    if "did not find expected key" in problem or "block end" in problem or "expected ','" in problem:
        return _quote_inside(here, line) or _before_braces(here, line) or _inside_braces(here, line)
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
    hint = f'write "{match[1][1:-1]}", in double quotes'
    return Slip(line, match.start(1) + 1, "the quote inside ends the text", hint)


def _comment_inside(lines: list[str], begun: int) -> Slip | None:
    """A comment in braces or brackets that takes their end, or a comma, with it."""
    for number, shown in enumerate(lines[begun - 1 :], begun):
        start = next((found.start() for found in _QUOTED_OR_COMMENT.finditer(shown) if found[0] == "#"), None)
        end = _END_INSIDE.search(shown, start) if start is not None else None
        if start is not None and end is not None:
            value = _VALUE_BEFORE.split(shown[:start])[-1].strip()
            part = shown[start : end.start()].rstrip()
            message = f"`{shown[start:].strip()[:60]}` is a comment here: the rest of the line is not read"
            whole = f"{value} {part}" if value else part
            hint = f"if it belongs to the value, write {_in_quotes(whole)}; else put it behind the `{end[0]}`"
            return Slip(number, start + 1, message, hint)
    return None


def _typographic(here: str, line: int) -> Slip | None:
    """A text in typographic quotes that holds what only a text in plain quotes may."""
    for match in _IN_TYPOGRAPHIC.finditer(here):
        inner = match[2] or match[3] or ""
        if any(sign in inner for sign in (": ", " #", ",")):
            message = f"the typographic quotes of {match[1]} are no quotes in YAML"
            return Slip(line, match.start(1) + 1, message, f"write {_in_quotes(inner)}")
    return None


def _in_quotes(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _before_braces(here: str, line: int) -> Slip | None:
    match = _KEY_BEFORE_BRACES.match(here.rstrip())
    if match is None:
        return None
    wrong, write = _written(match[2], match[3], match[4])
    return Slip(line, len(match[1]) + 1, wrong, write)


def _inside_braces(here: str, line: int) -> Slip | None:
    match = _KEY_IN_BRACES.search(here)
    return Slip(line, match.start(1) + 1, *_written(match[1], ":", match[2])) if match else None


def key_before_braces(line: str) -> tuple[str, str] | None:
    """What is wrong and what to write, for a line like `anna:{groupware: false}`: YAML takes the brace for a letter."""
    slip = _before_braces(line, 1)
    return (slip.message, slip.hint) if slip else None


def unseparated(text: str, known: Collection[str] = ()) -> tuple[str, str] | None:
    """What is wrong and what to write, for a text that stands where `key: value` should and lacks colon or space.

    `known`: the keys that may stand there; without any, every word may. Several lines without a colon are one text in
    YAML, with spaces in between.
    """
    if len(text) > _LONGEST:
        return None
    fields = [_COLON_WITHOUT_SPACE.match(field) for field in _NEXT_FIELD.split(text)]
    if all(fields):
        written = [_written(field[1], ":", field[2]) for field in fields if field]
        return written[0][0], " and ".join([written[0][1], *(write.removeprefix("write ") for _, write in written[1:])])
    match = _WITHOUT_COLON.match(text)
    if match is None or (known and match[1] not in known) or " " in (match[2] or "" if not known else ""):
        return None
    return _written(match[1], "", match[2] or "")


def _written(key: str, sign: str, value: str) -> tuple[str, str]:
    wrong = f"the space behind the colon of `{key}:` is missing" if sign == ":" else f"`{key}` lacks its colon"
    shown = "…" if "://" in value else value.strip()  # it may be a URL with a password
    return wrong, f"write `{key}: {shown}`" if shown else f"write `{key}:`"


def _colon(lines: list[str], line: int) -> Slip | None:
    """The line that lacks a colon, or the space behind it: the parser complains one line later."""
    for number in range(min(line, len(lines)), 0, -1):
        shown = lines[number - 1].rstrip("\r")
        if not shown.strip() or shown.lstrip().startswith("#"):
            continue
        column = len(shown) - len(shown.lstrip()) + 1
        if match := _COLON_WITHOUT_SPACE.match(shown):
            return Slip(number, column, *_written(match[1], ":", match[2]))
        if match := _WITHOUT_COLON.match(shown):
            return Slip(number, column, *_written(match[1], "", match[2] or ""))
        if number < line:
            return None
    return None


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
