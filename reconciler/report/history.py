"""Earlier runs for the terminal and for issues: a list of them, or one with all its steps. `cli` calls these."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.planning.remembered import PastRun, PastStep, RunState, StepState
from reconciler.report import past
from reconciler.report.page import Page, Piece
from reconciler.report.room import LIMIT, Room
from reconciler.report.safe import markdown
from reconciler.report.steps import change_text

_RUN_STYLE = {
    RunState.DONE: "green",
    RunState.PARTLY: "bold red",
    RunState.INTERRUPTED: "bold red",
    RunState.RUNNING: "yellow",
}
_STEP_STYLE = {
    StepState.DONE: "green",
    StepState.SKIPPED: "green",
    StepState.SUPERSEDED: "green",
    StepState.FAILED: "bold red",
    StepState.BEGUN: "yellow",
    StepState.NOT_TRIED: "yellow",
    StepState.PENDING: "yellow",
    StepState.UNCERTAIN: "bold yellow",
}


def history_text(runs: Iterable[PastRun], *, width: int, color: bool) -> str:
    """One line a run, newest first."""
    page, listed = Page(width, color=color), list(runs)
    column = max((len(str(run.id)) for run in listed), default=0)
    for run in listed:
        page.entry((past.RUN_MARKS[run.state], _RUN_STYLE[run.state]), str(run.id), [(past.run_line(run), "")], column)
    page.row((past.tally(len(listed)), "bold"))
    if listed:
        page.row((f"one with its steps: reconciler history {listed[0].id}", "dim"))
    return page.render()


def run_history_text(run: PastRun, *, left: bool, width: int, color: bool) -> str:
    """One run: each step with its time, old and new values, where it was declared, and what was said of it; `left` says
    whether the ledger has anything open."""
    page = Page(width, color=color)
    page.row((past.run_head(run), "bold"))
    page.row((past.run_origin(run), "dim"))
    for subject, steps in past.transitions(run):
        page.blank()
        page.row((subject, "bold"), (f"  {steps[0].origin}" if steps[0].origin else "", "dim"))
        for step in steps:
            _step(page, step)
    if last := past.after_history(run, left=left):
        page.blank()
        page.row((last, "bold"))
    return page.render()


def _step(page: Page, step: PastStep) -> None:
    style, state = _STEP_STYLE[step.state], past.state_words(step)
    pieces: list[Piece] = [(change_text(past.change_of(step)), ""), (f"  {state}" if state else "", style)]
    page.row(*pieces, first=f" {past.MARKS[step.state]} {past.when(step)} ", indent=12)
    for said in (step.message, step.hint):
        if said:
            page.row((said, style if said is step.message else ""), indent=12)


def history_markdown(runs: Iterable[PastRun]) -> str:
    """One row a run, newest first; never longer than LIMIT characters."""
    listed = list(runs)
    room = Room(LIMIT, head=[f"**{past.tally(len(listed))}**"], foot=[])
    if listed:
        table = ("| | run | when, how, who |", "|---|---|---|")
        room.fill(table, listed, _run_row, share=1, cut=lambda n: f"\n… and {n} older ones.")
    return room.text()


def run_history_markdown(run: PastRun, *, left: bool) -> str:
    """One run with its steps; what is too much is cut from its end, and counted."""
    head = [f"**{markdown(past.run_head(run))}**  ", markdown(past.run_origin(run))]
    room = Room(LIMIT, head=head, foot=[markdown(past.after_history(run, left=left))])
    if run.steps:
        table = ("| | when | step | what was said | declared at |", "|---|---|---|---|---|")
        room.fill(table, run.steps, _step_row, share=1, cut=lambda n: f"\n… and {n} more steps.")
    return room.text()


def _run_row(run: PastRun) -> str:
    return f"| {past.RUN_MARKS[run.state]} | {run.id} | {markdown(past.run_line(run))} |"


def _step_row(step: PastStep) -> str:
    said = "<br>".join(markdown(text) for text in (past.state_words(step), step.message, step.hint) if text)
    what = markdown(change_text(past.change_of(step)), 1000)
    return f"| {past.MARKS[step.state]} | {past.when(step)} | {what} | {said} | {markdown(step.origin, 300)} |"
