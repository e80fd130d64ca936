"""What renames and removals mean for PostfixAdmin, before it is known what is there. Pure; for `expect` and `match`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from reconciler.model.addresses import Address, domain_of, local_part
from reconciler.model.declared import Mailbox, OldMailbox, Rename
from reconciler.model.records import Owner, Scope
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.plan_context import PlanContext


class Former(NamedTuple):
    """An address that an account had."""

    address: Address
    suffix: str
    """What stands behind "ehem." in the old mailbox's name: the surname of that time, else the address."""
    move: bool
    """Its mailbox, when it is there, becomes the new one; else it stays, to be attached."""
    rewrite: bool
    """Whether undeclared aliases that lead to it are changed."""


class Chain(NamedTuple):
    """The due renames of one declared account; `former` newest first, each address once."""

    key: Address
    former: tuple[Former, ...]
    members: tuple[Address, ...]
    """Their member number in the domains that they left."""
    number: Address | None
    """Their member number in the domain of today."""
    active: bool

    @property
    def addresses(self) -> frozenset[str]:
        """All that are or were the account's."""
        return frozenset((self.key, *(f.address for f in self.former)))

    @property
    def numbers(self) -> frozenset[str]:
        """Aliases that lead to the account: what leads to them from its own alias leads round in a circle."""
        return frozenset((*self.members, self.number) if self.number else self.members)

    def current(self, target: str) -> str:
        """A target of an old own alias as it is under the new address: a vacation token names the mailbox that it
        answers for, whatever the vacation domain is or was (facts/postfixadmin.md 7)."""
        for former in self.former:
            mine = f"{local_part(former.address)}#{domain_of(former.address)}@"
            if target.startswith(mine):
                return f"{local_part(self.key)}#{domain_of(self.key)}@{target.removeprefix(mine)}"
        return target


class Leaving(NamedTuple):
    """An account whose removal is due: switched off, or purged."""

    key: Address
    addresses: tuple[Address, ...]
    """Its former ones too: their mailboxes belong to the account."""
    purge: bool

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.key)


def chain_of(box: Mailbox, chains: RenameChains) -> Chain | None:
    """The chain of a declared account; None when it had no other address."""
    renames = chains.former.get(box.address)
    if not renames:
        return None
    addresses = chains.addresses(box.address)[1:]
    former = tuple(_former(address, renames) for address in addresses)
    left = dict.fromkeys(domain_of(a) for a in addresses if domain_of(a) != domain_of(box.address))
    members = tuple(Address(f"{box.member}@{domain}") for domain in left) if box.member else ()
    number = Address(f"{box.member}@{domain_of(box.address)}") if box.member else None
    return Chain(box.address, former, members, number, box.active) if former else None


def _former(address: Address, renames: Sequence[Rename]) -> Former:
    # the last time that the account left this address; what it was called then is what it was called until it said
    # otherwise for the first time after it
    newest = next(index for index, rename in enumerate(renames) if rename.old == address)
    since = reversed(renames[: newest + 1])
    surname = next((rename.former_surname for rename in since if rename.former_surname), None)
    rename = renames[newest]
    return Former(address, surname or address, rename.old_mailbox is OldMailbox.MOVE, rename.rewrite_references)


def due_chains(context: PlanContext) -> list[Chain]:
    """The chains of all declared accounts that have former addresses."""
    former = context.chains.former
    boxes = (box for box in context.desired.mailboxes.values() if box.address in former) if former else ()
    return [chain for box in boxes if (chain := chain_of(box, context.chains)) is not None]


def due_removals(context: PlanContext, retention_days: int) -> list[Leaving]:
    """The removals that are due today."""
    return [
        Leaving(
            removal.mailbox,
            context.chains.addresses(removal.mailbox),
            purge=removal.date + timedelta(days=retention_days) <= context.today,
        )
        for removal in context.desired.removals
        if removal.date <= context.today and removal.mailbox not in context.desired.mailboxes
    ]
