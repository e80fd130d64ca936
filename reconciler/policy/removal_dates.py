"""Removals: those to come, and purges before their time. Limits and `protected` refuse removals, too."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.declared import GroupwareAccount, purge_day
from reconciler.model.records import MailboxRow
from reconciler.planning.finding import Finding
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import note, refusal


def early_purge(context: GateContext) -> Iterator[Finding]:
    """A removal switches a mailbox off before it is purged, also when its date is long past or its year a typo."""
    today, days = context.desired.today, context.site.policy.retention_days
    for transition, before, after in context.changes(MailboxRow):
        if before is None or after is not None:
            continue
        if before.active:
            message = f"{before.key} is switched on and would be purged at once, without its {days} days switched off"
            hint = f"write `date: {today}` at its removal: then it is switched off today and purged {days} days later"
            yield refusal(transition, "early-purge", message, hint, final=True)
        elif before.key not in context.remembered.removed:
            message = (
                f"{before.key} was not switched off by its removal, so that nobody knows since when it is off, and "
                "would be purged at once"
            )
            hint = f"is the date of the removal right? `date: {today}` purges it in {days} days"
            yield refusal(transition, "early-purge", message, hint)


def coming_removal(context: GateContext) -> Iterator[Finding]:
    """A removal of the future, and the purge of a mailbox that is switched off already."""
    today, retention = context.desired.today, context.site.policy.retention_days
    for removal in context.desired.removals:
        purge = purge_day(removal, retention)
        if removal.mailbox not in context.live(MailboxRow) or purge <= today:
            continue
        account = " with its OX account" if removal.groupware_account is GroupwareAccount.DELETE else ""
        off = f"is switched off on {removal.date} and " if removal.date > today else ""
        message = f"{removal.mailbox} {off}is purged on {purge}{account}: {removal.reason}"
        hint = "to keep the mailbox, remove the removal before that day, and declare the mailbox again"
        yield note(context, "removal", removal.mailbox, message, hint, removal.origin)
