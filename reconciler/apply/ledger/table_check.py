"""Making the tables, once and explicitly, and telling whether those that are there are ours. Called by `Ledger`.

Nothing here alters a table that exists: another version or shape is an error that says what to do. `migrations` alters
those of an older version.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Engine, Inspector, Table, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable
from sqlalchemy.types import Date, DateTime, Integer, String, TypeDecorator, TypeEngine

from reconciler.apply.ledger import migrations
from reconciler.apply.ledger.connect import LedgerUnusable, snapshot, transaction
from reconciler.apply.ledger.migrations import read_version
from reconciler.apply.ledger.tables import LedgerTables
from reconciler.remote.database import check_packet

_INIT = "run `reconciler ledger init`"
_LOST = (
    "they were there: bring them back from the backup, since empty ones would know of nothing that is ours, and "
    "passwords would be made anew; to begin with nothing, move the others away, too: reconciler ledger init"
)
_UPGRADE = "run `reconciler ledger upgrade`"
_FOREIGN = "rename those tables, or name another database in ledger.url; nothing was changed"


def present(connection: Connection, tables: LedgerTables) -> set[str]:
    """Which of our tables' names exist."""
    found = set(inspect(connection).get_table_names())
    return {table.name for table in tables if table.name in found}


def check(engine: Engine, tables: LedgerTables) -> None:
    """Raises LedgerUnusable unless every table is there, of our shape and version."""
    with snapshot(engine) as connection:
        there, version = _look(connection, tables)
        refuse_other_version(version)
        missing = sorted({table.name for table in tables} - there)
        if missing:
            hint = _INIT if version is None else _LOST
            raise LedgerUnusable(f"the ledger's tables are missing: {', '.join(missing)}", hint=hint)
        _refuse_other_shape(connection, tables, there)
        if version is None or any(migrations.missing_indexes(connection, table) for table in tables):
            raise LedgerUnusable("the ledger's tables were begun and not completed", hint=_INIT)


def create(engine: Engine, tables: LedgerTables) -> None:
    """Makes what is missing, the version last, so that `init` can be repeated. Raises LedgerUnusable, and changes
    nothing, when there are tables of another version or shape, or those of a ledger in use are not all there."""
    with snapshot(engine) as connection:
        there, version = _look(connection, tables)
        refuse_other_version(version)
        missing = sorted({table.name for table in tables} - there)
        if missing and version is not None:
            raise LedgerUnusable(f"tables of a ledger in use are missing: {', '.join(missing)}", hint=_LOST)
        _refuse_other_shape(connection, tables, there)
    with transaction(engine) as connection:
        for table in tables:
            # another `init` may be doing the same now
            connection.execute(CreateTable(table, if_not_exists=True))
            migrations.add_missing_indexes(connection, table)
    _note_version(engine, tables)
    check(engine, tables)


def _note_version(engine: Engine, tables: LedgerTables) -> None:
    with transaction(engine) as connection:
        if read_version(connection, tables) is None:
            # another `init` may have been a moment earlier; `check` looks at what it wrote
            with suppress(IntegrityError), connection.begin_nested():
                connection.execute(tables.meta.insert().values(name="version", value=str(migrations.newest())))


def _look(connection: Connection, tables: LedgerTables) -> tuple[set[str], str | None]:
    """Which tables are there, and of which version (see `migrations.read_version`)."""
    check_packet(connection)
    _refuse_other_encoding(connection)
    there = present(connection, tables)
    if tables.meta.name not in there:
        return there, None
    _refuse_other_shape(connection, tables, {tables.meta.name})  # `meta` is of the same shape in every version
    return there, read_version(connection, tables)


def _refuse_other_encoding(connection: Connection) -> None:
    """Plans and messages hold every character. MariaDB's tables are utf8mb4 whatever the database is; in SQL_ASCII
    texts are the bytes that we write."""
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding not in ("UTF8", "SQL_ASCII"):
        raise LedgerUnusable(
            f"the ledger's database has the encoding {encoding}, which cannot hold every plan",
            hint="name another one in ledger.url: CREATE DATABASE reconciler ENCODING 'UTF8' TEMPLATE template0; or "
            "sqlite:///ledger.sqlite; then: reconciler ledger init",
        )


def refuse_other_version(version: str | None) -> None:
    """Raises LedgerUnusable, with what to do about it, for another version than today's."""
    newest = str(migrations.newest())
    if version in (None, newest):
        return
    message = f"the ledger's tables are of version {version}, this program needs {newest}"
    if migrations.older(version) is not None:
        raise LedgerUnusable(message, hint=f"{_UPGRADE}, which brings them to version {newest}; back them up before")
    raise LedgerUnusable(
        message,
        hint="a newer release of reconciler has used this ledger: install that one here, too; the way back is the"
        " ledger's backup",
    )


def _refuse_other_shape(connection: Connection, tables: LedgerTables, names: set[str]) -> None:
    inspector = inspect(connection)
    wrong = [w for table in tables if table.name in names for w in _differences(inspector, table)]
    if wrong:
        raise LedgerUnusable(f"these tables are not the ledger's: {'; '.join(wrong)}", hint=_FOREIGN)


def _differences(inspector: Inspector, table: Table) -> Iterator[str]:
    """How the table that is there differs from ours."""
    found = {column["name"]: column for column in inspector.get_columns(table.name)}
    for name in sorted(found.keys() - table.columns.keys()):
        yield f"{table.name}.{name} is unknown"
    for column in table.columns:
        there = found.get(column.name)
        if there is None:
            yield f"{table.name}.{column.name} is missing"
            continue
        wanted, is_ = _family(column.type.dialect_impl(inspector.dialect)), _family(there["type"])
        if wanted != is_:
            yield f"{table.name}.{column.name} is {is_}, not {wanted}"
        elif not column.primary_key and bool(there["nullable"]) != bool(column.nullable):
            yield f"{table.name}.{column.name} may {'' if there['nullable'] else 'not '}be null"
    key = inspector.get_pk_constraint(table.name)["constrained_columns"]
    if set(key) != {column.name for column in table.primary_key}:
        yield f"{table.name} has another primary key"
    if inspector.dialect.name == "mysql":
        yield from _mariadb_differences(inspector, table)


def _mariadb_differences(inspector: Inspector, table: Table) -> Iterator[str]:
    options = inspector.get_table_options(table.name)
    if options.get("mysql_engine") != "InnoDB":
        yield f"{table.name} has no transactions (its engine is not InnoDB)"
    for column in inspector.get_columns(table.name):
        # a column without a collation of its own has the table's
        collation = getattr(column["type"], "collation", None) or options.get("mysql_collate", "")
        if isinstance(column["type"], String) and not collation.endswith("_bin"):
            yield f"{table.name}.{column['name']} does not tell upper from lower case"


def _family(kind: TypeEngine[Any]) -> str:
    """A type as far as it matters here: what it holds, and how long a text may be."""
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    match kind:
        case String() if kind.length:
            return f"text of {kind.length}"
        case String():
            return "text"
        case DateTime():
            return "a time"
        case Date():
            return "a date"
        case Integer():
            return "a whole number"
    return str(kind).lower()
