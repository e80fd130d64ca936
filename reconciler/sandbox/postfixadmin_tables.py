"""PostfixAdmin's tables in a new SQLite file, for the demo, which has no PostfixAdmin."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine


def create_tables(engine: Engine) -> None:
    """Makes the tables of `postfixadmin_tables.sql` and notes their version."""
    with engine.begin() as connection:
        for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
            if statement:
                connection.exec_driver_sql(statement)
