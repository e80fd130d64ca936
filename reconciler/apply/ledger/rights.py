"""The rights that the ledger needs, on tables that `ledger init` has made."""

from __future__ import annotations

from reconciler.apply.ledger.tables import declare
from reconciler.remote.grants import EVERYTHING, Grant


def planner_grants(prefix: str) -> list[Grant]:
    """For `plan`, `drift` and `history`. `prefix` is what stands before `reconciler_`."""
    return [Grant(("SELECT",), table.name) for table in declare(prefix)]


def applier_grants(prefix: str, dialect: str) -> list[Grant]:
    """For `apply`, `resume` and `unlock`."""
    tables = declare(prefix)
    wanted = [Grant(EVERYTHING, table.name) for table in tables]
    if dialect != "postgresql":
        return wanted
    numbered = [(table.name, column.name) for table in tables if (column := table.autoincrement_column) is not None]
    # SQLAlchemy makes the column a SERIAL, whose sequence PostgreSQL names after both
    return wanted + [Grant(("USAGE",), f"{table}_{column}_seq", sequence=True) for table, column in numbered]
