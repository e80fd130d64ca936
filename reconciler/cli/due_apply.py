"""`reconciler apply --due`: for the job at night. Dates come due without a merge; this carries out what they have
brought since the last merge was reviewed, and what runs left unfinished, and leaves all else that is pending.

What a date has brought: the lines of the plan of today about accounts, aliases and blocks that the plan as of the day
of the review has no line about. Both are made from the same declared state and one observation, so that a change by
hand and an entry that nobody reviewed are in both. Docs: docs/decisions/0019-bound-apply.md.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from reconciler.apply.session import Session
from reconciler.cli.apply import agreed, carry_through, left_undone, say_taken_over
from reconciler.cli.exit_status import Status
from reconciler.cli.formats import Format
from reconciler.cli.run_file import run_file
from reconciler.cli.site_session import SiteSession, open_site
from reconciler.cli.streams import say
from reconciler.errors import UsageError
from reconciler.planning.binding import Binding, BoundTo
from reconciler.planning.plan_draft import Draft, Selection
from reconciler.report.json_plan_models import PlanDocument
from reconciler.workflow_values import Reading

_NAMED = 5


async def apply_due(
    site: Path | None, state: Path | None, output: Format, *, mixed: bool, yes: bool, out: Path | None
) -> Status:
    """Carries out what is due; `mixed` with a saved plan, a review or a part, it is refused. Raises UsageError."""
    if mixed:
        message = "--due stands alone: it takes neither a saved plan nor a review nor a part"
        raise UsageError(message, hint="reconciler apply --due")
    with run_file(out) as file:
        async with open_site(site, state) as opened, opened.session() as session:
            file.opened(opened)
            say_taken_over(session)
            reading = await opened.read()
            whole = await opened.draft(reading=reading)
            drafted = await _chosen(opened, session, whole, reading)
            binding = _binding(whole, drafted)
            return await carry_through(
                opened, session, drafted, output, partial(agreed, yes=yes), file=file, binding=binding
            )


async def _chosen(opened: SiteSession, session: Session, whole: Draft, reading: Reading) -> Draft:
    """The part of the plan that is due, or was left. Of a commit that was never applied nothing is: nobody reviewed
    it."""
    day = await _day_of_review(opened, session)
    if day is None:
        say(f"no run is of this commit ({whole.plan.commit[:13] or 'none'}): nobody is known to have reviewed it")
        say("  → run the job after the merge again: reconciler apply --reviewed")
        return (await opened.draft(Selection(owners=frozenset()), reading=reading)).only(())
    left = await left_undone(opened, session)
    before = await opened.draft_as_of(day, reading)
    then = whole.context.chains.present(line.owner for line in before.plan.transitions)
    due = frozenset(line.owner for line in whole.plan.transitions if line.owner not in then)
    owners = due | left.owners
    return (await opened.draft(Selection(owners=owners), reading=reading)).only(owners, left.noted)


async def _day_of_review(opened: SiteSession, session: Session) -> date | None:
    """The day, in the site's time zone, on which the newest plan was made that was reviewed for the commit of the
    declared state; where no review is known, that on which it was first applied. What a date brought between the plan
    and the merge was in no comment, and is due like what comes later."""
    commit = opened.context.desired.commit
    if not commit or commit.endswith("+"):
        return None
    run = await session.ledger.run(await session.ledger.first_of(commit))
    if run is None:
        return None
    moment = _reviewed(await session.ledger.plan_document(run.id)) or run.started
    return moment.astimezone(ZoneInfo(opened.site.timezone)).date()


def _reviewed(document: str) -> datetime | None:
    """Of a run's plan; None also where the ledger's copy is gone or of another version."""
    try:
        return PlanDocument.model_validate_json(document).reviewed
    except ValidationError:
        return None


def _binding(whole: Draft, drafted: Draft) -> Binding:
    """What is pending besides; and says it."""
    held = {line.id for line in drafted.plan.transitions}
    left = tuple(line for line in whole.plan.transitions if line.id not in held)
    if left:
        named = ", ".join(f"{line.owner.scope} {line.owner.subject}" for line in left[:_NAMED])
        more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        say(f"pending, but not because of a date, so left: {named}{more}")
    return Binding(BoundTo.DATE, left=left)
