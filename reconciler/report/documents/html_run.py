"""The page of a run: what is done, failed and not tried."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler import __version__
from reconciler.planning.changes import Result
from reconciler.report import header_footer
from reconciler.report.documents.html_page import Fact, Note, Page, Row, Steps, Table, moment
from reconciler.report.documents.plan_review import STOPS, place_text
from reconciler.report.documents.rename_timeline import of_run
from reconciler.report.documents.run_review import (
    DIFFERING,
    DUE,
    WOULD_BE,
    RunReviewLine,
    bound_to,
    is_well,
    left_title,
    run_lines,
    run_next,
    run_verdict,
    run_verdicts,
)
from reconciler.report.json_models import BindingPart, DifferingPart, LeftPart, RunDocument
from reconciler.report.vocabulary import lines_in_words, named, result_word, steps_in_words
from reconciler.translation import marked, tr


def run_page(document: RunDocument, job: str) -> Page:
    """Failures first."""
    lines, stops = run_lines(document), [f for f in document.findings if f.severity in STOPS]
    heads = (marked("result"), marked("happened"))
    table = Table(tr("What happened"), run_verdicts(document), list(map(_row, lines)), heads)
    well, binding = is_well(document), document.binding
    return Page(
        named(header_footer.APPLIED, document.site),
        "good" if well else "danger",
        f"{'✓' if well else '✗'} {run_verdict(document)}",
        f"{run_verdicts(document)} · {header_footer.seconds(document.started, document.finished)}",
        run_next(document),
        errors=[document.error] if document.error is not None else [],
        unread=header_footer.unread(document.reads),
        stops=stops,
        entries=list(header_footer.allowing_entries(stops)),
        groups=[
            *_differing(binding),
            *([table] if lines else []),
            *_left(binding),
        ],
        timelines=[picture for line in lines if (picture := of_run(line.part))],
        steps=list(map(_steps, lines)),
        facts=_facts(document, job),
    )


def _differing(binding: BindingPart | None) -> list[Table]:
    """What was reviewed as something else, and why nothing of it was done."""
    if binding is None or not binding.differing:
        return []
    rows = [_kept_out(line, "failed", "✗", tr("not done"), line.why) for line in binding.differing]
    return [Table(tr(DIFFERING), lines_in_words(len(rows)), rows, (marked("result"), WOULD_BE))]


def _left(binding: BindingPart | None) -> list[Table]:
    """What is pending and was none of this run's."""
    if binding is None or not binding.left:
        return []
    mark = header_footer.RESULTS[Result.NOT_TRIED].mark
    rows = [_kept_out(line, "not-tried", mark, tr("left"), [tr(DUE)] if line.due else []) for line in binding.left]
    heads = (marked("result"), marked("would happen"))
    return [Table(left_title(binding), lines_in_words(len(rows)), rows, heads)]


def _kept_out(line: DifferingPart | LeftPart, style: str, sign: str, word: str, why: Sequence[str] = ()) -> Row:
    level = "danger" if style == "failed" else ""
    return Row(style, sign, word, line.title, "", line.summary, notes=[Note(words, level) for words in why])


def _row(line: RunReviewLine) -> Row:
    part, (mark, _, words) = line.part, line.appearance
    notes = [Note(part.removed)] if part.removed else []
    notes += [Note(tr("was in place already"))] if line.was_in_place else []
    for what, about, hint in line.progress:
        level = "danger" if what in ("failed", "uncertain") else ""
        notes += [Note(f"{result_word(what)}: {about}", level), *([Note(f"→ {hint}", level)] if hint else [])]
    style = "failed" if part.half_done else part.result.replace(" ", "-")
    return Row(style, mark, tr(words), part.title, place_text(part.place), part.summary, notes=notes)


def _steps(line: RunReviewLine) -> Steps:
    texts = [f"{result_word(step.result)}: {step.text}" for step in line.part.steps]
    return Steps(
        line.part.title, steps_in_words(len(texts)), texts, line.part.result != "done" or line.part.irreversible
    )


def _facts(document: RunDocument, job: str) -> list[Fact]:
    facts: list[Fact] = [(tr("site"), document.site)] if document.site else []
    facts += [(tr("commit"), document.commit or tr("unknown"))]
    facts += [(tr("plan"), document.plan)] if document.plan else []
    facts += [(tr("carried out"), bound_to(document.binding))] if document.binding else []
    facts += [(tr("names"), tr("masked"))] if document.masked else []
    facts += [(tr("job"), job)] if job else []
    return [*facts, (tr("tool"), f"reconciler {__version__}"), (tr("finished"), moment(document.finished))]
