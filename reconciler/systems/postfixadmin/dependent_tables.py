"""What moves and what goes with a mailbox in PostfixAdmin's other tables, inside an account's transaction.

Only keys are named: a row is carried over whole, whatever columns a site added (facts/postfixadmin.md 11).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    bindparam,
    case,
    delete,
    insert,
    literal,
    select,
    text,
    update,
)

from reconciler.model.addresses import domain_of
from reconciler.systems.postfixadmin.tables import DependentTables


def present(connection: Connection, tables: DependentTables) -> frozenset[str]:
    """Which of these tables there are, and may be read, by PostfixAdmin's names."""
    names = {table.name: word for word, table in tables._asdict().items()}
    query = text(_PRESENT[connection.dialect.name]).bindparams(bindparam("names", list(names), expanding=True))
    return frozenset(names[name] for (name,) in connection.execute(query))


_PRESENT = {
    "mysql": "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = DATABASE() "
    "AND table_name IN :names AND privileges LIKE '%select%'",
    "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = ANY (current_schemas(false)) "
    "AND table_name IN :names AND has_table_privilege(quote_ident(table_schema) || '.' || quote_ident(table_name), "
    "'SELECT')",
    "sqlite": "SELECT name FROM sqlite_master WHERE name IN :names",
}


def move_mailboxes(connection: Connection, tables: DependentTables, new_by_old: Mapping[str, str]) -> None:
    """Everything else that is kept under the old user names goes to the new ones. No mailbox has a new name yet, so
    what is counted or allowed under it is left of one that was deleted: an app password of that one must not open this
    one (facts/postfixadmin.md 4). An UPDATE, never an INSERT: PostgreSQL's triggers on the quota tables would add to
    what is there (facts 3)."""
    there = present(connection, tables)
    for table in _with_username(tables, there):
        connection.execute(delete(table).where(table.c.username.in_(new_by_old.values())))
        _rename(connection, table, table.c.username, new_by_old)
    _rename(connection, tables.fetchmail, tables.fetchmail.c.mailbox, new_by_old)


def respell_mailboxes(connection: Connection, tables: DependentTables, new_by_old: Mapping[str, str]) -> None:
    """What stands under a spelling that no look-up finds goes to the one that is found. Where something stands under
    that already, it is what the mail servers use, and stays."""
    there = present(connection, tables)
    keys = [table.c.username for table in _with_username(tables, there)]
    for key in (*keys, tables.vacation.c.email):
        taken = set(connection.scalars(select(key).where(key.in_(new_by_old.values()))))
        free = {old: new for old, new in new_by_old.items() if new not in taken}
        if not free:
            continue
        if key.table is tables.vacation:
            move_vacations(connection, tables, free)
        else:
            _rename(connection, key.table, key, free)
    _rename(connection, tables.fetchmail, tables.fetchmail.c.mailbox, new_by_old)


def move_vacations(connection: Connection, tables: DependentTables, new_by_old: Mapping[str, str]) -> None:
    """Vacation rows with their notifications, which hang on them by a foreign key that follows no change."""
    notifications = tables.vacation_notification
    mine = notifications.c.on_vacation.in_(new_by_old)
    notified = connection.execute(select(notifications).where(mine).with_for_update()).all()
    connection.execute(
        delete(notifications).where(notifications.c.on_vacation.in_([*new_by_old, *new_by_old.values()]))
    )
    _rename(connection, tables.vacation, tables.vacation.c.email, new_by_old)
    known = {old.lower(): new for old, new in new_by_old.items()}
    moved = [{**row._mapping, "on_vacation": known[row.on_vacation.lower()]} for row in notified]
    if moved:
        connection.execute(insert(notifications).values(moved))


def purge(connection: Connection, tables: DependentTables, usernames: Collection[str]) -> None:
    """What PostfixAdmin deletes with a mailbox, in its order (facts/postfixadmin.md 5.4), and what its 4.0 forgets."""
    there = present(connection, tables)
    columns = (
        tables.fetchmail.c.mailbox,
        # before `vacation`: a foreign key on two of the three backends
        tables.vacation_notification.c.on_vacation,
        tables.vacation.c.email,
        *(table.c.username for table in _with_username(tables, there)),
    )
    for column in columns:
        connection.execute(delete(column.table).where(column.in_(usernames)))


def _with_username(tables: DependentTables, there: Collection[str]) -> Iterable[Table]:
    late = ("mailbox_app_password", "totp_exception_address")
    return (tables.quota, tables.quota2, *(getattr(tables, name) for name in late if name in there))


def _rename(connection: Connection, table: Table, key: Column[Any], new_by_old: Mapping[str, str]) -> None:
    """One UPDATE. MariaDB assigns from left to right and reads what it has assigned, so the key comes last."""
    values: list[tuple[Column[Any], ColumnElement[Any]]] = []
    if "domain" in table.c:
        domains = {old: str(domain_of(new)) for old, new in new_by_old.items()}
        values.append((table.c.domain, _chosen(key, domains)))
    values.append((key, _chosen(key, new_by_old)))
    connection.execute(update(table).where(key.in_(new_by_old)).ordered_values(*values))


def _chosen(key: Column[Any], new_by_old: Mapping[str, str]) -> ColumnElement[Any]:
    return case(*((key == old, literal(new, key.type)) for old, new in new_by_old.items()), else_=key)
