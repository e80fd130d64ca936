"""Saved plans: reading one; refusing one that is used, expired, of another site, or not what would be done now."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from reconciler.apply.ledger import Ledger
from reconciler.errors import StalePlan, UsageError
from reconciler.planning.plan import Plan
from reconciler.report.document import PlanDocument, read_plan
from reconciler.report.json import plan_json

LIFETIME = timedelta(days=7)
"""How long a saved plan may wait for its merge."""


def read_saved(file: Path) -> PlanDocument:
    """The plan in a file. Raises UsageError."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{file} cannot be read", hint="make it with: reconciler plan --out plan.json") from None
    return read_plan(text)


async def refuse_used(saved: PlanDocument, ledger: Ledger) -> None:
    """Raises StalePlan when a run carried this plan out since it was made; the same changes may have been before."""
    run = await ledger.used(saved.digest)
    if run is not None and run.started >= saved.made:
        raise StalePlan(
            f"this plan was carried out by run {run.id} on {run.started:%Y-%m-%d %H:%M} UTC already",
            hint=f"reconciler history {run.id} shows what became of it; reconciler plan, what is left",
        )


def refuse_stale(saved: PlanDocument, plan: Plan) -> None:
    """Raises StalePlan unless the saved plan is of this site, fresh, and exactly what would be done now."""
    again = "run `reconciler plan --out FILE` again and have it reviewed"
    if saved.site != plan.site:
        raise StalePlan(f"this plan is of the site {saved.site}, not of {plan.site}", hint="use the site's own plan")
    if plan.made - saved.made > LIFETIME:
        days = LIFETIME.days
        raise StalePlan(f"this plan was made on {saved.made:%Y-%m-%d} and expired after {days} days", hint=again)
    if saved.digest == plan.digest:
        return
    raise StalePlan(f"what would be done now is no longer what was reviewed: {_difference(saved, plan)}", hint=again)


def _difference(saved: PlanDocument, plan: Plan) -> str:
    """The rows, at most five of them, that differ between a saved plan and what would be done now."""
    now = read_plan(plan_json(plan))
    then_rows, now_rows = (
        {
            (t.id, c.system, c.kind, c.key): (c.action, c.before, c.after)
            for t in document.transitions
            for c in t.changes
        }
        for document in (saved, now)
    )
    rows = sorted(key for key in {*then_rows, *now_rows} if then_rows.get(key) != now_rows.get(key))
    named = [f"{system} {kind} {key}" for _, system, kind, key in rows]
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    return ", ".join(named[:5]) + more if named else "the commit, a connection, or what a gate allows"
