"""Kinds of record: what is special about each, in one place. Whoever asks "which kinds …" asks here.

The kinds whose rows this room has are declared beside them (`records`); a system with rows of its own declares those in
its folder, and `systems.registry` adds them. A name that nobody declared has no properties: `kind_of` raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler.model.owners import Row, Scope
from reconciler.translation import tr, tr_number


class OnUndeclared(StrEnum):
    """What becomes of a record that is live and that git does not declare."""

    LEAVE = "leave"
    """It is counted as unmanaged."""
    DELETE_OURS = "delete ours"
    """It goes when it is ours by the inventory and as we left it (`planning.ownership`); else it is left."""
    DELETE = "delete"
    """It goes: such records live in a place of ours alone."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record. `name` is what plans and the ledger keep, and never changes; `noun` is for one and for many.

    `main_of`: the coming and going of this record is the coming and going of its subject. `adopted`: a live record that
    is as declared becomes ours. `credential`: whoever creates one needs a password. `readable`: a system can show
    afterwards whether its effect is in place. `one_by_one`: each is remembered before the next one, because people have
    seen it and nothing takes it back. `new_password`: after it a person holds, or should hold, a password of ours.
    `private`: fields that neither the ledger nor a report keeps.
    """

    name: str
    row: type[Row]
    noun: tuple[str, str]
    main_of: Scope | None = None
    adopted: bool = False
    credential: bool = False
    readable: bool = True
    one_by_one: bool = False
    new_password: bool = False
    irreversible: bool = False
    """Whether carrying it out takes away what nothing brings back, whatever the action."""
    on_undeclared: OnUndeclared = OnUndeclared.LEAVE
    private: frozenset[str] = frozenset()
    text: Callable[[Any], str] | None = None
    """A row in a few words, for readers, when reports have none of their own for the kind."""

    def line(self, before: Any, after: Any) -> str:
        """What becomes of a row, in words."""
        one = tr_number(*self.noun, 1)
        old, new = ((self.text(row) if self.text and row is not None else "") for row in (before, after))
        if before is None:
            return f"{one} {new}".rstrip()
        if after is None:
            return tr("{record} removed", record=one)
        return f"{one} {old} → {new}" if old != new else tr("{record} changed", record=one)


_BY_NAME: dict[str, Kind] = {}
_BY_ROW: dict[type[Row], Kind] = {}


def register(kinds: Iterable[Kind]) -> None:
    """Makes kinds known, once each; two of one name are a mistake of the programmer."""
    for kind in kinds:
        known = _BY_NAME.setdefault(kind.name, kind)
        if known is not kind:
            raise ValueError(f"two kinds of record are called {kind.name}")
        _BY_ROW[kind.row] = kind


def kind_of(name: str) -> Kind:
    """The kind of this name. Raises KeyError: what is unknown is never guessed to be harmless."""
    return _BY_NAME[name]


def find_kind(name: str) -> Kind | None:
    """The kind of this name; None for one that only another version or another site knows. For reports."""
    return _BY_NAME.get(name)


def noun(name: str, number: int = 1) -> str:
    """What one record of a kind is called, or several; a kind that is not known here by its own name."""
    known = find_kind(name)
    return name if known is None else tr_number(*known.noun, number)


def in_order(names: Iterable[str]) -> list[str]:
    """The kinds as every report lists them: those that are adopted first, which a reader asks for first."""
    given = list(names)
    first = [kind.name for kind in all_kinds() if kind.adopted and kind.name in given]
    return first + [name for name in given if name not in first]


def is_readable(name: str) -> bool:
    """Whether the effect of such a step can be seen afterwards. Of a kind that only a saved plan knows nothing can."""
    kind = find_kind(name)
    return kind is not None and kind.readable


def is_counted(name: str) -> bool:
    """Whether what such a step took away is said after it, since nobody can look any more."""
    kind = find_kind(name)
    return kind is not None and kind.irreversible


def give_password(names: Iterable[str]) -> bool:
    """Whether steps of one of these kinds leave a person with a new password, told or not."""
    return any(kind_of(name).new_password for name in names)


def name_of(row: type[Row]) -> str:
    """What plans call records of this type."""
    return _BY_ROW[row].name


def all_kinds() -> tuple[Kind, ...]:
    """Every kind that is known, in the order in which reports list them."""
    return tuple(_BY_NAME.values())


def main_kinds() -> dict[Scope, Kind]:
    """What transitions can be about, each with the kind of record whose coming and going is that of its subject."""
    return {kind.main_of: kind for kind in all_kinds() if kind.main_of is not None}


def unreadable_kinds() -> frozenset[str]:
    """The names of those whose effect no system can show; for queries."""
    return frozenset(kind.name for kind in all_kinds() if not kind.readable)
