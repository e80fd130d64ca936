"""The gate `protected`: what the site file names is neither removed, nor renamed, nor switched off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.model.addresses import Address, local_part
from reconciler.model.records import OxUserRow, Scope
from reconciler.planning.changes import Action
from reconciler.planning.finding import Finding
from reconciler.planning.transitions import Transition, switches_off
from reconciler.policy.counting import renames
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import refusal


def protected(context: GateContext) -> Iterator[Finding]:
    """`policy.protected` has local parts (in every domain), full addresses and OX logins."""
    names = {name.strip().lower() for name in context.site.policy.protected}
    removed = {removal.mailbox for removal in context.desired.removals}
    named = [t for t in context.transitions if t.owner.scope is not Scope.BLOCK]
    happening = [(t, what) for t in named if (what := _what_happens(t, context, t.owner.subject in removed))]
    logins = _logins(context) if happening else {}
    for transition, what in happening:
        hit = sorted(names & _names(transition, context, logins))
        if hit:
            subject = transition.owner.subject
            message = f"{subject} would be {what}, and {', '.join(hit)} is protected by policy.protected of the site"
            hint = "revert the declaration, or have the name removed from that list in the site file"
            yield refusal(transition, "protected", message, hint)


def _what_happens(transition: Transition, context: GateContext, removed: bool) -> str:
    """`removed`, `renamed` or `switched off`; empty for what is not guarded."""
    if removed or any(c.action is Action.DELETE and c.key == transition.owner.subject for c in transition.changes):
        return "removed"
    if renames(transition, context):
        return "renamed"
    off = any(switches_off(c) and c.key == transition.owner.subject for c in transition.changes)
    return "switched off" if off else ""


def _names(transition: Transition, context: GateContext, logins: Mapping[str, str]) -> set[str]:
    """Everything that the site file may call the subject: its addresses, their local parts, its OX logins."""
    addresses = context.chains.addresses(Address(transition.owner.subject))
    rows = [row for change in transition.changes for row in (change.before, change.after)]
    named = {row.login.lower() for row in rows if isinstance(row, OxUserRow)}
    named |= {logins[address] for address in addresses if address in logins}
    return {*addresses, *map(local_part, addresses)} | named


def _logins(context: GateContext) -> dict[str, str]:
    """The OX login of each address; also of users that nobody declares any more, which are paired with no account."""
    users = (context.snapshot.rows(OxUserRow) or {}).items()
    return {address: user.login.lower() for key, user in users for address in (key, user.primary)}
