"""What is live, read past the product: rows by SQL, users from the stand-in, letters from the outbox.

Nothing of `reconciler` but the stand-in is imported here: an oracle that shares code with what it judges shares its
mistakes, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from reconciler.sandbox.openxchange import control
from tests.proof.world import World

FIRST_USER = 3
"""The stand-in's first id that is a person's; 2 is the context's admin."""


class Box(NamedTuple):
    """A row of `mailbox`. The maildir is the mail itself: whoever logs in to this row reads what is in there."""

    maildir: str
    active: bool
    name: str
    quota: int


class Alias(NamedTuple):
    """A row of `alias`; targets as stored, in their order."""

    goto: tuple[str, ...]
    active: bool


class User(NamedTuple):
    """A user of OX."""

    id: int
    login: str
    primary: str
    display: str
    given: str
    surname: str
    aliases: frozenset[str]


class Live(NamedTuple):
    """All of it, by address as it is stored; users by id."""

    boxes: dict[str, Box]
    aliases: dict[str, Alias]
    users: dict[int, User]
    domains: frozenset[str]
    blocks: frozenset[str]

    def delivered(self, address: str) -> frozenset[str]:
        """Where a mail to `address` ends: active mailboxes, and addresses elsewhere. As Postfix does it with
        PostfixAdmin's maps: an address is looked up again as long as it leads on, its own name ends the search."""
        return frozenset(self._ends(address, ()))

    def _ends(self, address: str, way: tuple[str, ...]) -> Iterator[str]:
        alias = self.aliases.get(address) or self.aliases.get("@" + address.partition("@")[2])
        if alias is None or not alias.active or not alias.goto or address in way:
            if self._ends_here(address):
                yield address
            return
        for target in alias.goto:
            if target.lower() == address:
                yield from (address,) if self._ends_here(address) else ()
            else:
                yield from self._ends(target.lower(), (*way, address))

    def _ends_here(self, address: str) -> bool:
        box = self.boxes.get(address)
        return box.active if box else address.partition("@")[2] not in self.domains


def look(world: World) -> Live:
    """Everything that is live now."""
    boxes = {
        row["username"]: Box(row["maildir"], bool(row["active"]), row["name"], row["quota"])
        for row in world.sql("SELECT username, maildir, active, name, quota FROM mailbox")
    }
    aliases = {
        row["address"]: Alias(tuple(filter(None, map(str.strip, row["goto"].split(",")))), bool(row["active"]))
        for row in world.sql("SELECT address, goto, active FROM alias")
    }
    users = {user.id: _user(user.id, user.fields, user.aliases) for user in control.users(world.ox)}
    domains = frozenset(row["domain"] for row in world.sql("SELECT domain FROM domain"))
    return Live(
        boxes,
        aliases,
        {ident: user for ident, user in users.items() if ident >= FIRST_USER},
        domains,
        frozenset(_keys(world)),
    )


def _user(ident: int, fields: Any, aliases: frozenset[str]) -> User:
    primary, display, given, surname = (
        fields.get(column, "") for column in ("PrimaryEmail", "Display_name", "Given_name", "Sur_name")
    )
    return User(ident, fields["Name"], primary, display, given, surname, aliases)


def _keys(world: World) -> Iterator[str]:
    """The keys of the sender map that refuse."""
    if world.with_map:
        for line in world.map.read_text(encoding="utf-8").splitlines():
            key, _, action = line.partition(" ")
            if action == "REJECT":
                yield key
