"""Step 4: the entries of all files, merged, and compared with each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from reconciler.declared.problems import Problems
from reconciler.declared.section import SECTIONS, Batch, IsRead, Merged, Section
from reconciler.model.declared import DesiredState
from reconciler.settings import Settings


def merge(batches: Iterable[Batch], today: date, problems: Problems) -> DesiredState:
    """Takes all entries in, and says which contradict each other."""
    tables: dict[str, dict[Any, Any]] = {}
    for section, values in batches:
        table = tables.setdefault(section.name, {})
        new = dict(zip(map(section.key, values), values, strict=True))
        if len(new) == len(values) and table.keys().isdisjoint(new):
            table |= new  # nearly always
        else:
            _take_in(table, section, values, today, problems)
    return state_of(tables, today)


def state_of(tables: Mapping[str, Mapping[Any, Any]], today: date) -> DesiredState:
    """The state with these tables, by section."""
    fields: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for section in (SECTIONS[name] for name in SECTIONS if name in tables):
        table = tables[section.name]
        found = tuple(table.values()) if section.scope is None else _read_only(table)
        (fields if section.name in DesiredState.__slots__ else others)[section.name] = found
    return DesiredState(today, **fields, others=others)


def _read_only(table: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(table) if isinstance(table, dict) else table


def check(state: DesiredState, site: Settings, problems: Problems, is_read: IsRead = lambda _: True) -> None:
    """Says what is wrong with all entries together, or with those of a part (`Merged`)."""
    merged = Merged(state, site, not problems.any_error, is_read)
    for name in SECTIONS:
        if len(state.section(name)):  # what no file has needs no import
            for each in SECTIONS[name].checks:
                each(merged, problems)


def _take_in(table: dict[Any, Any], section: Section, values: Iterable[Any], today: date, problems: Problems) -> None:
    """One after the other: something has the key of something else."""
    for value in values:
        key = section.key(value)
        first = table.setdefault(key, value)
        if first is not value:
            table[key] = section.clash(section, first, value, today, problems)
