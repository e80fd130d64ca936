"""The answer of `listuser --csv` as values.

The columns come by Java reflection in any order, so they are found by name (facts/open-xchange.md 2.3). An incomplete
answer is an error: a header without the columns, a row that is too short, a missing last newline, no user at all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple

import idna

from reconciler.errors import Unreadable
from reconciler.model.name_folding import folded
from reconciler.model.records import OxUserRow
from reconciler.remote.spool import Spool

COLUMNS = (
    *("Id", "Name", "Display_name", "Given_name", "Sur_name"),
    *("PrimaryEmail", "Email1", "Aliases", "DefaultSenderAddress", "ImapLogin", "Mailenabled"),
)
"""Those that are read, of some eighty."""
_ID, _LOGIN, _DISPLAY_NAME, _ENABLED = map(COLUMNS.index, ("Id", "Name", "Display_name", "Mailenabled"))
_STORED = itemgetter(*map(COLUMNS.index, ("PrimaryEmail", "Email1", "DefaultSenderAddress", "Aliases")))

# one user's long notes or attributes must not make the whole context unreadable; Python's default is 128 KB
csv.field_size_limit(64 * 1024 * 1024)


class Stored(NamedTuple):
    """Addresses exactly as OX stores them: its alias rule compares letter by letter, ours does not."""

    primary: str
    email1: str
    default_sender: str
    aliases: str

    @property
    def breaks_the_rule(self) -> bool:
        """Whether OX would refuse every change that does not repair the set (facts 11): primary, email1 and default
        sender must be among the aliases, and email1 must be the primary address."""
        aliases = {alias.strip() for alias in self.aliases.split(",")}
        needed = {address for address in (self.primary, self.email1, self.default_sender) if address}
        return not needed <= aliases or self.primary.lower() != self.email1.lower()


class Listed:
    """One user of the answer."""

    __slots__ = ("_row", "cells")

    def __init__(self, cells: Sequence[str], row: OxUserRow | None = None) -> None:
        self.cells = cells
        """As OX wrote them, in the order of our columns."""
        self._row = row

    @property
    def id(self) -> str:
        """As digits."""
        return self.cells[_ID]

    @property
    def login(self) -> str:
        """As OX has it: it tells capitals apart."""
        return self.cells[_LOGIN]

    @property
    def display_name(self) -> str:
        """As our rows have it."""
        return folded(self.cells[_DISPLAY_NAME])

    @property
    def row(self) -> OxUserRow:
        """The user as a record, which few users of a big context are needed as."""
        if self._row is None:
            self._row = _row(self.cells)
        return self._row

    @property
    def enabled(self) -> bool:
        """Whether OX lets the user in."""
        return self.cells[_ENABLED].lower() != "false"

    @property
    def stored(self) -> Stored:
        return Stored._make(_STORED(self.cells))


class ListReader:
    """A sink for one answer, in whichever pieces it comes: each user goes to `take` as soon as all of it is there, in
    the order of the answer, the context admin too. `whole`: the answer to no search pattern, which always has at least
    the admin."""

    def __init__(self, take: Callable[[Listed], object], *, whole: bool) -> None:
        self._take = take
        self._whole = whole
        self._rest = bytearray()  # grows: a mark too many leaves the whole answer here
        """Of a line that is not whole, or goes on behind a line break in quotes."""
        self._in_quotes = False
        """Whether that is open at its end."""
        self._lines = _Lines()
        self._reader = csv.reader(self._lines, strict=True)
        self._header: list[str] = []
        self._pick: Callable[[Sequence[str]], Sequence[str]] = tuple
        self._seen: set[str] = set()
        self._error: Unreadable | None = None

    def write(self, piece: bytes) -> None:
        """Takes the next piece. Nothing is taken behind an error, which `finish` raises."""
        if self._error is None:
            try:
                self._read(self._whole_lines(piece))
            except Unreadable as error:
                self._error = error

    def finish(self) -> None:
        """Says that this was all. Raises Unreadable when it was no whole answer; some users may have been taken."""
        if self._error is not None:
            raise self._error
        if self._rest or not self._header:
            if not self._rest.endswith(b"\n"):
                raise _half("it does not end with a line end")
            self._read(bytes(self._rest))
        if self._whole and not self._seen:
            raise _half("it has no user at all, not even the context admin")

    def _whole_lines(self, piece: bytes) -> bytes:
        """What is whole by now: up to the last line break that is not in quotes; an even number of marks is before it,
        since one in a value is written twice."""
        at, behind, before = len(piece), 0, self._in_quotes + piece.count(b'"')
        while (end := piece.rfind(b"\n", 0, at)) >= 0:
            behind += piece.count(b'"', end, at)
            if (before - behind) % 2 == 0:
                whole, self._rest = bytes(self._rest + piece[: end + 1]), bytearray(piece[end + 1 :])
                self._in_quotes = behind % 2 == 1
                return whole
            at = end
        self._rest += piece
        self._in_quotes = before % 2 == 1
        return b""

    def _read(self, lines: bytes) -> None:
        try:
            self._lines.put(lines.decode("utf-8"))
            for cells in self._reader:
                if not self._header:
                    self._begin(cells)
                elif len(cells) == len(self._header):
                    self._add(listed(self._pick(cells), self._reader.line_num))
                elif cells:
                    raise _half(f"line {self._reader.line_num} has {len(cells)} of {len(self._header)} values")
        except UnicodeDecodeError:
            hint = "the OX host needs the locale C.UTF-8 (`locale -a` lists what it has)"
            raise Unreadable("the answer of listuser is not UTF-8", hint=hint) from None
        except csv.Error as error:
            raise _half(f"line {self._reader.line_num}: {error}") from None

    def _begin(self, header: list[str]) -> None:
        missing = [name for name in COLUMNS if header.count(name) != 1]
        if missing:
            raise _half(f"its first line does not name {', '.join(missing)} once")
        self._header, self._pick = header, itemgetter(*map(header.index, COLUMNS))

    def _add(self, user: Listed) -> None:
        if user.id in self._seen:
            raise _half(f"user {user.id} is in it twice")
        self._seen.add(user.id)
        self._take(user)


class _Lines(Iterator[str]):
    """Lines for csv, which asks again after the last one."""

    def __init__(self) -> None:
        self._left: Iterator[str] = iter(())

    def put(self, text: str) -> None:
        self._left = iter(io.StringIO(text, newline=""))

    def __next__(self) -> str:
        return next(self._left)


def read_users(stdout: Spool, *, whole: bool) -> Iterator[Listed]:
    """The users of an answer that was kept (see ListReader). Raises Unreadable, possibly after some users."""
    found: list[Listed] = []
    reader = ListReader(found.append, whole=whole)
    for piece in stdout.pieces():
        reader.write(piece)
        yield from found
        found.clear()
    reader.finish()


def _half(what: str) -> Unreadable:
    hint = "run the same command again; when it stays so, run listuser --csv on the OX host and look at its end"
    return Unreadable(f"the answer of listuser is not complete: {what}", hint=hint)


def listed(cells: Sequence[str], line: int = 0) -> Listed:
    """The user with these cells, in the order of our columns. Raises Unreadable."""
    number = cells[_ID]
    # a missing number is the word "null", a missing text an empty cell; what is here instead may be a password hash
    if not (number.isascii() and number.isdigit()):
        raise _half(f"line {line} has no user id")
    return Listed(cells)


def _row(cells: Sequence[str]) -> OxUserRow:
    number, login, display, given, surname, primary, email1, aliases, sender, imap_login, _ = cells
    address = canonical(primary)
    return OxUserRow(
        key=f"openxchange/{number}",
        account="",
        login=login,
        display_name=folded(display),
        given_name=folded(given),
        surname=folded(surname),
        primary=address,
        email1=address if email1 == primary else canonical(email1),
        default_sender=address if sender == primary else canonical(sender),
        imap_login=address if imap_login == primary else canonical(imap_login),
        aliases=(address,) if aliases == primary != "" else _aliases(aliases),
        id=number,
    )


def _aliases(text: str) -> tuple[str, ...]:
    return tuple(sorted({canonical(alias) for alias in text.split(",") if alias.strip()}))


def canonical(address: str) -> str:
    """Lower case, the domain as A-labels. What is no address stays as it is."""
    lowered = address.strip().lower()
    local, at, domain = lowered.rpartition("@")
    if not at or domain.isascii():
        return lowered
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except idna.IDNAError:
        return lowered
