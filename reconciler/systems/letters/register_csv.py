"""The register as a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from reconciler.settings import Register
from reconciler.systems.letters.register_rows import Members, RegisterRow, UnreadableRegister, columns, members

_DELIMITERS = (",", ";")
_SEPARATOR = re.compile(r"(?:\r?\n)*sep=([,;\t|])\r?\n")
"""How Excel names the delimiter, before the header."""


def read_csv(path: Path, register: Register) -> Members:
    """Every member by number. UTF-8 with or without BOM, comma or semicolon (also as Excel says it, `sep=;`), quotes
    honoured, blank lines skipped. Raises UnreadableRegister with the line."""
    try:
        return members(_entries(_text(path), register), register)
    except UnreadableRegister as error:
        raise error.of(register.csv or path.name) from None


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        hint = (
            "export the register to there, or correct `csv` under register: in the site file; who runs reconciler must "
            "be able to read it"
        )
        raise UnreadableRegister(error.strerror or str(error), hint) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableRegister(f"line {line} is not UTF-8; export it as UTF-8") from None


def _entries(text: str, register: Register) -> Iterator[tuple[str, RegisterRow]]:
    separator = _SEPARATOR.match(text)
    delimiter = separator[1] if separator else _delimiter(text, register)
    lines = _lines(text, delimiter)
    for _ in range(2 if separator else 1):
        _, header, _ = next(lines, ("", [], True))
    positions = _positions(header, register)
    pick = itemgetter(*positions)
    for place, fields, is_last in lines:
        if len(fields) == len(header):
            yield place, RegisterRow(*pick(fields))
            continue
        problem = f"it has {len(fields)} fields, and the header has {len(header)}"
        if is_last and len(fields) < len(header):
            raise UnreadableRegister(f"{place} is the last one, and {problem}: was the export complete?")
        number = fields[positions[0]] if positions[0] < len(fields) else ""
        yield place, RegisterRow(number, "", "", "", "", problem)


def _lines(text: str, delimiter: str) -> Iterator[tuple[str, list[str], bool]]:
    """The lines that are not blank: place (the first line of a quoted field with several), fields, whether the last."""
    reader = csv.reader(_file(text), delimiter=delimiter, strict=True)
    before: tuple[str, list[str]] | None = None
    while True:
        place = f"line {reader.line_num + 1}"
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise UnreadableRegister(f"{place}: {error}") from None
        if fields == []:
            continue
        if before is not None:
            yield *before, fields is None
        if fields is None:
            return
        before = place, fields


def _delimiter(text: str, register: Register) -> str:
    """The one with which more of the needed columns are there, then the one with more columns."""
    first = text.lstrip("\r\n")
    needed = set(columns(register).values())
    headers = {delimiter: _header(first, delimiter) for delimiter in _DELIMITERS}
    return max(_DELIMITERS, key=lambda d: (len(needed & set(headers[d])), len(headers[d])))


def _header(text: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader(_file(text), delimiter=delimiter), [])]
    except csv.Error:  # reading the lines with it will say where
        return []


def _file(text: str) -> io.TextIOWrapper:
    """The text as lines, which keep their ends. A StringIO would take four bytes a character."""
    return io.TextIOWrapper(io.BytesIO(text.encode("utf-8")), encoding="utf-8", newline="")


def _positions(header: list[str], register: Register) -> list[int]:
    """Of the columns of a RegisterRow."""
    if not header:
        raise UnreadableRegister("it is empty")
    names = [name.strip() for name in header]
    for word, name in columns(register).items():
        if name not in names:
            raise UnreadableRegister(f"its header has no column {name!r} (for {word}); {_what_is_there(names)}")
        if names.count(name) > 1:
            raise UnreadableRegister(f"its header has the column {name!r} twice")
    return [names.index(name) for name in columns(register).values()]


def _what_is_there(names: list[str]) -> str:
    """Without quoting it: a wrong path may name a file of secrets, or the first line is a member."""
    if any("@" in name or name.isdigit() for name in names):
        return "its first line looks like a member, so the header is missing"
    return f"it has {len(names)} column{'s' * (len(names) != 1)}"
