"""Who is behind an address: the person, not the spelling. Pure; the workflow makes one `Identity` for each plan.

A person is known by the member number that the ledger noted for the account, else by the `NUMBER@` aliases that lead
to it; an OX user that was kept, and the old mailbox of a rename, are somebody's as well. Every transition is judged by
this: an account never goes to another person only because an entry was edited (gates `member-changed` and `foreign`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from functools import cached_property
from typing import NamedTuple

from reconciler.model.addresses import Address, domain_of, local_part
from reconciler.model.declared import Mailbox, member_numbers
from reconciler.model.derived_rows import with_rows
from reconciler.model.name_folding import folded
from reconciler.model.records import Absent, AliasRole, AliasRow, MailboxRow, Owner, OxUserRow, Records, Scope
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.forgotten_people import NAME, is_hidden, is_name, is_same
from reconciler.planning.ledger_state import LEDGER, PERSON, InventoryEntry, Remembered
from reconciler.planning.live_users import addresses_of, users_at, with_primary
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Pair, Snapshot
from reconciler.translation import tr


class Changed(NamedTuple):
    """An account that somebody else had. `another`: the name differs, too, so password and forwards are not the new
    person's; otherwise only the number may have been wrong."""

    before: str
    another: bool


def declared_numbers(context: PlanContext) -> Mapping[str, str]:
    """The member number of each declared account, under all of its addresses."""
    boxes = (box for box in context.desired.mailboxes.values() if box.member is not None)
    return {address: str(box.member) for box in boxes for address in context.chains.addresses(box.address)}


