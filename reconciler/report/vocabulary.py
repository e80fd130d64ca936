"""What things are called, and how single values are shown. Every writer of reports uses these words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.model.addresses import domain_of, local_part
from reconciler.model.record_kinds import all_kinds, find_kind
from reconciler.report.sanitize import clip

_LONGEST = 80
"""Characters of one value in a sentence; JSON has it whole."""

_MOST = 8
"""Addresses listed in a sentence; the steps have them all."""


def in_order(kinds: Iterable[str]) -> list[str]:
    """The kinds as every report lists them."""
    given = list(kinds)
    first = [kind.name for kind in all_kinds() if kind.adopted]  # those that a reader asks for first
    return [kind for kind in first if kind in given] + [kind for kind in given if kind not in first]


def noun(kind: str, number: int = 1) -> str:
    """What a kind of record is called; a kind that is not known here by its own name."""
    known = find_kind(kind)
    one, many = known.noun if known is not None else (kind, kind)
    return one if number == 1 else many


def count(number: int, one: str, many: str = "") -> str:
    """`1 change`, `2 changes`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def short(address: str, subject: str) -> str:
    """`10042@` in the subject's own domain, else the whole address."""
    return f"{local_part(address)}@" if domain_of(address) == domain_of(subject) else address


def megabytes(quota: object) -> str:
    """A quota as PostfixAdmin means it (facts/postfixadmin.md 8): 0 unlimited, -1 disabled, else whole MB."""
    # whatever a plan holds may be asked about
    # any value may be asked for
    return {0: "unlimited", -1: "quota disabled"}.get(quota, f"{quota} MB")  # type: ignore[call-overload, no-any-return]


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
    shown = ", ".join(clip(a, _LONGEST) for a in addresses[:_MOST]) or "nowhere"
    rest = len(addresses) - _MOST
    return f"{shown} and {rest} more" if rest > 0 else shown
