"""What is to come of declared removals: notes, so that a date surprises nobody. Limits and `protected` refuse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from reconciler.model.declared import GroupwareAccount
from reconciler.model.records import MailboxRow
from reconciler.planning.findings import Finding, Severity
from reconciler.policy.context import Context


def coming_removal(context: Context) -> Iterator[Finding]:
    """A removal of the future, and the purge of a mailbox that is switched off already."""
    today, retention = context.desired.today, timedelta(days=context.site.policy.retention_days)
    live = context.snapshot.rows(MailboxRow) or {}
    for removal in context.desired.removals:
        purge = removal.date + retention
        if removal.mailbox not in live or purge <= today:
            continue
        account = " with its OX account" if removal.groupware_account is GroupwareAccount.DELETE else ""
        off = f"is switched off on {removal.date} and " if removal.date > today else ""
        message = f"{removal.mailbox} {off}is purged on {purge}{account}: {removal.reason}"
        hint = "take the removal out before that day to keep the mailbox"
        place = context.locate(removal.origin)
        yield Finding(Severity.NOTE, "removal", removal.mailbox, message, hint, place)
