"""A complaint of libyaml in words of ours. A slip of the keyboard makes it complain somewhere else: then the slip is
looked for in the text, and said where it is."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError, YAMLError

from reconciler.declared.parse.missing_separators import LONGEST, before_braces, inside_braces, missing_colon
from reconciler.declared.parse.scalars import QUOTED
from reconciler.declared.parse.tree import Mark, Remark

# compiled when somebody made a mistake: `validate` of a small state may not take long to start
_IN_TYPOGRAPHIC = rf"(?:^\s*|[:,\[{{-] +|[\[{{])({QUOTED})"
_QUOTE_INSIDE = r"(?:[:,\[-] *)('[^'\n]*'[^\s,\]}:#'][^\n]*?')\s*(?:[,\]}#]|$)"
_QUOTED_OR_COMMENT = r"""'[^'\n]*'|"[^"\n]*"|(?<=\s)#"""
_END_INSIDE = r"[,}\]]"
_VALUE_BEFORE = r": |, |[\[{]"
_SIGN_FIRST = r"(?:^[ -]+|[{,] *)(sender|domain): *([*@][^\s,}]*)"
_HINT = "check the indentation, the colons and the quotes of this line and the one before"
_KNOWN = {
    "mapping values are not allowed": (
        "a second `: ` in one line, or a line that is indented too far",
        "put a text with a colon in quotes; indent fields of one entry equally",
    ),
    "could not find expected ':'": ("a key without its colon before here", "write `key: value`"),
    "cannot start any token": ("a text cannot begin with this character", "put the whole text in quotes"),
    "did not find expected key": ("this line does not fit the lines before it", "indent fields of one entry equally"),
    "unexpected end of stream": ("a quote that was opened is never closed", "close it"),
    "expected ',' or ']', but got": ("a list `[…]` is not closed or lacks a comma before here", "write [a, b]"),
    "expected ',' or '}', but got": ("a mapping `{…}` is not closed or lacks a comma before here", "write {a: b}"),
    "did not find expected ',' or ']'": ("a list `[…]` is not closed or lacks a comma before here", "write [a, b]"),
    "did not find expected ',' or '}'": ("a mapping `{…}` is not closed or lacks a comma before here", "write {a: b}"),
    "did not find expected alphabetic": ("`*` and `&` have a meaning in YAML", "put the text in quotes: '*'"),
}


def syntax_error(error: YAMLError, text: str) -> Remark:
    """The parser's complaint in words of ours, without the text around it (it may hold anything)."""
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return Remark(Mark(1, 1), "this is not YAML", _HINT)
    mark = Mark(error.problem_mark.line + 1, error.problem_mark.column + 1)
    problem = str(error.problem or "cannot be understood")
    begun = Mark(error.context_mark.line + 1, error.context_mark.column + 1) if error.context_mark else mark
    if slip := _slip_behind(problem, text, mark.line, begun.line):
        return slip
    for technical, (message, hint) in _KNOWN.items():
        if technical in problem:
            return Remark(begun if "quote" in message else mark, message, hint)
    return Remark(mark, f"this is not YAML: {error.context or ''} {problem}".replace(":  ", ": "), _HINT)


def _slip_behind(problem: str, text: str, line: int, begun: int) -> Remark | None:
    """The slip behind a complaint of the parser at `line`, when it is one that we know.

    `begun` is the line where that which the parser was reading begins.
    """
    lines = [each if len(each) <= LONGEST else "" for each in text.split("\n")]
    here = lines[line - 1] if line <= len(lines) else ""
    if slip := _typographic(here, line):
        return slip
    if "cannot start any token" in problem or "alphabetic or numeric" in problem or "expected alphabetic" in problem:
        return _sign_first(here, line)
    if "expected ','" in problem and (slip := _comment_inside(lines[:line], begun)):
        return slip
    if "did not find expected key" in problem or "block end" in problem or "expected ','" in problem:
        return _quote_inside(here, line) or before_braces(here, line) or inside_braces(here, line)
    if "mapping values are not allowed" in problem or "could not find expected ':'" in problem:
        return missing_colon(lines, line)
    return None


def _sign_first(here: str, line: int) -> Remark | None:
    match = re.search(_SIGN_FIRST, here)
    if match is None:
        return None
    domain = match[2].lstrip("*@.")
    message = f"a text cannot begin with `{match[2][0]}`"
    hint = f"write `domain: {domain}`: that blocks the whole domain with its subdomains"
    return Remark(Mark(line, match.start(2) + 1), message, hint)


def _quote_inside(here: str, line: int) -> Remark | None:
    match = re.search(_QUOTE_INSIDE, here)
    if match is None:
        return None
    hint = f'write "{match[1][1:-1]}", in double quotes'
    return Remark(Mark(line, match.start(1) + 1), "the quote inside ends the text", hint)


def _comment_inside(lines: list[str], begun: int) -> Remark | None:
    """A comment in braces or brackets that takes their end, or a comma, with it."""
    for number, shown in enumerate(lines[begun - 1 :], begun):
        start = next((found.start() for found in re.finditer(_QUOTED_OR_COMMENT, shown) if found[0] == "#"), None)
        end = re.compile(_END_INSIDE).search(shown, start) if start is not None else None
        if start is not None and end is not None:
            value = re.split(_VALUE_BEFORE, shown[:start])[-1].strip()
            part = shown[start : end.start()].rstrip()
            message = f"`{shown[start:].strip()[:60]}` is a comment here: the rest of the line is not read"
            whole = f"{value} {part}" if value else part
            hint = f"if it belongs to the value, write {_in_quotes(whole)}; else put it behind the `{end[0]}`"
            return Remark(Mark(number, start + 1), message, hint)
    return None


def _typographic(here: str, line: int) -> Remark | None:
    """A text in typographic quotes that holds what only a text in plain quotes may."""
    for match in re.finditer(_IN_TYPOGRAPHIC, here):
        inner = match[2] or match[3] or ""
        if any(sign in inner for sign in (": ", " #", ",")):
            message = f"the typographic quotes of {match[1]} are not quotes in YAML"
            return Remark(Mark(line, match.start(1) + 1), message, f"write {_in_quotes(inner)}")
    return None


def _in_quotes(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
