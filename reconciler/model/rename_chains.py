"""Accounts behind addresses: an account is the chain of renames that its addresses stand in.

Everything that groups by owner asks here, never compares addresses: after a crash in the middle of a rename both
mailboxes exist, and they are one person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, Rename
from reconciler.model.owners import Owner


@dataclass(frozen=True, slots=True)
class RenameChains:
    """`former` has the renames of each account that has any, newest first; `current` the account of each former
    address. Renames of a future date are not in either: until then the account lives at its old address."""

    former: Mapping[Address, tuple[Rename, ...]]
    current: Mapping[Address, Address]
    future: tuple[Rename, ...]

    def of(self, address: str) -> str:
        """The account that an address belongs to; itself when it stands in no rename."""
        return self.current.get(Address(address), Address(address))

    def of_all(self, addresses: Set[str]) -> Set[str]:
        """The accounts that these addresses belong to."""
        moved = self.current.keys() & addresses
        return (addresses - moved) | {self.of(address) for address in moved} if moved else addresses

    def present(self, owners: Iterable[Owner]) -> frozenset[Owner]:
        """These owners, under whatever address they are known by now, too."""
        asked = frozenset(owners)
        return asked | {owner._replace(subject=self.of(owner.subject)) for owner in asked}

    def addresses(self, account: Address) -> tuple[Address, ...]:
        """The account's address and its former ones, newest first, each once."""
        renames = self.former.get(account, ())
        return tuple(dict.fromkeys((account, *(rename.old for rename in renames)))) if renames else (account,)


def rename_chains(desired: DesiredState) -> RenameChains:
    """The chains of all declared renames. The loader has refused forks, swaps and addresses taken twice."""
    due = [rename for rename in desired.renames if rename.date <= desired.today]
    arriving: dict[Address, list[Rename]] = {}
    for rename in due:
        arriving.setdefault(rename.new, []).append(rename)
    # an address that was left is no account's, unless a later rename leads back to it
    left = {r.old for r in due if not any(other.new == r.old and other.date > r.date for other in due)}
    last = {rename.new for rename in due} - left
    former = {address: tuple(_back(address, arriving)) for address in last}
    current = {rename.old: account for account, chain in former.items() for rename in chain if rename.old != account}
    future = tuple(rename for rename in desired.renames if rename.date > desired.today)
    return RenameChains(former, current, future)


def _back(address: Address, arriving: Mapping[Address, list[Rename]]) -> list[Rename]:
    """The renames that led to `address`, newest first."""
    chain: list[Rename] = []
    at = address
    while True:
        earlier = [r for r in arriving.get(at, ()) if r not in chain and (not chain or r.date <= chain[-1].date)]
        if not earlier:
            return chain
        chain.append(max(earlier, key=lambda rename: rename.date))
        at = chain[-1].old
