"""Gates about what an OX context holds once: logins and display names. OX itself refuses a second one, and by then the
mail database would be written and the password changed; so it is refused before the first effect."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from reconciler.model.addresses import Address, local_part
from reconciler.model.declared import Mailbox, with_login
from reconciler.model.derived_rows import others
from reconciler.model.records import MailboxRow, Owner, OxUserRow
from reconciler.planning.finding import Finding
from reconciler.planning.identity import folded_name
from reconciler.planning.transitions import Transition
from reconciler.policy.gate_context import GateContext
from reconciler.policy.ox_deletions import described
from reconciler.policy.wording import refusal, rename_entry
from reconciler.translation import tr


class _Claim(NamedTuple):
    """A user that gets a value which it does not have yet, and who has it."""

    transition: Transition
    row: OxUserRow
    holders: tuple[OxUserRow, ...]


def foreign_login(context: GateContext) -> Iterator[Finding]:
    """An OX login that another user holds and keeps is not ours to take: `hans@foo.example` has it, and
    `hans@bar.example` is to get the same one, since logins know no domain."""
    for claim, holder in _refused(context, "login"):
        row, box = claim.row, context.declared(claim.transition)
        message = tr(
            "{address} wants the OX login {login!r}, but {user} has it",
            address=row.key,
            login=row.login,
            user=described(holder),
        )
        if local_part(holder.primary) == row.login:
            message = tr("{message}: OX has each login once, whatever the domain", message=message)
        entry = f"groupware: {{username: {_free_login(context, row.login)}}}"
        other = tr("add `{entry}` to the entry of {address}", entry=entry, address=row.key)
        if _same_name(context, row, holder):
            other = tr(
                "{hint}, and a `name` of its own, since {name!r} is taken, too", hint=other, name=row.display_name
            )
        entries = []
        if box is not None and _may_be_renamed(context, box, holder):
            # the mailbox of the other domain was deleted, or never was theirs: nothing shows two people
            entries.append(rename_entry(holder.primary, row.key, context.desired.today))
            hint = tr(
                "if user {id} is the same person, declare the rename and keep its data; if not, {other}",
                id=holder.id,
                other=other,
            )
        else:
            hint = tr("{other}, or give user {id} another login in OX", other=other, id=holder.id)
        # OX holds each login once: no confirmation gives it to a second user
        yield refusal(claim.transition, "foreign", message, hint, *entries, final=True)


def _same_name(context: GateContext, row: OxUserRow, holder: OxUserRow) -> bool:
    section = context.site.openxchange
    unique = section is not None and section.unique_display_names
    return unique and _value(row, "display_name") == _value(holder, "display_name")


def _may_be_renamed(context: GateContext, box: Mailbox, holder: OxUserRow) -> bool:
    """Whether the holder may be this person under an address that nobody has any more. An entry that would take another
    one's account is never offered."""
    address, renames = Address(holder.primary), context.desired.renames
    free = context.unnamed([address]) and address not in context.desired.aliases
    taken = any(rename.new in (box.address, address) for rename in renames)
    names = folded_name(f"{box.given_name or ''} {box.surname or ''}"), folded_name(box.name)
    theirs = folded_name(f"{holder.given_name} {holder.surname}"), folded_name(holder.display_name)
    gone = (
        context.is_read(address)
        and address not in context.live(MailboxRow)
        and not context.identity.others_than(box, address)
    )
    return bool(free) and gone and not taken and bool({*names} & {*theirs} - {""})


def _free_login(context: GateContext, login: str) -> str:
    """The first of `hans2`, `hans3`, … that nobody has or is to get."""
    taken = {user.login for user in others(context.live(OxUserRow)).values()}  # all others have what is declared
    return next(
        free for number in count(2) if (free := f"{login}{number}") not in taken and not _is_wanted(context, free)
    )


def _is_wanted(context: GateContext, login: str) -> bool:
    boxes = with_login(context.desired.mailboxes, login).values()
    return any(login == (box.username or local_part(box.address)) for box in boxes)


def display_name(context: GateContext) -> Iterator[Finding]:
    """Nor is a display name, where the server wants them to differ (facts/open-xchange.md 4)."""
    openxchange = context.site.openxchange
    if openxchange is None or not openxchange.unique_display_names:
        return
    for claim, holder in _refused(context, "display_name"):
        name = claim.row.display_name
        message = tr(
            "{address} is to be called {name!r} in OX, but {user} is called that",
            address=claim.row.key,
            name=name,
            user=described(holder),
        )
        hint = tr(
            "write another `name` at {address}, or give OX user {id} another display name",
            address=claim.row.key,
            id=holder.id,
        )
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
    holders: dict[str, list[OxUserRow]] = {_value(row, field): [] for _, row in wanted}
    for user in context.live(OxUserRow).values() if wanted else ():
        if (holding := holders.get(_value(user, field))) is not None:
            holding.append(user)
    return [
        _Claim(transition, row, tuple(user for user in holders[_value(row, field)] if user.id != row.id))
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
