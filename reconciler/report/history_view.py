"""The view model of earlier runs, as the ledger remembers them. `history` and `json` write from it.

Values come from the ledger's JSON; what `changes.HIDDEN` names is left out here as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from itertools import groupby
from typing import Any

from reconciler.planning.changes import HIDDEN, Action
from reconciler.planning.ledger_state import PastRun, PastStep, RunState, StepState
from reconciler.report.header_footer import DOT, RESUME, seconds
from reconciler.report.plan_view import ChangeView
from reconciler.report.vocabulary import count

MARKS: Mapping[StepState, str] = {
    StepState.DONE: "✓",
    StepState.SKIPPED: "✓",
    StepState.SUPERSEDED: "✓",
    StepState.FAILED: "✗",
    StepState.BEGUN: "?",
    StepState.NOT_TRIED: "·",
    StepState.PENDING: "·",
    StepState.UNCERTAIN: "?",
}

STATES: Mapping[StepState, str] = {
    StepState.DONE: "",
    StepState.SKIPPED: "was in place already",
    StepState.SUPERSEDED: "done by a later run",
    StepState.FAILED: "failed",
    StepState.BEGUN: "begun, and not known whether it happened",
    StepState.NOT_TRIED: "not tried",
    StepState.PENDING: "not begun",
    StepState.UNCERTAIN: "may or may not have happened; it is not tried again",
}

RUN_MARKS: Mapping[RunState, str] = {
    RunState.DONE: "✓",
    RunState.PARTLY: "✗",
    RunState.INTERRUPTED: "✗",
    RunState.RUNNING: "?",
}

NO_RUNS = "no run is in the ledger yet"

_MOMENT = "%Y-%m-%d %H:%M:%S"


def in_zone(run: PastRun, zone: tzinfo) -> PastRun:
    """The run with its times in the site's time zone; the ledger keeps UTC."""

    def local(time: datetime | None) -> datetime | None:
        return time.astimezone(zone) if time is not None else None

    steps = tuple(step._replace(began=local(step.began), ended=local(step.ended)) for step in run.steps)
    return replace(run, started=run.started.astimezone(zone), finished=local(run.finished), steps=steps)


def change_of(step: PastStep) -> ChangeView:
    """The change that a step carried out, without what no report shows."""
    before = step.before or {}
    former = str(before.get("key", "")) if step.action is Action.RENAME else ""
    return ChangeView(step.system, step.kind, step.action, step.key, former, _shown(step.before), _shown(step.after))


def transitions(run: PastRun) -> Iterator[tuple[str, list[PastStep]]]:
    """The steps of each transition, in the order of the plan."""
    for _, steps in groupby(run.steps, key=lambda step: step.transition):
        listed = list(steps)
        yield listed[0].owner.subject, listed


def run_line(run: PastRun) -> str:
    """`2026-11-22 10:58:03 +0100 · partly · 7 done, 1 failed · technik on mail.example`."""
    said = ", ".join(f"{run.counts[state]} {state}" for state in StepState if run.counts.get(state)) or "no steps"
    return DOT.join((moment(run.started), str(run.state), said, f"{run.who} on {run.host}"))


def run_head(run: PastRun) -> str:
    """`run 12 for nrw · partly · 2026-11-22 10:58:03 +0100, 6.0 s`."""
    took = f", {seconds(run.started, run.finished)}" if run.finished else ""
    return DOT.join((f"run {run.id} for {run.site}", str(run.state), f"{moment(run.started)}{took}"))


def run_origin(run: PastRun) -> str:
    """Who ran it, where, and which plan of which state."""
    state = f" of {run.commit}" if run.commit else ""
    return f"by {run.who} on {run.host}, process {run.pid}{DOT}plan {run.digest[:4]}…{run.digest[-2:]}{state}"


def after_history(run: PastRun, *, left: bool) -> str:
    """What to do about a run that did not end well; empty when there is nothing to do. `left` says whether the ledger
    has anything open: `resume` finishes that, from whichever run it is left."""
    match run.state:
        case RunState.RUNNING:
            return "it is under way, or its process died: reconciler unlock shows who holds the lock"
        case RunState.PARTLY | RunState.INTERRUPTED if not left:
            return "nothing is left open: a later run ended well"
        case RunState.PARTLY | RunState.INTERRUPTED:
            return f"next: {RESUME} (finishes what no later run has done)"
        case RunState.DONE:
            return ""


def state_words(step: PastStep) -> str:
    """How the step ended; empty where its mark or its message says it all."""
    return "" if step.state is StepState.SKIPPED and step.message else STATES[step.state]


def when(step: PastStep) -> str:
    """`09:58:04`, the time of day at which a step ended, or began."""
    time = step.ended or step.began
    return f"{time:%H:%M:%S}" if time else "--:--:--"


def moment(time: datetime) -> str:
    """In the zone that it was given in, with its offset, as a plan says when it was read."""
    return f"{time:{_MOMENT} %z}"


def tally(runs: int) -> str:
    """How many runs are listed."""
    return f"{count(runs, 'run')}, newest first" if runs else NO_RUNS


def _shown(row: Mapping[str, Any] | None) -> dict[str, object] | None:
    """Fields as a plan shows them: JSON made lists of tuples."""
    if row is None:
        return None
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items() if name not in HIDDEN
    }
