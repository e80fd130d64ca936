"""Step 4: the entries of all files, merged, and compared with each other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from types import MappingProxyType
from typing import Any

from reconciler.declared.problems import Problems
from reconciler.declared.section import Merged, Section, sections
from reconciler.model.declared import DesiredState
from reconciler.settings import Settings


def merge(entries: Iterable[tuple[Section, Any]], site: Settings, today: date, problems: Problems) -> DesiredState:
    """Takes all entries in, and says what is wrong with them together."""
    known = sections()
    tables: dict[str, dict[Any, Any]] = {name: {} for name in known}
    for section, value in entries:
        table, key = tables[section.name], section.key(value)
        first = table.setdefault(key, value)
        if first is not value:
            table[key] = section.clash(section, first, value, today, problems)
    found: dict[str, Any] = {
        name: tuple(table.values()) if known[name].scope is None else MappingProxyType(table)
        for name, table in tables.items()
    }
    fields = {name: found.pop(name) for name in tables if name in DesiredState.__slots__}
    merged = Merged(DesiredState(today, **fields, others=found), site, not problems.any_error)
    for section in known.values():
        for check in section.checks:
            check(merged, problems)
    return merged.state
