"""What the lines of a register say of members, wherever they were read. Pure.

A line that cannot be used is a remark, and nobody's: what needs it is refused. Too many of them make the register as
a whole unknown, since half a register looks like members who left.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from reconciler.errors import Unreadable
from reconciler.model.addresses import BadAddress, parse_address
from reconciler.model.name_folding import folded
from reconciler.model.records import MemberRow
from reconciler.settings import Register
from reconciler.systems.letters.letter_templates import LANGUAGES
from reconciler.translation import tr

_BAD_ROWS, _BAD_SHARE = 5, 0.01
"""With up to so many unusable rows, or this share of all, the register is still used."""
_SIGN = "\x1f"
"""Between the fields of a line as it is kept (ASCII's unit separator)."""

_LANGUAGES = frozenset({"", *LANGUAGES})

_Kept = bytes | tuple[str, ...]
"""Where a line is, and its fields: as one text, packed, half of what rows take; with that sign in a field as they
are."""


class RegisterRemark(NamedTuple):
    """What is wrong with a line, and where it is: `line 7`, `row 7`."""

    place: str
    problem: str
    harmless: bool = False
    """It says what another line says, too."""


class MemberRows(Mapping[str, MemberRow]):
    """Number → what the register says of the member. Most are asked for by nobody, so rows are made when they are."""

    def __init__(self, kept: Mapping[str, _Kept], active: Set[str], others: Mapping[str, MemberRow]) -> None:
        """`others` are rows that are not as a line says."""
        self._kept = kept
        self._active = active
        self._others = others

    def __getitem__(self, number: str) -> MemberRow:
        row: MemberRow | None = self.get(number)
        if row is None:
            raise KeyError(number)
        return row

    def get(self, number: str, default: Any = None) -> Any:
        """The row; the default when there is none."""
        row, line = self._others.get(number), self._kept.get(number)
        if row is not None:
            return row
        return default if line is None else _member(line, self._active)

    def is_usual(self, number: str, given_name: str | None, surname: str | None) -> bool:
        """Whether the line surely has nothing that `review` remarks on: these very names (None: any), an address that
        mail can go to, and a language of letters or none. Without making the row."""
        line = self._kept.get(number)
        if line is None or number in self._others:
            return False
        _, _, _, email, given, family, *language = _fields(line)
        return (
            given_name in (None, given)
            and surname in (None, family)
            and (not language or language[0] in _LANGUAGES)
            and _is_address(email)
        )

    def __contains__(self, number: object) -> bool:
        return number in self._kept or number in self._others

    def __iter__(self) -> Iterator[str]:
        yield from self._kept
        yield from (number for number in self._others if number not in self._kept)

    def __len__(self) -> int:
        return len(self._kept) + sum(number not in self._kept for number in self._others)


class Members(NamedTuple):
    """What was read: members by number, unreliable ones with a problem, and remarks about lines."""

    rows: MemberRows
    remarks: tuple[RegisterRemark, ...] = ()


Line = tuple[int, Sequence[str], str]
"""The number of a line, its fields in the order of `columns`, and why it cannot be used; empty when it can."""


def columns(register: Register) -> dict[str, str]:
    """Our names of the columns → the register's; without those that the site does not name."""
    return {word: name for word, name in register.columns.model_dump().items() if name is not None}


def members(lines: Iterable[Line], register: Register, place: str) -> Members:
    """What lines say; `place` is what one is called, `line {number}`. Raises UnreadableRegister when too much of it is
    of no use."""
    found, count = _Found(frozenset(register.active), place), 0
    kept = found.kept
    for at, fields, problem in lines:
        count += 1
        number = fields[0].strip()
        if problem or not (number.isascii() and number.isdigit()):  # digits as text: `0123` is not `123`
            found.useless(number, at, problem or _no_number(number))
            continue
        text = _SIGN.join((str(at), *fields))
        packed = text.count(_SIGN) == len(fields)
        line: _Kept = text.encode("utf-8", "surrogatepass") if packed else (str(at), *fields)
        first = kept.setdefault(sys.intern(number), line)
        if first is not line:
            found.again(number, first, line)
    _check_enough(found, count)
    for number, problem in found.unnumbered.items():
        if number not in kept:
            found.others[number] = _nobody(number, problem)
    return Members(found.rows, tuple(found.remarks))


class _Found:
    """What was read so far."""

    def __init__(self, active: Set[str], place: str) -> None:
        self.kept: dict[str, _Kept] = {}
        self.others: dict[str, MemberRow] = {}
        self.rows = MemberRows(self.kept, active, self.others)
        self.remarks: list[RegisterRemark] = []
        self.unnumbered: dict[str, str] = {}
        """Digits that a line without a usable number begins with, to what is wrong with it."""
        self._active = active
        self._place = place

    def useless(self, number: str, at: int, problem: str) -> None:
        """A line that cannot be used."""
        place = tr(self._place, number=at)
        self.remarks.append(RegisterRemark(place, problem))
        if digits := re.match(r"[0-9]+", number):
            self.unnumbered.setdefault(digits[0], f"{place}: {problem}")

    def again(self, number: str, first: _Kept, line: _Kept) -> None:
        """One more line about a member: it says the same, or nobody knows which one is right."""
        before, here = (tr(self._place, number=_fields(each)[0]) for each in (first, line))
        if self.rows[number] == _member(line, self._active):
            message = tr("member {number} is in {place} already, with the same data", number=number, place=before)
            self.remarks.append(RegisterRemark(here, message, harmless=True))
            return
        message = tr("member {number} is in {place} already, with other data", number=number, place=before)
        self.remarks.append(RegisterRemark(here, message))
        problem = tr("{first} and {second} contradict each other", first=before, second=here)
        self.others[number] = _nobody(number, problem)


def _check_enough(found: _Found, count: int) -> None:
    bad = [remark for remark in found.remarks if not remark.harmless]
    if len(bad) > max(_BAD_ROWS, _BAD_SHARE * count):
        first = "; ".join(f"{remark.place}: {remark.problem}" for remark in bad[:3])
        raise UnreadableRegister(f"{len(bad)} of {count} rows cannot be used: {first}; …")
    if len(found.others) == len(found.kept):  # those contradict each other
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
    """What is wrong with what is no member number. Never quotes an address, which is private."""
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


def _fields(line: _Kept) -> Sequence[str]:
    """Where the line is, and its fields."""
    return line.decode("utf-8", "surrogatepass").split(_SIGN) if isinstance(line, bytes) else line


def _member(line: _Kept, active: Set[str]) -> MemberRow:
    _, number, status, email, given_name, surname, *language = _fields(line)
    return MemberRow(
        sys.intern(number.strip()),
        status.strip() in active,
        _email(email.strip()),
        folded(given_name),
        folded(surname),
        language=sys.intern(language[0].strip()) if language else "",
    )


def _email(text: str) -> str:
    """The address in canonical form; what is none stays as it is, for `review` to show."""
    try:
        return parse_address(text)
    except BadAddress:
        return text


def _is_address(text: str) -> bool:
    try:
        parse_address(text)
    except BadAddress:
        return False
    return True
