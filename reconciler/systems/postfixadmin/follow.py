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


def follow(
    system: str, owner: Owner, changes: Sequence[Change], found: Records, *, welcome_mail: bool, renew: bool
) -> list[Change]:
    """The changes of `system` that follow from `changes`, which are all of one owner."""
    created = [c for c in changes if c.action is Action.CREATE]
    mailboxes = [c.after for c in created if c.system == system and isinstance(c.after, MailboxRow)]
    if mailboxes:
        # a disabled mailbox takes no mail: the welcome would bounce, or end in the domain's catch-all
        return [_welcome(system, owner, row) for row in mailboxes if welcome_mail and row.active]
    if renew and owner.subject in found.get("mailbox", {}):
        row = PasswordRow(owner.subject, owner.subject)
        return [Change(system, "password", Action.UPDATE, row.key, row, row, owner)]
    return []


def _welcome(system: str, owner: Owner, mailbox: MailboxRow) -> Change:
    row = WelcomeMailRow(mailbox.key, mailbox.account)
    return Change(system, "welcome_mail", Action.CREATE, row.key, None, row, owner)
