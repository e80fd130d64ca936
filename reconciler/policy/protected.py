"""The gate `protected`: what the site file names is neither removed, nor renamed, nor switched off."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.addresses import Address, local_part
from reconciler.model.records import OxUserRow, Scope
from reconciler.planning.changes import Action
from reconciler.planning.findings import Finding
from reconciler.planning.transitions import Transition
from reconciler.policy.context import Context
from reconciler.policy.effects import renames, switches_off
from reconciler.policy.saying import refusal


def protected(context: Context) -> Iterator[Finding]:
    """`policy.protected` has local parts (in every domain), full addresses and OX logins."""
    names = {name.strip().lower() for name in context.site.policy.protected}
    removed = {removal.mailbox for removal in context.desired.removals}
    for transition in context.transitions:
        if transition.owner.scope is Scope.BLOCK:
            continue
        what = _what_happens(transition, context, transition.owner.subject in removed)
        hit = sorted(names & _names(transition, context)) if what else []
        if hit:
            subject = transition.owner.subject
            message = f"{subject} would be {what}, and {', '.join(hit)} is protected by policy.protected of the site"
            hint = "take the declaration back, or let whoever keeps the site file take the name out of the list"
            yield refusal(transition, "protected", message, hint)


def _what_happens(transition: Transition, context: Context, removed: bool) -> str:
    """`removed`, `renamed` or `switched off`; empty for what is not guarded."""
    if removed or any(c.action is Action.DELETE and c.key == transition.owner.subject for c in transition.changes):
        return "removed"
    if renames(transition, context):
        return "renamed"
    off = any(switches_off(c) and c.key == transition.owner.subject for c in transition.changes)
    return "switched off" if off else ""


def _names(transition: Transition, context: Context) -> set[str]:
    """Everything that the site file may call the subject: its addresses, their local parts, its OX login."""
    subject = transition.owner.subject
    addresses = context.accounts.addresses(Address(subject))
    users = [change.before for change in transition.changes] + [change.after for change in transition.changes]
    users.append((context.snapshot.rows(OxUserRow) or {}).get(subject))
    logins = {user.login.lower() for user in users if isinstance(user, OxUserRow)}
    return {*addresses, *map(local_part, addresses)} | logins
