"""Who changed an address, when, and why: `history ADDRESS`, in the words of the plans that were carried out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from reconciler.model.record_kinds import is_counted
from reconciler.planning.ledger_state import PastRun, PastStep, StepState
from reconciler.report import history_view
from reconciler.report.sanitize import markdown
from reconciler.report.terminal_page import Page
from reconciler.report.truncation import BoundedText
from reconciler.translation import tr, tr_number


@dataclass(frozen=True, slots=True)
class PastChange:
    """What one run did about one subject. `why` has the reason and the ticket that git gave; `state` is how far it
    came: the worst of its steps. `removed` says what went and nothing brings back, as its system counted it."""

    run: PastRun
    id: str
    subject: str
    summary: str
    why: str
    place: str
    state: StepState
    removed: str = ""


def past_changes(runs: Iterable[PastRun], documents: Mapping[int, str]) -> list[PastChange]:
    """The changes of these runs (with their steps about the address), newest first; `documents` are their plans by run.
    A change whose plan cannot be read any more is described by its steps."""
    return [change for run in runs for change in _of(run, _transitions(documents.get(run.id, "")))]


def address_history_text(asked: str, changes: Iterable[PastChange], *, width: int, color: bool) -> str:
    """What happened, by whom and why; newest first."""
    page, listed = Page(width, color=color), list(changes)
    page.row((_tally(asked, listed), "bold"))
    for change in listed:
        mark, _, words = history_view.STEPS[change.state]
        page.blank()
        head = f"{history_view.moment(change.run.started)}  {change.subject}"
        page.row((head, "bold"), (f"  {tr(words)}", "bold red"), first=f" {mark} ", indent=3)
        page.row((change.summary, ""), indent=3)
        if change.removed:
            page.row((change.removed, "bold"), indent=3)
        if change.why:
            page.row((tr("why: {reason}", reason=change.why), ""), indent=3)
        page.row((_by(change), "dim"), indent=3)
    if listed:
        command = f"reconciler history {listed[0].run.id}"
        page.heading((tr("each step of one run: {command}", command=command), "dim"))
    return page.render()


def address_history_markdown(asked: str, changes: Iterable[PastChange]) -> str:
    """One row a change, newest first."""
    listed = list(changes)
    text = BoundedText(head=[f"**{markdown(_tally(asked, listed))}**"])
    heads = " | ".join((tr("when"), tr("what"), tr("why"), tr("who")))
    text.add_block((f"| | {heads} |", "|---|---|---|---|---|"), listed, _row, cut=history_view.older)
    return text.render()


def _row(change: PastChange) -> str:
    mark, _, words = history_view.STEPS[change.state]
    remarks = "; ".join(filter(None, (change.removed, tr(words))))
    what = f"{change.subject}: {change.summary}" + (f" ({remarks})" if remarks else "")
    cells = (history_view.moment(change.run.started), what, change.why, _by(change))
    return f"| {mark} | {' | '.join(markdown(cell, 1000) for cell in cells)} |"


def _tally(asked: str, listed: list[PastChange]) -> str:
    if not listed:
        return f"{asked}: " + tr("the ledger knows of no change")
    return f"{asked}: " + tr_number("{number} change, newest first", "{number} changes, newest first", len(listed))


def _by(change: PastChange) -> str:
    run = change.run
    words = [tr("by {who} on {host}, run {run}", who=run.who, host=run.host, run=run.id)]
    words += [tr("commit {commit}", commit=run.commit[:12])] if run.commit else []
    words += [tr("declared at {place}", place=change.place)] if change.place else []
    return ", ".join(words)


def _of(run: PastRun, saved: Mapping[str, Mapping[str, Any]]) -> Iterator[PastChange]:
    for id, steps in history_view.transitions(run):
        document, first = saved.get(id, {}), steps[0]
        summary = document.get("summary") or "; ".join(map(history_view.step_line, steps))
        done = (step.message for step in steps if step.state is StepState.DONE and is_counted(step.kind))
        removed = "; ".join(filter(None, done))
        why = _why(document)
        yield PastChange(run, id, first.owner.subject, str(summary), why, first.origin, _state(steps), removed)


def _why(document: Mapping[str, Any]) -> str:
    """The transition's reason, and what its entries say of reason and ticket, each once."""
    fields = [entry.get("fields", {}) for entry in document.get("declared", ())]
    given = [document.get("reason"), *(field.get(name) for field in fields for name in ("reason", "ticket"))]
    reasons: list[str] = []
    for reason in map(str, filter(None, given)):
        if not any(reason in other for other in reasons):
            reasons.append(reason)
    return "; ".join(reasons)


_WORST = (StepState.FAILED, StepState.UNCERTAIN, StepState.BEGUN, StepState.NOT_TRIED, StepState.PENDING)


def _state(steps: Iterable[PastStep]) -> StepState:
    states = {step.state for step in steps}
    return next((s for s in (*_WORST, StepState.DONE) if s in states), min(states, default=StepState.DONE))


def _transitions(document: str) -> dict[str, Mapping[str, Any]]:
    """The transitions of a plan as it was saved, by id; plans of every version had ids."""
    try:
        plan = from_json(document)
    except ValueError:
        return {}
    listed = plan.get("transitions", ()) if isinstance(plan, dict) else ()
    return {str(each["id"]): each for each in listed if isinstance(each, dict) and "id" in each}
