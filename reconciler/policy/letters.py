"""Remarks on letters: those that may not have arrived."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from reconciler.planning.credentials import ask_whether_it_came
from reconciler.planning.findings import Finding, Severity
from reconciler.policy.context import Context


def uncertain_letters(context: Context) -> Iterator[Finding]:
    """A letter whose answer was lost may hold the only copy of a password. It is not sent again by itself: two letters
    would tell two passwords. Said as long as a one-shot date would be made up for."""
    since = context.desired.today - timedelta(days=context.site.policy.one_shot_days)
    for account, day in sorted(context.remembered.uncertain.items()):
        if account in context.desired.mailboxes and day >= since:
            message = f"whether the letter of {day} to the owner of {account} arrived is not known"
            hint = ask_whether_it_came(context.desired, account)
            # without an owner: `resume` says it, too, though nothing of the account is left to do
            yield Finding(Severity.WARNING, "uncertain-letter", account, message, hint)
