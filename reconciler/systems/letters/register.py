"""The member register, a CSV file or a query on a database, as MemberRows. Reads only.

A line that cannot be used is a remark, and nobody's: what needs it is refused. Too many of them make the register as
a whole unknown, since half a register looks like members who left.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr
from sqlalchemy import CursorResult
from sqlalchemy import text as sql
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from reconciler.errors import Unreadable
from reconciler.model.addresses import BadAddress, parse_address
from reconciler.model.name_folding import folded
from reconciler.model.records import MemberRow
from reconciler.remote.database import connect, open_database
from reconciler.remote.database_errors import explained
from reconciler.settings import Register, Settings
from reconciler.translation import tr

_BAD_ROWS, _BAD_SHARE = 5, 0.01
"""With up to so many unusable rows, or this share of all, the register is still used."""


class RegisterRow(NamedTuple):
    """A line of the register. `problem`: why it has no fields."""

    member: str
    status: str
    email: str
    given_name: str
    surname: str
    language: str = ""
    problem: str = ""


class RegisterRemark(NamedTuple):
    """What is wrong with a line, and where it is: `line 7`, `row 7`."""

    place: str
    problem: str
    harmless: bool = False
    """It says what another line says, too."""


class Members(NamedTuple):
    """What was read: members by number, unreliable ones with a problem, and remarks about lines."""

    rows: dict[str, MemberRow]
    remarks: tuple[RegisterRemark, ...] = ()


def columns(register: Register) -> dict[str, str]:
    """Our names of the columns → the register's; without those that the site does not name."""
    return {word: name for word, name in register.columns.model_dump().items() if name is not None}


def members(entries: Iterable[tuple[str, RegisterRow]], register: Register) -> Members:
    """From pairs of a place (`line 7`) and an entry. Raises UnreadableRegister when too much of it is of no use."""
    found: dict[str, MemberRow] = {}
    places: dict[str, str] = {}
    unnumbered: dict[str, str] = {}  # digits that a line without a usable number begins with, to what is wrong with it
    remarks: list[RegisterRemark] = []
    active, count = frozenset(register.active), 0
    for place, entry in entries:
        count += 1
        number = sys.intern(entry.member.strip())
        if problem := entry.problem or _no_number(number):
            remarks.append(RegisterRemark(place, problem))
            if digits := re.match(r"[0-9]+", number):
                unnumbered.setdefault(digits[0], f"{place}: {problem}")
            continue
        row, before, first = _member(number, entry, active), found.get(number), places.setdefault(number, place)
        if before is None:
            found[number] = row
        elif before == row:
            message = tr("member {number} is in {place} already, with the same data", number=number, place=first)
            remarks.append(RegisterRemark(place, message, harmless=True))
        else:
            message = tr("member {number} is in {place} already, with other data", number=number, place=first)
            remarks.append(RegisterRemark(place, message))
            problem = tr("{first} and {second} contradict each other", first=first, second=place)
            found[number] = _nobody(number, problem)
    _check_enough(found, [remark for remark in remarks if not remark.harmless], count)
    for number, problem in unnumbered.items():
        found.setdefault(number, _nobody(number, problem))
    return Members(found, tuple(remarks))


def _check_enough(found: Mapping[str, MemberRow], bad: Sequence[RegisterRemark], count: int) -> None:
    if len(bad) > max(_BAD_ROWS, _BAD_SHARE * count):
        first = "; ".join(f"{remark.place}: {remark.problem}" for remark in bad[:3])
        raise UnreadableRegister(f"{len(bad)} of {count} rows cannot be used: {first}; …")
    if all(row.problem for row in found.values()):
        first = f": {bad[0].place}: {bad[0].problem}" if bad else ": was the export complete?"
        raise UnreadableRegister(f"it has no member that can be used{first}")


