"""What a transition does to its subject, as the limits and `protected` see it. Pure; the workflow tells the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Set

from reconciler.model.records import CREDENTIAL_KINDS, AliasRow, MailboxRow, Owner, Scope
from reconciler.planning.changes import Action, Change
from reconciler.planning.remembered import Effect, counted_as
from reconciler.planning.transitions import Transition
from reconciler.policy.context import Context


def effects(context: Context) -> Mapping[Owner, Effect]:
    """What each transition counts as. Switching off on a removal's date and the purge are one removal each, however
    many rows they touch (details.md, Error, gate or note); `active: false` is a change."""
    removed = {removal.mailbox for removal in context.desired.removals}
    return {t.owner: _effect(t, context, t.owner.subject in removed) for t in context.transitions}


def _effect(transition: Transition, context: Context, removed: bool) -> Effect:
    owner = transition.owner
    if owner.scope is Scope.ACCOUNT:
        if removed or any(c.kind == "mailbox" and c.action is Action.DELETE for c in transition.changes):
            return Effect.REMOVAL
        if owner.subject in context.accounts.former:
            return Effect.CHANGE
    return counted_as(owner, transition.changes)


def managed(context: Context) -> Set[str]:
    """The live accounts that are ours: what shares are shares of. The old mailbox of a rename belongs to its account.
    Without a look at the mailboxes, what is declared counts."""
    ours: Set[str] = {*context.desired.mailboxes, *(removal.mailbox for removal in context.desired.removals)}
    ours |= {key for _, kind, key in context.remembered.inventory if kind == "mailbox"}
    ours = context.accounts.of_all(ours)
    live = context.snapshot.rows(MailboxRow)
    return ours if live is None else ours & context.accounts.of_all(live.keys())


def switches_off(change: Change) -> bool:
    """Whether a mailbox or an alias is active before and not after."""
    before, after = change.before, change.after
    if not isinstance(before, (MailboxRow, AliasRow)) or not isinstance(after, (MailboxRow, AliasRow)):
        return False
    return before.active and not after.active


def renames(transition: Transition, context: Context) -> bool:
    """Whether the account's address changes in this transition, in any system; drift after a rename is none."""
    former = context.accounts.former.get(transition.owner.subject)  # type: ignore[call-overload]  # an Address by owner
    return former is not None and any(_moves(change, transition.owner) for change in transition.changes)


def _moves(change: Change, owner: Owner) -> bool:
    if change.action is Action.RENAME or (change.action is Action.CREATE and change.kind in CREDENTIAL_KINDS):
        return True
    # the old address becomes an alias of the new one
    return isinstance(change.after, AliasRow) and change.key != owner.subject and change.after.goto == (owner.subject,)
