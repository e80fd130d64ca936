"""A run's document in Markdown: what is true after it, failures first."""

from __future__ import annotations

from typing import Any

from reconciler import __version__
from reconciler.report.documents.budget import Block, Fitted, Weight, fit
from reconciler.report.documents.markdown_parts import all_by, danger, more, stop_blocks
from reconciler.report.documents.plan_review import STOPS
from reconciler.report.documents.run_review import (
    DIFFERING,
    DUE,
    WOULD_BE,
    RunReviewLine,
    bound_to,
    left_title,
    run_lines,
    run_next,
    run_verdict,
    run_verdicts,
)
from reconciler.report.header_footer import HALF_DONE, seconds
from reconciler.report.json_models import DifferingPart, ErrorPart, LeftPart, RunDocument
from reconciler.report.sanitize import markdown
from reconciler.report.vocabulary import DOT, named, result_word
from reconciler.translation import tr


def run_markdown(document: RunDocument, limit: int, title: str) -> Fitted:
    """Verdict, next command, what was kept out, one row a transition."""
    stops = [finding for finding in document.findings if finding.severity in STOPS]
    changed = (f"**{tr(DIFFERING)}**", "", *_table(tr(WOULD_BE)))
    cut = more("line", all_by("reconciler history"))
    binding, errors = document.binding, [document.error] if document.error is not None else []
    left_head = (f"**{left_title(binding)}**", "") if binding else ()
    blocks: list[Block[Any]] = [
        Block((), errors, _error, cut=more("error", "`reconciler history`"), weigh=danger),
        Block(changed, binding.differing if binding else (), _differing, cut=cut, weigh=danger),
        *stop_blocks(document.reads, stops, all_by("reconciler plan")),
        Block(_table(tr("happened")), run_lines(document), _row, cut=cut, weigh=_weigh),
        Block(left_head, binding.left if binding else (), _left, cut=cut, weigh=lambda _: Weight.CHANGE),
    ]
    head = [_verdict(document, title), "", f"**{markdown(run_next(document), 800)}**"]
    return fit(head, blocks, [_foot(document)], limit)


def _table(happened: str) -> tuple[str, ...]:
    what = tr("what")
    return f"| | {what} | {happened} |", "|---|---|---|"


def _verdict(document: RunDocument, title: str) -> str:
    head = f"**{markdown(named(title, document.site))}: {run_verdict(document)}**"
    return DOT.join((head, run_verdicts(document), seconds(document.started, document.finished)))


def _error(error: ErrorPart) -> str:
    return f"- **✗ {markdown(error.message)}**" + (f"  \n  → {markdown(error.hint)}" if error.hint else "")


def _differing(line: DifferingPart) -> str:
    """One row: what was reviewed as something else, and why nothing of it was done."""
    why = "<br>".join(markdown(words) for words in line.why)
    return f"| ✗ | {markdown(line.title, 240)} | {markdown(line.summary, 1000)}<br>{why} |"


def _left(line: LeftPart) -> str:
    due = f"; {markdown(tr(DUE))}" if line.due else ""
    return f"- {markdown(line.title, 240)}: {markdown(line.summary, 1000)}{due}"


def _weigh(line: RunReviewLine) -> Weight:
    return Weight.CHANGE if line.part.result == "done" else Weight.DANGER


def _row(line: RunReviewLine) -> str:
    phrases = [markdown(line.part.summary, 1000)]
    phrases += [tr("(was in place already)")] if line.was_in_place else []
    phrases += [markdown(line.part.removed)] if line.part.removed else []
    phrases += [f"**{tr(HALF_DONE.words)}**"] if line.part.half_done else []
    for what, about, hint in line.progress:
        said = f"{result_word(what)}: {markdown(about)}"
        phrases.append(f"**{said}**" if what in ("failed", "uncertain") else said)
        phrases += [markdown(hint)] if hint else []
    return f"| {line.appearance.mark} | {markdown(line.part.title, 240)} | {'<br>'.join(phrases)} |"


def _foot(document: RunDocument) -> str:
    about = [tr("site {site}", site=document.site)] if document.site else []
    about += [tr("commit {commit}", commit=document.commit or tr("unknown"))]
    about += [tr("plan {digest}", digest=document.plan)] if document.plan else []
    phrases = [
        tr("names and addresses are masked") if document.masked else "",
        tr("carried out: {what}", what=bound_to(document.binding)) if document.binding else "",
        tr("finished {when:%Y-%m-%d %H:%M %z}", when=document.finished) + f"{DOT}reconciler {__version__}",
        DOT.join(about),
    ]
    return "  \n".join(markdown(line, 500) for line in phrases if line)
