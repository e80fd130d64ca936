"""Saved plans: reading one; what is left to do of it; refusing one that is used, expired, of another site or stale."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from reconciler.apply.ledger import Ledger
from reconciler.errors import StalePlan, Unreadable, UsageError
from reconciler.model.records import UNREADABLE_KINDS
from reconciler.planning.draft import Draft, Reviewed
from reconciler.report.document import PlanDocument, Row, read_plan
from reconciler.report.json import plan_json

LIFETIME = timedelta(days=7)
"""How long a saved plan may wait for its merge."""

_Place = tuple[str, str, str, str]
"""Transition, system, kind and key of a changed row."""
_Effect = tuple[str, Row | None, Row | None]
"""What happens to it, from what, to what."""

_AGAIN = "run `reconciler plan --out FILE` again and have it reviewed"


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


def reviewed(saved: PlanDocument) -> Reviewed:
    """What the saved plan is about."""
    rows = frozenset((c.system, c.kind, c.key) for t in saved.transitions for c in t.changes)
    return Reviewed(frozenset(t.id for t in saved.transitions), rows)


def the_reviewed(saved: PlanDocument, drafted: Draft) -> Draft:
    """What is left to do of a saved plan, under its digest. Raises StalePlan when it is of another site, expired, or
    when something that it touches is neither as it was nor as it should become; Unreadable when that is unknown."""
    plan = drafted.plan
    if saved.site != plan.site:
        raise StalePlan(f"this plan is of the site {saved.site}, not of {plan.site}", hint="use the site's own plan")
    if plan.made - saved.made > LIFETIME:
        days = LIFETIME.days
        raise StalePlan(f"this plan was made on {saved.made:%Y-%m-%d} and expired after {days} days", hint=_AGAIN)
    if saved.digest == plan.digest:
        return drafted
    touched = {system for system, _, _ in reviewed(saved).rows}
    for read in plan.unknown:
        if read.system in touched:
            message = f"{read.system} could not be read, so nobody knows whether the plan still fits: {read.unknown}"
            raise Unreadable(message, hint="mend that, then apply the same plan again")
    if differing := _differing(saved, drafted):
        raise StalePlan(f"what would be done now is no longer what was reviewed: {differing}", hint=_AGAIN)
    return replace(drafted, plan=replace(plan, digest=saved.digest))


def _differing(saved: PlanDocument, drafted: Draft) -> str:
    """The rows, at most five of them, that are neither as they were nor as they should become, or what else differs."""
    now = read_plan(plan_json(drafted.plan))
    then_rows, now_rows = _rows(saved), _rows(now)
    under_way = {transition for transition, *_ in now_rows}
    gone = then_rows.keys() - now_rows.keys()
    in_place = {
        row
        for row in gone
        if row[1:] in drafted.settled and (row[2] not in UNREADABLE_KINDS or row[0] not in under_way)
    }
    rows = sorted(row for row in {*then_rows, *now_rows} - in_place if then_rows.get(row) != now_rows.get(row))
    if rows:
        more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
        return ", ".join(_said(row, then_rows.get(row), now_rows.get(row)) for row in rows[:5]) + more
    if saved.commit != now.commit:
        return f"the declared state is of commit {now.commit or 'none'}, the plan of {saved.commit or 'none'}"
    if {(read.system, read.target) for read in saved.reads} != {(read.system, read.target) for read in now.reads}:
        return "a connection leads elsewhere"
    allowed = {t.id: t.refused for t in now.transitions}
    if any(allowed.get(t.id, t.refused) != t.refused for t in saved.transitions):
        return "what a gate allows"
    return "" if in_place else "the address of a letter, or the order"


def _rows(document: PlanDocument) -> dict[_Place, _Effect]:
    return {
        (t.id, c.system, c.kind, c.key): (c.action, c.before, c.after) for t in document.transitions for c in t.changes
    }


def _said(place: _Place, then: _Effect | None, now: _Effect | None) -> str:
    """The row, and of one that is live in both the fields that somebody changed, reviewed value first."""
    _, system, kind, key = place
    if then is None or now is None or then[1] is None or now[1] is None:
        return f"{system} {kind} {key}"
    before, found = then[1], now[1]
    changed = "; ".join(
        f"{name} was {old}, is {found.get(name)}" for name, old in before.items() if old != found.get(name)
    )
    return f"{system} {kind} {key}" + (f" ({changed})" if changed else "")
