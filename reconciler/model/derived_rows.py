"""Rows of one kind that follow from something else, and are made when somebody asks for them.

A big site wants half a million rows, and nearly all live ones are as they are wanted. What is wanted follows from what
is declared, and what is live from what is wanted: only what is otherwise is kept, and only that need be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, KeysView, Mapping, MutableMapping, Set
from itertools import chain, filterfalse
from typing import Any, Self, TypeVar, cast

from reconciler.model.owners import Row

R = TypeVar("R", bound=Row)


class DerivedRows(MutableMapping[str, Row]):
    """Key → row. `make` makes the row of a key from what `base` has of it; `base` must stay as it is."""

    __slots__ = ("_base", "_make", "_others", "_unlike")

    def __init__(
        self,
        base: Mapping[Any, Any],
        make: Callable[[str, Any], Row],
        unlike: set[str] | None = None,
        others: dict[str, Row] | None = None,
    ) -> None:
        """`unlike` are the keys of `base` that have no row, or another one; `others` are all rows that do not follow
        from `base`."""
        self._base = base
        self._make = make
        self._unlike = unlike or set()
        self._others = others or {}

    @classmethod
    def beside(cls, wanted: Mapping[str, Any], unlike: set[str], others: dict[str, Row]) -> Self:
        """Live rows, read beside what is wanted: but for the keys `unlike` they are as wanted, whose rows say by
        `as_found` what they are like; `others` are all the others."""
        return cls(wanted, _as_found, unlike, others)

    def copy(self) -> Self:
        """One that can be changed without changing this one."""
        return type(self)(self._base, self._make, set(self._unlike), dict(self._others))

    def __getitem__(self, key: str) -> Row:
        row: Row | None = self.get(key)
        if row is None:
            raise KeyError(key)
        return row

    def get(self, key: str, default: Any = None) -> Any:
        """The row; the default when there is none."""
        row = self._others.get(key)
        if row is not None:
            return row
        of = self._base.get(key)
        return default if of is None or key in self._unlike else self._make(key, of)

    def __contains__(self, key: object) -> bool:
        return key in self._others or (key in self._base and key not in self._unlike)

    def __iter__(self) -> Iterator[str]:
        """In the order of `base`, then the others."""
        base, others = self._base, self._others
        # half a million times: without a step of ours for each
        none = self._unlike - others.keys()
        return chain(filterfalse(none.__contains__, base) if none else base, filterfalse(base.__contains__, others))

    def __len__(self) -> int:
        return len(self._base) - len(self._unlike) + len(self._others)

    def __setitem__(self, key: str, row: Row) -> None:
        self._others[key] = row
        if key in self._base:
            self._unlike.add(key)

    def __delitem__(self, key: str) -> None:
        if self._others.pop(key, None) is not None:
            return
        if key not in self:
            raise KeyError(key)
        self._unlike.add(key)

    def follows(self, key: str) -> bool:
        """Whether the row of a key follows from `base`."""
        return key in self._base and key not in self._unlike

    def otherwise(self, keys: Set[str]) -> Set[str]:
        """Those of the keys whose row does not follow from `base`: `follows` for many of them."""
        return (self._unlike & keys) | frozenset(keys).difference(self._base)

    def is_beside(self, wanted: Mapping[str, Any]) -> bool:
        """Whether these live rows were read beside just this."""
        return self._base is wanted

    @property
    def others(self) -> Mapping[str, Row]:
        """The rows that do not follow from `base`."""
        return self._others

    def unlike(self, wanted: Mapping[str, Row]) -> Iterable[str]:
        """Those keys of `wanted`, in its order, whose live row may be otherwise; of all the others it is as wanted."""
        began = self._base
        if not (isinstance(began, DerivedRows) and isinstance(wanted, DerivedRows) and wanted._base is began._base):
            return wanted  # this was read beside something else
        keys = self._unlike.union(wanted._others.keys() - began._others.keys(), began._unlike - wanted._unlike)
        keys.update(key for key, row in wanted._others.items() if row is not began._others.get(key))
        return [key for key in wanted if key in keys] if keys else ()

    def unwanted(self, wanted: Mapping[str, Row]) -> Iterable[str]:
        """Those of these live rows, in their order, that nobody wants."""
        began = self._base
        if not (isinstance(began, DerivedRows) and isinstance(wanted, DerivedRows) and wanted._base is began._base):
            return [key for key in self if key not in wanted]
        # what was wanted when this was read, and is no more, and what was not wanted then
        gone = (began._others.keys() - wanted._others.keys()) | (wanted._unlike - began._unlike)
        if any(key in self and key not in wanted for key in gone):
            return [key for key in self if key not in wanted]
        return [key for key in self._others if key not in wanted]


class AllKeys(KeysView[str]):
    """All keys of a table, which need not be copied for it."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        super().__init__(table)
        self.table = table


def without(table: Mapping[str, Any], keys: Container[str]) -> set[str]:
    """The keys of a table but these: few of many, and no set of all is made for it."""
    if isinstance(keys, AllKeys):
        return set(unwanted(table, keys.table))
    return set(filterfalse(keys.__contains__, table))


def unwanted(found: Mapping[str, Row], wanted: Mapping[str, Row]) -> Iterable[str]:
    """The keys of live rows, in their order, that nobody wants."""
    return found.unwanted(wanted) if isinstance(found, DerivedRows) else [key for key in found if key not in wanted]


def changeable(table: Mapping[str, Row]) -> MutableMapping[str, Row]:
    """A copy that can be changed."""
    return table.copy() if isinstance(table, DerivedRows) else dict(table)


def with_rows(table: Mapping[str, Row], rows: Mapping[str, Row]) -> MutableMapping[str, Row]:
    """The table with these rows, in place of those with the same keys."""
    changed = changeable(table)
    changed.update(rows)
    return changed


def follows(table: Mapping[str, Row], key: str) -> bool:
    """Whether a live row is known to be as wanted."""
    return isinstance(table, DerivedRows) and table.follows(key)


def otherwise(table: Mapping[str, Row], keys: Set[str]) -> Set[str]:
    """Those of the keys whose live row is not known to be as wanted."""
    return table.otherwise(keys) if isinstance(table, DerivedRows) else keys


def others(table: Mapping[str, R]) -> Mapping[str, R]:
    """The live rows but those that are known to be as wanted."""
    return cast("Mapping[str, R]", table.others) if isinstance(table, DerivedRows) else table


def unlike(wanted: Mapping[str, Row], found: Mapping[str, Row]) -> Iterable[str]:
    """Those keys of `wanted`, in its order, whose live row is not known to be as wanted."""
    return found.unlike(wanted) if isinstance(found, DerivedRows) else wanted


def _as_found(_: str, wanted: Any) -> Row:
    row: Row = wanted.as_found()
    return row
