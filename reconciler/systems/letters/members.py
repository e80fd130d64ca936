"""Lines of the register as MemberRows. Called by `register_csv` and `register_database`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Set
from typing import NamedTuple

from reconciler.errors import Unreadable
from reconciler.model.addresses import BadAddress, parse_address
from reconciler.model.names import folded
from reconciler.model.records import MemberRow
from reconciler.settings import Register


class Entry(NamedTuple):
    """A line of the register, in our words for its columns."""

    member: str
    status: str
    email: str
    given_name: str
    surname: str


def columns(register: Register) -> Entry:
    """What the register calls its columns."""
    return Entry(**register.columns.model_dump())


def members(entries: Iterable[tuple[str, Entry]], register: Register) -> dict[str, MemberRow]:
    """From pairs of a place (`line 7`) and an entry. Raises UnreadableRegister: a line that cannot be understood
    makes the whole register unknown, since half a register would look like members who left."""
    found: dict[str, MemberRow] = {}
    places: dict[str, str] = {}
    active = frozenset(register.active)
    for place, entry in entries:
        member = _member(place, entry, active)
        if member.key in found:
            raise UnreadableRegister(f"{place}: member {member.key} was in {places[member.key]} already")
        found[member.key], places[member.key] = member, place
    if not found:
        raise UnreadableRegister("it has a header and no member: was the export complete?")
    return found


class UnreadableRegister(Unreadable):
    """The register as a whole is unknown; `source` is put in front where it is known."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the member register cannot be read: {reason}",
            hint="export the register again, or name its columns under register: columns: in the site file",
        )
        self.reason = reason

    def of(self, source: str) -> UnreadableRegister:
        """The same error, naming the file or the database."""
        return UnreadableRegister(f"{source}: {self.reason}")


def _member(place: str, entry: Entry, active: Set[str]) -> MemberRow:
    number = sys.intern(entry.member.strip())
    # digits as text: `0123` is not `123`, and what a spreadsheet made of it (10042.0, 1E+04) is no number at all
    if not (number.isascii() and number.isdigit()):
        raise UnreadableRegister(f"{place}: {number!r} is not a member number (digits only)")
    return MemberRow(
        number,
        entry.status.strip() in active,
        _email(entry.email.strip()),
        folded(entry.given_name),
        folded(entry.surname),
    )


def _email(text: str) -> str:
    """The address in canonical form; what is none stays as it is, for `review` to show."""
    try:
        return parse_address(text)
    except BadAddress:
        return text
