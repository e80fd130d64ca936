"""Lines of the register as MemberRows.

A line that cannot be used is a remark, and nobody's: what needs it is refused. Too many of them make the register as
a whole unknown, since half a register looks like members who left.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from reconciler.errors import Unreadable
from reconciler.model.addresses import BadAddress, parse_address
from reconciler.model.name_folding import folded
from reconciler.model.records import MemberRow
from reconciler.settings import Register

_BAD_ROWS, _BAD_SHARE = 5, 0.01
"""Of so many rows that cannot be used, or this share of all, the register is still believed."""


class RegisterRow(NamedTuple):
    """A line of the register. `problem`: why it has no fields."""

    member: str
    status: str
    email: str
    given_name: str
    surname: str
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
    """Our words to what the register calls its columns."""
    return dict(register.columns.model_dump())


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
            message = f"member {number} is in {first} already, with the same data"
            remarks.append(RegisterRemark(place, message, harmless=True))
        else:
            remarks.append(RegisterRemark(place, f"member {number} is in {first} already, with other data"))
            found[number] = _nobody(number, f"{first} and {place} contradict each other")
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
        yield f"{len(listed) - most} more of the kind"


def _no_number(text: str) -> str:
    """What is wrong with a member number; empty when it is one. It may be an address that is nobody's business."""
    # digits as text: `0123` is not `123`
    if text.isascii() and text.isdigit():
        return ""
    if not text:
        return "the member number is missing"
    if "@" in text:
        return "an e-mail address is where the member number should be"
    if re.fullmatch(r"[0-9]+[.,]0+|[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+", text):
        return (
            f"a spreadsheet made {text!r} of the member number; give that column the format Text, and export it again"
        )
    if len(text) <= 20 and re.search("[0-9]", text):
        return f"{text!r} is not a member number (digits only)"
    return "a text is where the member number should be (digits only)"


def _nobody(number: str, problem: str) -> MemberRow:
    return MemberRow(number, False, "", "", "", problem)


def _member(number: str, entry: RegisterRow, active: Set[str]) -> MemberRow:
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
