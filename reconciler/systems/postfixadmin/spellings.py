"""Keys that are stored so that no look-up finds them: capitals where the database tells them apart, or spaces.

Postfix and Dovecot ask for lower case, and PostfixAdmin's pages too (facts/postfixadmin.md 3). Whether `=` finds a
spelling is asked of the database: its collation decides. `observe` marks such rows, `fresh_reads` finds them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, func, or_, select

from reconciler.model.records import Row
from reconciler.systems.postfixadmin.stored_values import address_key, alias_key
from reconciler.systems.postfixadmin.tables import PostfixAdminTables

Spellings = Mapping[tuple[str, str], tuple[str, ...]]
"""(kind, key) → other spellings under which rows are stored."""


ALL_DOMAINS = "all"
"""The pseudo domain of the superadmins, which is no mail domain (facts/postfixadmin.md 1)."""


class Hidden(NamedTuple):
    """A row that no look-up finds, of a table that we do not write for its own sake."""

    kind: str
    stored: str


class Read(NamedTuple):
    """A table as records, and how those rows are stored that are not stored canonically: key → stored."""

    rows: dict[str, Row]
    odd: Mapping[str, str]


def odd_spellings(connection: Connection, tables: PostfixAdminTables) -> Spellings:
    """Rows that an IN of canonical keys misses. Two scans of the keys, so asked once for a whole batch."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for kind, column, key_of in _key_columns(tables):
        for stored in _odd(connection, column):
            key = (kind, key_of(stored))
            found[key] = (*found.get(key, ()), stored)
    return found


def mark(connection: Connection, column: Column[Any], table: Read) -> dict[str, Row]:
    """The rows; those that no look-up finds say how they are stored. Asks nothing when all are stored canonically."""
    hidden = set(_odd(connection, column)) if table.odd else set()
    for key, stored in table.odd.items():
        if stored in hidden:
            table.rows[key] = table.rows[key]._replace(spelling=stored)  # type: ignore[attr-defined]  # both kinds have it
    return table.rows


def take_hidden(connection: Connection, tables: PostfixAdminTables, domains: Read, linked: Read) -> list[Hidden]:
    """Takes domains and alias domains that no look-up finds out of the records: nobody gets mail through them. Names
    these, and the vacations that are not found. Beside a row that is found, one that is not changes nothing."""
    domain, link, vacation = tables.domain.c, tables.alias_domain.c, tables.dependent_tables.vacation.c
    hidden: list[Hidden] = []
    for kind, table, columns in (
        ("domain", domains, (domain.domain,)),
        ("alias_domain", linked, (link.alias_domain, link.target_domain)),
    ):
        for stored in _odd(connection, *columns):
            key = address_key(stored)
            if key == ALL_DOMAINS:
                continue
            if table.odd.get(key, key) == stored:
                table.rows.pop(key, None)
            hidden.append(Hidden(kind, stored))
    return hidden + [Hidden("vacation", stored) for stored in _odd(connection, vacation.email)]


def _odd(connection: Connection, column: Column[Any], *more: Column[Any]) -> Iterator[str]:
    otherwise: list[ColumnElement[bool]] = [c != func.lower(func.trim(c)) for c in (column, *more)]
    for (stored,) in connection.execute(select(column).where(or_(*otherwise))):
        if stored.isascii():
            yield stored


def _key_columns(tables: PostfixAdminTables) -> tuple[tuple[str, Column[Any], Callable[[str], str]], ...]:
    return (("alias", tables.alias.c.address, alias_key), ("mailbox", tables.mailbox.c.username, address_key))
