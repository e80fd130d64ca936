"""What must happen in PostfixAdmin because other things happen: the welcome mail, and one password everywhere. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.records import (
    MailboxRow,
    Owner,
    PasswordRow,
    Records,
    WelcomeMailRow,
)
from reconciler.planning.changes import Action, Change
from reconciler.planning.credentials import CredentialEvents


def follow(
    system: str,
    owner: Owner,
    changes: Sequence[Change],
    found: Records,
    former: Sequence[str],
    *,
    welcome_mail: bool,
    news: CredentialEvents,
) -> list[Change]:
    """The changes of `system` that follow from `changes`, which are all of one owner.

    A new password goes to their mailbox and to their old ones, in `former`: with one of them they attach the other. A
    mailbox that is made here gets it as it is made.
    """
    created = {
        c.key: c.after
        for c in changes
        if c.action is Action.CREATE and c.system == system and isinstance(c.after, MailboxRow)
    }
    # a disabled mailbox takes no mail: the welcome would bounce, or end in the domain's catch-all
    live = found.get("mailbox", {})
    unwelcomed = live.get(owner.subject) if news.welcome else None
    new = [*created.values(), *([unwelcomed] if isinstance(unwelcomed, MailboxRow) else [])]
    welcomes = [_welcome(system, owner, row) for row in new if welcome_mail and row.active]
    mine = [key for key in (owner.subject, *former) if key in live and key not in created] if news.renew else []
    return [*(_password(system, owner, key) for key in mine), *welcomes]


def former_mailboxes(wanted: Records) -> dict[str, list[str]]:
    """Account → its old mailboxes among the wanted ones."""
    former: dict[str, list[str]] = {}
    for key, row in wanted.get("mailbox", {}).items():
        if isinstance(row, MailboxRow) and row.account != key:
            former.setdefault(row.account, []).append(key)
    return former


def _password(system: str, owner: Owner, key: str) -> Change:
    row = PasswordRow(key, owner.subject)
    return Change(system, "password", Action.UPDATE, row.key, row, row, owner)


def _welcome(system: str, owner: Owner, mailbox: MailboxRow) -> Change:
    row = WelcomeMailRow(mailbox.key, owner.subject)
    return Change(system, "welcome_mail", Action.CREATE, row.key, None, row, owner)
