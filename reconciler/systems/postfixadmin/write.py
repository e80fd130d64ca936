"""The statements that change rows: one each for inserting and updating aliases and mailboxes, however many rows.

`perform` decides what is written and ends the transaction. Every row here was read under a lock in the same one.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, case, func, insert, literal, tuple_, update

from reconciler.errors import PermanentFailure
from reconciler.model.addresses import domain_of, local_part
from reconciler.model.records import AliasRow, MailboxRow
from reconciler.settings import PostfixAdmin
from reconciler.systems.postfixadmin.tables import Tables
from reconciler.systems.postfixadmin.texts import goto_text, quota_bytes, stored_alias


@dataclass(slots=True)
class Edit:
    """New values for columns of a row. `stored` is the row as it was read, key first: the WHERE asks for all of it."""

    stored: tuple[Any, ...]
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Writes:
    """What one transaction writes. `log` has (domain, action, address) in the order of the accounts."""

    aliases: list[dict[str, Any]] = field(default_factory=list)
    mailboxes: list[dict[str, Any]] = field(default_factory=list)
    alias_edits: dict[str, Edit] = field(default_factory=dict)
    mailbox_edits: dict[str, Edit] = field(default_factory=dict)
    log: list[tuple[str, str, str]] = field(default_factory=list)


def new_alias(row: AliasRow) -> dict[str, Any]:
    """Every column of PostfixAdmin 3.3's `alias` (facts/postfixadmin.md 5.2)."""
    return {
        "address": stored_alias(row.key),
        "goto": goto_text(row.goto, row.key),
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


def write(connection: Connection, tables: Tables, writes: Writes) -> None:
    """Writes everything, in PostfixAdmin's order. Raises DBAPIError, and PermanentFailure when a row got away."""
    if writes.aliases:
        connection.execute(insert(tables.alias).values(writes.aliases))
    if writes.mailboxes:
        connection.execute(insert(tables.mailbox).values(writes.mailboxes))
    _edit(connection, tables.alias, ("address", "goto", "active"), list(writes.alias_edits.values()))
    _edit(connection, tables.mailbox, ("username", "name", "quota", "active"), list(writes.mailbox_edits.values()))
    if writes.log:
        connection.execute(insert(tables.log).values([_log(*entry) for entry in writes.log]))


def _log(domain: str, action: str, address: str) -> dict[str, Any]:
    # PostfixAdmin's form, WHO (ADDRESS), with its own action names (facts/postfixadmin.md 5.6)
    who = f"reconciler ({socket.gethostname()})"
    return {"timestamp": func.now(), "username": who, "domain": domain, "action": action, "data": address}


def _edit(connection: Connection, table: Table, compared: Sequence[str], edits: Sequence[Edit]) -> None:
    """One UPDATE: each column takes its new value where it has one and keeps its own elsewhere."""
    if not edits:
        return
    key = table.c[compared[0]]
    columns = dict.fromkeys(name for edit in edits for name in edit.values)
    values = {
        name: case(
            *((key == e.stored[0], literal(e.values[name], table.c[name].type)) for e in edits if name in e.values),
            else_=table.c[name],
        )
        for name in columns
    }
    # the key alone as well: no database is trusted to find an index through a tuple
    unchanged = tuple_(*(table.c[name] for name in compared)).in_([e.stored for e in edits])
    done = connection.execute(
        update(table).where(key.in_([e.stored[0] for e in edits]), unchanged).values(**values, modified=func.now())
    )
    if done.rowcount != len(edits):
        raise PermanentFailure(
            f"{len(edits) - done.rowcount} of {len(edits)} rows of {table.name} are no longer as they were read",
            hint="run `reconciler plan` again",
        )
