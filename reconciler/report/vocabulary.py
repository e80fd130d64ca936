"""What things are called, and how single values are shown. Every writer of reports uses these words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reconciler.model.addresses import domain_of, local_part
from reconciler.report.sanitize import clip

_LONGEST = 80
"""Characters of one value in a sentence; JSON has it whole."""

_MOST = 8
"""Addresses listed in a sentence; the steps have them all."""


class Appearance(NamedTuple):
    """How a state, a result or a severity is shown: its sign, its style on a terminal, and in words."""

    mark: str
    style: str
    words: str = ""


def count(number: int, one: str, many: str = "") -> str:
    """`1 change`, `2 changes`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def short(address: str, subject: str) -> str:
    """`10042@` in the subject's own domain, else the whole address."""
    return f"{local_part(address)}@" if domain_of(address) == domain_of(subject) else address


def megabytes(quota: object) -> str:
    """A quota as PostfixAdmin means it (facts/postfixadmin.md 8): 0 unlimited, -1 disabled, else whole MB."""
    match quota:
        case 0:
            return "unlimited"
        case -1:
            return "quota disabled"
        case _:
            return f"{quota} MB"


def quoted(value: object) -> str:
    """A value in quotes, cut where it is too long to be read."""
    return f'"{clip(str(value), _LONGEST)}"'


def difference(old: object, new: object) -> str:
    """`+ x, − y` between two tuples of addresses."""
    assert isinstance(old, tuple)
    assert isinstance(new, tuple)
    before, after = set(old), set(new)
    signed = [f"+ {a}" for a in new if a not in before] + [f"− {a}" for a in old if a not in after]
    return listed(signed) if signed else "the same in another order"


def listed(addresses: Sequence[str]) -> str:
    """`anna@…, bernd@… and 3 more`; `nowhere` for none."""
    shown = ", ".join(clip(a, _LONGEST) for a in addresses[:_MOST]) or "nowhere"
    rest = len(addresses) - _MOST
    return f"{shown} and {rest} more" if rest > 0 else shown
