"""`reconciler ledger prune`: the ledger forgets what nobody needs any more."""

from __future__ import annotations

import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.apply import session
from reconciler.apply.ledger import LedgerUnusable
from reconciler.cli.exit_status import Status
from reconciler.cli.invoker import operator
from reconciler.cli.site_ledger import opened_ledger
from reconciler.cli.streams import say
from reconciler.cli.terminal import confirmed
from reconciler.declared.site_file.load import load_site
from reconciler.errors import UsageError
from reconciler.planning.history_check import HistoryCheck
from reconciler.report.pruning_text import pruned_text, pruning_text
from reconciler.settings import Settings

_FIRST = date(1970, 1, 1)


async def prune(site: Path | None, before: str | None, *, yes: bool) -> Status:
    """Shows what would go, asks, and takes it out. Raises UsageError, Locked, LedgerUnusable."""
    settings = load_site(site)
    zone = ZoneInfo(settings.timezone)
    day = _day(before, settings, datetime.now(zone).date())
    moment = datetime.combine(day, time(), zone)
    async with opened_ledger(settings) as ledger, session.locked(ledger, operator()) as lease:
        _refuse_faults(await ledger.verify())
        planned = await ledger.look_for_old(moment)
        say(pruning_text(planned, day))
        if not planned.going:
            return Status.DONE
        if not yes and not sys.stdin.isatty():
            raise UsageError("confirmation needs a terminal", hint=f"run: reconciler ledger prune --before {day} --yes")
        if not yes and not await confirmed("Nothing brings it back. Shall the ledger forget it?"):
            say("nothing was pruned")
            return Status.DONE
        say(pruned_text(await ledger.prune(lease, moment), await ledger.verify()))
    return Status.DONE


def _day(given: str | None, settings: Settings, today: date) -> date:
    """The day before which history goes, in the site's time zone."""
    newest = today - timedelta(days=settings.least_history_days)
    if given is None:
        if settings.ledger.history_days is None:
            hint = "reconciler ledger prune --before 2025-01-01, or `ledger: {history_days: 730}` in the site file"
            raise UsageError("how old must history be to go?", hint=hint)
        day = today - timedelta(days=settings.ledger.history_days)
    else:
        try:
            day = date.fromisoformat(given)
        except ValueError:
            raise UsageError(f"{given!r} is no day", hint="write one like 2025-01-01") from None
        if day < _FIRST:  # and the first days of the calendar are no moments in UTC
            raise UsageError(f"no history is from before {_FIRST.year}, got {day}", hint="write a day like 2025-01-01")
    if day > newest:
        raise UsageError(
            f"plans need the history of the last {settings.least_history_days} days (`one_shot_days` and `window_hours`"
            f" of the policy), and {day} is in them",
            hint=f"the latest day is {newest}: reconciler ledger prune --before {newest}",
        )
    return day


def _refuse_faults(checked: HistoryCheck) -> None:
    if not checked.sound:
        raise LedgerUnusable(
            f"the history of {checked.site} is not as it was written, and pruning would hide that; nothing was pruned",
            hint="run `reconciler history verify`",
        )
