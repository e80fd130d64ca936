"""The ledger's tables, declared by hand, the same on MariaDB, PostgreSQL and SQLite.

Text is compared byte by byte everywhere (utf8mb4_bin): a step's key may differ from another's in case only. Keys hold
320 characters, since an address has up to 318 (RFC 5321: 64, `@`, 253) and a sender block may be one. Whoever changes a
table gives `migrations` the step that older ledgers need.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Date, DateTime, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects.mysql import DATETIME, LONGTEXT
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

KEY_LENGTH = 320
_STEP_ID_LENGTH = 400  # system/kind/action/ and a key
_LONG = Text().with_variant(LONGTEXT(), "mysql")

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
    chain: Table
    heads: Table


def declare(prefix: str = "") -> LedgerTables:
    """The tables, with the site's own prefix before `reconciler_`."""
    metadata, prefix = MetaData(), f"{prefix}reconciler_"

    def table(name: str, *parts: Column[Any] | Index, **options: Any) -> Table:
        return Table(prefix + name, metadata, *parts, **_MARIADB, **options)

    return LedgerTables(
        meta=table("meta", *_keys(name=32), *_texts(value=255)),
        # a later run has a higher number, also after somebody deleted rows
        runs=table("runs", *_run_columns(), Index(f"{prefix}runs_digest", "digest"), sqlite_autoincrement=True),
        # in parts: a plan of ten thousand accounts is bigger than MariaDB's max_allowed_packet
        plans=table("plans", *_numbers("run", "part"), Column("text", _LONG, nullable=False)),
        steps=table("steps", *_step_columns(), *_step_indexes(f"{prefix}steps_")),
        # by whose it is: plans about a part of the site
        inventory=table("inventory", *_inventory_columns(), Index(f"{prefix}inventory_subject", "site", "subject")),
        lock=table("lock", *_lock_columns()),
        one_shots=table("one_shots", *_one_shot_columns()),
        # see `chain`
        chain=table("chain", *_chain_columns(), Index(f"{prefix}chain_run", "run")),
        heads=table("heads", *_keys(site=255), Column("number", Integer, nullable=False), *_texts(hash=64)),
    )


def _run_columns() -> Iterator[Column[Any]]:
    yield Column("id", Integer, primary_key=True, autoincrement=True)
    yield from _texts(site=255, digest=64, commit=64, who=255, host=255)
    yield Column("pid", BigInteger, nullable=False)
    yield Column("started", UtcTime, nullable=False)
    yield Column("finished", UtcTime)
    yield from _texts(state=16)


def _step_columns() -> Iterator[Column[Any]]:
    yield from _numbers("run", "seq")
    yield from _texts(scope=16, subject=KEY_LENGTH, step_id=_STEP_ID_LENGTH)
    yield from _texts(system=32, kind=32, action=16, key=KEY_LENGTH)
    yield Column("stage", Integer, nullable=False)
    yield Column("before", _LONG)
    yield Column("after", _LONG)
    yield Column("origin", Text, nullable=False)
    yield from _texts(counted=16, state=16)
    yield Column("began", UtcTime)
    yield Column("ended", UtcTime)
    yield Column("message", Text, nullable=False)
    yield Column("hint", Text, nullable=False)


def _inventory_columns() -> Iterator[Column[Any]]:
    yield from _keys(site=255, system=32, kind=32, key=KEY_LENGTH)
    yield from _texts(scope=16, subject=KEY_LENGTH)
    yield Column("value", _LONG, nullable=False)
    yield from _texts(commit=64)
    yield Column("run", Integer, nullable=False)
    yield Column("since", UtcTime, nullable=False)
    yield from _texts(since_commit=64)


def _lock_columns() -> Iterator[Column[Any]]:
    """`since` and `expires` are milliseconds since 1970 by the database's clock; `expires` is null when it is free."""
    yield from _keys(name=255)
    yield from _texts(holder=255, host=255)
    yield Column("pid", BigInteger, nullable=False)
    yield Column("run", Integer)
    yield Column("since", BigInteger)
    yield Column("expires", BigInteger)
    yield Column("fence", BigInteger, nullable=False)


def _one_shot_columns() -> Iterator[Column[Any]]:
    """`step_id` is empty when it was missed, so that no step does it."""
    yield Column("id", Integer, primary_key=True, autoincrement=True)
    yield Column("run", Integer, nullable=False)
    yield from _texts(step_id=_STEP_ID_LENGTH, address=KEY_LENGTH, name=64)
    yield Column("date", Date, nullable=False)


def _chain_columns() -> Iterator[Column[Any]]:
    yield from _keys(site=255)
    yield from _numbers("number")
    yield from _texts(part=16)
    yield Column("run", Integer, nullable=False)
    yield Column("at", UtcTime, nullable=False)
    yield from _texts(salt=64)
    yield Column("leaves", _LONG, nullable=False)
    yield from _texts(hash=64)


def _step_indexes(prefix: str) -> Iterator[Index]:
    yield Index(f"{prefix}id", "run", "step_id", unique=True)
    yield Index(f"{prefix}owner", "subject", "kind", "run")
    for name in ("state", "counted", "key"):
        yield Index(prefix + name, name, "kind")
    for name in ("began", "ended"):
        yield Index(prefix + name, name)


def _keys(**lengths: int) -> Iterator[Column[str]]:
    return (Column(name, String(length), primary_key=True) for name, length in lengths.items())


def _texts(**lengths: int) -> Iterator[Column[str]]:
    return (Column(name, String(length), nullable=False) for name, length in lengths.items())


def _numbers(*names: str) -> Iterator[Column[int]]:
    return (Column(name, Integer, primary_key=True, autoincrement=False) for name in names)
