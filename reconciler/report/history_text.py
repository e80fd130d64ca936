"""Earlier runs for the terminal and for issues: a list of them, or one with all its steps. `cli` calls these."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.planning.ledger_state import PastRun, PastStep, RunState, StepState
from reconciler.report import history_view
from reconciler.report.sanitize import markdown
from reconciler.report.step_line_text import change_text
from reconciler.report.terminal_page import Page, Piece
from reconciler.report.truncation import LIMIT, Room

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
        page.entry(
            (history_view.RUN_MARKS[run.state], _RUN_STYLE[run.state]),
            str(run.id),
            [(history_view.run_line(run), "")],
            column,
        )
    page.row((history_view.tally(len(listed)), "bold"))
    if listed:
        page.row((f"one with its steps: reconciler history {listed[0].id}", "dim"))
    return page.render()


def run_history_text(run: PastRun, *, left: bool, width: int, color: bool) -> str:
    """One run: each step with its time, old and new values, where it was declared, and what was said of it; `left` says
    whether the ledger has anything open."""
    page = Page(width, color=color)
    page.row((history_view.run_head(run), "bold"))
    page.row((history_view.run_origin(run), "dim"))
    for subject, steps in history_view.transitions(run):
        page.blank()
        page.row((subject, "bold"), (f"  {steps[0].origin}" if steps[0].origin else "", "dim"))
        for step in steps:
            _step(page, step)
    if last := history_view.after_history(run, left=left):
        page.blank()
        page.row((last, "bold"))
    return page.render()


def _step(page: Page, step: PastStep) -> None:
    style, state = _STEP_STYLE[step.state], history_view.state_words(step)
    pieces: list[Piece] = [(change_text(history_view.change_of(step)), ""), (f"  {state}" if state else "", style)]
    page.row(*pieces, first=f" {history_view.MARKS[step.state]} {history_view.when(step)} ", indent=12)
    for said in (step.message, step.hint):
        if said:
            page.row((said, style if said is step.message else ""), indent=12)


def history_markdown(runs: Iterable[PastRun]) -> str:
    """One row a run, newest first; never longer than LIMIT characters."""
    listed = list(runs)
    room = Room(LIMIT, head=[f"**{history_view.tally(len(listed))}**"], foot=[])
    if listed:
        table = ("| | run | when, how, who |", "|---|---|---|")
        room.fill(table, listed, _run_row, share=1, cut=lambda n: f"\n… and {n} older ones.")
    return room.text()


def run_history_markdown(run: PastRun, *, left: bool) -> str:
    """One run with its steps; what is too much is cut from its end, and counted."""
    head = [f"**{markdown(history_view.run_head(run))}**  ", markdown(history_view.run_origin(run))]
    room = Room(LIMIT, head=head, foot=[markdown(history_view.after_history(run, left=left))])
    if run.steps:
        table = ("| | when | step | what was said | declared at |", "|---|---|---|---|---|")
        room.fill(table, run.steps, _step_row, share=1, cut=lambda n: f"\n… and {n} more steps.")
    return room.text()


def _run_row(run: PastRun) -> str:
    return f"| {history_view.RUN_MARKS[run.state]} | {run.id} | {markdown(history_view.run_line(run))} |"


def _step_row(step: PastStep) -> str:
    said = "<br>".join(markdown(text) for text in (history_view.state_words(step), step.message, step.hint) if text)
    what = markdown(change_text(history_view.change_of(step)), 1000)
    mark, when = history_view.MARKS[step.state], history_view.when(step)
    return f"| {mark} | {when} | {what} | {said} | {markdown(step.origin, 300)} |"
