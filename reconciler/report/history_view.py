"""The view model of earlier runs, as the ledger has them. Text, Markdown and JSON are written from it.

Values come from the ledger's JSON; what `changes.HIDDEN` names is left out here, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from itertools import groupby
from typing import Any

from reconciler.planning.changes import HIDDEN, Action
from reconciler.planning.ledger_state import PastRun, PastStep, RunState, StepState
from reconciler.report.header_footer import RESUME, seconds, short_digest
from reconciler.report.plan_view import ChangeView
from reconciler.report.vocabulary import DOT, Appearance
from reconciler.translation import marked, tr, tr_number

STEPS: Mapping[StepState, Appearance] = {
    StepState.DONE: Appearance("✓", "green"),
    StepState.SKIPPED: Appearance("✓", "green", marked("was in place already")),
    StepState.SUPERSEDED: Appearance("✓", "green", marked("done by a later run")),
    StepState.FAILED: Appearance("✗", "bold red", marked("failed")),
    StepState.BEGUN: Appearance("?", "yellow", marked("begun, and not known whether it happened")),
    StepState.NOT_TRIED: Appearance("·", "yellow", marked("not tried")),
    StepState.PENDING: Appearance("·", "yellow", marked("not begun")),
    StepState.UNCERTAIN: Appearance("?", "bold yellow", marked("may or may not have happened; it is not tried again")),
}

_STATES: Mapping[StepState, str] = {
    StepState.DONE: marked("done"),
    StepState.SKIPPED: marked("skipped"),
    StepState.SUPERSEDED: marked("superseded"),
    StepState.FAILED: marked("failed"),
    StepState.BEGUN: marked("begun"),
    StepState.NOT_TRIED: marked("not tried"),
    StepState.PENDING: marked("pending"),
    StepState.UNCERTAIN: marked("uncertain"),
}
_RUN_STATES: Mapping[RunState, str] = {
    RunState.DONE: marked("done"),
    RunState.PARTLY: marked("partly"),
    RunState.INTERRUPTED: marked("interrupted"),
    RunState.RUNNING: marked("running"),
}
"""What people read where the ledger has a state."""

RUNS: Mapping[RunState, Appearance] = {
    RunState.DONE: Appearance("✓", "green"),
    RunState.PARTLY: Appearance("✗", "bold red"),
    RunState.INTERRUPTED: Appearance("✗", "bold red"),
    RunState.RUNNING: Appearance("?", "yellow"),
}


def in_zone(run: PastRun, zone: tzinfo) -> PastRun:
    """The run with its times in the site's time zone; the ledger keeps UTC."""

    def local(time: datetime | None) -> datetime | None:
        return time and time.astimezone(zone)

    steps = tuple(step._replace(began=local(step.began), ended=local(step.ended)) for step in run.steps)
    return replace(run, started=run.started.astimezone(zone), finished=local(run.finished), steps=steps)


def change_of(step: PastStep) -> ChangeView:
    """The change that a step carried out, without what no report shows."""
    former = str((step.before or {}).get("key", "")) if step.action is Action.RENAME else ""
    return ChangeView(step.system, step.kind, step.action, step.key, former, _shown(step.before), _shown(step.after))


def step_line(step: PastStep) -> str:
    """What the step did, as plans say it."""
    return change_of(step).text


def transitions(run: PastRun) -> Iterator[tuple[str, list[PastStep]]]:
    """The steps of each transition by its id, in the order of the plan."""
    return ((id, list(steps)) for id, steps in groupby(run.steps, key=lambda step: step.owner.id))


def run_line(run: PastRun) -> str:
    """`2026-11-22 10:58:03 +0100 · partly · 7 done, 1 failed · technik on mail.example`."""
    counts = [f"{run.counts[state]} {tr(_STATES[state])}" for state in StepState if run.counts.get(state)]
    counts += [tr("{number} pruned", number=run.pruned)] if run.pruned else []
    states, who = ", ".join(counts) or tr("no steps"), tr("{who} on {host}", who=run.who, host=run.host)
    return DOT.join((moment(run.started), tr(_RUN_STATES[run.state]), states, who))


def run_head(run: PastRun) -> str:
    """`run 12 for nrw · partly · 2026-11-22 10:58:03 +0100, 6.0 s`."""
    took = f", {seconds(run.started, run.finished)}" if run.finished else ""
    pruned = [tr_number("{number} step pruned", "{number} steps pruned", run.pruned)] if run.pruned else []
    head = tr("run {run} for {site}", run=run.id, site=run.site)
    return DOT.join((head, tr(_RUN_STATES[run.state]), f"{moment(run.started)}{took}", *pruned))


def run_origin(run: PastRun) -> str:
    """Who ran it, where, and which plan of which state."""
    who = tr("by {who} on {host}, process {process}", who=run.who, host=run.host, process=run.pid)
    plan = short_digest(run.digest)
    return DOT.join((who, tr("{plan} of {commit}", plan=plan, commit=run.commit) if run.commit else plan))


def after_history(run: PastRun, *, left: bool) -> str:
    """What to do about a run that did not end well; empty when there is nothing to do. `left` says whether the ledger
    has anything open: `resume` finishes that, from whichever run it is left."""
    match run.state:
        case RunState.RUNNING:
            return tr("it is under way, or its process died: reconciler unlock shows who holds the lock")
        case RunState.PARTLY | RunState.INTERRUPTED:
            if not left:
                return tr("nothing is left open: a later run ended well")
            return tr("next: {command} (finishes what no later run has done)", command=RESUME)
        case RunState.DONE:
            return ""


def state_words(step: PastStep) -> str:
    """How the step ended; empty where its mark or its message says it all."""
    return "" if step.state is StepState.SKIPPED and step.message else tr(STEPS[step.state].words)


def when(step: PastStep) -> str:
    """`09:58:04`, the time of day at which a step ended, or began."""
    time = step.ended or step.began
    return f"{time:%H:%M:%S}" if time else "--:--:--"


def moment(time: datetime) -> str:
    """In the zone that it was given in, with its offset, as a plan says when it was read."""
    return f"{time:%Y-%m-%d %H:%M:%S %z}"


def tally(runs: int) -> str:
    if not runs:
        return tr("no run is in the ledger yet")
    return tr_number("{number} run, newest first", "{number} runs, newest first", runs)


def older(number: int) -> str:
    """That older ones are left out."""
    return "\n" + tr("… and {number} older ones.", number=number)


def more_steps(number: int) -> str:
    """That steps are left out."""
    return "\n" + tr("… and {number} more steps.", number=number)


def _shown(row: Mapping[str, Any] | None) -> dict[str, object] | None:
    """Fields as a plan shows them: JSON made lists of tuples."""
    if row is None:
        return None
    return {name: tuple(v) if isinstance(v, list) else v for name, v in row.items() if name not in HIDDEN}
