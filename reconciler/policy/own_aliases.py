"""The gate `foreign` for aliases: nobody's alias becomes a mailbox's own unseen, and no mailbox loses its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.addresses import Address
from reconciler.model.records import AliasRow, MailboxRow, Scope
from reconciler.planning.changes import Change
from reconciler.planning.finding import Finding
from reconciler.planning.transitions import Transition
from reconciler.policy.account_takeovers import is_ours
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import refusal


def foreign_alias(context: GateContext) -> Iterator[Finding]:
    """An alias that somebody else made stands on the address of a mailbox that is to be made, or on a former address;
    or a declared alias stands on the address of a live mailbox that git does not name."""
    live = context.snapshot.rows(MailboxRow) or {}
    for transition in context.transitions:
        for change in transition.changes:
            at = live.get(change.key)
            is_live = at is not None and at.key == change.key
            if not isinstance(change.after, AliasRow):
                continue
            if transition.owner.scope is Scope.ALIAS and is_live:
                yield from _takes_a_mailbox(context, transition, change)
            elif transition.owner.scope is Scope.ACCOUNT and not is_live:
                yield from _takes_an_alias(context, transition, change)


def _takes_a_mailbox(context: GateContext, transition: Transition, change: Change) -> Iterator[Finding]:
    key, today = change.key, context.desired.today
    leaves = any(removal.mailbox == key and removal.date <= today for removal in context.desired.removals)
    assert isinstance(change.after, AliasRow)
    if leaves or key in context.remembered.aliases or key in change.after.goto:
        return
    message = f"{key} is a live mailbox that git does not declare: this alias would take its mail"
    hint = f"declare {key} under `mailboxes:` or `removals:`, or choose another address; or confirm"
    yield refusal(transition, "foreign", message, hint)


def _takes_an_alias(context: GateContext, transition: Transition, change: Change) -> Iterator[Finding]:
    account, before = Address(transition.owner.subject), change.before
    addresses = set(context.chains.addresses(account))
    if not isinstance(before, AliasRow) or change.key not in addresses or not before.goto:
        return
    box = context.desired.mailboxes.get(account)
    own = addresses | ({f"{box.member}@{a.rpartition('@')[2]}" for a in addresses} if box and box.member else set())
    # one that leads to this person already may have other targets, which stay; so may the own alias of a former mailbox
    others = own - {account} if change.key == account else own
    theirs = set(before.goto) <= own or not others.isdisjoint(before.goto)
    if theirs or is_ours(context, change.key):
        return
    message = f"the alias {change.key} leads to {', '.join(before.goto)}, and reconciler did not make it"
    hint = f"delete that alias in PostfixAdmin, or choose another address; or confirm: it then leads to {account} alone"
    yield refusal(transition, "foreign", message, hint)
