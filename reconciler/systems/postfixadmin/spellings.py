"""Keys that are stored so that no look-up finds them: capitals where the database tells them apart, or spaces.

Postfix and Dovecot ask for lower case, and PostfixAdmin's pages too (facts/postfixadmin.md 3). Whether `=` finds a
spelling is asked of the database: its collation decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    for kind, column, key_of in (
        ("alias", tables.alias.c.address, alias_key),
        ("mailbox", tables.mailbox.c.username, address_key),
    ):
        for stored in _odd(connection, column):
            key = (kind, key_of(stored))
            found[key] = (*found.get(key, ()), stored)
    return found


def mark(connection: Connection, column: Column[Any], table: Read) -> None:
    """Notes in rows that no look-up finds how they are stored. Asks nothing when all are stored canonically."""
    hidden = set(_odd(connection, column)) if table.odd else set()
    for key, stored in table.odd.items():
        if stored in hidden:
            table.rows[key] = table.rows[key]._replace(spelling=stored)  # type: ignore[attr-defined]  # both kinds have it


def take_hidden(connection: Connection, tables: PostfixAdminTables, domains: Read, linked: Read) -> list[Hidden]:
    """Removes domains and alias domains that no look-up finds from the records: nobody gets mail through them. Returns
    these, and the vacations that are not found. A row that is found stays, even beside one that is not."""
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


def _odd(connection: Connection, *columns: Column[Any]) -> Iterator[str]:
    """The keys in the first column of rows in which one of the columns is stored so that it is not found."""
    otherwise: list[ColumnElement[bool]] = [column != func.lower(func.trim(column)) for column in columns]
    found = connection.scalars(select(columns[0]).where(or_(*otherwise)))
    return (stored for stored in found if stored.isascii())
