"""The statements that change rows: one each for inserting and updating aliases and mailboxes, however many rows.

Every row was read under a lock in the same transaction, which the caller ends.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, case, delete, func, insert, literal, select, tuple_, update

from reconciler.errors import PermanentFailure
from reconciler.model.addresses import domain_of, local_part
from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow
from reconciler.settings import PostfixAdmin
from reconciler.systems.postfixadmin.dependent_tables import move_mailboxes, move_vacations, purge, respell_mailboxes
from reconciler.systems.postfixadmin.stored_values import goto_text, quota_bytes, stored_alias
from reconciler.systems.postfixadmin.tables import PostfixAdminTables


@dataclass(slots=True)
class Edit:
    """New values for columns of a row. `stored` is the row as it was read, key first: the WHERE asks for all of it."""

    stored: tuple[Any, ...]
    values: dict[str, Any] = field(default_factory=dict)


class Move(NamedTuple):
    """A row that gets another key. `stored` as in Edit."""

    stored: tuple[Any, ...]
    key: str


class RowsChanged(PermanentFailure):
    """A row was no longer as it was read, in spite of its lock."""


@dataclass(slots=True)
class Writes:
    """What one transaction writes. `log` has (domain, action, address) in the order of the accounts."""

    domains: list[dict[str, Any]] = field(default_factory=list)
    domain_edits: list[Edit] = field(default_factory=list)
    alias_domains: list[dict[str, Any]] = field(default_factory=list)
    alias_domain_edits: list[Edit] = field(default_factory=list)
    alias_domain_deletions: list[tuple[Any, ...]] = field(default_factory=list)
    aliases: list[dict[str, Any]] = field(default_factory=list)
    mailboxes: list[dict[str, Any]] = field(default_factory=list)
    alias_edits: dict[str, Edit] = field(default_factory=dict)
    mailbox_edits: dict[str, Edit] = field(default_factory=dict)
    mailbox_moves: dict[str, str] = field(default_factory=dict)
    """Stored → new user name, for the dependent tables; the mailboxes' own rows are among the edits."""
    mailbox_respellings: dict[str, str] = field(default_factory=dict)
    """The same, of mailboxes whose address stays and is stored as look-ups find it."""
    vacation_moves: list[Move] = field(default_factory=list)
    alias_deletions: list[tuple[Any, ...]] = field(default_factory=list)
    mailbox_deletions: list[tuple[Any, ...]] = field(default_factory=list)
    log: list[tuple[str, str, str]] = field(default_factory=list)


def new_domain(row: DomainRow) -> dict[str, Any]:
    """Every column of PostfixAdmin 3.3's `domain` (facts/postfixadmin.md 5.1), without its default aliases: those are
    declared like all others."""
    limits = {name: getattr(row, name) for name in ("mailboxes", "aliases", "maxquota", "quota")}
    now = {"created": func.now(), "modified": func.now()}
    what = {"domain": row.key, "description": "", "transport": "virtual", "password_expiry": _PASSWORD_DAYS}
    return {**what, **limits, **now, "backupmx": row.backupmx, "active": row.active}


_PASSWORD_DAYS = 365
"""What PostfixAdmin gives a new domain (facts/postfixadmin.md 5.1)."""


def new_alias_domain(row: AliasDomainRow) -> dict[str, Any]:
    """Every column of 3.3's `alias_domain`."""
    now = {"created": func.now(), "modified": func.now()}
    return {"alias_domain": row.key, "target_domain": row.target, **now, "active": row.active}


def new_alias(row: AliasRow, stored: str = "") -> dict[str, Any]:
    """Every column of PostfixAdmin 3.3's `alias` (facts/postfixadmin.md 5.2). See `goto_text`."""
    return {
        "address": stored_alias(row.key),
        "goto": goto_text(row.goto, row.key, stored),
        "domain": domain_of(row.key),
        "created": func.now(),
        "modified": func.now(),
        "active": row.active,
    }


def new_mailbox(row: MailboxRow, password: str, expiry: datetime, section: PostfixAdmin) -> dict[str, Any]:
    """Every column of 3.3's `mailbox` that has a value at creation (facts/postfixadmin.md 5.2 and 16.2)."""
    local, domain = local_part(row.key), domain_of(row.key)
    return {
        "username": row.key,
        "password": password,
        "name": row.name,
        "maildir": section.maildir.format(local_part=local, domain=domain, address=row.key),
        "quota": quota_bytes(row.quota, section.quota_multiplier),
        "local_part": local,
        "domain": domain,
        "created": func.now(),
        "modified": func.now(),
        "active": row.active,
        "phone": "",
        "email_other": "",
        "token": "",
        "token_validity": func.now(),
        "password_expiry": expiry,
    }


