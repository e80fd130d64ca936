"""The values of one file as JSON and back: for each section the columns of its values, in the order of the fields.

Plain JSON: reading it makes texts, numbers and lists, and calls nothing by name. Of its place a value keeps its key
alone; file and section are those of whoever reads it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from datetime import date
from enum import Enum
from functools import cache
from itertools import repeat
from typing import Any, get_args, get_origin, get_type_hints

from reconciler.declared.section import SECTIONS, Batch
from reconciler.model.source_places import Origin

Column = list[Any]
Read = Callable[[Column], Column]


def rows(batches: Iterable[Batch]) -> bytes | None:
    """None where a section's values cannot be kept, or hold what no file of UTF-8 can."""
    tables: dict[str, list[Column]] = {}
    for section, values in batches:
        if section.value is None:
            return None
        columns = map(list, zip(*values, strict=True))
        reads = _reads(section.value)
        tables[section.name] = [c if read else [o.key for o in c] for read, c in zip(reads, columns, strict=True)]
    try:
        text = json.dumps(
            tables, ensure_ascii=False, check_circular=False, separators=(",", ":"), default=date.isoformat
        )
        return text.encode()
    except UnicodeEncodeError:
        return None


def batches(content: bytes, file: str) -> list[Batch]:
    """What `rows` was given, for the file of that name."""
    return [_batch(name, columns, file) for name, columns in json.loads(content).items()]


def _batch(name: str, columns: list[Column], file: str) -> Batch:
    section = SECTIONS[name]
    assert section.value is not None
    read = [
        read(column) if read else _origins(file, name, column)
        for read, column in zip(_reads(section.value), columns, strict=True)
    ]
    return section, _made(section.value, *read)


def _origins(file: str, section: str, keys: Column) -> Column:
    """Nearly all have one together."""
    found = {key: Origin(file, section, key) for key in set(keys)}
    return [found[key] for key in keys]


def _made(kind: type, *columns: Iterable[Any]) -> list[Any]:
    """As `kind(*row)` for each row, which takes three times as long."""
    return list(map(tuple.__new__, repeat(kind), zip(*columns, strict=True)))


@cache
def _reads(value: type) -> list[Read | None]:
    """How the column of each field is read; None for the place."""
    return [None if hint is Origin else _read(hint) for hint in get_type_hints(value).values()]


def _read(hint: Any) -> Read:
    """Raises KeyError for a field that cannot be kept."""
    kind = _plain(get_args(hint)[0] if get_args(hint) else hint)
    if get_origin(hint) is tuple:
        return {str: _tuples}[kind]
    return _each(kind) if issubclass(kind, Enum) else _READS[kind]


def _plain(hint: Any) -> Any:
    """What a new name for a type stands for."""
    return getattr(hint, "__supertype__", hint)


def _each(made: Callable[[Any], Any]) -> Read:
    return lambda column: [None if value is None else made(value) for value in column]


def _tuples(column: Column) -> Column:
    return [tuple(map(sys.intern, texts)) for texts in column]


_READS: dict[type, Read] = {str: _each(sys.intern), date: _each(date.fromisoformat), int: list, bool: list}
