"""PostfixAdmin's tables, declared by hand: reflection loses lengths, and one schema has several column orders.

Every statement of this room is built from these and names its columns, so that columns which a site or PostfixAdmin
4.0 added (`smtp_active`, `totp_secret`, `description`) keep their defaults (facts/postfixadmin.md 1, 4 and 11).
`create_tables` makes them for the demo, which has no PostfixAdmin; a test holds them equal to what its installer makes.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Engine, Integer, MetaData, String, Table, Text, text
from sqlalchemy.dialects.sqlite import DATETIME

from reconciler.systems.postfixadmin.dependent_tables import DependentTable, declare_dependent_tables

CREATED_VERSION = 1847
"""The `config.version` of the tables that `create_tables` makes: PostfixAdmin 3.3.13 (facts/postfixadmin.md 1)."""

# 0 and 1, and a real boolean on PostgreSQL; kept as found, since a hand-made 2 must match in the WHERE
_Flag = Integer().with_variant(Boolean(), "postgresql")
# PostfixAdmin writes it on SQLite without seconds (facts/postfixadmin.md 3); all other clocks are the database's own
_MINUTES = "%(year)04d-%(month)02d-%(day)02d %(hour)02d:%(minute)02d"
_Minute = DateTime(timezone=True).with_variant(
    DATETIME(storage_format=_MINUTES),  # type: ignore[no-untyped-call]  # SQLAlchemy's own gap
    "sqlite",
)
_NEVER = text("'2000-01-01'")


class PostfixAdminTables(NamedTuple):
    """The tables that we read or write; their columns are found by PostfixAdmin's names."""

    mailbox: Table
    alias: Table
    domain: Table
    alias_domain: Table
    log: Table
    config: Table
    dependent_tables: DependentTable
    """What else is kept under a mailbox's user name."""


def declare(prefix: str = "") -> PostfixAdminTables:
    """The tables with the site's `table_prefix` before their names."""
    metadata = MetaData()
    return PostfixAdminTables(
        _mailbox(prefix, metadata),
        _alias(prefix, metadata),
        _domain(prefix, metadata),
        Table(
            prefix + "alias_domain",
            metadata,
            Column("alias_domain", String(255), primary_key=True),
            _text("target_domain"),
            *_clocks(),
            _active(),
        ),
        Table(
            prefix + "log",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=True),
            Column("timestamp", DateTime(timezone=True), nullable=False, server_default=_NEVER),
            _text("username"),
            _text("domain"),
            _text("action"),
            Column("data", Text, nullable=False),
            sqlite_autoincrement=True,
        ),
        Table(
            prefix + "config",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=True),
            Column("name", Text, nullable=False, unique=True, server_default=text("''")),
            Column("value", Text, nullable=False, server_default=text("''")),
            sqlite_autoincrement=True,
        ),
        declare_dependent_tables(prefix, metadata, _Flag),
    )


def create_tables(engine: Engine, prefix: str = "") -> None:
    """Makes the tables and notes their version. For the demo's new SQLite file; a real site's are PostfixAdmin's."""
    tables = declare(prefix)
    with engine.begin() as connection:
        tables.config.metadata.create_all(connection)
        connection.execute(tables.config.insert().values(name="version", value=str(CREATED_VERSION)))


def _mailbox(prefix: str, metadata: MetaData) -> Table:
    return Table(
        prefix + "mailbox",
        metadata,
        Column("username", String(255), primary_key=True),
        *(_text(name) for name in ("password", "name", "maildir")),
        Column("quota", BigInteger, nullable=False, server_default=text("0")),
        *(_text(name) for name in ("local_part", "domain")),
        *_clocks(),
        _active(),
        Column("phone", String(30), nullable=False, server_default=text("''")),
        *(Column(n, String(255), nullable=False, server_default=text("''")) for n in ("email_other", "token")),
        Column("token_validity", DateTime(timezone=True), nullable=False, server_default=_NEVER),
        Column("password_expiry", _Minute, nullable=False, server_default=_NEVER),
    )


def _alias(prefix: str, metadata: MetaData) -> Table:
    return Table(
        prefix + "alias",
        metadata,
        Column("address", String(255), primary_key=True),
        Column("goto", Text, nullable=False),
        _text("domain"),
        *_clocks(),
        _active(),
    )


def _domain(prefix: str, metadata: MetaData) -> Table:
    return Table(
        prefix + "domain",
        metadata,
        Column("domain", String(255), primary_key=True),
        _text("description"),
        *(Column(n, Integer, nullable=False, server_default=text("0")) for n in ("aliases", "mailboxes")),
        *(Column(n, BigInteger, nullable=False, server_default=text("0")) for n in ("maxquota", "quota")),
        _text("transport"),
        Column("backupmx", _Flag, nullable=False, server_default=text("'0'")),
        *_clocks(),
        _active(),
        Column("password_expiry", Integer, nullable=True, server_default=text("0")),
    )


def _text(name: str) -> Column[str]:
    return Column(name, String(255), nullable=False)


def _clocks() -> tuple[Column[object], Column[object]]:
    clock = DateTime(timezone=True)
    return (
        Column("created", clock, nullable=False, server_default=_NEVER),
        Column("modified", clock, nullable=False, server_default=_NEVER),
    )


def _active() -> Column[object]:
    return Column("active", _Flag, nullable=False, server_default=text("'1'"))
