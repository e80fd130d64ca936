"""Keys that are stored so that no look-up finds them: capitals where the database tells them apart, or spaces.

Postfix and Dovecot ask for lower case, and PostfixAdmin's pages too (facts/postfixadmin.md 3). Whether `=` finds a
spelling is asked of the database: its collation decides. `observe` marks such rows, `lookup` finds them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, func, or_, select

from reconciler.model.records import Row
from reconciler.systems.postfixadmin.tables import Tables
from reconciler.systems.postfixadmin.texts import address_key, alias_key

Spellings = Mapping[tuple[str, str], tuple[str, ...]]
"""(kind, key) → other spellings under which rows are stored."""


class Hidden(NamedTuple):
    """A row that no look-up finds, of a table that we do not write for its own sake."""

    kind: str
    stored: str


def odd_spellings(connection: Connection, tables: Tables) -> Spellings:
    """Rows that an IN of canonical keys misses. Two scans of the keys, so asked once for a whole batch."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for kind, column, key_of in _key_columns(tables):
        for stored in _odd(connection, column):
            key = (kind, key_of(stored))
            found[key] = (*found.get(key, ()), stored)
    return found


def mark(connection: Connection, column: Column[Any], table: dict[str, Row], odd: Mapping[str, str]) -> None:
    """Writes into the rows of `table` how they are stored when no look-up finds that; `odd` is key → stored, of those
    that are not stored canonically. Asks nothing when there are none."""
    hidden = set(_odd(connection, column)) if odd else set()
    for key, stored in odd.items():
        if stored in hidden:
            table[key] = table[key]._replace(spelling=stored)  # type: ignore[attr-defined]  # both kinds have it


def take_hidden(
    connection: Connection, tables: Tables, domains: dict[str, Row], linked: dict[str, Row]
) -> list[Hidden]:
    """Takes domains and alias domains that no look-up finds out of the records: nobody gets mail through them. Names
    these, and the vacations that are not found."""
    domain, link, vacation = tables.domain.c, tables.alias_domain.c, tables.by_user.vacation.c
    hidden: list[Hidden] = []
    for stored in _odd(connection, domain.domain):
        domains.pop(address_key(stored), None)
        hidden.append(Hidden("domain", stored))
    for stored in _odd(connection, link.alias_domain, link.target_domain):
        linked.pop(address_key(stored), None)
        hidden.append(Hidden("alias_domain", stored))
    return hidden + [Hidden("vacation", stored) for stored in _odd(connection, vacation.email)]


def _odd(connection: Connection, column: Column[Any], *more: Column[Any]) -> Iterator[str]:
    otherwise: list[ColumnElement[bool]] = [c != func.lower(func.trim(c)) for c in (column, *more)]
    for (stored,) in connection.execute(select(column).where(or_(*otherwise))):
        if stored.isascii():
            yield stored


def _key_columns(tables: Tables) -> tuple[tuple[str, Column[Any], Callable[[str], str]], ...]:
    return (("alias", tables.alias.c.address, alias_key), ("mailbox", tables.mailbox.c.username, address_key))
