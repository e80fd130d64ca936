"""What git declares of one subject, as plain values: a saved plan is bound to it (`staleness`). It has no place: lines
move when another entry is added above."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any, NamedTuple

from reconciler.model.addresses import Address
from reconciler.model.declared import Removal
from reconciler.model.owners import Owner, Scope
from reconciler.model.source_places import PLACES
from reconciler.planning.plan_context import PlanContext

Plain = str | int | bool | tuple[str, ...] | None
"""What a document can hold as one value."""


class DeclaredEntry(NamedTuple):
    """One entry of the state: its section, whose it is, and what is written in it."""

    section: str
    subject: str
    fields: Mapping[str, Plain]


class Entries:
    """The entries by subject; looked up for every transition, so removals are sorted by mailbox once."""

    def __init__(self, context: PlanContext) -> None:
        state = context.desired
        self._state, self._chains = state, context.chains
        self._removals: dict[Address, list[Removal]] = {}
        for removal in state.removals:
            self._removals.setdefault(removal.mailbox, []).append(removal)

    def of(self, owner: Owner) -> tuple[DeclaredEntry, ...]:
        """All that is declared of an account (with its renames and its removal), an alias or a block."""
        return tuple(DeclaredEntry(section, owner.subject, _fields(entry)) for section, entry in self._of(owner))

    def _of(self, owner: Owner) -> Iterator[tuple[str, Any]]:
        entry = self._state.entry(owner)
        if entry is not None:
            yield owner.scope.section, entry
        if owner.scope is Scope.ACCOUNT:
            address = Address(owner.subject)
            for number, rename in enumerate(self._chains.former.get(address, ()), 1):
                yield "renames" if number == 1 else f"renames ({number})", rename
            for removal in self._removals.get(address, ()):
                yield "removals", removal


def plain(value: object) -> Plain:
    match value:
        case tuple():
            return tuple(str(item) for item in value)
        case None | bool() | int():
            return value
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _fields(entry: Any) -> dict[str, Plain]:
    """What is written, without its place in the files."""
    names = (field.name for field in fields(entry)) if is_dataclass(entry) else entry._fields
    values = ((name, getattr(entry, name)) for name in names if name not in PLACES)
    return {name: plain(value) for name, value in values if value is not None}
