"""What PostfixAdmin holds: one snapshot, a constant number of statements, streamed. The counterpart of `expect`.

`read` asks the database, `observation` makes records of what comes; a big site does the first in a helper process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from reconciler.model.names import folded
from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow, Records, Row, VacationRow
from reconciler.systems.postfixadmin.by_user import present
from reconciler.systems.postfixadmin.checks import check_tables
from reconciler.systems.postfixadmin.tables import Tables
from reconciler.systems.postfixadmin.texts import (
    address_key,
    alias_key,
    goto_of,
    megabytes,
    stored_alias,
)

_ROWS = 2000
"""Rows that a server-side cursor hands over at a time (facts/postfixadmin.md 15)."""


class Twice(NamedTuple):
    """Two live rows that mean the same address; possible where the database distinguishes case."""

    kind: str
    key: str
    stored: tuple[str, ...]


class Observation(NamedTuple):
    """The records, and the rows that were left out of them."""

    records: Records
    twice: tuple[Twice, ...]
    admins: frozenset[str] = frozenset()
    """Addresses that are administrators of PostfixAdmin too; empty when that table may not be read."""


Part = tuple[str, Sequence[tuple[Any, ...]]]
"""Some rows of a table, with PostfixAdmin's name of it."""


def read(connection: Connection, tables: Tables) -> Iterator[Part]:
    """Everything that an observation needs, inside the caller's snapshot: each table as a whole, in parts, the first
    one empty. Raises Unreadable when the tables are not what they should be."""
    check_tables(connection, tables)
    domain, alias_domain = tables.domain.c, tables.alias_domain.c
    queries: dict[str, Select[Any]] = {
        "mailbox": mailbox_columns(tables),
        "alias": alias_columns(tables),
        "domain": select(domain.domain, domain.active),
        "alias_domain": select(alias_domain.alias_domain, alias_domain.target_domain, alias_domain.active),
    }
    there = present(connection, tables.by_user)
    if "vacation" in there:
        queries["vacation"] = vacation_columns(tables)
    if "admin" in there:
        queries["admin"] = select(tables.by_user.admin.c.username)
    for name, query in queries.items():
        yield name, ()
        result = connection.execute(query.execution_options(stream_results=True))
        for rows in result.partitions(_ROWS):
            yield name, [tuple(row) for row in rows]


def observation(parts: Iterable[Part], multiplier: int) -> Observation:
    """The records of what `read` gives."""
    seen: list[Twice] = []
    # aliases first: PostfixAdmin's own order, and steps of one account keep it (facts/postfixadmin.md 5.2)
    records: Records = {"alias": {}, "mailbox": {}, "domain": {}, "alias_domain": {}}
    admins: frozenset[str] = frozenset()
    for name, of_table in groupby(parts, key=itemgetter(0)):
        rows = chain.from_iterable(some for _, some in of_table)
        match name:
            case "mailbox":
                records[name] = _table(name, rows, lambda r: mailbox_row(r, multiplier), str, seen)
            case "alias":
                records[name] = _table(name, rows, alias_row, stored_alias, seen)
            case "domain":
                records[name] = _table(name, rows, _domain_row, str, seen)
                # the pseudo domain of the superadmins is no mail domain (facts/postfixadmin.md 1)
                records[name].pop("all", None)
            case "alias_domain":
                records[name] = _table(name, rows, _alias_domain_row, str, seen)
            case "vacation":
                records[name] = {row.key: row for row in map(vacation_row, rows)}
            case "admin":
                admins = frozenset(address_key(username) for (username,) in rows)
    return Observation(records, tuple(seen), admins)


def mailbox_columns(tables: Tables) -> Select[Any]:
    """What planning needs of a mailbox; no dates, which old rows hold as zeros (facts/postfixadmin.md 13.7)."""
    c = tables.mailbox.c
    return select(c.username, c.name, c.quota, c.active)


def alias_columns(tables: Tables) -> Select[Any]:
    """What planning needs of an alias."""
    c = tables.alias.c
    return select(c.address, c.goto, c.active)


def vacation_columns(tables: Tables) -> Select[Any]:
    """What planning needs of a vacation. Where case matters PostfixAdmin finds lower case only (facts 3)."""
    c = tables.by_user.vacation.c
    return select(c.email, c.active).where(c.email == func.lower(c.email))


def mailbox_row(row: Any, multiplier: int) -> MailboxRow:
    """A row of `mailbox_columns`, normalised."""
    stored, name, quota, active = row
    return MailboxRow(address_key(stored), "", folded(name), megabytes(quota, multiplier), bool(active))


def alias_row(row: Any) -> AliasRow:
    """A row of `alias_columns`, normalised."""
    stored, goto, active = row
    key = alias_key(stored)
    # nearly every alias leads to itself alone: then both are one string in memory
    return AliasRow(key, "", (key,) if goto == key else goto_of(goto), bool(active))


def vacation_row(row: Any) -> VacationRow:
    """A row of `vacation_columns`."""
    return VacationRow(address_key(row[0]), "", bool(row[1]))


def _domain_row(row: Any) -> DomainRow:
    return DomainRow(address_key(row[0]), bool(row[1]))


def _alias_domain_row(row: Any) -> AliasDomainRow:
    return AliasDomainRow(address_key(row[0]), address_key(row[1]), bool(row[2]))


def _table(
    kind: str, rows: Iterable[Any], normal: Callable[[Any], Row], canonical: Callable[[str], str], seen: list[Twice]
) -> dict[str, Row]:
    """Rows by key. Of two with one key the canonically stored one stays, which is the one that mail look-ups find."""
    table: dict[str, Row] = {}
    odd: dict[str, str] = {}
    for row in rows:
        value = normal(row)
        key, stored = value.key, row[0]
        if stored != canonical(key):
            other = odd.get(key, canonical(key) if key in table else None)
            if other is not None:
                seen.append(Twice(kind, key, (other, stored)))
                continue
            odd[key] = stored
        elif key in odd:
            seen.append(Twice(kind, key, (stored, odd.pop(key))))
        table[key] = value
    return table