def password_expiry(now: datetime, days: int) -> datetime:
    """Whole minutes, as PostfixAdmin writes it; 0 days is now, which is meant for "never" (facts 5.2, 8, 12)."""
    return now.replace(second=0, microsecond=0) + timedelta(days=days)


_DOMAIN = ("domain", "active", "backupmx", "mailboxes", "aliases", "maxquota", "quota")
_ALIAS_DOMAIN = ("alias_domain", "target_domain", "active")
_ALIAS = ("address", "goto", "active")
_MAILBOX = ("username", "name", "quota", "active")
_VACATION = ("email", "active")


def write(connection: Connection, tables: PostfixAdminTables, writes: Writes) -> None:
    """Writes everything, in PostfixAdmin's order. Raises DBAPIError, and RowsChanged."""
    for table, rows in ((tables.domain, writes.domains), (tables.alias_domain, writes.alias_domains)):
        if rows:
            connection.execute(insert(table).values(rows))
    _edit(connection, tables.domain, _DOMAIN, writes.domain_edits)
    _edit(connection, tables.alias_domain, _ALIAS_DOMAIN, writes.alias_domain_edits)
    if writes.aliases:
        connection.execute(insert(tables.alias).values(writes.aliases))
    if writes.mailboxes:
        connection.execute(insert(tables.mailbox).values(writes.mailboxes))
    _edit(connection, tables.alias, _ALIAS, list(writes.alias_edits.values()))
    _edit(connection, tables.mailbox, _MAILBOX, list(writes.mailbox_edits.values()))
    _move(connection, tables, writes)
    _delete(connection, tables, writes)
    if writes.log:
        # PostfixAdmin's form, WHO (ADDRESS), with its own action names (facts/postfixadmin.md 5.6)
        who = {"timestamp": func.now(), "username": f"reconciler ({socket.gethostname()})"}
        entries = [{**who, "domain": domain, "action": action, "data": key} for domain, action, key in writes.log]
        connection.execute(insert(tables.log).values(entries))


def _move(connection: Connection, tables: PostfixAdminTables, writes: Writes) -> None:
    others = tables.dependent_tables
    if writes.mailbox_moves:
        move_mailboxes(connection, others, writes.mailbox_moves)
    if writes.mailbox_respellings:
        respell_mailboxes(connection, others, writes.mailbox_respellings)
    if moves := writes.vacation_moves:
        unchanged = _unchanged(others.vacation, _VACATION, [move.stored for move in moves])
        still = connection.execute(select(func.count()).select_from(others.vacation).where(*unchanged)).scalar_one()
        _all_of(others.vacation, still, len(moves))
        move_vacations(connection, others, {move.stored[0]: move.key for move in moves})


def _delete(connection: Connection, tables: PostfixAdminTables, writes: Writes) -> None:
    if writes.mailbox_deletions:
        purge(connection, tables.dependent_tables, [stored[0] for stored in writes.mailbox_deletions])
    for table, compared, stored in (
        (tables.alias, _ALIAS, writes.alias_deletions),
        (tables.mailbox, _MAILBOX, writes.mailbox_deletions),
        (tables.alias_domain, _ALIAS_DOMAIN, writes.alias_domain_deletions),
    ):
        if stored:
            done = connection.execute(delete(table).where(*_unchanged(table, compared, stored)))
            _all_of(table, done.rowcount, len(stored))


def _edit(connection: Connection, table: Table, compared: Sequence[str], edits: Sequence[Edit]) -> None:
    """One UPDATE: each column takes its new value where it has one and keeps its own elsewhere."""
    if not edits:
        return
    key = table.c[compared[0]]
    columns = dict.fromkeys(name for edit in edits for name in edit.values)
    values = [
        (
            table.c[name],
            case(
                *((key == e.stored[0], literal(e.values[name], table.c[name].type)) for e in edits if name in e.values),
                else_=table.c[name],
            ),
        )
        # MariaDB assigns from left to right and reads what it has assigned: the key, when it changes, comes last
        for name in sorted(columns, key=lambda name: name == compared[0])
    ]
    unchanged = _unchanged(table, compared, [edit.stored for edit in edits])
    done = connection.execute(update(table).where(*unchanged).ordered_values((table.c.modified, func.now()), *values))
    _all_of(table, done.rowcount, len(edits))


def _unchanged(
    table: Table, compared: Sequence[str], stored: Sequence[tuple[Any, ...]]
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    # the key alone as well: no database is trusted to find an index through a tuple
    keys = table.c[compared[0]].in_([row[0] for row in stored])
    return keys, tuple_(*(table.c[name] for name in compared)).in_(stored)


def _all_of(table: Table, done: int, expected: int) -> None:
    if done != expected:
        raise RowsChanged(
            f"{expected - done} of {expected} rows of {table.name} are no longer as they were read",
            hint="run `reconciler plan` again",
        )