class UnreadableRegister(Unreadable):
    """The register as a whole is unknown; `source` is put in front where it is known."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(
            f"the member register cannot be read: {reason}",
            hint=hint or "export the register again, or name its columns under register: columns: in the site file",
        )
        self.reason = reason

    def of(self, source: str) -> UnreadableRegister:
        """The same error, naming the file or the database."""
        return UnreadableRegister(f"{source}: {self.reason}", self.hint)


def shown(remarks: Iterable[RegisterRemark], most: int) -> Iterator[str]:
    """The first remarks, `line 7: …`, and how many more there are."""
    listed = list(remarks)
    yield from (f"{remark.place}: {remark.problem}" for remark in listed[:most])
    if len(listed) > most:
        yield tr("{number} more of the kind", number=len(listed) - most)


def _no_number(text: str) -> str:
    """What is wrong with a member number; empty when it is one. Never quotes an address, which is private."""
    # digits as text: `0123` is not `123`
    if text.isascii() and text.isdigit():
        return ""
    if not text:
        return tr("the member number is missing")
    if "@" in text:
        return tr("an e-mail address is where the member number should be")
    if re.fullmatch(r"[0-9]+[.,]0+|[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+", text):
        return tr(
            "a spreadsheet made {text!r} of the member number; give that column the format Text, and export it again",
            text=text,
        )
    if len(text) <= 20 and re.search("[0-9]", text):
        return tr("{text!r} is not a member number (digits only)", text=text)
    return tr("a text is where the member number should be (digits only)")


def _nobody(number: str, problem: str) -> MemberRow:
    return MemberRow(number, False, "", "", "", problem)


def _member(number: str, entry: RegisterRow, active: Set[str]) -> MemberRow:
    return MemberRow(
        number,
        entry.status.strip() in active,
        _email(entry.email.strip()),
        folded(entry.given_name),
        folded(entry.surname),
        language=sys.intern(entry.language.strip()),
    )


def _email(text: str) -> str:
    """The address in canonical form; what is none stays as it is, for `review` to show."""
    try:
        return parse_address(text)
    except BadAddress:
        return text


_DELIMITERS = (",", ";")
_SEPARATOR = re.compile(r"(?:\r?\n)*sep=([,;\t|])\r?\n")
"""How Excel names the delimiter, before the header."""


def read_csv(path: Path, register: Register) -> Members:
    """Every member by number. UTF-8 with or without BOM, comma or semicolon (also as Excel says it, `sep=;`), quotes
    honoured, blank lines skipped. Raises UnreadableRegister with the line."""
    try:
        return members(_csv_rows(_content(path), register), register)
    except UnreadableRegister as error:
        raise error.of(register.csv or path.name) from None


def _content(path: Path) -> str:
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


def _csv_rows(text: str, register: Register) -> Iterator[tuple[str, RegisterRow]]:
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
        problem = tr("it has {number} fields, and the header has {wanted}", number=len(fields), wanted=len(header))
        if is_last and len(fields) < len(header):
            raise UnreadableRegister(f"{place} is the last one, and {problem}: was the export complete?")
        number = fields[positions[0]] if positions[0] < len(fields) else ""
        yield place, RegisterRow(number, "", "", "", "", problem=problem)


def _lines(text: str, delimiter: str) -> Iterator[tuple[str, list[str], bool]]:
    """The lines that are not blank: place (the first line of a quoted field with several), fields, whether the last."""
    reader = csv.reader(_file(text), delimiter=delimiter, strict=True)
    before: tuple[str, list[str]] | None = None
    while True:
        place = tr("line {number}", number=reader.line_num + 1)
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
                return members(_query_rows(connection.execute(sql(register.query)), register), register)
        finally:
            engine.dispose()
    except UnreadableRegister as error:
        raise error.of(source) from None
    except DBAPIError as error:
        raise UnreadableRegister(*explained(error, "register.database_url")).of(source) from None
    except SQLAlchemyError as error:
        reason = " ".join(str(error).split())  # a bind parameter in the query, a name that is no column
        raise UnreadableRegister(f"{source}: {reason}") from None


def _query_rows(result: CursorResult[Any], register: Register) -> Iterator[tuple[str, RegisterRow]]:
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
        yield tr("row {number}", number=number), RegisterRow(*map(_as_text, pick(row)))


def _as_text(value: object) -> str:
    return "" if value is None else str(value)
