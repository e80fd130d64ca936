"""A right to one table, and the GRANT that gives it: what systems and the ledger need, in one form.

The lists are in `systems.postfixadmin.rights` and `apply.ledger.rights`; `reconciler doctor` compares them with what a
login has, and docs/database.md prints them.
"""

from __future__ import annotations

from typing import NamedTuple

EVERYTHING = ("SELECT", "INSERT", "UPDATE", "DELETE")


class Grant(NamedTuple):
    """Privileges on one table, for some of its columns, or for all when none is named."""

    privileges: tuple[str, ...]
    table: str
    columns: tuple[str, ...] = ()
    sequence: bool = False
    """It is a sequence of PostgreSQL, from which numbers are taken."""

    def statement(self, dialect: str, database: str, login: str) -> str:
        """What the database's administrator runs; without a semicolon. `login` is written as the server wants it."""
        columns = f" ({', '.join(self.columns)})" if self.columns else ""
        what = f"{'SEQUENCE ' if self.sequence else ''}{self.table}"
        # PostgreSQL's rights are those of the database that one is connected to
        place = f"{database}.{what}" if dialect == "mysql" else what
        return f"GRANT {', '.join(f'{privilege}{columns}' for privilege in self.privileges)} ON {place} TO {login}"
