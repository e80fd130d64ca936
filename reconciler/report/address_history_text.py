"""Who changed an address, when, and why: `history ADDRESS`, in the words of the plans that were carried out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pydantic_core import from_json

from reconciler.planning.ledger_state import FINISHED, PastRun, PastStep, StepState
from reconciler.report import history_view
from reconciler.report.sanitize import markdown
from reconciler.report.step_line_text import change_text
from reconciler.report.terminal_page import Page
from reconciler.report.truncation import LIMIT, Room
from reconciler.report.vocabulary import count


@dataclass(frozen=True, slots=True)
class PastChange:
    """What one run did about one subject. `why` has the reason and the ticket that git gave; `state` is how far it
    came: the worst of its steps."""

    run: PastRun
    id: str
    subject: str
    summary: str
    why: str
    place: str
    state: StepState


def past_changes(runs: Iterable[PastRun], documents: Mapping[int, str]) -> list[PastChange]:
    """The changes of these runs (with their steps about whom was asked), newest first; `documents` are their plans. One
    whose plan cannot be read any more is told by its steps."""
    return [change for run in runs for change in _of(run, _transitions(documents.get(run.id, "")))]


def address_history_text(asked: str, changes: Iterable[PastChange], *, width: int, color: bool) -> str:
    """What happened, by whom and why; newest first."""
    page, listed = Page(width, color=color), list(changes)
    page.row((_tally(asked, listed), "bold"))
    for change in listed:
        page.blank()
        mark = history_view.MARKS[change.state]
        head = f"{history_view.moment(change.run.started)}  {change.subject}"
        page.row((head, "bold"), (f"  {history_view.STATES[change.state]}", "bold red"), first=f" {mark} ", indent=3)
        page.row((change.summary, ""), indent=3)
        if change.why:
            page.row((f"why: {change.why}", ""), indent=3)
        page.row((_by(change), "dim"), indent=3)
    if listed:
        page.blank()
        page.row((f"each step of one run: reconciler history {listed[0].run.id}", "dim"))
    return page.render()


def address_history_markdown(asked: str, changes: Iterable[PastChange]) -> str:
    """One row a change, newest first."""
    listed = list(changes)
    room = Room(LIMIT, head=[f"**{markdown(_tally(asked, listed))}**"], foot=[])
    if listed:
        table = ("| | when | what | why | who |", "|---|---|---|---|---|")
        room.fill(table, listed, _row, share=1, cut=lambda n: f"\n… and {n} older ones.")
    return room.text()


def _row(change: PastChange) -> str:
    what = f"{change.subject}: {change.summary}"
    if state := history_view.STATES[change.state]:
        what += f" ({state})"
    cells = (history_view.moment(change.run.started), what, change.why, _by(change))
    return f"| {history_view.MARKS[change.state]} | {' | '.join(markdown(cell, 1000) for cell in cells)} |"


def _tally(asked: str, listed: list[PastChange]) -> str:
    if not listed:
        return f"{asked}: the ledger knows of no change"
    return f"{asked}: {count(len(listed), 'change')}, newest first"


def _by(change: PastChange) -> str:
    run = change.run
    commit = f", commit {run.commit[:12]}" if run.commit else ""
    declared = f", declared at {change.place}" if change.place else ""
    return f"by {run.who} on {run.host}, run {run.id}{commit}{declared}"


def _of(run: PastRun, transitions: Mapping[str, Mapping[str, Any]]) -> Iterator[PastChange]:
    for id, group in groupby(run.steps, key=lambda step: step.transition):
        steps = list(group)
        said = transitions.get(id, {})
        summary = said.get("summary") or "; ".join(change_text(history_view.change_of(step)) for step in steps)
        place = steps[0].origin
        yield PastChange(run, id, steps[0].owner.subject, str(summary), _why(said), place, _state(steps))


def _why(said: Mapping[str, Any]) -> str:
    """The transition's reason, and what its entries say of reason and ticket, each once."""
    fields = [entry.get("fields", {}) for entry in said.get("declared", ())]
    given = [said.get("reason"), *(field.get(name) for field in fields for name in ("reason", "ticket"))]
    reasons: list[str] = []
    for reason in map(str, filter(None, given)):
        if not any(reason in other for other in reasons):
            reasons.append(reason)
    return "; ".join(reasons)


_WORST = (StepState.FAILED, StepState.UNCERTAIN, StepState.BEGUN, StepState.NOT_TRIED, StepState.PENDING)


def _state(steps: Iterable[PastStep]) -> StepState:
    states = {step.state for step in steps}
    bad = next((state for state in _WORST if state in states), None)
    if bad is not None:
        return bad
    return StepState.DONE if states & {StepState.DONE} else min(states & FINISHED, default=StepState.DONE)


def _transitions(document: str) -> dict[str, Mapping[str, Any]]:
    """The transitions of a plan as it was saved, by id; plans of every version had ids."""
    try:
        plan = from_json(document)
    except ValueError:
        return {}
    listed = plan.get("transitions", ()) if isinstance(plan, dict) else ()
    return {str(each["id"]): each for each in listed if isinstance(each, dict) and "id" in each}
