"""Gates about what an OX context holds once: logins and display names. OX itself refuses a second one, and by then the
mail database would be written and the password changed; so it is refused before the first effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from reconciler.model.records import Owner, OxUserRow
from reconciler.planning.finding import Finding
from reconciler.planning.transitions import Transition
from reconciler.policy.gate_context import GateContext
from reconciler.policy.ox_deletions import described
from reconciler.policy.wording import refusal


class _Claim(NamedTuple):
    """A user that gets a value which it does not have yet, and who has it."""

    transition: Transition
    row: OxUserRow
    holders: tuple[OxUserRow, ...]


def foreign_login(context: GateContext) -> Iterator[Finding]:
    """An OX login that another user holds and keeps is not ours to take."""
    for claim, holder in _refused(context, "login"):
        message = f"{claim.row.key} wants the OX login {claim.row.login!r}, but {described(holder)} has it"
        other = f"`groupware: {{username: {claim.row.login}2}}`"
        hint = f"write another login: {other}, or give user {holder.id} another one"
        # OX holds each login once: no confirmation gives it to a second user
        yield refusal(claim.transition, "foreign", message, hint, final=True)


def display_name(context: GateContext) -> Iterator[Finding]:
    """Nor is a display name, where the server wants them to differ (facts/open-xchange.md 4)."""
    openxchange = context.site.openxchange
    if openxchange is None or not openxchange.unique_display_names:
        return
    for claim, holder in _refused(context, "display_name"):
        name = claim.row.display_name
        message = f"{claim.row.key} is to be called {name!r} in OX, but {described(holder)} is called that"
        hint = f"write another `name` at {claim.row.key}, or give OX user {holder.id} another display name"
        yield refusal(claim.transition, "display-name", message, hint)


def _refused(context: GateContext, field: str) -> Iterator[tuple[_Claim, OxUserRow]]:
    """The claims for a value whose holder does not give it up in this plan."""
    claims, leaving = _claims(context, field), _leaving(context, field)
    stopped, found = set(context.stopped), True
    while found:  # whoever is refused keeps what it has
        found = False
        for claim in claims:
            kept = [u for u in claim.holders if leaving.get(u.id) is None or leaving[u.id] in stopped]
            if kept and claim.transition.owner not in stopped:
                found = True
                stopped.add(claim.transition.owner)
                yield claim, kept[0]


def _claims(context: GateContext, field: str) -> list[_Claim]:
    wanted = [
        (transition, after)
        for transition, before, after in context.changes(OxUserRow)
        if after is not None and (before is None or _value(after, field) != _value(before, field))
    ]
    holders: dict[str, list[OxUserRow]] = {}
    for user in context.live(OxUserRow).values() if wanted else ():
        holders.setdefault(_value(user, field), []).append(user)
    return [
        _Claim(transition, row, tuple(user for user in holders.get(_value(row, field), ()) if user.id != row.id))
        for transition, row in wanted
    ]


def _leaving(context: GateContext, field: str) -> dict[str, Owner]:
    """Users (by id) that are deleted, or get another value, and by whose transition."""
    return {
        before.id: transition.owner
        for transition, before, after in context.changes(OxUserRow)
        if before is not None and (after is None or _value(after, field) != _value(before, field))
    }


def _value(user: OxUserRow, field: str) -> str:
    """Logins are compared exactly; display names without case, since that depends on the server's collation."""
    return user.login if field == "login" else user.display_name.casefold()
