"""`reconciler apply --reviewed`: in the job after the merge, carries out what the comment in the merge request showed.

The lock is taken first, and then the comment is read, so that of two jobs the second sees what the first did. Why it is
safe, and what it does not do: docs/decisions/0019-bound-apply.md.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.apply.ledger import Ledger
from reconciler.cli.apply import agreed, carry_through, say_taken_over
from reconciler.cli.exit_status import Status
from reconciler.cli.find_approval import Applied, find_approvals
from reconciler.cli.formats import Format
from reconciler.cli.past_lines import PastLine, is_continued, past_lines, why, with_lines
from reconciler.cli.run_file import run_file
from reconciler.cli.site_session import SiteSession, open_site
from reconciler.cli.streams import say
from reconciler.declared.git.run_git import ask
from reconciler.errors import UsageError
from reconciler.forge.approval import Approval, NoComment, NotReviewed, ground_changed, judge, without_what_it_needs
from reconciler.forge.marker import Marker, id_hash
from reconciler.planning.binding import Binding, BoundTo, Differing
from reconciler.planning.ledger_state import PastRun, RunState
from reconciler.planning.plan import Plan, fingerprint
from reconciler.planning.plan_draft import Draft, Selection
from reconciler.planning.transitions import Transition
from reconciler.workflow_values import Reading

_NAMED = 5
_RUNS = 20
"""How far back the last run is looked for that left nothing undone, and the last one with a commit."""
_YAML = (":(top,icase)*.yaml", ":(top,icase)*.yml")


async def apply_reviewed(
    site: Path | None,
    state: Path | None,
    output: Format,
    *,
    saved: Path | None,
    yes: bool,
    out: Path | None,
    only: Sequence[str] = (),
) -> Status:
    """Carries out what was reviewed. Raises NotReviewed, ForgeError, UsageError."""
    if only:
        hint = "leave --only out; the comment shows what is carried out"
        raise UsageError("--reviewed carries out what was reviewed as a whole", hint=hint)
    if saved is not None:
        raise UsageError(f"--reviewed takes its plan from the merge request, not from {saved}", hint="name one of them")
    with run_file(out) as file:
        async with open_site(site, state) as opened, opened.session() as session:
            file.opened(opened)
            say_taken_over(session)
            try:
                approvals = await _approvals(opened, session.ledger)
            except NoComment as silent:
                drafted, binding = await _nothing_reviewed(opened, session.ledger, silent)
                return await carry_through(
                    opened, session, drafted, output, partial(agreed, yes=yes), file=file, binding=binding
                )
            reading = await opened.read()
            whole = await opened.draft(reading=reading)
            binding, lines = await _bound(approvals, whole.plan, session.ledger)
            chosen = Selection(owners=frozenset(line.owner for line in lines))
            drafted = _restricted(whole, await opened.draft(chosen, reading=reading), lines, binding)
            reviewed = max(approval.marker.made for approval in approvals)
            drafted = replace(drafted, plan=replace(drafted.plan, reviewed=reviewed))
            binding = replace(binding, due=await _due(opened, whole, reading, binding, reviewed))
            judged = {line.id for line in drafted.plan.transitions}
            binding = replace(binding, left=(*binding.left, *(line for line in lines if line.id not in judged)))
            _say(approvals, binding)
            return await carry_through(
                opened, session, drafted, output, partial(agreed, yes=yes), file=file, binding=binding
            )


async def _approvals(opened: SiteSession, ledger: Ledger) -> list[Approval]:
    name, commit = opened.site.site, opened.context.desired.commit
    runs = await ledger.history(_RUNS)
    whole = next((run.commit for run in runs if run.state is RunState.DONE), "")
    partly = tuple(run.commit for run in takewhile(lambda run: run.state is not RunState.DONE, runs))
    applied = Applied(_last_commit(runs), await ledger.first_of(commit) != 0, whole, partly)
    return await asyncio.to_thread(find_approvals, os.environ, name, opened.declaration.folder, commit, applied)


def _last_commit(runs: Sequence[PastRun]) -> str:
    """That of the last run that has one; a state outside of git has none."""
    return next((run.commit.removesuffix("+") for run in runs if run.commit), "")


async def _nothing_reviewed(opened: SiteSession, ledger: Ledger, silent: NoComment) -> tuple[Draft, Binding]:
    """A merge request that changes nothing of what is declared has no comment, and its commit counts as reviewed as the
    one before it. Whatever is pending is left. Raises `silent` where git sees a change, or cannot tell, and after a run
    that left something undone."""
    runs = await ledger.history(_RUNS)
    last, commit = _last_commit(runs), opened.context.desired.commit
    same = ("diff", "--quiet", "--no-ext-diff", "--no-textconv", last, commit, "--", *_YAML)
    if not last or runs[0].state is not RunState.DONE:
        raise silent
    if await asyncio.to_thread(ask, opened.declaration.folder, *same) is None:
        raise silent
    reading = await opened.read()
    whole = await opened.draft(reading=reading)
    drafted = (await opened.draft(Selection(owners=frozenset()), reading=reading)).only(())
    number = silent.request.number
    say(f"merge request {number} changes nothing of what is declared, and has no comment")
    binding = Binding(
        BoundTo.REVIEW, request=silent.request.url or f"merge request {number}", left=whole.plan.transitions
    )
    _say((), binding)
    return drafted, binding


async def _bound(approvals: Sequence[Approval], plan: Plan, ledger: Ledger) -> tuple[Binding, tuple[Transition, ...]]:
    """What the run is bound to, and the lines that were reviewed."""
    past = await past_lines(ledger, min(approval.marker.made for approval in approvals))
    markers = [marker for approval in approvals if (marker := _with_lines(approval.marker, plan, past)) is not None]
    if not markers:
        message = "the plan that was reviewed has too many lines to tell them apart, and it is another one now"
        raise NotReviewed(message, hint="open a merge request: its comment shows what is pending")
    standing = [marker for marker in markers if not ground_changed(marker, plan)]
    verdict, ever = judge(standing, plan), judge(markers, plan)
    continued = [line for line in verdict.changed if any(is_continued(line, m, past) for m in standing)]
    lines = (*verdict.agreed, *continued)
    mentioned = [line for line in (*ever.agreed, *ever.changed) if line not in lines]
    waiting = without_what_it_needs(lines, plan)
    binding = Binding(
        BoundTo.REVIEW,
        request=approvals[0].request.url or f"merge request {approvals[0].request.number}",
        comment=approvals[0].comment.url,
        settled=_settled(markers[0], plan),
        differing=tuple(Differing(line, _why(line, markers, plan, past)) for line in mentioned),
        left=(*ever.others, *waiting),
    )
    return binding, tuple(line for line in lines if line not in waiting)


def _with_lines(marker: Marker, plan: Plan, past: Sequence[PastLine]) -> Marker | None:
    """A marker that knows its lines, or whose plan is the present one as a whole; else None."""
    return marker if marker.lines is not None or marker.digest == plan.digest else with_lines(marker, past)


def _why(line: Transition, markers: Sequence[Marker], plan: Plan, past: Sequence[PastLine]) -> tuple[str, ...]:
    """By the newest review that has this line."""
    about = [m for m in markers if m.digest == plan.digest or m.agrees(line.id, fingerprint(line)) is not None]
    return ground_changed(about[0], plan) or why(line, about[0], past)


def _settled(marker: Marker, plan: Plan) -> int:
    pending = {id_hash(line.id) for line in plan.transitions}
    return len((marker.lines or {}).keys() - pending)


async def _due(
    opened: SiteSession, whole: Draft, reading: Reading, binding: Binding, reviewed: datetime
) -> frozenset[str]:
    """Of the lines that are left those that a date has brought since then: `apply --due` does them (cli.due_apply)."""
    if not binding.left:
        return frozenset()
    day = reviewed.astimezone(ZoneInfo(opened.site.timezone)).date()
    before = await opened.draft_as_of(day, reading)
    then = whole.context.chains.present(line.owner for line in before.plan.transitions)
    return frozenset(line.id for line in binding.left if line.owner not in then)


def _restricted(whole: Draft, chosen: Draft, lines: Iterable[Transition], binding: Binding) -> Draft:
    """The plan of the reviewed lines, judged by the gates for itself; what becomes ours is that of the whole plan, but
    for what is left. A line that the gates judge in another way alone than among all is not what was reviewed."""
    reviewed = {line.id: fingerprint(line) for line in lines}
    same = tuple(line for line in chosen.plan.transitions if fingerprint(line) == reviewed.get(line.id))
    not_done = [line.owner for line in (*binding.left, *(each.transition for each in binding.differing))]
    out = whole.context.chains.present(not_done) | frozenset(not_done)
    theirs = {owner.subject for owner in out}
    return replace(
        chosen,
        plan=replace(chosen.plan, transitions=same),
        adopted=tuple(entry for entry in whole.adopted if entry.owner not in out),
        people=tuple(entry for entry in whole.people if entry.owner not in out),
        outdated=tuple(e for e in whole.outdated if whole.context.chains.of(e.key) not in theirs),
        missed=whole.missed,
    )


def _say(approvals: Sequence[Approval], binding: Binding) -> None:
    for request, _, marker in approvals:
        where = request.url or f"merge request {request.number}"
        say(f"reviewed: {where}, plan {marker.digest[:4]}… of {marker.made:%Y-%m-%d %H:%M}")
    if binding.settled:
        one = binding.settled == 1
        say(f"{binding.settled} of the reviewed lines {'needs' if one else 'need'} nothing any more")
    for each in binding.differing:
        owner = each.transition.owner
        say(f"not as it was reviewed, so nothing of it is done: {owner.scope} {owner.subject}")
        for words in each.why:
            say(f"  {words}")
    if binding.left:
        named = ", ".join(f"{line.owner.scope} {line.owner.subject}" for line in binding.left[:_NAMED])
        more = f" and {len(binding.left) - _NAMED} more" if len(binding.left) > _NAMED else ""
        say(f"pending and not reviewed, so left: {named}{more}")
    if binding.differing or binding.left:
        say("  → the comment of the next merge request shows them; who merges it agrees to them")
