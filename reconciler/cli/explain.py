"""What a reader of `plan` and `drift` is told of each line: which side moved, since when, who, what it means for mail.

Nothing here decides what is carried out, and nothing that cannot be read here fails a plan: it is left out, and said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.cli.remember_file import read_remembered, refuse_unwritable, write_remembered
from reconciler.cli.site_session import SiteSession
from reconciler.errors import Unreadable
from reconciler.planning.changes import RowId
from reconciler.planning.direction import Applied, LastApplied, changed_by_hand, directed, row_ids
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.first_seen import FirstSeen, compared
from reconciler.planning.meaning import Meaning, mailboxes_of
from reconciler.planning.plan import Plan
from reconciler.planning.plan_draft import Draft
from reconciler.planning.ports import Closer
from reconciler.planning.review_facts import LiveChange
from reconciler.planning.transitions import Transition
from reconciler.translation import tr

LEFT_OUT = "not-explained"
"""The rule of a note about what a reader would be told and could not be read."""


class Remembered:
    """Since when live systems differ: what the file says, and what `keep` writes there when all else is said."""

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self.site, self.seen = "", FirstSeen()

    def keep(self) -> None:
        """Nothing where nothing was learned. Raises UsageError."""
        if self.file is not None and self.site:
            write_remembered(self.file, self.site, self.seen)


async def explained(
    opened: SiteSession, drafted: Draft, *, verbose: bool, remembered: Remembered | None = None
) -> Plan:
    """The plan with what a reader is told of its lines. `drafted` has its tables. `verbose` names private addresses,
    else they are counted. `remembered` learns what differs now."""
    plan, applied, left_out = drafted.plan, dict[RowId, Applied](), list[str]()
    try:
        if (known := await _last_applied(opened, plan)) is not None:
            applied.update(known)
            plan = replace(plan, transitions=directed(plan.transitions, applied))
        plan = await _since(opened, drafted, plan, remembered)
    except Unreadable as error:
        left_out.append(tr("which side moved, and since when ({why})", why=error.message))
    if plan.transitions:
        plan, more = await _told(opened, drafted, plan, applied, verbose=verbose)
        left_out += more
    if not left_out:
        return plan
    message = tr("not said beside the lines, since it could not be read: {what}", what="; ".join(left_out))
    hint = tr("nothing else is missing in this report; optional rights: {command}", command=_RIGHTS)
    return replace(plan, findings=(*plan.findings, Finding(Severity.NOTE, LEFT_OUT, plan.site, message, hint)))


async def _told(
    opened: SiteSession, drafted: Draft, plan: Plan, applied: LastApplied, *, verbose: bool
) -> tuple[Plan, list[str]]:
    """With what the lines mean for mail and who did it; and what of that could not be read."""
    assert drafted.tables is not None
    live, zone = drafted.tables.live, ZoneInfo(opened.site.timezone)
    boxes, changed = mailboxes_of(plan.transitions, live), _changed(plan.transitions, applied)
    read = [system for system in opened.systems if _is_known(system.name, plan)]
    closer = await asyncio.gather(*(system.look_closer(boxes, changed) for system in read))
    meaning = Meaning(live, drafted.context, closer, verbose=verbose)
    told = [replace(t, meaning=(*t.meaning, *meaning.of(t)), by=_by(t, closer, zone)) for t in plan.transitions]
    left_out = list(dict.fromkeys(reason for each in closer for reason in each.left_out))
    return replace(plan, transitions=tuple(told)), left_out


_RIGHTS = "reconciler doctor --grants planner"


async def with_directions(opened: SiteSession, plan: Plan) -> Plan:
    """The plan with which side moved; without where no ledger can say it. Raises Unreadable."""
    applied = await _last_applied(opened, plan)
    return plan if applied is None else replace(plan, transitions=directed(plan.transitions, applied))


async def _last_applied(opened: SiteSession, plan: Plan) -> LastApplied | None:
    """None where no ledger can say which side moved."""
    ledger = opened.ledger
    if not plan.transitions or ledger is None or not _is_known("ledger", plan):
        return None
    return await ledger.last_applied(row_ids(plan.transitions)) if await ledger.exists() else None


def _is_known(system: str, plan: Plan) -> bool:
    return all(read.system != system for read in plan.unknown)


async def _since(opened: SiteSession, drafted: Draft, plan: Plan, remembered: Remembered | None) -> Plan:
    """With since when lines differ by hand, and what healed, by the file."""
    ledger = opened.ledger
    if (
        remembered is None
        or remembered.file is None
        or ledger is None
        or not _is_known("ledger", plan)
        or not await ledger.exists()
    ):
        return plan
    known = read_remembered(remembered.file, plan.site).renamed(drafted.context.chains)
    latest, touched = await ledger.history(1), await ledger.touched(known.run, known.since.keys())
    plan, remembered.seen = compared(plan, known, touched, latest[0].id if latest else 0)
    remembered.site = plan.site
    return plan


def check_remembered(file: Path, site: str) -> None:
    """Before any system is asked. Raises UsageError."""
    refuse_unwritable(file)
    read_remembered(file, site)


def _changed(transitions: tuple[Transition, ...], applied: LastApplied) -> Mapping[str, datetime]:
    """Key → when the run began that applied it last, of records of lines that somebody changed by hand."""
    since: dict[str, datetime] = {}
    for change in (c for t in transitions if changed_by_hand(t) for c in t.changes):
        last = applied.get(change.row_id)
        if last is not None and last.when is not None:
            since[change.key] = max(last.when.astimezone(UTC), since.get(change.key, last.when))
    return since


def _by(transition: Transition, closer: list[Closer], zone: ZoneInfo) -> tuple[LiveChange, ...]:
    if not changed_by_hand(transition):
        return ()
    keys = dict.fromkeys(change.key for change in transition.changes)
    edits = [edit for each in closer for key in keys for edit in each.edits.get(key, ())]
    return tuple(edit._replace(when=edit.when.astimezone(zone)) for edit in sorted(edits, key=lambda e: e.when))
