"""`reconciler password`: a password that somebody types, in every system that the account lives in. It is `apply` of
one transition, with a given password instead of one that is made (docs/letters.md, "A password by hand")."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from reconciler.cli.apply import carry_through, say_taken_over
from reconciler.cli.declared_mailbox import declared_mailbox
from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format
from reconciler.cli.site_session import SiteSession, open_site
from reconciler.cli.streams import say
from reconciler.cli.terminal import ask
from reconciler.errors import UsageError
from reconciler.model.declared import Mailbox
from reconciler.model.records import MailboxRow, Owner, OxUserRow, Scope
from reconciler.planning.plan import Plan
from reconciler.planning.plan_draft import Draft, Selection
from reconciler.policy.dated_resets import PASSWORD
from reconciler.policy.typed_passwords import problems

_TRIES = 3
_MOST = 4096
"""Bytes of standard input that are looked at."""


def piped() -> SecretStr | None:
    """The password on standard input; None when that is a terminal. Raises UsageError, and never says what it read."""
    if sys.stdin.isatty():
        return None
    content = sys.stdin.buffer.read(_MOST + 1)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("standard input is not text in UTF-8, so it is no password", hint=_HOW) from None
    line = text.removesuffix("\n").removesuffix("\r")
    if not line:
        raise UsageError("standard input is empty, so there is no password", hint=_HOW)
    if "\n" in line or len(content) > _MOST:
        raise UsageError("standard input has more than one line, and a password is one", hint=_HOW)
    return SecretStr(line)


_HOW = "on a terminal it is asked for; elsewhere: reconciler password ADDRESS < FILE, where FILE holds one line"


async def password(
    asked: str, site: Path | None, state: Path | None, output: Format, typed: SecretStr | None
) -> Status:
    """Sets it in every system, or says why not. Raises UsageError."""
    async with open_site(site, state) as opened:
        box = _switched_on(opened, asked)
        if typed is not None:
            _refuse(opened, box, typed)
        async with opened.session() as session:
            say_taken_over(session)
            selection = Selection(given=Owner(Scope.ACCOUNT, box.address))
            drafted = await opened.draft(selection, writing=True, with_tables=True)
            _check_live(opened, drafted, box)
            status = await carry_through(opened, session, drafted.alone, output, partial(_given, opened, box, typed))
    if any(shot.name == PASSWORD and shot.address == box.address for shot in drafted.shots):
        say(
            f"git declares `password_reset: {box.password_reset}` too: the next apply makes another password, by letter"
        )
    return status


def _switched_on(opened: SiteSession, asked: str) -> Mailbox:
    """The mailbox that is meant. Raises UsageError."""
    box = declared_mailbox(opened.context, asked, "reconciler password")
    if not box.active:
        message = f"{box.address} is switched off ({opened.declaration.locate(box.origin)}): nobody could log in"
        raise UsageError(message, hint="write `active: true` there, apply it, then set the password")
    return box


def _refuse(opened: SiteSession, box: Mailbox, typed: SecretStr) -> None:
    """Raises UsageError for a password that the site does not take."""
    wrong = list(problems(typed, opened.site.passwords, box, opened.context.chains.addresses(box.address)))
    if wrong:
        message = f"this password for {box.address} is refused, and nothing was changed: {'; '.join(wrong)}"
        raise UsageError(message, hint="choose another one; the rules are in docs/letters.md, A password by hand")


def _check_live(opened: SiteSession, drafted: Draft, box: Mailbox) -> None:
    """Raises UsageError unless the account is live, whole, everywhere that was read."""
    assert drafted.tables is not None
    live, address = drafted.tables.live, box.address
    mailboxes, users = live.rows(MailboxRow), live.rows(OxUserRow)
    row = (mailboxes or {}).get(address)
    made = "run `reconciler apply` first: it makes what is missing, with a password of its own; then set yours"
    if mailboxes is not None and row is None:
        former = next((a for a in opened.context.chains.addresses(address) if a in mailboxes), None)
        why = f"its rename is not carried out yet: the mailbox is still {former}" if former else "there is none yet"
        raise UsageError(f"{address} is declared as a mailbox, and {why}", hint=made)
    if row is not None and not row.active:
        message = f"{address} is switched off in PostfixAdmin: nobody could log in"
        raise UsageError(message, hint="git declares it as active: run `reconciler apply` first, then set the password")
    if users is not None and box.groupware and opened.site.openxchange is not None and address not in users:
        message = f"{address} has no OX user yet, and git declares that it has groupware"
        raise UsageError(f"{message}: the password would be in one of two systems", hint=made)


async def _given(opened: SiteSession, box: Mailbox, typed: SecretStr | None, _: Plan) -> bool:
    """Hands the password to the systems; False when the person at the terminal changed their mind."""
    chosen = typed or await _asked(opened, box)
    if chosen is None:
        return False
    opened.passwords.give(box.address, chosen)
    return True


async def _asked(opened: SiteSession, box: Mailbox) -> SecretStr | None:
    """Asks twice at the terminal. Raises UsageError after a few passwords that are refused."""
    for left in reversed(range(_TRIES)):
        first = await ask(f"New password for {box.address}: ", hidden=True)
        again = None if first is None else await ask("The same once more: ", hidden=True)
        if first is None or again is None:
            return None
        try:
            if first != again:
                raise UsageError("the two are not the same, and nothing was changed", hint="type it again")
            _refuse(opened, box, SecretStr(first))
        except UsageError as error:
            if not left:
                raise
            say(error.message)
        else:
            return SecretStr(first)
    raise AssertionError  # the last try returns or raises
