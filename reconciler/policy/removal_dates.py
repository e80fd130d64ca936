"""Removals: those to come, and purges before their time. Limits and `protected` refuse removals, too."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.declared import GroupwareAccount, purge_day
from reconciler.model.records import MailboxRow
from reconciler.planning.finding import Finding
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import note, refusal
from reconciler.translation import marked, tr


def early_purge(context: GateContext) -> Iterator[Finding]:
    """A removal switches a mailbox off before it is purged, also when its date is long past or its year a typo."""
    today, days = context.desired.today, context.site.policy.retention_days
    for transition, before, after in context.changes(MailboxRow):
        if before is None or after is not None:
            continue
        if before.active:
            message = tr(
                "{address} is switched on and would be purged at once, without its {days} days switched off",
                address=before.key,
                days=days,
            )
            hint = tr(
                "write `{entry}` at its removal: then it is switched off today and purged {days} days later",
                entry=f"date: {today}",
                days=days,
            )
            yield refusal(transition, "early-purge", message, hint, final=True)
        elif before.key not in context.remembered.removed:
            message = tr(
                "{address} was not switched off by its removal, so that nobody knows since when it is off, and would "
                "be purged at once",
                address=before.key,
            )
            hint = tr(
                "is the date of the removal right? `{entry}` purges it in {days} days",
                entry=f"date: {today}",
                days=days,
            )
            yield refusal(transition, "early-purge", message, hint)


_COMING = {
    (True, True): marked("{mailbox} is switched off on {off} and is purged on {purge} with its OX account: {reason}"),
    (True, False): marked("{mailbox} is switched off on {off} and is purged on {purge}: {reason}"),
    (False, True): marked("{mailbox} is purged on {purge} with its OX account: {reason}"),
    (False, False): marked("{mailbox} is purged on {purge}: {reason}"),
}
"""By whether it is still switched on, and whether its OX account goes, too."""


def coming_removal(context: GateContext) -> Iterator[Finding]:
    """A removal of the future, and the purge of a mailbox that is switched off already."""
    today, retention = context.desired.today, context.site.policy.retention_days
    for removal in context.desired.removals:
        purge = purge_day(removal, retention)
        if removal.mailbox not in context.live(MailboxRow) or purge <= today:
            continue
        with_account = removal.groupware_account is GroupwareAccount.DELETE
        message = tr(
            _COMING[removal.date > today, with_account],
            mailbox=removal.mailbox,
            off=removal.date,
            purge=purge,
            reason=removal.reason,
        )
        hint = tr("to keep the mailbox, remove the removal before that day, and declare the mailbox again")
        yield note(context, "removal", removal.mailbox, message, hint, removal.origin)
