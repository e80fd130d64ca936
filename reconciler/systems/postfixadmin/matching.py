"""What a rename or a removal means for the rows that are there. Pure.

The end state of a rename is the same wherever it starts: untouched, half done by hand, or interrupted. What holds
already is not planned again (facts/postfixadmin.md 6 and 7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model.addresses import Address, domain_of, local_part
from reconciler.model.derived_rows import changeable
from reconciler.model.records import Absent, AliasRole, AliasRow, Found, MailboxRow, Records, Row, VacationRow
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Pair, rows_of
from reconciler.systems.postfixadmin.expect import Chain, Former, Leaving, due_chains, due_removals

FORMERLY = " ehem. "
"""Between the name and the former surname of an old mailbox."""


def match(context: PlanContext, wanted: Records, found: Found, retention_days: int) -> Pair:
    """`found` under the present addresses, and `wanted` for what is there."""
    chains, removals = due_chains(context), due_removals(context, retention_days)
    moved = _moved(chains, found) if chains else found
    return Pair(_carried_over(chains, removals, wanted, moved) if chains or removals else wanted, moved)


def _moved(chains: Sequence[Chain], found: Found) -> Found:
    """`found` with what is to be moved, under the new address; such a row keeps its own key."""
    mailboxes, vacations = changeable(found.get("mailbox", {})), found.get("vacation", {})
    following: dict[str, Row] = {}
    for chain in chains:
        moved = None if chain.key in mailboxes else _newest(chain, mailboxes)
        if moved is not None and moved.move:
            mailboxes[chain.key] = mailboxes.pop(moved.address)
        # the vacation of the new mailbox is newer than that of the old one: then the old one's stays where it is
        source = chain.key if chain.key in vacations else getattr(_newest(chain, vacations), "address", None)
        if source is not None:
            following[chain.key] = vacations[source]
    return {**found, "mailbox": mailboxes, "vacation": following}


def _carried_over(chains: Sequence[Chain], removals: Sequence[Leaving], wanted: Records, found: Found) -> Records:
    """`wanted` for what is there: what is carried over, what is to be rewritten, what is to go."""
    target = wanted | {kind: changeable(wanted[kind]) for kind in ("alias", "mailbox")}
    state = _TargetState(target, found)
    for chain in chains:
        state.rename(chain)
    state.references(chains)
    for removal in removals:
        state.remove(removal)
    state.member_aliases([removal for removal in removals if removal.purge])
    return target


def _newest(chain: Chain, table: Mapping[str, Row]) -> Former | None:
    return next((former for former in chain.former if former.address in table), None)


class _TargetState:
    """Wanted rows, which it changes, beside the found ones."""

    def __init__(self, wanted: Records, found: Found) -> None:
        self.wanted = wanted
        self.mailboxes = rows_of(found, MailboxRow)
        self.aliases = rows_of(found, AliasRow)
        self.vacations = rows_of(found, VacationRow)
        self.domains = found.get("domain", {})

    def rename(self, chain: Chain) -> None:
        """All rows of one account that has former addresses."""
        name = self._mailbox(chain)
        self._own_alias(chain)
        for former in chain.former:
            self._former_mailbox(former, name)
            self._former_alias(chain, former)
        self._member_aliases(chain)
        vacation = self.vacations.get(chain.key)
        if vacation is not None and vacation.key != chain.key:
            self.wanted.setdefault("vacation", {})[chain.key] = VacationRow(chain.key, chain.key, vacation.active)

    def _mailbox(self, chain: Chain) -> str:
        """The new mailbox, which takes over what git does not say from the old one; returns its name."""
        row = self.wanted["mailbox"][chain.key]
        assert isinstance(row, MailboxRow)
        newest = _newest(chain, self.mailboxes)
        found = self.mailboxes.get(chain.key) or (self.mailboxes[newest.address] if newest else None)
        if found is None:
            return row.name or chain.key
        # by hand the old one's name may be changed before the new mailbox is made
        name = row.name if row.name_managed else found.name.partition(FORMERLY)[0]
        if name in chain.addresses:  # made of an address, where there was no name
            name = ""
        quota = row.quota if row.quota_managed else found.quota
        # the account came back to an address whose mailbox has the name that it got when it was left
        came_back = found.name.endswith(FORMERLY + chain.key)
        managed = row.name_managed or came_back
        self.wanted["mailbox"][chain.key] = row._replace(name=name, quota=quota, name_managed=managed)
        return name or chain.key

    def _former_mailbox(self, former: Former, name: str) -> None:
        row = self.wanted["mailbox"].get(former.address)
        if isinstance(row, MailboxRow) and former.address in self.mailboxes:
            self.wanted["mailbox"][former.address] = row._replace(name=name + FORMERLY + former.suffix)
        else:  # never made, gone since, or moved: only its address is left
            self.wanted["mailbox"].pop(former.address, None)

    def _own_alias(self, chain: Chain) -> None:
        """The new own alias, with what the old ones carried for the person; with nothing to carry it stays as it is. It
        leads to its mailbox, too, unless its user chose that it does not: forward-only survives the rename."""
        carried = {chain.current(target) for former in chain.former for target in self._carried(chain, former)}
        present = self.aliases.get(chain.key)
        own = present.goto if present is not None else ()
        theirs = chain.addresses | chain.numbers
        there = self.mailboxes.get(chain.key)
        # before its mailbox is there, only an alias that leads to this person already is theirs
        is_own = (there is not None and there.key == chain.key) or not (theirs - {chain.key}).isdisjoint(own)
        kept = {chain.current(target) for target in own if is_own and target not in theirs}
        astray = chain.key not in own and (not chain.numbers.isdisjoint(own) or self._arrives(chain))
        outdated = astray or any(chain.current(t) != t or (t != chain.key and t in chain.addresses) for t in own)
        if outdated or not carried <= kept:
            # the row of an address that the account comes back to leads to the present one, which nobody chose
            leads_on = is_own and not set(own) - theirs
            chosen = (not is_own or leads_on) and chain.key not in own and self._forwards_only(chain)
            own_mailbox = () if chosen else (chain.key,)
            goto = tuple(sorted({*own_mailbox, *kept, *carried}))
            self.wanted["alias"][chain.key] = AliasRow(chain.key, chain.key, goto, chain.active, AliasRole.CARRIED)

    def _arrives(self, chain: Chain) -> bool:
        """Whether mail arrives in a mailbox that the account still has under a former address: until it is renamed.
        Then the new one gets it, whatever somebody made of it by hand."""
        former = _newest(chain, self.mailboxes)
        alias = self.aliases.get(former.address) if former else None
        return former is not None and alias is not None and alias.active and former.address in alias.goto

    def _forwards_only(self, chain: Chain) -> bool:
        """Whether the mailbox that the account has now sends everything on and keeps nothing."""
        former = _newest(chain, self.mailboxes)
        moved = self.mailboxes.get(chain.key)
        alias = self.aliases.get(former.address if former else moved.key if moved else "")
        if alias is None or not alias.active or not (chain.addresses | chain.numbers).isdisjoint(alias.goto):
            return False
        return any(chain.current(target) == target for target in alias.goto)

    def _carried(self, chain: Chain, former: Former) -> Iterator[str]:
        """The forwards and vacation tokens of an old own alias. An alias that never was a mailbox's carries nothing:
        its other targets would get mail that was never meant for them."""
        alias = self.aliases.get(former.address)
        if alias is None:
            return
        moved = self.mailboxes.get(chain.key)
        was_own = (
            former.address in self.mailboxes
            or (moved is not None and moved.key == former.address)
            or any(target == former.address or chain.current(target) != target for target in alias.goto)
        )
        if was_own:
            yield from (target for target in alias.goto if target not in chain.addresses | chain.numbers)

    def _former_alias(self, chain: Chain, former: Former) -> None:
        row = self.wanted["alias"][former.address]
        if former.address not in self.aliases and domain_of(former.address) not in self.domains:
            # its domain was given up since: nobody can have the address, and PostfixAdmin no row for it
            del self.wanted["alias"][former.address]
        elif isinstance(row, AliasRow) and former.address in self.mailboxes:
            self.wanted["alias"][former.address] = row._replace(active=chain.active, active_managed=True)

    def _member_aliases(self, chain: Chain) -> None:
        """Their member number in domains that they left: only the one target changes, and only where it is theirs."""
        for key in chain.members:
            row, found = self.wanted["alias"].get(key), self.aliases.get(key)
            if not isinstance(row, AliasRow) or row.role is not AliasRole.MEMBER:
                continue  # declared for itself
            if found is None or chain.addresses.isdisjoint(found.goto):
                del self.wanted["alias"][key]
            else:
                goto = {chain.key, *found.goto} - (chain.addresses - {chain.key})
                self.wanted["alias"][key] = row._replace(goto=tuple(sorted(goto)))

    def references(self, chains: Sequence[Chain]) -> None:
        """Undeclared aliases that lead to a former address, where git asks for it. The own alias of a mailbox is its
        user's, and so are its targets. One that leads to several such people is the last one's, who needs the others:
        needs in an order have no circles."""
        current = {former.address: chain.key for chain in chains for former in chain.former if former.rewrite}
        if not current:
            return
        for key, alias in self.aliases.items():
            account = max((current[Address(t)] for t in alias.goto if t in current), default=None)
            if account is not None and key not in self.wanted["alias"] and key not in self.mailboxes:
                goto = tuple(sorted({str(current.get(Address(target), target)) for target in alias.goto}))
                self.wanted["alias"][key] = AliasRow(key, account, goto, alias.active, active_managed=False)

    def remove(self, leaving: Leaving) -> None:
        """Switched off, or gone, as far as it is there; nothing is made in order to be switched off."""
        for address in leaving.addresses:
            mailbox, alias = self.mailboxes.get(address), self.aliases.get(address)
            if mailbox is not None:
                off = mailbox._replace(account=leaving.key, active=False)
                self.wanted["mailbox"][address] = Absent(address, leaving.owner) if leaving.purge else off
            if alias is None or address in self.wanted["alias"]:
                continue
            if leaving.purge and (mailbox is not None or set(alias.goto) <= set(leaving.addresses)):
                self.wanted["alias"][address] = Absent(address, leaving.owner)
            elif mailbox is not None:
                self.wanted["alias"][address] = alias._replace(account=leaving.key, active=False, role=AliasRole.OWN)

    def member_aliases(self, purged: Sequence[Leaving]) -> None:
        """Member numbers that lead to nobody else; git does not say any more whose number it was."""
        owners = {address: leaving for leaving in purged for address in leaving.addresses}
        if not owners:
            return
        for key, alias in self.aliases.items():
            owner = owners.get(Address(alias.goto[0])) if alias.goto else None
            if owner is None or key in self.wanted["alias"] or not local_part(key).isdecimal():
                continue
            if set(alias.goto) <= set(owner.addresses):
                self.wanted["alias"][key] = Absent(key, owner.owner)
