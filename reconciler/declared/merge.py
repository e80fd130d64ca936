"""Step 4: the entries of all files, merged, and compared with each other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from types import MappingProxyType
from typing import Any

from reconciler.declared.problems import Problems
from reconciler.declared.section import SECTIONS, Merged, Section
from reconciler.model.declared import DesiredState
from reconciler.settings import Settings


def merge(entries: Iterable[tuple[Section, Any]], site: Settings, today: date, problems: Problems) -> DesiredState:
    """Takes all entries in, and says what is wrong with them together."""
    tables: dict[str, dict[Any, Any]] = {}
    for section, value in entries:
        table, key = tables.setdefault(section.name, {}), section.key(value)
        first = table.setdefault(key, value)
        if first is not value:
            table[key] = section.clash(section, first, value, today, problems)
    met = [SECTIONS[name] for name in SECTIONS if name in tables]
    fields: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for section in met:
        table = tables[section.name]
        found = tuple(table.values()) if section.scope is None else MappingProxyType(table)
        (fields if section.name in DesiredState.__slots__ else others)[section.name] = found
    merged = Merged(DesiredState(today, **fields, others=others), site, not problems.any_error)
    for section in met:
        for check in section.checks:
            check(merged, problems)
    return merged.state
