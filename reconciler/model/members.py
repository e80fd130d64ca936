"""What the member register says of one number, for people; asked by the gates and by whoever writes letters. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.model.records import MemberRow
from reconciler.translation import marked, tr

_LONGEST = 12
"""Digits that a number which lost its leading zeros is looked for with."""

LANGUAGE_NAMES: Mapping[str, str] = {"de": marked("German"), "en": marked("English")}
"""What the languages of letters are called."""


def trouble(members: Mapping[str, MemberRow], number: str) -> str:
    """Why the register does not vouch for this member: `has no member 10042`; empty for an active member."""
    entry = members.get(number)
    if entry is None:
        other = without_zeros(members, number)
        if other is None:
            return tr("has no member {number}", number=number)
        return tr(
            "has no member {number}, but {other}: leading zeros are lost in one of the two", number=number, other=other
        )
    if entry.problem:
        return tr("cannot be read about member {number}: {problem}", number=number, problem=entry.problem)
    return "" if entry.active else tr("says that member {number} is not active", number=number)


def without_zeros(members: Mapping[str, MemberRow], number: str) -> str | None:
    """The number in the register that is this one but for zeros in front; None when there is none or it is there."""
    if number in members:
        return None
    bare = number.lstrip("0")
    return next((n for n in (bare.zfill(width) for width in range(len(bare), _LONGEST + 1)) if n in members), None)


def slips(number: str) -> Iterator[str]:
    """The numbers of which this one may be a slip of the keyboard: two neighbouring digits exchanged, or one digit
    another."""
    for at, digit in enumerate(number):
        if at and number[at - 1] != digit:
            yield f"{number[: at - 1]}{digit}{number[at - 1]}{number[at + 1 :]}"
        yield from (f"{number[:at]}{other}{number[at + 1 :]}" for other in "0123456789" if other != digit)
