"""Which letter an account gets, what it says, and to whom it goes; or why there is none. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from reconciler.model.addresses import Address, BadAddress, domain_of, local_part, parse_address
from reconciler.model.declared import DesiredState, Mailbox, OldMailbox, Rename
from reconciler.model.members import trouble
from reconciler.model.records import LetterRow, MemberRow
from reconciler.planning.changes import Action, Change
from reconciler.planning.finding import Severity
from reconciler.planning.plan_context import PlanContext
from reconciler.settings import Settings
from reconciler.systems.letters.letter_templates import ACCOUNT, LANGUAGES, MOVED, PASSWORD, RENAMED, Content
from reconciler.translation import marked, tr

_RECENT = timedelta(days=60)
"""How long after a rename a new password still comes with the letter that explains the rename: the run that should have
sent it may have died, and nothing that can be read shows that."""


def occasion(
    context: PlanContext, account: Address, changes: Sequence[Change], *, renew: bool, welcome: bool = False
) -> str:
    """The template of the letter. Without `renew` the password stays. `welcome`: the run that made the mailbox died
    before its letter, so this is the first."""
    if not renew:
        return MOVED
    made = any(c.kind == "mailbox" and c.action is Action.CREATE and c.key == account for c in changes)
    moved = any(c.kind in ("mailbox", "ox_user") and c.action is Action.RENAME for c in changes)
    renames = context.chains.former.get(account, ())
    if renames and (made or moved or context.today - renames[0].date <= _RECENT):
        return RENAMED
    return ACCOUNT if made or welcome else PASSWORD


def content(context: PlanContext, account: Address, member: str | None, settings: Settings) -> Content:
    """The content of a letter, without password and sender."""
    box, former = context.desired.mailboxes.get(account), context.chains.addresses(account)[1:]
    renames = context.chains.former.get(account, ())
    return Content(
        address=account,
        login=account,
        given_name=(box and box.given_name) or "",
        name=(box and box.name) or "",
        web_login=_web_login(box, settings),
        addresses=(account, *former, *([f"{member}@{domain_of(account)}"] if member else [])),
        web_url=_web_url(box, settings),
        old_address=former[0] if former else "",
        old_mail=_old_mail(box, renames, settings),
        groupware=bool(box and box.groupware),
    )


def _old_mail(box: Mailbox | None, renames: Sequence[Rename], settings: Settings) -> str:
    """See Content. Attaching needs a site file that says where OX' web interface and its mail servers are."""
    if not renames:
        return ""
    if renames[0].old_mailbox is OldMailbox.MOVE:
        return "moved"
    section = settings.openxchange
    reachable = section is not None and None not in (section.web_url, section.imap, section.smtp)
    return "attached" if box is not None and box.groupware and reachable else "separate"


def _web_url(box: Mailbox | None, settings: Settings) -> str:
    """The groupware's front page: the server of `openxchange.web_url`, which is its interface."""
    groupware = settings.openxchange
    if box is None or not box.groupware or groupware is None or groupware.web_url is None:
        return ""
    url = urlsplit(groupware.web_url)
    return f"{url.scheme}://{url.netloc}/"


def _web_login(box: Mailbox | None, settings: Settings) -> str:
    """The declared login of the groupware, where it is neither the address nor the one that the site makes of it."""
    groupware = settings.openxchange
    if box is None or not box.groupware or groupware is None:
        return ""
    usual = box.address if groupware.username == "address" else local_part(box.address)
    return "" if box.username in (None, box.address, usual) else str(box.username)


class NoLetter(NamedTuple):
    """Why no letter goes out, and what to do. A warning is a mistake, a note need not be."""

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
    site_language: str,
) -> LetterRow | NoLetter:
    """The letter to `account`, to the address in the register and to no other. Only `moved` holds no password.
    `own` are the addresses that the account has and had, `site_language` is that of letters to whom the register has
    none."""
    by_hand = _by_hand(account, template)
    if member is None:
        message = tr(_NUMBERLESS[template == MOVED], account=account)
        return NoLetter(Severity.NOTE, "no-letter", message, by_hand)
    entry, why = members.get(member), trouble(members, member)
    if entry is None or why:
        message = _none(account, template, tr("the register {why}", why=why))
        return NoLetter(Severity.NOTE, "no-letter", message, by_hand)
    problem = email_problem(entry)
    if problem:
        return _unusable(_none(account, template, problem), member)
    recipient = Address(entry.email)
    if _ends_there(recipient, own, desired):
        reason = tr(
            "the register's address of member {number} belongs to that very account or its domain", number=member
        )
        return _unusable(_none(account, template, reason), member)
    language = language_of(entry)
    return LetterRow(account, account, member, recipient, template, "" if language == site_language else language)


def language_of(entry: MemberRow) -> str:
    """The language of letters to this member, also of a tag with a region (`en_GB`, `de-AT`); empty where the register
    has none, or one that no letter is written in."""
    primary = re.split("[-_]", entry.language, maxsplit=1)[0].lower()
    return primary if primary in LANGUAGES else ""


_NUMBERLESS = {
    True: marked("{account} has no member number, so the new address is not sent to anybody"),
    False: marked("{account} has no member number, so the password is not sent to anybody"),
}
_NONE = {
    True: marked("{account} gets no letter with the new address: {why}"),
    False: marked("{account} gets no letter with the password: {why}"),
}
"""By whether the letter tells no more than that the address changed."""


def _none(account: str, template: str, why: str) -> str:
    return tr(_NONE[template == MOVED], account=account, why=why)


def _by_hand(account: str, template: str) -> str:
    """How to pass on without the letter what it is about."""
    if template == MOVED:
        return tr("tell the person by other means that they log in as {account} now", account=account)
    return tr(
        "set the password afterwards ({command}), and hand it over in person", command=f"reconciler password {account}"
    )


def email_problem(entry: MemberRow) -> str:
    """What is wrong with the address in the register; empty when a letter can go there. Findings are shown to many, so
    the address is not in it, not even a wrong one."""
    if not entry.email:
        return tr("the register has no e-mail address for member {number}", number=entry.key)
    try:
        parse_address(entry.email)
    except BadAddress:
        return tr(
            "the register's e-mail address of member {number} is not one that mail can go to ({flaw})",
            number=entry.key,
            flaw=_flaw(entry.email),
        )
    return ""


def _flaw(text: str) -> str:
    if text.count("@") != 1:
        return tr("{number} @ in it", number=text.count("@")) if "@" in text else tr("no @ in it")
    if not text.rpartition("@")[0].isascii():
        return tr("other characters than ASCII before the @")
    return tr("before or after the @")


def _unusable(message: str, member: str) -> NoLetter:
    hint = tr("let member {number} put another address into the register, then plan again", number=member)
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
