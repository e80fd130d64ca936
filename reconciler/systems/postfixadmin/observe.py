"""What PostfixAdmin holds: one snapshot, a constant number of statements, streamed. The counterpart of `expect`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from reconciler.model.name_folding import folded
from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow, Records, Row, VacationRow
from reconciler.planning.ports import Observation
from reconciler.systems.postfixadmin.dependent_tables import present
from reconciler.systems.postfixadmin.name_encodings import charset_of_names
from reconciler.systems.postfixadmin.spellings import ALL_DOMAINS, Hidden, Read, mark, take_hidden
from reconciler.systems.postfixadmin.stored_values import (
    address_key,
    alias_key,
    goto_of,
    megabytes,
    stored_alias,
)
from reconciler.systems.postfixadmin.table_checks import check_tables
from reconciler.systems.postfixadmin.tables import PostfixAdminTables

_ROWS = 2000
"""Rows that a server-side cursor hands over at a time (facts/postfixadmin.md 15)."""


class Twice(NamedTuple):
    """Two live rows that mean the same address; possible where the database distinguishes case."""

    kind: str
    key: str
    stored: tuple[str, ...]


class Details(NamedTuple):
    """What is in no record: the rows that were left out, and more that `review` looks at."""

    twice: tuple[Twice, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    admins: frozenset[str] = frozenset()
    """Addresses that are administrators of PostfixAdmin too; empty when that table may not be read."""
    charset: str = ""
    """See `charset_of_names`."""


def observe(connection: Connection, tables: PostfixAdminTables, multiplier: int) -> Observation:
    """Reads everything inside the caller's snapshot. Raises Unreadable when the tables are not what they should be."""
    check_tables(connection, tables)
    alias_domain = tables.alias_domain.c
    seen: list[Twice] = []
    boxes = _table(
        "mailbox", _stream(connection, mailbox_columns(tables)), lambda r: mailbox_row(r, multiplier), str, seen
    )
    mailboxes = mark(connection, tables.mailbox.c.username, boxes)
    others = _table("alias", _stream(connection, alias_columns(tables)), alias_row, stored_alias, seen)
    aliases = mark(connection, tables.alias.c.address, others)
    domains = _table("domain", _stream(connection, domain_columns(tables)), _domain_row, str, seen)
    links = select(alias_domain.alias_domain, alias_domain.target_domain, alias_domain.active)
    linked = _table("alias_domain", _stream(connection, links), _alias_domain_row, str, seen)
    hidden = take_hidden(connection, tables, domains, linked)
    domains.rows.pop(ALL_DOMAINS, None)
    records: Records = {"alias": aliases, "mailbox": mailboxes, "domain": domains.rows, "alias_domain": linked.rows}
    there = present(connection, tables.dependent_tables)
    vacations = map(vacation_row, _stream(connection, vacation_columns(tables)))
    records["vacation"] = {row.key: row for row in vacations}
    admin = tables.dependent_tables.admin.c.username
    admins = _stream(connection, select(admin)) if "admin" in there else ()
    administrators = frozenset(address_key(username) for (username,) in admins)
    details = Details(tuple(seen), tuple(hidden), administrators, charset_of_names(connection, tables))
    return Observation(records, details)


def mailbox_columns(tables: PostfixAdminTables) -> Select[Any]:
    """What planning needs of a mailbox; no dates, which old rows hold as zeros (facts/postfixadmin.md 13.7)."""
    c = tables.mailbox.c
    return select(c.username, c.name, c.quota, c.active)


def alias_columns(tables: PostfixAdminTables) -> Select[Any]:
    """What planning needs of an alias."""
    c = tables.alias.c
    return select(c.address, c.goto, c.active)


def domain_columns(tables: PostfixAdminTables) -> Select[Any]:
    """What planning needs of a domain."""
    c = tables.domain.c
    return select(c.domain, c.active, c.backupmx, c.mailboxes, c.aliases, c.maxquota, c.quota)


def vacation_columns(tables: PostfixAdminTables) -> Select[Any]:
    """What planning needs of a vacation. Where case matters PostfixAdmin finds lower case only (facts 3)."""
    c = tables.dependent_tables.vacation.c
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
    stored, active, backupmx, *limits = row
    return DomainRow(address_key(stored), bool(active), bool(backupmx), *(limit or 0 for limit in limits))


def _alias_domain_row(row: Any) -> AliasDomainRow:
    return AliasDomainRow(address_key(row[0]), address_key(row[1]), bool(row[2]))


def _stream(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    result = connection.execute(query.execution_options(stream_results=True))
    for part in result.partitions(_ROWS):
        yield from part


def _table(
    kind: str, rows: Iterator[Any], normal: Callable[[Any], Row], canonical: Callable[[str], str], seen: list[Twice]
) -> Read:
    """Of two rows with one key the canonically stored one stays, which is the one that mail look-ups find."""
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
    return Read(table, odd)