class Identity:
    """What tells people apart, in what is declared, live and remembered."""

    def __init__(self, context: PlanContext, snapshot: Snapshot, remembered: Remembered) -> None:
        self._desired = context.desired
        self._chains = context.chains
        self._remembered = remembered
        self._aliases = snapshot.rows(AliasRow) or {}
        self._mailboxes = snapshot.rows(MailboxRow) or {}
        self._users = snapshot.rows(OxUserRow) or {}
        self.others_in_git: frozenset[str] = frozenset()
        """Of `unknown_targets` those that git declared beside the old address once; whoever reads git says so."""

    def unknown_targets(self) -> list[tuple[str, str]]:
        """Live mailboxes at the targets of renames whose owner nothing live or remembered shows, each with the address
        that is renamed before it."""
        boxes = self._desired.mailboxes
        accounts = ((boxes[a], chain[-1].old) for a, chain in self._chains.former.items() if a in boxes)
        return [
            (old, address)
            for box, old in accounts
            if old in self._mailboxes
            for address in self._chains.addresses(box.address)
            if address != old and (row := self._mailboxes.get(address)) is not None and row.key == address
            if not self.is_known(box, address)
        ]

    @cached_property
    def changed(self) -> Mapping[Owner, Changed]:
        """The accounts that are declared for another person than the one who had them."""
        later, declared = {rename.new for rename in self._chains.future}, self._desired.mailboxes
        usual = frozenset() if self._knows_users else self._noted - self._remembered.people.keys()
        # nearly nobody: what the ledger notes of an account with one address is what is declared
        boxes = [box for address, box in declared.items() if address not in usual or box.member is None]
        found = ((box, self._left_in_ox(box), self._before(box)) for box in boxes if box.address not in later)
        return {
            Owner(Scope.ACCOUNT, box.address): Changed(in_ox or before, bool(in_ox) or self._is_another(box))
            for box, in_ox, before in found
            if in_ox or before
        }

    @cached_property
    def replaced(self) -> frozenset[Owner]:
        """Those of them whose password and forwards are the predecessor's."""
        return frozenset(owner for owner, changed in self.changed.items() if changed.another)

    def somebody_elses(self, box: Mailbox, address: str) -> str:
        """What shows that the live mailbox at an address of a rename is not this account's; empty when nothing does."""
        addresses = set(self._chains.addresses(box.address))
        noted = self._remembered.people.get(address)
        if noted is not None and not self._is_noted(box, noted):
            return tr("it is {whose}", whose=_whose(noted))
        if address in self._persons:
            return ""  # the ledger knows it as this very person's
        former = self._remembered.former
        if former.get(address) in addresses or any(former.get(a) == address for a in addresses):
            return ""  # a run of ours did this rename, or an earlier one of this account
        if self._is_ours(address):
            return tr("it is an account of its own, which reconciler manages")
        if self._has_number(box, {address}):
            return ""
        if numbers := self._numbers.get(address, set()) - {box.member}:
            return tr("the member number {number} leads to it", number=min(numbers))
        others = addresses - {address}
        users = list(users_at(self._users, {address}))
        if any(user.primary == address and not others.isdisjoint(addresses_of(user)) for user in users):
            return ""
        # where the old address has a user as well it is a matter of `second-account`
        if users and not any(users_at(self._users, others)):
            return tr("OX user {id} ({login}) is its own", id=users[0].id, login=users[0].login)
        if address in self.others_in_git:
            return tr("git declared both of them before, each as an account of its own")
        led_here = any(self._goto(a) == (address,) for a in others)
        return "" if led_here else self._another_name(box, address, addresses)

    def others_than(self, box: Mailbox, address: str) -> set[str]:
        """Whose else the address was, by member numbers that lead to it and by the ledger; a name has `=` before it."""
        noted = self._remembered.people.get(address)
        known = {noted} if noted is not None and not self._is_noted(box, noted) else set()
        return known | self._numbers.get(address, set()) - {box.member}

    def is_noted(self, address: str) -> bool:
        """Whether the ledger knows the account as that of the person who is declared."""
        return address in self._persons

    def is_known(self, box: Mailbox, address: str) -> bool:
        """Whether anything shows that the live mailbox at an address of a rename is this account's."""
        addresses, former = set(self._chains.addresses(box.address)), self._remembered.former
        return (
            address in self._persons
            or former.get(address) in addresses
            or any(former.get(a) == address or self._goto(a) == (address,) for a in addresses - {address})
            or self._has_number(box, {address})
        )

    def people(self, planned: Set[Owner], stopped: Set[Owner]) -> Iterator[InventoryEntry]:
        """What the ledger is to note once the plan is applied: the member number of each account that is there, under
        all of its addresses. `planned` are the transitions' owners; what is `stopped` is noted when it is done."""
        persons, noted = self._persons, self._noted
        for box in [box for address, box in self._desired.mailboxes.items() if address not in noted]:
            addresses = self._chains.addresses(box.address)
            new = [address for address in addresses if address not in persons] if box.member is not None else []
            owner = Owner(Scope.ACCOUNT, box.address)
            if new and owner not in stopped and (owner in planned or any(a in self._mailboxes for a in addresses)):
                yield from (InventoryEntry(LEDGER, PERSON, a, owner, str(box.member)) for a in new)
        for owner in self.changed.keys() - stopped:
            yield from self._users_left_or_taken(self._desired.mailboxes[Address(owner.subject)], owner)
        # after that no live system shows whose they were
        for removal in self._desired.removals:
            owner = Owner(Scope.ACCOUNT, removal.mailbox)
            row = self._mailboxes.get(removal.mailbox)
            if row is not None and removal.mailbox not in self._remembered.people and owner not in stopped:
                numbers = self._numbers.get(removal.mailbox)
                value = min(numbers) if numbers else f"{NAME}{row.name}"
                yield InventoryEntry(LEDGER, PERSON, removal.mailbox, owner, value)

    def _users_left_or_taken(self, box: Mailbox, owner: Owner) -> Iterator[InventoryEntry]:
        """An OX user stays the predecessor's while the new person has no groupware. Who adds groupware later gets that
        user with its data, so somebody has to look at it then, too."""
        before = self._remembered.people.get(box.address)
        user = with_primary(self._users, box.address)  # also of an account without groupware, which is not paired
        value = (box.member or f"{NAME}{box.name or ''}") if box.groupware else before
        if user is not None and value:
            yield InventoryEntry(LEDGER, PERSON, f"openxchange/{user.id}", owner, value)

    @property
    def _persons(self) -> Set[str]:
        """Addresses whose person is noted as declared."""
        return self._remembered.known.get((LEDGER, PERSON), frozenset())

    @cached_property
    def _noted(self) -> Set[str]:
        """Accounts without a former address that are noted as declared."""
        return self._persons - self._chains.former.keys()

    @cached_property
    def _numbers(self) -> Mapping[str, set[str]]:
        """Address → member numbers that lead to it, and that nothing else in git claims."""
        claimed = member_numbers(self._desired.mailboxes)
        numbers: dict[str, set[str]] = {}

        def add(key: str, targets: tuple[str, ...]) -> None:
            number = local_part(key)
            if key[:1].isdigit() and number.isdigit() and key not in self._desired.aliases:
                for target in targets:
                    if claimed.get(number, self._chains.of(target)) == self._chains.of(target):
                        numbers.setdefault(target, set()).add(number)

        for key, row in self._aliases.items():
            add(key, row.goto)
        for entry in self._remembered.inventory.values():
            if entry.kind == "alias" and entry.owner.scope is Scope.ACCOUNT:
                add(entry.key, (entry.owner.subject,))
        return numbers

    def _before(self, box: Mailbox) -> str:
        """Whose account it was, in words; empty when it was this person's, or nobody's as far as anything shows."""
        addresses = self._chains.addresses(box.address)
        noted = [n for a in addresses if (n := self._remembered.people.get(a)) and not self._is_noted(box, n)]
        if noted:
            # a number that git does not declare any more is not managed any more
            gone = box.member is None and not self._is_called_otherwise(box)
            return "" if gone else _whose(noted[0])
        if box.member is not None and any(address in self._persons for address in addresses):
            return ""
        for address in addresses:
            holder = self._remembered.former.get(address)
            if holder is not None and holder not in addresses and not self._is_of(box, holder):
                if address == box.address:
                    return tr("a former address of {account}", account=holder)
                return tr("(as {address}) a former address of {account}", address=address, account=holder)
        known = box.member is None or self._has_number(box, set(addresses))
        numbers = set() if known else {n for a in addresses for n in self._numbers.get(a, ())} - {box.member}
        if numbers:
            return tr("the account of member {number}", number=min(numbers))
        return "" if any(address in self._mailboxes for address in addresses) else self._kept_user(box)

    def _left_in_ox(self, box: Mailbox) -> str:
        """Whose OX user, left by a predecessor, the account would get, in words."""
        user = self._users.get(box.address) if box.groupware and self._knows_users else None
        noted = self._remembered.people.get(f"openxchange/{user.id}") if user is not None else None
        # when the mailbox has that number, too, only the number may have been wrong
        same = is_same(noted, self._remembered.people.get(box.address))
        left = noted and not same and not self._is_noted(box, noted)
        return tr("{whose} in OX", whose=_whose(noted)) if noted and left else ""

    @cached_property
    def _knows_users(self) -> bool:
        """Whether the ledger noted whose any OX user is."""
        return any(key.startswith("openxchange/") for key in self._remembered.people)

    def _is_of(self, box: Mailbox, address: str) -> bool:
        return box.member is not None and is_same(self._remembered.people.get(address), box.member)

    def _is_noted(self, box: Mailbox, noted: str) -> bool:
        if is_hidden(noted) and is_name(noted):
            return not folded_name(box.name) or is_same(noted, f"{NAME}{box.name}")
        if is_name(noted):
            return _alike(noted.removeprefix(NAME), box.name or "")
        return is_same(noted, box.member)

    def _kept_user(self, box: Mailbox) -> str:
        user = self._users.get(box.address)
        if user is None:
            return ""
        names = {folded_name(box.name), folded_name(f"{box.given_name or ''} {box.surname or ''}")} - {""}
        theirs = {folded_name(user.display_name), folded_name(f"{user.given_name} {user.surname}")} - {""}
        others = names and theirs and names.isdisjoint(theirs)
        if not others:
            return ""
        return tr("that of {name}, whose OX user {id} was kept", name=user.display_name, id=user.id)

    def _has_number(self, box: Mailbox, addresses: Set[str]) -> bool:
        """Whether the member number leads to one of these addresses, in whichever domain."""
        if box.member is None:
            return False
        # first, since nearly all are found here
        here = not addresses.isdisjoint(self._goto(f"{box.member}@{domain_of(box.address)}"))
        return here or any(box.member in self._numbers.get(address, ()) for address in addresses)

    def _goto(self, key: str) -> tuple[str, ...]:
        row = self._aliases.get(key)
        return row.goto if row is not None else ()

    def _is_ours(self, address: str) -> bool:
        """Whether we manage the mailbox, or did until its entry went."""
        managed = any(kind == "mailbox" and address in keys for (_, kind), keys in self._remembered.known.items())
        return managed or any((kind, key) == ("mailbox", address) for _, kind, key in self._remembered.inventory)

    def _is_another(self, box: Mailbox) -> bool:
        """Whether the live account is another person's by name. A display name that is not a person's ("Der Vorstand")
        is handed on and shows nothing."""
        row, user = self._mailboxes.get(box.address), self._users.get(box.address)
        own = f"{box.given_name} {box.surname}" if box.given_name and box.surname else ""
        if row is None or not own:
            return self._is_called_otherwise(box)
        live = f"{user.given_name} {user.surname}" if user is not None else row.name
        return not _alike(live, own)

    def _is_called_otherwise(self, box: Mailbox) -> bool:
        """Whether the live mailbox has another name than is declared, as far as it has any."""
        row = self._mailboxes.get(box.address)
        return row is None or not _alike(row.name, box.name or "")

    def _another_name(self, box: Mailbox, address: str, addresses: set[Address]) -> str:
        name = self._mailboxes[address].name
        rows = (row for a in addresses if a != address and (row := self._mailboxes.get(a)) is not None)
        others = {folded_name(box.name), *(folded_name(row.name) for row in rows)} - {""}
        is_other = folded_name(name) and others and folded_name(name) not in others
        return tr("it is called {name}", name=name) if is_other else ""


