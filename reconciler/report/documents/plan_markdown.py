"""A plan's document in Markdown, for a reviewer who has thirty seconds: the first line decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler import __version__
from reconciler.report import header_footer
from reconciler.report.documents.budget import Block, Fitted, Weight, fit
from reconciler.report.documents.markdown_parts import all_by, code, more, remark, stop_blocks
from reconciler.report.documents.plan_review import (
    Group,
    PlanReview,
    ReviewLine,
    alerts,
    groups,
    healed_lines,
    place_text,
    public_targets,
    shows_all,
    verdict,
)
from reconciler.report.mail_flow_text import FLOW, flow_lines
from reconciler.report.plan_counts import counted
from reconciler.report.sanitize import markdown
from reconciler.report.vocabulary import DOT, steps_in_words
from reconciler.translation import marked, tr, tr_number

_MOST = 10
"""Files that a warning names; the others are counted."""
_HEALED = marked("healed: as declared again, without any apply")


def plan_markdown(review: PlanReview, limit: int) -> Fitted:
    """Verdict, next step, warnings, what stops it, one table for each cause, the steps folded away, what it is of."""
    document, shown = review.document, all_by(shows_all(review))
    flow, healed = list(flow_lines(document.flow, public_targets(document))), list(healed_lines(review))
    blocks: list[Block[Any]] = [
        *stop_blocks(document.reads, review.stops, shown),
        *(_table(group, shown) for group in groups(review)),
        Block((f"**{tr(FLOW)}**", ""), flow, _item, cut=more("line", shown)),
        Block((), review.remarks, remark, cut=more("remark", shown)),
        Block((f"**{tr(_HEALED)}**", ""), healed, _item, cut=more("line", shown)),
        _steps(review),
        Block((), list(header_footer.untouched(review)), _item, cut=more("line", shown)),
    ]
    head = [_verdict(review), *_next(review), *_alerts(review)]
    return fit(head, blocks, _foot(review), limit)


def _verdict(review: PlanReview) -> str:
    words, why, numbers = verdict(review)
    said = markdown(why, 500)
    if not words:
        return f"**{said}**"
    because = f", {said}" if said else ""
    return f"**{markdown(review.name)}: {tr(words)}**{because}{DOT}{numbers}"


def _next(review: PlanReview) -> Iterator[str]:
    if step := header_footer.after_plan(review):
        yield from ("", f"**{markdown(step, 800)}**")


def _alerts(review: PlanReview) -> Iterator[str]:
    """Red on GitHub, GitLab and Forgejo; elsewhere a quotation in bold."""
    for alert in alerts(review):
        yield from ("", "> [!CAUTION]", f"> **{markdown(alert.words, 400)}**")
        if alert.command:
            yield f"> {code(alert.command)}"
        yield from (f"> - {markdown(item, 200)}" for item in alert.items[:_MOST])
        if (others := len(alert.items) - _MOST) > 0:
            yield "> - " + tr_number("and {number} more file", "and {number} more files", others)


def _table(group: Group, shown: str) -> Block[ReviewLine]:
    head = [f"**{group.title}**: {counted(group.lines)}", ""] if group.title else []
    names = " | ".join((tr("what"), tr("happens"), tr("declared at")))
    start = (*head, f"| | {names} |", "|---|---|---|---|")
    return Block(start, group.lines, _row, cut=lambda missing: _cut_lines(missing, shown), weigh=_line_weight)


def _cut_lines(missing: Sequence[ReviewLine], shown: str) -> str:
    return "\n" + tr_number(
        "… and {number} more line ({counts}): {shown}.",
        "… and {number} more lines ({counts}): {shown}.",
        len(missing),
        counts=counted(missing),
        shown=shown,
    )


def _row(line: ReviewLine) -> str:
    happens = " ".join((markdown(line.part.summary, 1000), *_stopped_by(line)))
    below = "".join(f"<br>{markdown(note, 300)}" for note in line.notes)
    title = markdown(line.part.title, 240)
    return f"| {line.sign} | {title} | {happens}{below} | {markdown(place_text(line.part.place), 300)} |"


def _stopped_by(line: ReviewLine) -> Iterator[str]:
    if line.refused_by:
        refused = tr("refused: {rules}", rules=markdown(", ".join(line.refused_by), 200))
        yield f"**✗ {refused}**"
    if line.waits_for:
        waits = tr("waits: {rules}", rules=markdown(", ".join(line.waits_for), 200))
        yield f"**… {waits}**"


def _steps(review: PlanReview) -> Block[ReviewLine]:
    number = steps_in_words(sum(len(line.part.steps) for line in review.lines))
    command = f"{shows_all(review)} --verbose"
    return Block(
        (f"<details><summary>{number}</summary>", ""),
        [line for line in review.lines if line.part.steps],
        _folded,
        cut=lambda missing: _cut_steps(missing, all_by(command)),
        weigh=lambda _: Weight.DETAIL,
        end=("", "</details>"),
    )


def _cut_steps(missing: Sequence[ReviewLine], shown: str) -> str:
    return "\n" + tr_number(
        "… and the steps of {number} more line: {shown}.",
        "… and the steps of {number} more lines: {shown}.",
        len(missing),
        shown=shown,
    )


def _folded(line: ReviewLine) -> str:
    steps = (f"  - {step.stage} {markdown(step.text, 1000)}" for step in line.part.steps)
    return "\n".join((f"- {markdown(line.part.title, 240)}", *steps))


def _foot(review: PlanReview) -> list[str]:
    """What is left alone, and what the plan is of."""
    document, base = review.document, review.document.base
    unknown, reads = tr("unknown"), header_footer.reads(document.reads)
    against = [tr("compared with {ref} ({commit})", ref=base.ref, commit=base.commit or unknown)] if base else []
    origin = [tr("site {site}", site=document.site), tr("commit {commit}", commit=document.commit or unknown), *against]
    read = tr("read {when:%Y-%m-%d %H:%M %z} ({systems})", when=document.made, systems=reads)
    phrases = [
        tr("only about {names}", names=", ".join(document.only)) if document.only else "",
        tr("names and addresses are masked") if document.masked else "",
        f"{read}{DOT}reconciler {__version__}",
        DOT.join((*origin, tr("plan {digest}", digest=document.digest))),
    ]
    return ["  \n".join(markdown(line, 500) for line in phrases if line)]


def _item(line: str) -> str:
    return f"- {markdown(line, 1000)}"


def _line_weight(line: ReviewLine) -> Weight:
    return Weight.DANGER if line.dangerous else Weight.CHANGE
