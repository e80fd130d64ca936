"""From an older version's tables to today's, version by version. Called by `Ledger`, with the lock of every site held.

Why not Alembic: `docs/decisions/0012-library-or-own-code.md`. To change a table: change `tables`, add one step at the
end of `STEPS`, and keep the tables as they were in `tests/apply/ledger/versions`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, Index, MetaData, Table, inspect, select, union
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from reconciler.apply.ledger import chain
from reconciler.apply.ledger.connect import SiteTables, transaction
from reconciler.apply.ledger.tables import LedgerTables


def _to_2(connection: Connection, tables: LedgerTables) -> None:
    """Two indexes more; no table of letters, whose steps say the same."""
    add_missing_indexes(connection, tables.steps)
    letters = Table(tables.meta.name.removesuffix("meta") + "letters", MetaData())
    connection.execute(DropTable(letters, if_exists=True))


def _to_3(connection: Connection, tables: LedgerTables) -> None:
    """The chain, which begins here: what runs did before is not in it."""
    for table in (tables.chain, tables.heads):
        connection.execute(CreateTable(table, if_not_exists=True))
        add_missing_indexes(connection, table)
    sites = union(select(tables.runs.c.site), select(tables.lock.c.name))
    for site in sorted(connection.execute(sites).scalars()):
        chain.start(SiteTables(connection, tables, site, lambda: datetime.now(UTC)))


def _to_4(connection: Connection, tables: LedgerTables) -> None:
    """An index of the inventory by whose it is."""
    add_missing_indexes(connection, tables.inventory)


STEPS: tuple[Callable[[Connection, LedgerTables], None], ...] = (_to_2, _to_3, _to_4)
"""To version 2, to 3, and so on. Each may meet its own half: MariaDB commits with every statement that changes a table.
None touches `meta` or `lock`, by which releases of every version keep each other out."""


def newest() -> int:
    """The version of today's tables."""
    return 1 + len(STEPS)


def read_version(connection: Connection, tables: LedgerTables) -> str | None:
    """`2`, or `1 to 2` while a step is under way or died; None when the tables were begun and not completed."""
    meta = tables.meta.c
    return connection.execute(select(meta.value).where(meta.name == "version")).scalar_one_or_none()


def older(version: str) -> int | None:
    """The version that was reached, of tables that the steps bring further; None when there is nothing to do, or
    nothing that we know how to."""
    reached, _, target = version.partition(" to ")
    numbers = [int(part) if part.isascii() and part.isdigit() else 0 for part in (reached, target or reached)]
    return numbers[0] if 1 <= numbers[0] < newest() and numbers[1] <= newest() else None


def mark(engine: Engine, tables: LedgerTables) -> bool:
    """Notes that the steps begin, and no run of any release takes the lock any more. False: there is nothing to do."""
    with transaction(engine) as connection:
        version = read_version(connection, tables) or ""
        reached = older(version)
        if reached is not None:
            _note(connection, tables, version, f"{reached} to {newest()}")
    return reached is not None


def run(engine: Engine, tables: LedgerTables) -> None:
    """The steps that are left, each noted in its own transaction. Safe to repeat."""
    while True:
        with transaction(engine) as connection:
            version = read_version(connection, tables) or ""
            reached = older(version)
            if reached is None:
                return
            STEPS[reached - 1](connection, tables)
            reached += 1
            _note(connection, tables, version, str(reached) if reached == newest() else f"{reached} to {newest()}")


def add_missing_indexes(connection: Connection, table: Table) -> None:
    for index in missing_indexes(connection, table):
        # another `upgrade` may be doing the same now
        connection.execute(CreateIndex(index, if_not_exists=connection.dialect.name != "mysql"))


def missing_indexes(connection: Connection, table: Table) -> list[Index]:
    """Those that a table lacks, by their names."""
    known = {index["name"] for index in inspect(connection).get_indexes(table.name)}
    return [index for index in sorted(table.indexes, key=lambda index: str(index.name)) if index.name not in known]


def _note(connection: Connection, tables: LedgerTables, was: str, version: str) -> None:
    meta = tables.meta
    # another `upgrade` may have noted a later step
    connection.execute(meta.update().where(meta.c.name == "version", meta.c.value == was).values(value=version))
