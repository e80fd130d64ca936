"""Fresh reads of a few rows by key, for `perform` (locked) and `is_applied`. Rows come with the values as stored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from reconciler.model.records import AliasRow, MailboxRow, VacationRow
from reconciler.systems.postfixadmin.observe import readings
from reconciler.systems.postfixadmin.spellings import Spellings
from reconciler.systems.postfixadmin.stored_values import address_key
from reconciler.systems.postfixadmin.tables import PostfixAdminTables

CHUNK = 500
"""Accounts in one transaction, and about that many keys in one IN."""


class Live(NamedTuple):
    """A row as it is compared, and as it is stored: `stored` begins with the key."""

    row: MailboxRow | AliasRow | VacationRow
    stored: tuple[Any, ...]


FreshRows = Mapping[tuple[str, str], Live]
"""(kind, key) → row; what is not in it is not there."""


def rows(
    connection: Connection,
    tables: PostfixAdminTables,
    keys: Collection[tuple[str, str]],
    spellings: Spellings,
    multiplier: int,
    *,
    lock: bool = False,
) -> FreshRows:
    """The live rows of (kind, key) pairs; locked until the transaction ends when `lock` is set. Aliases before
    mailboxes, each in the order of their keys, so that two writers cannot wait for each other."""
    found: dict[tuple[str, str], Live] = {}
    by_kind = readings(tables, multiplier)
    for kind in ("alias", "mailbox", "vacation"):
        query, normal, stored = by_kind[kind]
        key_column = query.selected_columns[0]
        if lock:
            query = query.with_for_update()
        for part in _parts(sorted(_stored_keys(kind, keys, spellings, stored))):
            for row in connection.execute(query.where(key_column.in_(part)).order_by(key_column)):
                value = normal(row)
                key = (kind, value.key)
                if row[0] in spellings.get(key, ()):
                    value = value._replace(spelling=row[0])
                # of two spellings the canonical one counts, as in `observe`
                if key in keys and (key not in found or row[0] == stored(value.key)):
                    found[key] = Live(value, tuple(row))
    return found


def password_days(connection: Connection, tables: PostfixAdminTables, domains: Collection[str]) -> dict[str, int]:
    """Domain → days that a password lasts; a domain that PostfixAdmin lacks is not in it."""
    domain = tables.domain.c
    found = connection.execute(
        select(domain.domain, domain.password_expiry).where(domain.domain.in_(sorted(filter(str.isascii, domains))))
    )
    return {address_key(name): days or 0 for name, days in found}


def stored_passwords(connection: Connection, tables: PostfixAdminTables, keys: Collection[str]) -> dict[str, str]:
    """Mailbox → stored hash, only to find out whether a broken commit was one; never shown."""
    mailbox = tables.mailbox.c
    found: dict[str, str] = {}
    for part in _parts(sorted(filter(str.isascii, keys))):
        query = select(mailbox.username, mailbox.password).where(mailbox.username.in_(part))
        found.update((address_key(username), password) for username, password in connection.execute(query))
    return found


def database_clock(connection: Connection) -> datetime:
    """The database's own time in its own zone: mail look-ups compare with it (facts/postfixadmin.md 12, 13.12)."""
    now: datetime = connection.execute(select(func.now())).scalar_one()
    return now


def _stored_keys(
    kind: str, keys: Collection[tuple[str, str]], spellings: Spellings, stored: Callable[[str], str]
) -> set[str]:
    """Every spelling to ask for. Never one outside ASCII: it makes the whole statement fail (facts 13.2)."""
    wanted = [pair for pair in keys if pair[0] == kind and pair[1].isascii()]
    return {spelling for pair in wanted for spelling in (stored(pair[1]), pair[1], *spellings.get(pair, ()))}


def _parts(keys: list[str]) -> Iterator[list[str]]:
    # twice CHUNK: an account has its own and its member alias, and one transaction takes one statement for them
    size = 2 * CHUNK
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
