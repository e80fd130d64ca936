"""The gate `protected`: what the site file names is neither removed, nor renamed, nor switched off."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.addresses import Address, local_part
from reconciler.model.records import OxUserRow, Scope
from reconciler.planning.changes import Action
from reconciler.planning.finding import Finding
from reconciler.planning.live_users import users_at
from reconciler.planning.transitions import Transition, switches_off
from reconciler.policy.account_takeovers import renames
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import refusal
from reconciler.translation import marked, tr


def protected(context: GateContext) -> Iterator[Finding]:
    """`policy.protected` has local parts (in every domain), full addresses and OX logins."""
    names = {name.strip().lower() for name in context.site.policy.protected}
    named = (t for t in context.transitions if t.owner.scope is not Scope.BLOCK)
    happening = ((t, sentence) for t in named if (sentence := _what_happens(t, context)))
    for transition, sentence in happening:
        if hit := sorted(names & _names(transition, context)):
            message = tr(sentence, subject=transition.owner.subject, names=", ".join(hit))
            hint = tr("revert the declaration, or have the name removed from that list in the site file")
            yield refusal(transition, "protected", message, hint)


_REMOVED = marked("{subject} would be removed, and {names} is protected by policy.protected of the site")
_RENAMED = marked("{subject} would be renamed, and {names} is protected by policy.protected of the site")
_SWITCHED_OFF = marked("{subject} would be switched off, and {names} is protected by policy.protected of the site")


def _what_happens(transition: Transition, context: GateContext) -> str:
    """What is said of it; empty for what is not guarded."""
    own = [change for change in transition.changes if change.key == transition.owner.subject]
    if transition.owner.subject in context.plan.removed or any(c.action is Action.DELETE for c in own):
        return _REMOVED
    if renames(transition, context):
        return _RENAMED
    return _SWITCHED_OFF if any(map(switches_off, own)) else ""


def _names(transition: Transition, context: GateContext) -> set[str]:
    """Everything that the site file may call the subject: its addresses, their local parts, its OX logins."""
    addresses = context.chains.addresses(Address(transition.owner.subject))
    rows = [row for change in transition.changes for row in (change.before, change.after)]
    named = {row.login.lower() for row in rows if isinstance(row, OxUserRow)}
    users = context.live(OxUserRow)
    named |= {users[address].login.lower() for address in addresses if address in users}
    # also of users that nobody declares any more, which are paired with no account
    named |= {user.login.lower() for user in users_at(users, {*addresses}) if user.primary in addresses}
    return {*addresses, *map(local_part, addresses)} | named
