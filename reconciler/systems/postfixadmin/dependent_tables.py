"""PostfixAdmin's other tables that know a mailbox by its user name: what moves with it, and what goes with it.

Only keys are named: a row is carried over whole, whatever columns a site added (facts/postfixadmin.md 11). `tables`
declares them, `write_statements` calls the statements inside an account's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    case,
    delete,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.types import UserDefinedType

from reconciler.model.addresses import domain_of

_NEVER = text("'2000-01-01'")
_NOW = text("CURRENT_TIMESTAMP")


class DependentTable(NamedTuple):
    """The tables by PostfixAdmin's names. The last three are looked for, never demanded."""

    vacation: Table
    vacation_notification: Table
    quota: Table
    quota2: Table
    fetchmail: Table
    mailbox_app_password: Table
    """4.0 (facts/postfixadmin.md 4)."""
    totp_exception_address: Table
    """4.0."""
    admin: Table
    """Read only: who of our people is an administrator too."""


def declare_dependent_tables(prefix: str, metadata: MetaData, flag: Any) -> DependentTable:
    """3.3's tables in `metadata`, which the demo makes whole; those that may be missing in one of their own."""
    absent = MetaData()
    username = ("username",)
    return DependentTable(
        _vacation(prefix, metadata, flag),
        Table(
            prefix + "vacation_notification",
            metadata,
            Column("on_vacation", ForeignKey(f"{prefix}vacation.email", ondelete="CASCADE"), primary_key=True),
            Column("notified", String(255), primary_key=True),
            Column("notified_at", _Carried(), nullable=False, server_default=_NOW),
        ),
        Table(
            prefix + "quota",
            metadata,
            Column("username", String(255), primary_key=True),
            Column("path", String(100), primary_key=True),
            Column("current", BigInteger, nullable=False, server_default=text("0")),
        ),
        Table(
            prefix + "quota2",
            metadata,
            Column("username", String(255), primary_key=True),
            Column("bytes", BigInteger, nullable=False, server_default=text("0")),
            Column("messages", Integer, nullable=False, server_default=text("0")),
        ),
        _fetchmail(prefix, metadata, flag),
        *(
            Table(prefix + name, absent, *(Column(column, String(255)) for column in username))
            for name in ("mailbox_app_password", "totp_exception_address", "admin")
        ),
    )


class _Carried(UserDefinedType[Any]):
    """A date that is carried over as the driver gives it, so that it stays what it is to the letter."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """For the demo's SQLite."""
        return "DATETIME"


def present(connection: Connection, tables: DependentTable) -> frozenset[str]:
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


def move_mailboxes(connection: Connection, tables: DependentTable, new_by_old: Mapping[str, str]) -> None:
    """Everything else that is kept under the old user names goes to the new ones.

    No mailbox has a new name yet, so what is counted or allowed under it is left of one that was deleted: an app
    password of that one must not open this one (facts/postfixadmin.md 4). An UPDATE, never an INSERT: PostgreSQL's
    triggers on the quota tables would add to what is there (facts 3).
    """
    there = present(connection, tables)
    for table in _with_username(tables, there):
        connection.execute(delete(table).where(table.c.username.in_(new_by_old.values())))
        _rename(connection, table, table.c.username, new_by_old)
    _rename(connection, tables.fetchmail, tables.fetchmail.c.mailbox, new_by_old)


def respell_mailboxes(connection: Connection, tables: DependentTable, new_by_old: Mapping[str, str]) -> None:
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


def move_vacations(connection: Connection, tables: DependentTable, new_by_old: Mapping[str, str]) -> None:
    """Vacation rows with their notifications, which hang on them by a foreign key that follows no change."""
    told = tables.vacation_notification
    mine = told.c.on_vacation.in_(new_by_old)
    notified = connection.execute(select(told).where(mine).with_for_update()).all()
    connection.execute(delete(told).where(told.c.on_vacation.in_([*new_by_old, *new_by_old.values()])))
    _rename(connection, tables.vacation, tables.vacation.c.email, new_by_old)
    known = {old.lower(): new for old, new in new_by_old.items()}
    moved = [{**row._mapping, "on_vacation": known[row.on_vacation.lower()]} for row in notified]
    if moved:
        connection.execute(insert(told).values(moved))


def purge(connection: Connection, tables: DependentTable, usernames: Collection[str]) -> None:
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


def _with_username(tables: DependentTable, there: Collection[str]) -> Iterable[Table]:
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


def _vacation(prefix: str, metadata: MetaData, flag: Any) -> Table:
    clock = DateTime(timezone=True)
    return Table(
        prefix + "vacation",
        metadata,
        Column("email", String(255), primary_key=True),
        Column("subject", String(255), nullable=False),
        Column("body", Text, nullable=False),
        Column("activefrom", clock, nullable=False, server_default=_NEVER),
        Column("activeuntil", clock, nullable=False, server_default=text("'2038-01-18'")),
        Column("cache", Text, nullable=False, server_default=text("''")),
        Column("domain", String(255), nullable=False),
        Column("interval_time", Integer, nullable=False, server_default=text("0")),
        Column("created", clock, nullable=False, server_default=_NEVER),
        Column("modified", clock, nullable=False, server_default=_NOW),
        Column("active", flag, nullable=False, server_default=text("'1'")),
    )


def _fetchmail(prefix: str, metadata: MetaData, flag: Any) -> Table:
    clock = DateTime(timezone=True)

    def texts(names: Sequence[str], **options: Any) -> list[Column[Any]]:
        return [Column(name, String(255), **options) for name in names]

    def flags(names: Sequence[str]) -> list[Column[Any]]:
        return [Column(name, flag, nullable=False, server_default=text("'0'")) for name in names]

    return Table(
        prefix + "fetchmail",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=True),
        *texts(("domain", "sslcertpath", "sslfingerprint"), server_default=text("''")),
        *texts(("mailbox", "src_server", "src_user", "src_password", "src_folder", "mda"), nullable=False),
        *texts(("src_auth",)),
        Column("poll_time", Integer, nullable=False, server_default=text("'10'")),
        *flags(("fetchall", "keep", "usessl", "sslcertck", "active")),
        *(Column(name, Text) for name in ("protocol", "extra_options", "returned_text")),
        *(Column(name, clock, nullable=False, server_default=_NEVER) for name in ("date", "created")),
        Column("modified", clock, nullable=False, server_default=_NOW),
        Column("src_port", Integer, nullable=False, server_default=text("0")),
        sqlite_autoincrement=True,
    )
