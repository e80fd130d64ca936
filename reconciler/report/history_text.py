"""Earlier runs for the terminal and for issues: a list of them, or one with all its steps. `cli` calls these."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.planning.ledger_state import PastRun, PastStep
from reconciler.report import history_view
from reconciler.report.sanitize import markdown
from reconciler.report.terminal_page import Page
from reconciler.report.truncation import BoundedText
from reconciler.translation import tr


def history_text(runs: Iterable[PastRun], *, width: int, color: bool) -> str:
    """One line a run, newest first."""
    page, listed = Page(width, color=color), list(runs)
    column = max((len(str(run.id)) for run in listed), default=0)
    for run in listed:
        mark, style, _ = history_view.RUNS[run.state]
        page.entry((mark, style), str(run.id), [(history_view.run_line(run), "")], column)
    page.row((history_view.tally(len(listed)), "bold"))
    if listed:
        command = f"reconciler history {listed[0].id}"
        page.row((tr("one with its steps: {command}", command=command), "dim"))
    return page.render()


def run_history_text(run: PastRun, *, left: bool, width: int, color: bool) -> str:
    """One run: each step with its time, old and new values, where it was declared, and what was said of it; `left` says
    whether the ledger has anything open."""
    page = Page(width, color=color)
    page.row((history_view.run_head(run), "bold"))
    page.row((history_view.run_origin(run), "dim"))
    for _, steps in history_view.transitions(run):
        page.heading((steps[0].owner.subject, "bold"), (f"  {steps[0].origin}" if steps[0].origin else "", "dim"))
        for step in steps:
            _step(page, step)
    if last := history_view.after_history(run, left=left):
        page.heading((last, "bold"))
    return page.render()


def _step(page: Page, step: PastStep) -> None:
    mark, style, _ = history_view.STEPS[step.state]
    words = history_view.state_words(step)
    pieces = (history_view.step_line(step), ""), (f"  {words}" if words else "", style)
    page.row(*pieces, first=f" {mark} {history_view.when(step)} ", indent=12)
    if step.message:
        page.row((step.message, style), indent=12)
    if step.hint:
        page.row((step.hint, ""), indent=12)


def history_markdown(runs: Iterable[PastRun]) -> str:
    """One row a run, newest first."""
    listed = list(runs)
    text = BoundedText(head=[f"**{history_view.tally(len(listed))}**"])
    heads = " | ".join((tr("run"), tr("when, how, who")))
    text.add_block((f"| | {heads} |", "|---|---|---|"), listed, _run_row, cut=history_view.older)
    return text.render()


def run_history_markdown(run: PastRun, *, left: bool) -> str:
    """One run with its steps; what is too much is cut from its end, and counted."""
    head = [f"**{markdown(history_view.run_head(run))}**  ", markdown(history_view.run_origin(run))]
    text = BoundedText(head=head, foot=[markdown(history_view.after_history(run, left=left))])
    heads = " | ".join((tr("when"), tr("step"), tr("what was said"), tr("declared at")))
    text.add_block((f"| | {heads} |", "|---|---|---|---|---|"), run.steps, _step_row, cut=history_view.more_steps)
    return text.render()


def _run_row(run: PastRun) -> str:
    return f"| {history_view.RUNS[run.state].mark} | {run.id} | {markdown(history_view.run_line(run))} |"


def _step_row(step: PastStep) -> str:
    remarks = "<br>".join(markdown(text) for text in (history_view.state_words(step), step.message, step.hint) if text)
    what = markdown(history_view.step_line(step), 1000)
    mark, when = history_view.STEPS[step.state].mark, history_view.when(step)
    return f"| {mark} | {when} | {what} | {remarks} | {markdown(step.origin, 300)} |"
