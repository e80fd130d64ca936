"""What a run's document says after it, as values: verdict, lines with how they ended, the next step. Markdown and HTML
are written from these; their strings are raw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.report.header_footer import HALF_DONE, RESULTS, RESUME, ends_in_words
from reconciler.report.json_models import BindingPart, RunDocument, StepOutcomePart, TransitionRunPart
from reconciler.report.vocabulary import RESULT_WORDS, Appearance
from reconciler.translation import marked, tr, tr_number

DIFFERING = marked("Not as it was reviewed, so nothing of it was done")
WOULD_BE = marked("what it would be now, and what differs")
DUE = marked("a date has brought it since the plan was made, so that the job at night does it")
_ORDER = ("failed", "uncertain", "not tried", "done")
"""Failures first."""


@dataclass(frozen=True, slots=True)
class RunReviewLine:
    """One transition and how it ended."""

    part: TransitionRunPart

    @property
    def appearance(self) -> Appearance:
        """Its sign; `words` say how it ended, for `tr`."""
        if self.part.half_done:
            return HALF_DONE
        return RESULTS[self.part.result]._replace(words=RESULT_WORDS[self.part.result])

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
        """(result, about which steps, hint) of one that is not done: in place, failed with why, not tried."""
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
        unknown = document.interrupted and document.plan
        return tr("nobody knows how it ended") if unknown else tr("nothing was carried out")
    if document.interrupted:
        return tr("interrupted, partly applied")
    if not document.complete:
        return tr("partly applied")
    if document.binding is not None and document.binding.differing:
        what = tr("applied in part") if document.transitions else tr("nothing was carried out")
        return tr_number(
            "{what}, since {number} line differed from the review",
            "{what}, since {number} lines differed from the review",
            len(document.binding.differing),
            what=what,
        )
    return tr("applied") if document.transitions else tr("nothing was carried out")


def run_verdicts(document: RunDocument) -> str:
    """`3 done · 1 failed · 1 half-done · 2 not tried · 1 refused`."""
    number = Counter(HALF_DONE.words if part.half_done else part.result for part in document.transitions)
    return ends_in_words(number, document.counts.refused, document.counts.waiting)


def run_next(document: RunDocument) -> str:
    """The next command; who reads it at a forge has no terminal there, but a job that may be run again."""
    if RESUME not in document.next:
        return document.next
    again = tr("In a pipeline, run the apply job again: it resumes.")
    return f"{document.next}. {again}"


def is_well(document: RunDocument) -> bool:
    """Whether all that was to be done is done."""
    differs = document.binding is not None and document.binding.differing
    return document.complete and not document.interrupted and document.error is None and not differs


def left_title(binding: BindingPart) -> str:
    """What stands over the lines that were none of this run's."""
    review = binding.to == "review"
    return tr("Pending, and left: nobody reviewed it") if review else tr("Pending, and left: no date has brought it")


def bound_to(binding: BindingPart) -> str:
    """What decided which lines were carried out."""
    if binding.to == "date":
        return tr("what dates have brought")
    comment = tr("the comment {address}", address=binding.comment)
    settled = tr("{number} of its lines needed nothing any more", number=binding.settled) if binding.settled else ""
    return ", ".join(filter(None, (comment, settled)))
