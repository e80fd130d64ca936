"""OX users by their addresses. Pure. Of a big context nearly all are as they are wanted, and no rows until somebody
asks (`model.derived_rows`): those have the address of their account and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from reconciler.model.derived_rows import follows, others
from reconciler.model.records import OxUserRow

Users = Mapping[str, OxUserRow]
"""The live ones: under the address of their account, all others under their id."""


def addresses_of(user: OxUserRow) -> set[str]:
    """Every address by which the user is known."""
    return {user.primary, user.imap_login, *user.aliases}


def users_at(users: Users, addresses: Set[str]) -> Iterator[OxUserRow]:
    """Those who are known by one of the addresses."""
    yield from (users[address] for address in sorted(addresses) if follows(users, address))
    yield from (user for user in others(users).values() if not addresses.isdisjoint(addresses_of(user)))


def with_primary(users: Users, address: str) -> OxUserRow | None:
    """The one whose primary address this is."""
    return next((user for user in users_at(users, {address}) if user.primary == address), None)
