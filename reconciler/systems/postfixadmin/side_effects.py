"""What else must happen in PostfixAdmin to an account: the welcome mail, and the same password everywhere. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.model.addresses import Address
from reconciler.model.records import MailboxRow, Owner, Records, WelcomeMailRow
from reconciler.planning.changes import Action, Change
from reconciler.planning.new_passwords import CredentialEvents, password_change
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Pair


def side_effects(
    system: str,
    context: PlanContext,
    owner: Owner,
    changes: Sequence[Change],
    pair: Pair,
    *,
    events: CredentialEvents,
    welcome_mail: bool,
) -> list[Change]:
    """The changes of `system` that follow from `changes`, which are all of one owner. A new password goes to their
    mailbox and to their old ones: with one of them they attach the other. A mailbox that is made here gets it as it is
    made."""
    creations = (c for c in changes if c.action is Action.CREATE and c.system == system)
    created = {c.key: c.after for c in creations if isinstance(c.after, MailboxRow)}
    # a disabled mailbox takes no mail: the welcome would bounce, or end in the domain's catch-all
    live = pair.found.get("mailbox", {})
    unwelcomed = live.get(owner.subject) if events.welcome else None
    new = [*created.values(), *([unwelcomed] if isinstance(unwelcomed, MailboxRow) else [])]
    welcomes = [_welcome(system, owner, row) for row in new if welcome_mail and row.active]
    keys = (owner.subject, *_former_mailboxes(context, owner, pair.wanted)) if events.renew else ()
    there = (key for key in keys if key in live and key not in created)
    return [*(password_change(system, owner, key, events) for key in there), *welcomes]


def _former_mailboxes(context: PlanContext, owner: Owner, wanted: Records) -> Iterator[str]:
    """The old mailboxes of an account among the wanted ones."""
    for address in context.chains.addresses(Address(owner.subject))[1:]:
        row = wanted.get("mailbox", {}).get(address)
        if isinstance(row, MailboxRow) and row.account == owner.subject:
            yield address


def _welcome(system: str, owner: Owner, mailbox: MailboxRow) -> Change:
    row = WelcomeMailRow(mailbox.key, owner.subject)
    return Change(system, "welcome_mail", Action.CREATE, row.key, None, row, owner)
