"""The member register, a CSV file or a query on a database, as MemberRows. Reads only."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import CursorResult
from sqlalchemy import text as sql
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from reconciler.remote.database import connect, open_database
from reconciler.remote.database_errors import explained
from reconciler.settings import Register, Settings
from reconciler.systems.letters.register_rows import Line, Members, UnreadableRegister, columns, members
from reconciler.translation import marked, tr

_LINE, _ROW = marked("line {number}"), marked("row {number}")

_DELIMITERS = (",", ";")
_SEPARATOR = re.compile(rb"(?:\xef\xbb\xbf)?(?:\r?\n)*sep=([,;\t|])\r?\n")
"""How Excel names the delimiter, before the header."""


def read_csv(path: Path, register: Register) -> Members:
    """Every member by number. UTF-8 with or without BOM, comma or semicolon (also as Excel says it, `sep=;`), quotes
    honoured, blank lines skipped. Raises UnreadableRegister with the line."""
    try:
        return members(csv_lines(_content(path), register), register, _LINE)
    except UnreadableRegister as error:
        raise error.of(register.csv or path.name) from None


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        hint = (
            "export the register to there, or correct `csv` under register: in the site file; who runs reconciler must "
            "be able to read it"
        )
        raise UnreadableRegister(error.strerror or str(error), hint) from None
    try:
        content.decode("utf-8-sig")  # before the first line is used; the text is not kept
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableRegister(f"line {line} is not UTF-8; export it as UTF-8") from None
    return content


def csv_lines(content: bytes, register: Register) -> Iterator[Line]:
    """The lines behind the header."""
    separator = _SEPARATOR.match(content)
    lines = _lines(content, separator[1].decode() if separator else _delimiter(content, register))
    for _ in range(2 if separator else 1):
        _, header = next(lines, (0, []))
    positions = _positions(header, register)
    pick, width, short = itemgetter(*positions), len(header), ""
    for at, fields in lines:
        if len(fields) == width:
            short = ""
            yield at, pick(fields), ""
            continue
        problem = tr("it has {number} fields, and the header has {wanted}", number=len(fields), wanted=width)
        short = f"{tr(_LINE, number=at)} is the last one, and {problem}" if len(fields) < width else ""
        yield at, fields[positions[0] : positions[0] + 1] or [""], problem
    if short:
        raise UnreadableRegister(f"{short}: was the export complete?")


def _lines(content: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not blank, with their numbers; of a quoted field with several the number of the first."""
    reader, before = csv.reader(_file(content), delimiter=delimiter, strict=True), 0
    try:
        for fields in reader:
            if fields:
                yield before + 1, fields
            before = reader.line_num
    except csv.Error as error:
        raise UnreadableRegister(f"{tr(_LINE, number=before + 1)}: {error}") from None


def _delimiter(content: bytes, register: Register) -> str:
    """The one with which more of the needed columns are there, then the one with more columns."""
    needed = set(columns(register).values())
    headers = {delimiter: _header(content, delimiter) for delimiter in _DELIMITERS}
    return max(_DELIMITERS, key=lambda d: (len(needed & set(headers[d])), len(headers[d])))


def _header(content: bytes, delimiter: str) -> list[str]:
    try:
        first = next(filter(None, csv.reader(_file(content), delimiter=delimiter)), [])
        return [name.strip() for name in first]
    except csv.Error:  # reading the lines with it will say where
        return []


def _file(content: bytes) -> io.TextIOWrapper:
    """The content as lines, which keep their ends. A StringIO would take four bytes a character."""
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline="")


def _positions(header: list[str], register: Register) -> list[int]:
    """Where the needed columns are, in the order of `columns`."""
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


def read_database(settings: Settings, register: Register, password: SecretStr) -> Members:
    """Every member by number. The site file's query is run as it is (SQLAlchemy's `text`: write `\\:` for a colon
    before a word). An empty password is none. Raises UnreadableRegister with the row."""
    assert register.database_url is not None
    assert register.query is not None
    url = make_url(register.database_url)
    source = url.render_as_string(hide_password=True)
    try:
        if url.get_backend_name() == "sqlite" and not settings.path(url.database or "").is_file():
            raise UnreadableRegister("no such file")
        engine = open_database(url, password.get_secret_value(), settings.path, read_only=True)
        try:
            with connect(engine) as connection:
                found = connection.execute(sql(register.query))
                return members(_query_rows(found, register), register, _ROW)
        finally:
            engine.dispose()
    except UnreadableRegister as error:
        raise error.of(source) from None
    except DBAPIError as error:
        raise UnreadableRegister(*explained(error, "register.database_url")).of(source) from None
    except SQLAlchemyError as error:
        reason = " ".join(str(error).split())  # a bind parameter in the query, a name that is no column
        raise UnreadableRegister(f"{source}: {reason}") from None


def _query_rows(result: CursorResult[Any], register: Register) -> Iterator[Line]:
    names = list(result.keys())
    wanted = list(columns(register).values())
    missing = [name for name in wanted if name not in names]
    if missing:
        raise UnreadableRegister(f"the query gives no column {missing[0]!r}; it gives {', '.join(names)}")
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        raise UnreadableRegister(f"the query gives the column {twice[0]!r} twice")
    pick = itemgetter(*(names.index(name) for name in wanted))
    for number, row in enumerate(result, 1):
        yield number, [*map(_as_text, pick(row))], ""


def _as_text(value: object) -> str:
    return "" if value is None else str(value)
