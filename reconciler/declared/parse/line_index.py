"""Where the entries of a file stand, by one look at its lines: fast enough to ask for a single place in 16 MB.

Answers only for the usual block style; whatever else a section looks like is left to the exact reading.
"""

from __future__ import annotations

import re

from reconciler.declared.parse.tree import Mark

_SECTION = re.compile(r"^([a-z_]+):[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_TOP = re.compile(r"^[^\s#-]", re.MULTILINE)
_FIRST = re.compile(r"^( *)[^\s#]", re.MULTILINE)
_ITEM_START = r"-( +)[^\s#&*!|>-]"
_KEY = r"""(?:'((?:[^'\n]|'')*)'|"([^"\\\n]*)"|([^\s'"\[\]{},&*!|>%@`#?:-][^\n:#]*?))[ \t]*:(?=\s)"""

Index = dict[str, Mark]
"""Key, or list index as text, to its position."""


def section_index(text: str, section: str) -> Index | None:
    """Every entry of the section with its position; None when a line in it does not look as expected."""
    body = _body(text, section)
    if body is None:
        return None
    start, end = body
    first = _FIRST.search(text, start, end)
    if first is None:
        return {}
    indent = len(first[1])
    is_list = text[first.end() - 1] == "-"
    pattern = re.compile(rf"^ {{{indent}}}(?:{_ITEM_START if is_list else _KEY}|([^\s#]))", re.MULTILINE)
    line, counted, index = text.count("\n", 0, start) + 1, start, Index()
    for match in pattern.finditer(text, start, end):
        if match[match.re.groups] is not None:
            return None
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        key = str(len(index)) if is_list else _key(match)
        if key in index:
            return None
        index[key] = Mark(line, indent + 1 + (1 + len(match[1]) if is_list else 0))
    return index


def _key(match: re.Match[str]) -> str:
    single, double, plain = match[1], match[2], match[3]
    return single.replace("''", "'") if single is not None else double if double is not None else plain


def _body(text: str, section: str) -> tuple[int, int] | None:
    """From behind the line `section:` to the next key on top; None unless there is exactly one such line."""
    lines = [match for match in _SECTION.finditer(text) if match[1] == section]
    if len(lines) != 1:
        return None
    start = min(lines[0].end() + 1, len(text))
    following = _TOP.search(text, start)
    return start, following.start() if following else len(text)
