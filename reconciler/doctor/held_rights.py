"""What a login may do in a database, as the server itself says."""

from __future__ import annotations

from typing import NamedTuple

from reconciler.remote.grants import Grant


class Right(NamedTuple):
    """One privilege, where it holds, and what takes it away. Empty names stand for all tables, and all columns."""

    privilege: str
    table: str
    column: str
    written: str
    """As people read it: `DROP ON postfixadmin.*`."""
    revoke: str


class Held(NamedTuple):
    """All rights of a login."""

    login: str
    """As a GRANT names it."""
    rights: tuple[Right, ...]
    """On tables of this database."""
    beyond: tuple[Right, ...]
    """Everything else: over the server, over other databases, to give rights away."""
    readable: frozenset[tuple[str, str]]
    """(table, column) that exist and may be read."""

    def has(self, grant: Grant) -> bool:
        """Whether it may do all of this."""
        return all(self._may(p, grant.table, column) for p in grant.privileges for column in grant.columns or ("",))

    def _may(self, privilege: str, table: str, column: str) -> bool:
        return any(
            right.privilege == privilege and right.table in ("", table) and right.column in ("", column)
            for right in self.rights
        )
