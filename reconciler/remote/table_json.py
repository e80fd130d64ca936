"""Whole tables, whose rows MariaDB joins to JSON: PyMySQL is Python, and takes four times as long for rows one by one.

Two statements at every size. The first gives the rows of a small table, or of a big one a sample, whose keys divide
the table into parts of about equal size; the second gives each part as one text with the number of its rows. What a
server cuts (at `group_concat_max_len`, at `max_allowed_packet`: it says nothing) is noticed by that number and read row
by row.

The drivers of PostgreSQL and SQLite are written in C: there rows are rows (docs/decisions/0008-big-sites.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal_column, or_, select, union_all

SMALL = 4096
"""Rows of a table that come one by one; of a bigger one, the sample."""
PARTS = 128
"""Of a big table: a megabyte each where it has a million rows."""
_ROWS = 2000
"""Rows that a server-side cursor hands over at a time (facts/postfixadmin.md 15)."""
_JSON_SINCE = {True: (10, 2, 3), False: (5, 7, 8)}
"""The version that brought JSON_ARRAY, of MariaDB and of MySQL."""


def rows_of(connection: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    """The rows of a query, in no certain order. Its first column is unique, and it selects nothing but texts, whole
    numbers and truth values. Inside a transaction that sees one moment."""
    if not _has_json(connection):
        yield from stream(connection, query)
        return
    key = query.selected_columns[0]
    some = query.order_by(func.crc32(key)).limit(SMALL + 1).subquery()
    sample = connection.execute(select(some).order_by(some.c[0])).all()
    if len(sample) <= SMALL:
        yield from sample
        return
    # other signs than ASCII are not comparable with every column (facts/postfixadmin.md 13.2)
    bounds = [row[0] for row in sample if row[0].isascii()][:: SMALL // PARTS] or [""]
    between = (and_(key >= low, key < high) for low, high in pairwise(bounds))
    yield from _in_parts(connection, query, [key.is_(None), key < bounds[0], *between, key >= bounds[-1]])


def stream(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    """The rows of a query one by one, some of them in memory at a time."""
    result = connection.execute(query.execution_options(stream_results=True))
    for rows in result.partitions(_ROWS):
        yield from rows


def _in_parts(
    connection: Connection, query: Select[Any], parts: Sequence[ColumnElement[bool]]
) -> Iterator[Sequence[Any]]:
    text = func.group_concat(func.json_array(*query.selected_columns))
    # each is a range of the primary key: nothing is sorted, and memory holds one part at a time
    joined = (
        query.with_only_columns(literal_column(str(at)), func.count(), text).where(part)
        for at, part in enumerate(parts)
    )
    cut = []
    for at, number, text in connection.execute(union_all(*joined).execution_options(yield_per=1)):
        rows = _parsed(text or "")
        if len(rows) == number:
            yield from rows
        else:
            cut.append(parts[at])
    if cut:
        yield from stream(connection, query.where(or_(*cut)))


def _parsed(text: str) -> list[Sequence[Any]]:
    """The rows of a part; none of one that was cut."""
    try:
        rows: list[Sequence[Any]] = json.loads(f"[{text}]")
    except ValueError:
        return []
    return rows


def _has_json(connection: Connection) -> bool:
    dialect = connection.dialect
    if dialect.name != "mysql":
        return False
    is_mariadb = bool(getattr(dialect, "is_mariadb", False))
    return (dialect.server_version_info or ()) >= _JSON_SINCE[is_mariadb]
