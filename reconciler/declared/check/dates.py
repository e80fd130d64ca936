"""Dates that are over, and dates that are probably a slip of the keyboard: 2206 for 2026."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from reconciler.declared.check.merge import Tables
from reconciler.declared.problems import Problems, Spot

_FAR = timedelta(days=366)


def check_confirm(tables: Tables, problems: Problems) -> None:
    """An expired confirmation lifts nothing any more: a note."""
    for confirm in tables.confirm.values():
        if confirm.until < tables.today:
            message = f"the confirmation of {confirm.gate} for {confirm.subject} ended on {confirm.until}"
            problems.note("expired", confirm.subject, message, "remove the entry", confirm.origin)


def check_dates(tables: Tables, problems: Problems) -> None:
    """Warns of what waits for more than a year."""
    for subject, what, day, spot in _dates(tables):
        if day - tables.today > _FAR:
            years = round((day - tables.today).days / 365.25)
            message = f"{subject}: {what} on {day} is {years or 1} year{'s' if years > 1 else ''} away"
            hint = "if that is meant, leave it; else correct the year"
            problems.warn("date", subject, message, hint, spot)


def _dates(tables: Tables) -> Iterator[tuple[str, str, date, Spot]]:
    for removal in tables.removals.values():
        yield removal.mailbox, "the removal", removal.date, Spot(removal.origin, ("date",))
    for rename in tables.renames:
        yield rename.old, "the rename", rename.date, Spot(rename.origin, ("date",))
    for box in tables.mailboxes.values():
        if box.password_reset is not None:
            yield box.address, "the password reset", box.password_reset, Spot(box.origin, ("password_reset",))
        if box.subscriptions_reset is not None:
            yield box.address, "the subscriptions reset", box.subscriptions_reset, Spot(box.origin)
