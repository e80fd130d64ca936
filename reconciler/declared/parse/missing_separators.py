"""A separator that YAML needs is missing: the colon behind a key, the space behind the colon. YAML makes one text of
that, or complains one line later."""

from __future__ import annotations

import re
from collections.abc import Collection

from reconciler.declared.parse.tree import Mark, Remark

LONGEST = 2_000
"""Characters of a line; what is longer was not typed, and no pattern here may take its time."""
# compiled when they are used: somebody made a mistake then
_KEY = r"[A-Za-z_0-9.@+-]+"
_COLON_WITHOUT_SPACE = rf"^\s*(?:- )?({_KEY}):([^\s/][^\n]*)$"
_WITHOUT_COLON = rf"^\s*(?:- )?({_KEY})(?:[ \t]+([^\n]*?))?\s*$"
_KEY_BEFORE_BRACES = rf"(\s*(?:- )?)({_KEY})(:|[ \t]+)([{{\[].*)"
_KEY_IN_BRACES = rf"[{{,] *({_KEY}):([{{\[][^\n]*?[}}\]])"
_NEXT_FIELD = rf"\s(?={_KEY}:[^\s/])"


def unseparated(text: str, known: Collection[str] = ()) -> tuple[str, str] | None:
    """What is wrong and what to write, for a text that stands where `key: value` should and lacks colon or space.

    `known`: the keys that may stand there; without any, every word may. Several lines without a colon are one text in
    YAML, with spaces in between.
    """
    if len(text) > LONGEST:
        return None
    fields = [re.match(_COLON_WITHOUT_SPACE, field) for field in re.split(_NEXT_FIELD, text)]
    if all(fields):
        written = [_written(field[1], ":", field[2]) for field in fields if field]
        return written[0][0], " and ".join([written[0][1], *(write.removeprefix("write ") for _, write in written[1:])])
    match = re.match(_WITHOUT_COLON, text)
    if match is None or (known and match[1] not in known) or " " in (match[2] or "" if not known else ""):
        return None
    return _written(match[1], "", match[2] or "")


def _written(key: str, sign: str, value: str) -> tuple[str, str]:
    wrong = f"the space behind the colon of `{key}:` is missing" if sign == ":" else f"`{key}` lacks its colon"
    shown = "…" if "://" in value else value.strip()  # it may be a URL with a password
    return wrong, f"write `{key}: {shown}`" if shown else f"write `{key}:`"


def missing_colon(lines: list[str], line: int) -> Remark | None:
    """The line that lacks a colon, or the space behind it: the parser complains one line later."""
    for number in range(min(line, len(lines)), 0, -1):
        shown = lines[number - 1].rstrip("\r")
        if not shown.strip() or shown.lstrip().startswith("#"):
            continue
        column = len(shown) - len(shown.lstrip()) + 1
        if match := re.match(_COLON_WITHOUT_SPACE, shown):
            return Remark(Mark(number, column), *_written(match[1], ":", match[2]))
        if match := re.match(_WITHOUT_COLON, shown):
            return Remark(Mark(number, column), *_written(match[1], "", match[2] or ""))
        if number < line:
            return None
    return None


def before_braces(here: str, line: int) -> Remark | None:
    """A line like `anna:{groupware: false}`: YAML takes the brace for a letter."""
    match = re.match(_KEY_BEFORE_BRACES, here.rstrip())
    if match is None:
        return None
    return Remark(Mark(line, len(match[1]) + 1), *_written(match[2], match[3], match[4]))


def inside_braces(here: str, line: int) -> Remark | None:
    """The same within braces."""
    match = re.search(_KEY_IN_BRACES, here)
    return Remark(Mark(line, match.start(1) + 1), *_written(match[1], ":", match[2])) if match else None