def taken_over(system: str, pair: Pair, owners: Set[Owner], chains: RenameChains) -> Iterator[InventoryEntry]:
    """The rows under the addresses of these owners, which are theirs from now on."""
    for kind in ("mailbox", "alias"):
        wanted, found = pair.wanted.get(kind, {}), pair.found.get(kind, {})
        for owner, address in ((o, a) for o in owners for a in chains.addresses(Address(o.subject))):
            row, live = wanted.get(address), found.get(address)
            if row is not None and live is not None and not isinstance(row, Absent):
                yield InventoryEntry.of(system, kind, address, row.merged_with(live), owner)


def emptied(wanted: Records, replaced: frozenset[Owner]) -> Records:
    """`wanted` without the forwards of people who had these accounts before."""
    aliases, fresh = wanted.get("alias", {}), {}
    for owner in replaced:
        row = aliases.get(owner.subject)
        if isinstance(row, AliasRow) and row.role is AliasRole.OWN:
            fresh[owner.subject] = row._replace(role=AliasRole.CARRIED)
    return wanted | {"alias": with_rows(aliases, fresh)} if fresh else wanted


def _whose(noted: str) -> str:
    if is_hidden(noted):
        return tr("the account of somebody whom the ledger was made to forget")
    if is_name(noted):
        return tr("the account of {name}", name=noted.removeprefix(NAME))
    return tr("the account of member {number}", number=noted)


def _alike(name: str, other: str) -> bool:
    """Whether the names are equal; a missing one equals every other."""
    return not folded_name(name) or not folded_name(other) or folded_name(name) == folded_name(other)


def folded_name(name: str | None) -> str:
    """The name as names are compared; empty for none."""
    return folded(name or "").casefold()
