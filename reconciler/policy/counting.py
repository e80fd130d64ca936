"""What the limits and `protected` ask of the plan in the making: whose shares are counted, whose address changes."""

from __future__ import annotations

from collections.abc import Set

from reconciler.model.record_kinds import kind_of
from reconciler.model.records import AliasRow, MailboxRow, Owner
from reconciler.planning.changes import Action, Change
from reconciler.planning.transitions import Transition
from reconciler.policy.gate_context import GateContext


def managed(context: GateContext) -> Set[str]:
    """The live accounts that are ours: what shares are shares of. The old mailbox of a rename belongs to its account.
    Without a look at the mailboxes, what is declared counts."""
    ours: Set[str] = {*context.desired.mailboxes, *(removal.mailbox for removal in context.desired.removals)}
    ours |= {key for _, kind, key in context.remembered.inventory if kind == "mailbox"}
    ours = context.chains.of_all(ours)
    live = context.snapshot.rows(MailboxRow)
    return ours if live is None else ours & context.chains.of_all(live.keys())


def renames(transition: Transition, context: GateContext) -> bool:
    """Whether the account's address changes in this transition, in any system; drift after a rename is none."""
    former = context.chains.former.get(transition.owner.subject)  # type: ignore[call-overload]  # an Address by owner
    return former is not None and any(_moves(change, transition.owner) for change in transition.changes)


def _moves(change: Change, owner: Owner) -> bool:
    if change.action is Action.RENAME or (change.action is Action.CREATE and kind_of(change.kind).credential):
        return True
    # the old address becomes an alias of the new one
    return isinstance(change.after, AliasRow) and change.key != owner.subject and change.after.goto == (owner.subject,)
