"""A run's document in Markdown: what is true after it, failures first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler import __version__
from reconciler.report.documents.budget import Block, Fitted, Weight, fit
from reconciler.report.documents.markdown_parts import danger, more, stop_blocks
from reconciler.report.documents.plan_review import STOPS
from reconciler.report.documents.run_review import (
    DIFFERING,
    WOULD_BE,
    RunReviewLine,
    bound_to,
    left_title,
    run_lines,
    run_next,
    run_verdict,
    run_verdicts,
)
from reconciler.report.header_footer import DOT, HALF_DONE, seconds
from reconciler.report.json_models import DifferingPart, ErrorPart, LeftPart, RunDocument
from reconciler.report.sanitize import markdown
from reconciler.report.vocabulary import count

_DIFFERING = (f"**{DIFFERING}**", "", f"| | what | {WOULD_BE} |", "|---|---|---|")
_TABLE = ("| | what | happened |", "|---|---|---|")


def run_markdown(document: RunDocument, limit: int, title: str) -> Fitted:
    """Verdict, next command, what was kept out, one row a transition."""
    stops = [finding for finding in document.findings if finding.severity in STOPS]
    binding, errors = document.binding, [document.error] if document.error is not None else []
    left_head = (f"**{left_title(binding)}**", "") if binding else ()
    blocks: list[Block[Any]] = [
        Block((), errors, _error, cut=more("error", "`reconciler history`"), weigh=danger),
        Block(_DIFFERING, binding.differing if binding else (), _differing, cut=_cut, weigh=danger),
        *stop_blocks(document.reads, stops, "`reconciler plan` shows all"),
        Block(_TABLE, run_lines(document), _row, cut=_cut, weigh=_weigh),
        Block(left_head, binding.left if binding else (), _left, cut=_cut, weigh=lambda _: Weight.CHANGE),
    ]
    head = [_verdict(document, title), "", f"**{markdown(run_next(document), 800)}**"]
    return fit(head, blocks, [_foot(document)], limit)


def _verdict(document: RunDocument, title: str) -> str:
    head = f"**{markdown(f'{title} for {document.site}')}: {run_verdict(document)}**"
    return DOT.join((head, run_verdicts(document), seconds(document.started, document.finished)))


def _error(error: ErrorPart) -> str:
    return f"- **✗ {markdown(error.message)}**" + (f"  \n  → {markdown(error.hint)}" if error.hint else "")


def _differing(line: DifferingPart) -> str:
    """One row: what was reviewed as something else, and why nothing of it was done."""
    why = "<br>".join(markdown(words) for words in line.why)
    return f"| ✗ | {markdown(line.title, 240)} | {markdown(line.summary, 1000)}<br>{why} |"


def _left(line: LeftPart) -> str:
    return f"- {markdown(line.title, 240)}: {markdown(line.summary, 1000)}"


def _cut(missing: Sequence[object]) -> str:
    return f"\n… and {count(len(missing), 'more line')}: `reconciler history` shows all."


def _weigh(line: RunReviewLine) -> Weight:
    return Weight.CHANGE if line.part.result == "done" else Weight.DANGER


def _row(line: RunReviewLine) -> str:
    phrases = [markdown(line.part.summary, 1000)]
    phrases += ["(was in place already)"] if line.was_in_place else []
    phrases += [markdown(line.part.removed)] if line.part.removed else []
    phrases += [f"**{HALF_DONE.words}**"] if line.part.half_done else []
    for what, about, hint in line.progress:
        said = markdown(about)
        phrases.append(f"**{what}: {said}**" if what in ("failed", "uncertain") else f"{what}: {said}")
        phrases += [markdown(hint)] if hint else []
    return f"| {line.appearance.mark} | {markdown(line.part.title, 240)} | {'<br>'.join(phrases)} |"


def _foot(document: RunDocument) -> str:
    phrases = [
        "names and addresses are masked" if document.masked else "",
        f"carried out: {bound_to(document.binding)}" if document.binding else "",
        f"finished {document.finished:%Y-%m-%d %H:%M %z}{DOT}reconciler {__version__}",
        f"site {document.site}{DOT}commit {document.commit or 'unknown'}{DOT}plan {document.plan}",
    ]
    return "  \n".join(markdown(line, 500) for line in phrases if line)
