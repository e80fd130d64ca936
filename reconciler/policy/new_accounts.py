"""Gates about new mailboxes: unknown systems, naming, register."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reconciler.model.addresses import Address, local_part
from reconciler.model.declared import Mailbox
from reconciler.model.members import slips, trouble, without_zeros
from reconciler.model.name_folding import folded
from reconciler.model.record_kinds import kind_of
from reconciler.model.records import LetterRow, MailboxRow, MemberRow, Owner
from reconciler.planning.changes import Action, Change
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.transitions import Transition
from reconciler.policy.account_takeovers import moved_numbers
from reconciler.policy.dated_resets import due
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import about, refusal
from reconciler.translation import marked, tr


def unknown_system(context: GateContext) -> Iterator[Finding]:
    """New logins, passwords and letters wait while a system that accounts need is unknown: a letter would tell a
    password that is not valid there, or there would be no letter. Member numbers, and accounts that are opened again,
    wait while the register is unknown."""
    if not context.waiting_for:
        return
    names = tr(" and ").join(context.waiting_for)
    unjudged = context.site.register_ is not None and context.snapshot.rows(MemberRow) is None
    numbered = {t.owner for t, _, _ in moved_numbers(context)} | _opened(context).keys() if unjudged else set()
    for transition in context.transitions:
        unseen = any(not kind_of(c.kind).readable or _arrives(c) for c in transition.changes)
        if unseen or transition.owner in numbered:
            message = tr(
                "{subject} waits: {systems} could not be read", subject=transition.owner.subject, systems=names
            )
            hint = tr("it is carried out once {systems} can be read", systems=names)
            yield about(transition, Severity.WAIT, "unknown-system", message, hint)


def lost_password(context: GateContext) -> Iterator[Finding]:
    """A reset for somebody whom no letter reaches would only lock them out."""
    resets = due(context.plan, context.remembered, context.site, context.snapshot).password
    for transition in context.transitions:
        kinds = {change.kind for change in transition.changes}
        told = transition.owner in context.stopped or not kinds.isdisjoint({"letter", "given_password"})
        if transition.owner in resets and not told:
            message = tr(
                "{subject}: no letter can go out, so nobody would know the new password",
                subject=transition.owner.subject,
            )
            hint = tr("add their member number and correct their address in the register, or remove `password_reset`")
            yield refusal(transition, "password-reset", message, hint)


def naming(context: GateContext) -> Iterator[Finding]:
    """New addresses of mailboxes follow the naming pattern of the site; live ones keep their names."""
    pattern = context.site.policy.local_part
    for transition, row in arriving_mailboxes(context):
        if not re.fullmatch(pattern, local_part(row.key)):
            message = tr("{address} does not follow the naming rule {pattern}", address=row.key, pattern=pattern)
            hint = tr("choose another name, or change policy.local_part in the site file")
            yield refusal(transition, "naming", message, hint)


def register(context: GateContext) -> Iterator[Finding]:
    """An account is made or opened again, or gets a member number or a new password, only for somebody whom the
    register knows as an active member; and it is opened, and a password told, only to somebody of that name."""
    members = context.snapshot.rows(MemberRow)
    if members is None:
        return
    numbered = {t.owner: t for t, _ in new_accounts(context)} | {t.owner: t for t, _, _ in moved_numbers(context)}
    # a new password locks out somebody whom the register does not know: no letter goes to them
    numbered |= {t.owner: t for t in context.transitions if any(c.kind == "password" for c in t.changes)}
    informed = {t.owner: t for t, _, letter in context.changes(LetterRow) if letter and letter.tells_password}
    opened = _opened(context)
    for owner, transition in (numbered | informed | opened).items():
        box = context.declared(transition)
        if box is None or box.member is None:
            continue
        entry, why = members.get(box.member), trouble(members, box.member)
        if entry is None or why:
            if owner in numbered or owner in opened:
                message = tr("{address}: the register {why}", address=box.address, why=why)
                yield refusal(transition, "register", message, _remedy(members, box, box.member))
        elif (owner in informed or owner in opened) and another_name(box, entry):
            if owner in informed:
                sentence = marked(
                    "{address} is called {name}, and member {member} in the register {registered}: the letter with the "
                    "password would go to them"
                )
            else:
                sentence = marked(
                    "{address} is called {name}, and member {member} in the register {registered}: is it still theirs?"
                )
            registered = f"{entry.given_name} {entry.surname}"
            message = tr(sentence, address=box.address, name=box.name, member=box.member, registered=registered)
            yield refusal(transition, "register", message, _check_number(members, box, box.member))


_CHECK_NUMBER = marked("check the number with the member administration, and write the right one at `member:`")


def _check_number(members: Mapping[str, MemberRow], box: Mailbox, number: str) -> str:
    """What to do about a number that is wrong, with the one that was perhaps meant: a slip away, and of that name."""
    name = _words(box.given_name, box.surname)
    near = (entry for slip in slips(number) if (entry := members.get(slip)) is not None and not entry.problem)
    meant = next((entry for entry in near if name and _words(entry.given_name, entry.surname) == name), None)
    check = tr(_CHECK_NUMBER)
    if meant is None:
        return check
    return tr("did you mean {number}, {name}? {check}", number=meant.key, name=box.name, check=check)


def _remedy(members: Mapping[str, MemberRow], box: Mailbox, number: str) -> str:
    other, entry = without_zeros(members, number), members.get(number)
    if entry is not None and entry.problem:
        return tr("have the row corrected in the register and export it again; the rest of this plan does not need it")
    if other is None:
        return _check_number(members, box, number)
    if len(other) > len(number):
        return tr("write `{entry}`, in quotes", entry=f'member: "{other}"')
    return tr(
        "give the column of member numbers the format Text in the spreadsheet, and export {number} again", number=number
    )


def another_name(box: Mailbox, entry: MemberRow) -> bool:
    """Whether given name and surname both differ from the register's; who is named nowhere has no other name."""
    declared = _words(box.given_name, box.surname) or _words(box.name)
    registered = _words(entry.given_name, entry.surname)
    return bool(declared) and bool(registered) and declared.isdisjoint(registered)


def _words(*names: str | None) -> set[str]:
    return {word for name in names if name for word in folded(name).casefold().split()}


def _arrives(change: Change) -> bool:
    return change.action in (Action.CREATE, Action.RENAME) and kind_of(change.kind).credential


def _opened(context: GateContext) -> dict[Owner, Transition]:
    """Live accounts with a member number that are switched on again."""
    opened = (t for t, old, new in context.changes(MailboxRow) if old and new and new.active and not old.active)
    return {t.owner: t for t in opened if (box := context.declared(t)) and box.member}


def arriving_mailboxes(context: GateContext) -> Iterator[tuple[Transition, MailboxRow]]:
    """Mailboxes under addresses that have none yet: new ones, and those that move there."""
    for transition, before, after in context.changes(MailboxRow):
        if after is not None and (before is None or before.key != after.key):
            yield transition, after


def new_accounts(context: GateContext) -> Iterator[tuple[Transition, MailboxRow]]:
    """New mailboxes of accounts that have none yet; a renamed account has its old one."""
    live = context.live(MailboxRow)
    for transition, row in arriving_mailboxes(context):
        if not any(address in live for address in context.chains.addresses(Address(transition.owner.subject))):
            yield transition, row
