"""The view model of a Run: what became of every line of its plan. Text, Markdown and JSON are written from it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.model.record_kinds import is_counted
from reconciler.model.records import LetterRow
from reconciler.planning.changes import Outcome, Result
from reconciler.planning.finding import Severity
from reconciler.planning.run_outcome import Run, TransitionRun
from reconciler.report.header_footer import DRIFT, HALF_DONE, PLAN, RESULTS, RESUME, all_of, ends_in_words, fix_unread
from reconciler.report.plan_view import Line, PlanView, StepView, again_by, plan_view
from reconciler.report.vocabulary import Appearance
from reconciler.translation import tr


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """One step and how it ended; `message` and `hint` hold no private address."""

    step: StepView
    result: Result
    message: str
    hint: str
    temporary: bool
    raced: bool

    @property
    def barred(self) -> bool:
        """Whether it was not begun because its system cannot be written, which `hint` mends."""
        return self.result is Result.NOT_TRIED and self.temporary and bool(self.hint)


@dataclass(frozen=True, slots=True)
class RunLine:
    """One transition that was open, and how it ended."""

    line: Line
    result: Result
    steps: tuple[StepOutcome, ...]

    @property
    def failures(self) -> tuple[StepOutcome, ...]:
        """The steps that did not happen, or may not have, and why: also what was not begun because a system cannot be
        written."""
        return tuple(s for s in self.steps if s.result in (Result.FAILED, Result.UNCERTAIN) or s.barred)

    @property
    def half_done(self) -> bool:
        """Whether it was stopped between two steps: until it is finished its person may have two passwords, say."""
        begun = (Result.DONE, Result.SKIPPED, Result.UNCERTAIN)
        return self.result is Result.NOT_TRIED and any(step.result in begun for step in self.steps)

    @property
    def appearance(self) -> Appearance:
        """The sign of how it ended."""
        return HALF_DONE if self.half_done else RESULTS[self.result]

    @property
    def was_in_place(self) -> bool:
        """Whether there was nothing left to do."""
        return bool(self.steps) and all(step.result is Result.SKIPPED for step in self.steps)

    @property
    def removed(self) -> str:
        """What went and nothing brings back, as its system counted it: `2 subscriptions … removed`."""
        done = (s for s in self.steps if s.result is Result.DONE and is_counted(s.step.change.kind))
        return "; ".join(dict.fromkeys(s.message for s in done if s.message))

    def labels(self, *results: Result) -> str:
        """What the steps with one of these results are about; empty for none."""
        return ", ".join(dict.fromkeys(s.step.label for s in self.steps if s.result in results))


@dataclass(frozen=True, slots=True)
class RunView:
    """One run in words."""

    run: Run
    plan: PlanView
    lines: tuple[RunLine, ...]

    @property
    def refused(self) -> int:
        """How many subjects the gates kept out of this run."""
        return self.plan.subjects(Severity.REFUSAL)

    @property
    def waiting(self) -> int:
        """How many subjects wait for a system that could not be read."""
        return self.plan.subjects(Severity.WAIT)

    @property
    def verdicts(self) -> str:
        """`3 done · 1 failed · 1 half-done · 2 not tried · 1 refused`."""
        number = Counter(HALF_DONE.words if line.half_done else str(line.result) for line in self.lines)
        return ends_in_words(number, self.refused, self.waiting)

    def of(self, result: Result) -> Iterator[RunLine]:
        return (line for line in self.lines if line.result is result)


def run_view(run: Run, title: str) -> RunView:
    """Walks a run; the only place that does."""
    plan = plan_view(run.plan, title)
    lines = {line.transition.id: line for line in plan.lines}
    return RunView(run, plan, tuple(_line(ended, lines[ended.transition.id]) for ended in run.transitions))


def _line(ended: TransitionRun, line: Line) -> RunLine:
    letters = (change.row for change in ended.transition.changes)
    private = [row.recipient for row in letters if isinstance(row, LetterRow) and row.recipient]
    views = {step.id: step for step in line.steps}
    steps = tuple(_outcome(views[step.id], outcome, private) for step, outcome in ended.outcomes)
    return RunLine(line, ended.result, steps)


def _outcome(step: StepView, outcome: Outcome, private: list[str]) -> StepOutcome:
    message, hint = _without(outcome.message, private), _without(outcome.hint, private)
    return StepOutcome(step, outcome.result, message, hint, outcome.temporary, outcome.raced)


def _without(text: str, private: list[str]) -> str:
    """The text without addresses of the register: a mail server repeats the recipient that it refuses. Such texts are
    errors, which are English."""
    for address in private:
        text = re.sub(re.escape(address), "their register address", text, flags=re.IGNORECASE)
    return text


def after_run(view: RunView) -> str:
    """The last line of a run: the next command."""
    again, urgent = again_by(view.run.plan.transitions), _urgent(view)
    if raced := [line.line.title for line in view.lines if any(step.raced for step in line.steps)]:
        names = _some(raced)
        return (
            tr("next: {command} (somebody changed {names} meanwhile; look first)", command=PLAN, names=names) + urgent
        )
    unsure = [line.line.title for line in view.of(Result.UNCERTAIN)]
    rest = [line for line in view.lines if line.result not in (Result.DONE, Result.UNCERTAIN)]
    if unsure and not view.run.interrupted and not rest:
        return tr("next: ask whether the letter of {names} came; nothing else is left of this run", names=_some(unsure))
    if hints := dict.fromkeys(step.hint for line in view.lines for step in line.failures if step.barred):
        return tr("next: {what}; then {command}", what=all_of(hints), command=again or RESUME) + urgent
    if not view.run.complete and again:
        return tr("next: {command} (sets it in every system)", command=again) + urgent
    if not view.run.complete:
        return tr("next: {command} (finishes this run; what is in place is skipped)", command=RESUME) + urgent
    binding = view.run.binding
    if binding is not None and binding.differing:
        return tr("next: open a merge request; its comment shows what differs now, and who merges it agrees")
    if view.run.plan.unknown:
        return fix_unread(view.run.plan.unknown, PLAN)
    if view.refused:
        return tr("next: resolve what was refused, then {command}", command=PLAN)
    if binding is not None and binding.left:
        return tr("next: {command} (shows what was left; so does the next merge request)", command=PLAN)
    return tr("next: {command} (shows whether it stays so)", command=DRIFT)


def _urgent(view: RunView) -> str:
    half = [line.line.title for line in view.lines if line.half_done]
    if not half:
        return ""
    return tr("; at once, for {names}: half-done, so login or mail may not work", names=_some(half))


def _some(titles: list[str]) -> str:
    shown = ", ".join(titles[:3])
    return tr("{names} and {number} others", names=shown, number=len(titles) - 3) if len(titles) > 3 else shown
