"""Gates about renames: those of a future date, those that nobody declared, those whose target is taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import takewhile

from reconciler.model.addresses import Address, local_part
from reconciler.model.declared import Mailbox, OldMailbox, Rename
from reconciler.model.records import AliasRow, MailboxRow, Owner, OxUserRow, Scope
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.identity import folded_name
from reconciler.planning.live_users import with_primary
from reconciler.planning.transitions import Transition
from reconciler.policy.account_takeovers import moved_numbers
from reconciler.policy.gate_context import GateContext
from reconciler.policy.new_accounts import new_accounts
from reconciler.policy.wording import refusal, rename_entry
from reconciler.translation import tr


def future_rename(context: GateContext) -> Iterator[Finding]:
    """Until its date the account lives at its old address: what would be made at the new one waits."""
    for rename in context.chains.future:
        message = tr("{old} is renamed to {new} on {date}", old=rename.old, new=rename.new, date=rename.date)
        hint = tr("nothing of it is done before; the first apply on or after that day does it")
        owner = Owner(Scope.ACCOUNT, rename.new)
        yield Finding(Severity.LATER, "future-rename", rename.new, message, hint, context.locate(rename.origin), owner)


def suspected_rename(context: GateContext) -> Iterator[Finding]:
    """A new mailbox of the same member, or of the same names, as one that nobody declares any more: that is a rename,
    and without its entry their mail, contacts and calendar would stay behind (docs/rename.md)."""
    new = {transition.owner: transition for transition, _ in new_accounts(context)}
    # the new mailbox may have been made by hand: then the number still leads to the old one. A number that somebody
    # took away from an account of ours is drift
    for transition, before, _ in moved_numbers(context):
        if before is not None and not context.identity.is_noted(transition.owner.subject):
            new[transition.owner] = transition
    taken_back = [t for t in context.transitions if _holder(context, t) is not None]
    if not new and not taken_back:
        return
    left = UndeclaredMailboxes(context)
    back = {t.owner: found for t in taken_back if (found := _taken_back(context, t, left))}
    yield from back.values()
    yield from _suspected(context, (t for owner, t in new.items() if owner not in back), left)


def _holder(context: GateContext, transition: Transition) -> str | None:
    """The account that had this declared address before a rename of ours, and is no longer declared under its own."""
    holder = context.remembered.former.get(transition.owner.subject) if context.declared(transition) else None
    if holder is None or holder in context.chains.addresses(Address(transition.owner.subject)):
        return None
    address = transition.owner.subject
    # it was taken up half-way: OX did not follow yet, and the account has all that is its own under this address
    stayed = with_primary(context.live(OxUserRow), address) is not None
    return None if stayed and address in context.live(MailboxRow) else holder


def _taken_back(context: GateContext, transition: Transition, left: UndeclaredMailboxes) -> Finding | None:
    """A rename whose merge request was reverted: the account lives at the new address, with its OX user and its mail.
    The way back is a rename as well."""
    address, holder = transition.owner.subject, _holder(context, transition)
    if holder is None or holder not in left:
        return None
    message = tr(
        "{address} was renamed to {holder}, which nobody declares any more: is the rename taken back?",
        address=address,
        holder=holder,
    )
    hint = tr(
        "if it is, declare the way back, which is a rename as well; if not, declare {holder} again", holder=holder
    )
    moved, today = address not in context.live(MailboxRow), context.desired.today
    before = [rename.date for rename in context.desired.renames if rename.new == address]
    if not before:
        return refusal(transition, "suspected-rename", message, hint, rename_entry(holder, address, today, move=moved))
    # the account came to this address by a rename, too: its way goes on from there
    there = max(max(before), today - timedelta(days=1))
    ways = ((address, holder, there), (holder, address, there + timedelta(days=1)))
    return refusal(transition, "suspected-rename", message, hint, *(rename_entry(*way, move=moved) for way in ways))


def _suspected(context: GateContext, new: Iterable[Transition], left: UndeclaredMailboxes) -> Iterator[Finding]:
    desired = context.desired
    taken = {rename.new for rename in desired.renames}
    for transition in new:
        address, box = transition.owner.subject, context.declared(transition)
        for old, why in (left.of(box) if box is not None else {}).items():
            message = tr(
                "{address} is new and {old}, which nobody declares, {why}: is that the same person?",
                address=address,
                old=old,
                why=why,
            )
            entries = []
            if address in taken:  # one account is renamed to an address, and one only
                hint = tr("declare {old} under `mailboxes:` or `removals:`", old=old)
            elif Address(old) in desired.aliases:  # a former address is no alias: the entry alone would be invalid
                message = tr("{message} An alias is declared on it", message=message)
                hint = tr(
                    "if it is, remove the alias {old}, run this again and declare the rename that it prints", old=old
                )
            else:
                hint = tr("if it is, declare the rename; if not, declare {old} as well", old=old)
                entries.append(rename_entry(old, address, desired.today))
            yield refusal(transition, "suspected-rename", message, hint, *entries)


class UndeclaredMailboxes:
    """Mailboxes that are live, or were ours, and that nothing in git names; by member number and by name."""

    def __init__(self, context: GateContext) -> None:
        live, inventory = context.live(MailboxRow), context.remembered.inventory.values()
        self._names = {key: live[key].name for key in context.unnamed(live)}
        ours = {entry.key: entry for entry in inventory if entry.kind == "mailbox"}
        for key in context.unnamed(ours):
            self._names.setdefault(key, str(ours[key].fields["name"]))
        self._members: dict[str, set[str]] = {}
        for key, alias in context.live(AliasRow).items():
            if local_part(key).isdigit():
                self._members.setdefault(local_part(key), set()).update(alias.goto)
        for entry in inventory:
            if entry.kind == "alias":
                self._members.setdefault(local_part(entry.key), set()).update(entry.fields["goto"])
        self._by_name: dict[str, list[str]] = {}
        for key, name in self._names.items():
            self._by_name.setdefault(folded_name(name), []).append(key)

    def __contains__(self, address: str) -> bool:
        return address in self._names

    def of(self, box: Mailbox) -> Mapping[str, str]:
        """Those that may be this person's, and why."""
        name = folded_name(box.name)
        found = {key: tr("is called {name} too", name=self._names[key]) for key in self._by_name.get(name, ()) if name}
        members = self._members.get(box.member, set()) if box.member is not None else set()
        return found | dict.fromkeys(
            sorted(members & self._names.keys()), tr("has the member number {member}", member=box.member)
        )


def move_target(context: GateContext) -> Iterator[Finding]:
    """A mailbox cannot move to an address that has one: the mail of one of them would be lost."""
    live = context.live(MailboxRow)
    for account, chain in context.chains.former.items():
        there = live.get(account)
        if there is None or there.key != account:
            continue  # free, or found under its old address and about to move
        # a rename back: the mailbox that is there is the account's own
        if rename := next((r for r in _moving(chain) if r.old in live and r.old != account), None):
            message = tr("{old} cannot move to {account}, which is a mailbox already", old=rename.old, account=account)
            hint = tr("write `old_mailbox: attach` in this rename: {old} stays and is attached in OX", old=rename.old)
            owner, place = Owner(Scope.ACCOUNT, account), context.locate(rename.origin)
            yield Finding(Severity.REFUSAL, "move-target", account, message, hint, place, owner)


def _moving(chain: tuple[Rename, ...]) -> Iterator[Rename]:
    """The renames that carry the mail over, newest first, until one that left its mailbox where it was."""
    return takewhile(lambda rename: rename.old_mailbox is not OldMailbox.ATTACH, chain)
