"""Who gets a letter, and why somebody does not. Called by the system's `side_effects`; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reconciler.model.addresses import Address, BadAddress, domain_of, parse_address
from reconciler.model.declared import DesiredState
from reconciler.model.members import trouble
from reconciler.model.records import LetterRow, MemberRow
from reconciler.planning.finding import Severity
from reconciler.systems.letters.letter import MOVED


class NoLetter(NamedTuple):
    """Why what happened reaches nobody by letter, and what to do. A warning is a mistake, a note need not be."""

    severity: Severity
    rule: str
    message: str
    hint: str


def letter_for(
    account: str,
    template: str,
    member: str | None,
    members: Mapping[str, MemberRow],
    desired: DesiredState,
    own: tuple[Address, ...],
) -> LetterRow | NoLetter:
    """The letter to `account`, to the address in the register and to no other. Only `moved` holds no password.
    `own` are the addresses that the account has and had."""
    told, by_hand = _told(account, template)
    if member is None:
        message = f"{account} has no member number, so {told} is not sent to anybody"
        return NoLetter(Severity.NOTE, "no-letter", message, by_hand)
    entry, why = members.get(member), trouble(members, member)
    if entry is None or why:
        message = f"{account} gets no letter with {told}: the register {why}"
        return NoLetter(Severity.NOTE, "no-letter", message, by_hand)
    problem = email_problem(entry)
    if problem:
        return _unusable(f"{account} gets no letter with {told}: {problem}", member)
    recipient = Address(entry.email)
    if _ends_there(recipient, own, desired):
        reason = f"the register's address of member {member} belongs to that very account or its domain"
        return _unusable(f"{account} gets no letter with {told}: {reason}", member)
    return LetterRow(account, account, member, recipient, template)


def _told(account: str, template: str) -> tuple[str, str]:
    """What the letter tells, and how it is told otherwise."""
    if template == MOVED:
        return "the new address", f"tell the person by other means that they log in as {account} now"
    return "the password", f"set the password of {account} by other means and hand it over in person"


def email_problem(entry: MemberRow) -> str:
    """What is wrong with the address in the register; empty when a letter can go there. Findings are shown to many, so
    the address is not in it, not even a wrong one."""
    if not entry.email:
        return f"the register has no e-mail address for member {entry.key}"
    try:
        parse_address(entry.email)
    except BadAddress:
        return (
            f"the register's e-mail address of member {entry.key} is not one that mail can go to ({_flaw(entry.email)})"
        )
    return ""


def _flaw(text: str) -> str:
    if text.count("@") != 1:
        return f"{text.count('@') or 'no'} @ in it"
    if not text.rpartition("@")[0].isascii():
        return "other characters than ASCII before the @"
    return "before or after the @"


def _unusable(message: str, member: str) -> NoLetter:
    hint = f"let member {member} put another address into the register, then plan again"
    return NoLetter(Severity.WARNING, "register-email", message, hint)


def _ends_there(recipient: Address, own: tuple[Address, ...], desired: DesiredState) -> bool:
    """Whether the letter would end in the account itself: by its domains (the present one and those that it had), or
    by declared aliases. Its owner could read it only after a login with what is in it."""
    if domain_of(recipient) in {domain_of(address) for address in own}:
        return True
    waiting, seen = [recipient], {recipient}
    while waiting:
        alias = desired.aliases.get(waiting.pop())
        for target in alias.goto if alias and alias.active else ():
            if target in own:
                return True
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return False
