"""The ledger's tables, declared by hand, the same on MariaDB, PostgreSQL and SQLite.

Text is compared byte by byte everywhere (utf8mb4_bin): a step's key may differ from another's in case only. Keys hold
320 characters, since an address has up to 318 (RFC 5321: 64, `@`, 253) and a sender block may be one. Whoever changes a
table gives `migrations` the step that older ledgers need.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Date, DateTime, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

KEY_LENGTH = 320
_STEP_ID_LENGTH = 400  # system/kind/action/ and a key

_MARIADB: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mysql_row_format": "DYNAMIC",  # keys of more than 767 bytes
}


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, stored as UTC without zone, to the microsecond."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DATETIME(fsp=6) if dialect.name == "mysql" else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        return None if value is None else value.replace(tzinfo=UTC)


class LedgerTables(NamedTuple):
    """All tables of the ledger."""

    meta: Table
    runs: Table
    plans: Table
    steps: Table
    inventory: Table
    lock: Table
    one_shots: Table


def declare(prefix: str = "") -> LedgerTables:
    """The tables, with the site's own prefix before `reconciler_`."""
    metadata, prefix = MetaData(), f"{prefix}reconciler_"
    return LedgerTables(
        _table(prefix, "meta", metadata, _key("name", 32), _text("value", 255)),
        _runs(prefix, metadata),
        _table(
            prefix,
            "plans",
            metadata,
            # in parts: a plan of ten thousand accounts is bigger than MariaDB's max_allowed_packet
            Column("run", Integer, primary_key=True, autoincrement=False),
            Column("part", Integer, primary_key=True, autoincrement=False),
            _long("text"),
        ),
        _steps(prefix, metadata),
        _inventory(prefix, metadata),
        _lock(prefix, metadata),
        _table(
            prefix,
            "one_shots",
            metadata,
            Column("id", Integer, primary_key=True, autoincrement=True),
            Column("run", Integer, nullable=False),
            # empty: missed, so that no step does it
            _text("step_id", _STEP_ID_LENGTH),
            _text("address", KEY_LENGTH),
            _text("name", 64),
            Column("date", Date, nullable=False),
        ),
    )


def _runs(prefix: str, metadata: MetaData) -> Table:
    return _table(
        prefix,
        "runs",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=True),
        _text("site", 255),
        _text("digest", 64),
        _text("commit", 64),
        _text("who", 255),
        _text("host", 255),
        Column("pid", BigInteger, nullable=False),
        _time("started"),
        _time("finished", nullable=True),
        _text("state", 16),
        Index(f"{prefix}runs_digest", "digest"),
        sqlite_autoincrement=True,  # a later run has a higher number, also after somebody deleted rows
    )


def _steps(prefix: str, metadata: MetaData) -> Table:
    return _table(
        prefix,
        "steps",
        metadata,
        Column("run", Integer, primary_key=True, autoincrement=False),
        Column("seq", Integer, primary_key=True, autoincrement=False),
        _text("scope", 16),
        _text("subject", KEY_LENGTH),
        _text("step_id", _STEP_ID_LENGTH),
        _text("system", 32),
        _text("kind", 32),
        _text("action", 16),
        _text("key", KEY_LENGTH),
        Column("stage", Integer, nullable=False),
        _long("before", nullable=True),
        _long("after", nullable=True),
        Column("origin", Text, nullable=False),
        _text("counted", 16),
        _text("state", 16),
        _time("began", nullable=True),
        _time("ended", nullable=True),
        Column("message", Text, nullable=False),
        Column("hint", Text, nullable=False),
        Index(f"{prefix}steps_id", "run", "step_id", unique=True),
        Index(f"{prefix}steps_owner", "subject", "kind", "run"),
        Index(f"{prefix}steps_state", "state", "kind"),
        Index(f"{prefix}steps_counted", "counted", "kind"),
        Index(f"{prefix}steps_key", "key", "kind"),
        Index(f"{prefix}steps_began", "began"),
        Index(f"{prefix}steps_ended", "ended"),
    )


def _inventory(prefix: str, metadata: MetaData) -> Table:
    return _table(
        prefix,
        "inventory",
        metadata,
        _key("site", 255),
        _key("system", 32),
        _key("kind", 32),
        _key("key", KEY_LENGTH),
        _text("scope", 16),
        _text("subject", KEY_LENGTH),
        _long("value"),
        _text("commit", 64),
        Column("run", Integer, nullable=False),
        _time("since"),
        _text("since_commit", 64),
    )


def _lock(prefix: str, metadata: MetaData) -> Table:
    """`since` and `expires` are milliseconds since 1970 by the database's clock; `expires` is null when it is free."""
    return _table(
        prefix,
        "lock",
        metadata,
        _key("name", 255),
        _text("holder", 255),
        _text("host", 255),
        Column("pid", BigInteger, nullable=False),
        Column("run", Integer, nullable=True),
        Column("since", BigInteger, nullable=True),
        Column("expires", BigInteger, nullable=True),
        Column("fence", BigInteger, nullable=False),
    )


def _table(prefix: str, name: str, metadata: MetaData, *parts: Column[Any] | Index, **options: Any) -> Table:
    return Table(prefix + name, metadata, *parts, **_MARIADB, **options)


def _key(name: str, length: int) -> Column[str]:
    return Column(name, String(length), primary_key=True)


def _text(name: str, length: int) -> Column[str]:
    return Column(name, String(length), nullable=False)


def _long(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text().with_variant(LONGTEXT(), "mysql"), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcTime, nullable=nullable)
