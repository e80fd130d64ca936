"""Gates about renames: those of a future date, those that nobody declared, those whose target is taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from reconciler.model.addresses import Address, local_part
from reconciler.model.declared import Mailbox, OldMailbox, Rename
from reconciler.model.records import AliasRow, MailboxRow, Owner, OxUserRow, Scope
from reconciler.planning.findings import Finding, Severity
from reconciler.planning.transitions import Transition
from reconciler.policy.accounts import new_accounts
from reconciler.policy.context import Context
from reconciler.policy.effects import renames
from reconciler.policy.saying import refusal, rename_entry


def future_rename(context: Context) -> Iterator[Finding]:
    """Until its date the account lives at its old address: what would be made at the new one waits."""
    for rename in context.accounts.future:
        message = f"{rename.old} is renamed to {rename.new} on {rename.date}"
        hint = "nothing of it is done before; the first apply on or after that day does it"
        owner = Owner(Scope.ACCOUNT, rename.new)
        yield Finding(Severity.LATER, "future-rename", rename.new, message, hint, context.locate(rename.origin), owner)


def suspected_rename(context: Context) -> Iterator[Finding]:
    """A new mailbox of the same member, or of the same names, as one that nobody declares any more: that is a rename,
    and without its entry her mail, contacts and calendar would stay behind (design.md section 4)."""
    new = list(new_accounts(context))
    return _suspected(context, new) if new else iter(())


def _suspected(context: Context, new: Iterable[tuple[Transition, MailboxRow]]) -> Iterator[Finding]:
    left = Left(context)
    for transition, row in new:
        box = context.desired.mailboxes.get(Address(row.key))
        for old, why in (left.of(box) if box is not None else {}).items():
            message = f"{row.key} is new and {old}, which nobody declares, {why}: is that the same person?"
            entry = rename_entry(old, row.key, context.desired.today)
            hint = f"if it is, declare the rename; if not, declare {old} as well"
            yield refusal(transition, "suspected-rename", message, hint, entry)


class Left:
    """Mailboxes that are live, or were ours, and that nothing in git names; by member number and by name."""

    def __init__(self, context: Context) -> None:
        desired = context.desired
        named = {*desired.mailboxes, *(rename.old for rename in desired.renames)}
        named |= {removal.mailbox for removal in desired.removals}
        self._names = {
            key: row.name for key, row in (context.snapshot.rows(MailboxRow) or {}).items() if key not in named
        }
        for (_, kind, key), entry in context.remembered.inventory.items():
            if kind == "mailbox" and key not in named:
                self._names.setdefault(key, str(entry.fields["name"]))
        self._members: dict[str, set[str]] = {}
        for key, alias in (context.snapshot.rows(AliasRow) or {}).items():
            if local_part(key).isdigit():
                self._members.setdefault(local_part(key), set()).update(alias.goto)
        for (_, kind, key), entry in context.remembered.inventory.items():
            if kind == "alias":
                self._members.setdefault(local_part(key), set()).update(entry.fields["goto"])
        self._by_name: dict[str, list[str]] = {}
        for key, name in self._names.items():
            self._by_name.setdefault(_folded(name), []).append(key)

    def of(self, box: Mailbox) -> Mapping[str, str]:
        """Those that may be this person's, and why."""
        found = {key: f"is called {self._names[key]} too" for key in self._by_name.get(_folded(box.name or ""), ())}
        if not _folded(box.name or ""):
            found = {}
        members = self._members.get(box.member, set()) if box.member is not None else set()
        return found | dict.fromkeys(sorted(members & self._names.keys()), f"has the member number {box.member}")


def move_target(context: Context) -> Iterator[Finding]:
    """A mailbox cannot move to an address that has one: the mail of one of them would be lost."""
    live = context.snapshot.rows(MailboxRow) or {}
    for account, chain in context.accounts.former.items():
        there = live.get(account)
        if there is None or there.key != account:
            continue  # free, or found under its old address and about to move
        for rename in _moving(chain):
            # a rename back: the mailbox that is there is the account's own, which left it and came home
            if rename.old in live and rename.old != account:
                yield _cannot_move(context, account, rename)
                break


def _moving(chain: tuple[Rename, ...]) -> Iterator[Rename]:
    """The renames that carry the mail over, newest first, until one that left its mailbox where it was."""
    for rename in chain:
        if rename.old_mailbox is OldMailbox.ATTACH:
            return
        yield rename


def _cannot_move(context: Context, account: Address, rename: Rename) -> Finding:
    message = f"{rename.old} cannot move to {account}, which is a mailbox already"
    hint = f"write `old_mailbox: attach` in this rename: {rename.old} stays and is attached in OX"
    owner = Owner(Scope.ACCOUNT, account)
    return Finding(Severity.REFUSAL, "move-target", account, message, hint, context.locate(rename.origin), owner)


def foreign_mailbox(context: Context) -> Iterator[Finding]:
    """A rename would give its person the password and the mail of the mailbox at the new address: it must be hers.

    It is when she has it from an earlier rename, when a run of ours touched it, or when it shows that somebody began
    this rename by hand (rename.md: any number of the wiki's steps).
    """
    live = context.snapshot.rows(MailboxRow) or {}
    for transition in context.transitions:
        account = Address(transition.owner.subject)
        chain = context.accounts.former.get(account, ())
        there, box = live.get(account), context.desired.mailboxes.get(account)
        if there is None or there.key != account or not any(rename.old in live for rename in chain):
            continue
        if box is not None and renames(transition, context) and not _hers(context, box, chain, there):
            newest = chain[0]
            name = f" ({there.name})" if there.name else ""
            message = f"{account}{name} is a mailbox already, and nothing shows that it is that of {newest.old}"
            entry = rename_entry(account, newest.old, newest.date - timedelta(days=1))
            hint = "if it is from an earlier rename, restore that entry with its date; else choose another address"
            yield refusal(transition, "foreign", message, hint, entry)


def _hers(context: Context, box: Mailbox, chain: tuple[Rename, ...], there: MailboxRow) -> bool:
    account, former = box.address, {rename.old for rename in chain}
    if account in former or Owner(Scope.ACCOUNT, account) in context.remembered.unseen:
        return True
    if box.name is not None and _folded(box.name) == _folded(there.name):
        return True
    aliases = context.snapshot.rows(AliasRow) or {}
    if any(old in aliases and aliases[old].goto == (account,) for old in former):
        return True
    # her member number leads to the account, in whichever domain
    if any(local_part(key) == box.member and account in alias.goto for key, alias in aliases.items()):
        return True
    user = (context.snapshot.rows(OxUserRow) or {}).get(account)
    return user is not None and user.primary == account and not former.isdisjoint(user.aliases)


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
