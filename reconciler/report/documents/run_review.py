"""What a run's document says after it, as values: verdict, lines with how they ended, the next step. Markdown and HTML
are written from these; their strings are raw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.planning.changes import Result
from reconciler.report.header_footer import DOT, HALF_DONE, RESULTS, RESUME
from reconciler.report.json_models import BindingPart, RunDocument, StepOutcomePart, TransitionRunPart
from reconciler.report.vocabulary import Appearance, count

DIFFERING = "Not as it was reviewed, so nothing of it was done"
WOULD_BE = "what it would be now, and what differs"
_ORDER = ("failed", "uncertain", "not tried", "done")
"""Failures first."""


@dataclass(frozen=True, slots=True)
class RunReviewLine:
    """One transition and how it ended."""

    part: TransitionRunPart

    @property
    def appearance(self) -> Appearance:
        """Its sign; `words` say how it ended."""
        if self.part.half_done:
            return HALF_DONE
        return RESULTS[self.part.result]._replace(words=self.part.result)

    @property
    def failures(self) -> list[StepOutcomePart]:
        """Steps that did not happen, or may not have, and those that were not begun because a system cannot be
        written."""
        return [s for s in self.part.steps if s.result in ("failed", "uncertain") or _barred(s)]

    @property
    def was_in_place(self) -> bool:
        return bool(self.part.steps) and all(step.result == "skipped" for step in self.part.steps)

    def labels(self, *results: str) -> str:
        """What the steps with one of these results are about; empty for none."""
        return ", ".join(dict.fromkeys(s.label for s in self.part.steps if s.result in results))

    @property
    def progress(self) -> Iterator[tuple[str, str, str]]:
        """(what, about which steps, hint) of one that is not done: in place, failed with why, not tried."""
        if self.part.result == "done":
            return
        if done := self.labels("done", "skipped"):
            yield "done", done, ""
        for failed in self.failures:
            yield failed.result, f"{failed.label}: {failed.message}", failed.hint
        if left := self.labels("not tried"):
            yield "not tried", left, ""


def _barred(step: StepOutcomePart) -> bool:
    return step.result == "not tried" and step.temporary and bool(step.hint)


def run_lines(document: RunDocument) -> list[RunReviewLine]:
    """Failures first, each group in the order of the plan."""
    return [RunReviewLine(part) for result in _ORDER for part in document.transitions if part.result == result]


def run_verdict(document: RunDocument) -> str:
    """How it ended, in a word or two."""
    if document.error is not None:
        return "nobody knows how it ended" if document.interrupted and document.plan else "nothing was carried out"
    if document.interrupted:
        return "interrupted, partly applied"
    if not document.complete:
        return "partly applied"
    if document.binding is not None and document.binding.differing:
        what = "applied in part" if document.transitions else "nothing was carried out"
        return f"{what}, since {count(len(document.binding.differing), 'line')} differed from the review"
    return "applied" if document.transitions else "nothing was carried out"


def run_verdicts(document: RunDocument) -> str:
    """`3 done · 1 failed · 1 half-done · 2 not tried · 1 refused`."""
    number = Counter(HALF_DONE.words if part.half_done else part.result for part in document.transitions)
    ends = (Result.DONE, Result.FAILED, Result.UNCERTAIN, HALF_DONE.words, Result.NOT_TRIED)
    counts = [f"{number[end]} {end}" for end in ends if number[end] or end == Result.DONE]
    kept_out = ((document.counts.refused, "refused"), (document.counts.waiting, "waiting"))
    return DOT.join(counts + [f"{n} {word}" for n, word in kept_out if n])


def run_next(document: RunDocument) -> str:
    """The next command; who reads it at a forge has no terminal there, but a job that may be run again."""
    again = " In a pipeline, run the apply job again: it resumes." if RESUME in document.next else ""
    return f"{document.next}.{again}" if again else document.next


def is_well(document: RunDocument) -> bool:
    """Whether all that was to be done is done."""
    differs = document.binding is not None and document.binding.differing
    return document.complete and not document.interrupted and document.error is None and not differs


def left_title(binding: BindingPart) -> str:
    """What stands over the lines that were none of this run's."""
    return f"Pending, and left: {'nobody reviewed it' if binding.to == 'review' else 'no date has brought it'}"


def bound_to(binding: BindingPart) -> str:
    """What decided which lines were carried out."""
    if binding.to == "date":
        return "what dates have brought"
    settled = f"{binding.settled} of its lines needed nothing any more" if binding.settled else ""
    return ", ".join(filter(None, (f"the comment {binding.comment}", settled)))
