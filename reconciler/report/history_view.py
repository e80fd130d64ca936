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
from reconciler.report.vocabulary import DOT, Appearance, count

STEPS: Mapping[StepState, Appearance] = {
    StepState.DONE: Appearance("✓", "green"),
    StepState.SKIPPED: Appearance("✓", "green", "was in place already"),
    StepState.SUPERSEDED: Appearance("✓", "green", "done by a later run"),
    StepState.FAILED: Appearance("✗", "bold red", "failed"),
    StepState.BEGUN: Appearance("?", "yellow", "begun, and not known whether it happened"),
    StepState.NOT_TRIED: Appearance("·", "yellow", "not tried"),
    StepState.PENDING: Appearance("·", "yellow", "not begun"),
    StepState.UNCERTAIN: Appearance("?", "bold yellow", "may or may not have happened; it is not tried again"),
}

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
    counts = [f"{run.counts[state]} {state}" for state in StepState if run.counts.get(state)]
    states = ", ".join([*counts, *([f"{run.pruned} pruned"] if run.pruned else [])]) or "no steps"
    return DOT.join((moment(run.started), str(run.state), states, f"{run.who} on {run.host}"))


def run_head(run: PastRun) -> str:
    """`run 12 for nrw · partly · 2026-11-22 10:58:03 +0100, 6.0 s`."""
    took = f", {seconds(run.started, run.finished)}" if run.finished else ""
    pruned = [f"{count(run.pruned, 'step')} pruned"] if run.pruned else []
    return DOT.join((f"run {run.id} for {run.site}", str(run.state), f"{moment(run.started)}{took}", *pruned))


def run_origin(run: PastRun) -> str:
    """Who ran it, where, and which plan of which state."""
    state = f" of {run.commit}" if run.commit else ""
    return f"by {run.who} on {run.host}, process {run.pid}{DOT}{short_digest(run.digest)}{state}"


def after_history(run: PastRun, *, left: bool) -> str:
    """What to do about a run that did not end well; empty when there is nothing to do. `left` says whether the ledger
    has anything open: `resume` finishes that, from whichever run it is left."""
    match run.state:
        case RunState.RUNNING:
            return "it is under way, or its process died: reconciler unlock shows who holds the lock"
        case RunState.PARTLY | RunState.INTERRUPTED:
            return f"next: {RESUME} (finishes what no later run has done)" if left else _NOTHING_LEFT
        case RunState.DONE:
            return ""


_NOTHING_LEFT = "nothing is left open: a later run ended well"


def state_words(step: PastStep) -> str:
    """How the step ended; empty where its mark or its message says it all."""
    return "" if step.state is StepState.SKIPPED and step.message else STEPS[step.state].words


def when(step: PastStep) -> str:
    """`09:58:04`, the time of day at which a step ended, or began."""
    time = step.ended or step.began
    return f"{time:%H:%M:%S}" if time else "--:--:--"


def moment(time: datetime) -> str:
    """In the zone that it was given in, with its offset, as a plan says when it was read."""
    return f"{time:%Y-%m-%d %H:%M:%S %z}"


def tally(runs: int) -> str:
    return f"{count(runs, 'run')}, newest first" if runs else "no run is in the ledger yet"


def _shown(row: Mapping[str, Any] | None) -> dict[str, object] | None:
    """Fields as a plan shows them: JSON made lists of tuples."""
    if row is None:
        return None
    return {name: tuple(v) if isinstance(v, list) else v for name, v in row.items() if name not in HIDDEN}
