"""A plan's document in Markdown, for a reviewer who has thirty seconds: the first line decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from reconciler import __version__
from reconciler.report import header_footer
from reconciler.report.documents.budget import Block, Fitted, Weight, fit
from reconciler.report.documents.markdown_parts import code, more, remark, stop_blocks
from reconciler.report.documents.plan_review import (
    Group,
    PlanReview,
    ReviewLine,
    alerts,
    groups,
    healed_lines,
    next_step,
    place_text,
    shows_all,
    verdict,
)
from reconciler.report.header_footer import DOT
from reconciler.report.sanitize import markdown
from reconciler.report.vocabulary import count

_TABLE = ("| | what | happens | declared at |", "|---|---|---|---|")
_MOST = 10
"""Files that a warning names; the others are counted."""
_HEALED = "healed: as declared again, without any apply"


def plan_markdown(review: PlanReview, limit: int) -> Fitted:
    """Verdict, next step, warnings, what stops it, one table for each cause, the steps folded away, what it is of."""
    document, shown = review.document, f"`{shows_all(review)}` shows all"
    flow, healed = list(header_footer.flow_lines(document.flow)), list(healed_lines(review))
    blocks: list[Block[Any]] = [
        *stop_blocks(document.reads, review.stops, shown),
        *(_table(group, shown) for group in groups(review)),
        Block((f"**{header_footer.FLOW}**", ""), flow, _item, cut=more("line", shown)),
        Block((), review.remarks, remark, cut=more("remark", shown)),
        Block((f"**{_HEALED}**", ""), healed, _item, cut=more("line", shown)),
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
    return f"**{markdown(review.name)}: {words}**{because}{DOT}{numbers}"


def _next(review: PlanReview) -> Iterator[str]:
    if step := next_step(review):
        yield from ("", f"**{markdown(step, 800)}**")


def _alerts(review: PlanReview) -> Iterator[str]:
    """Red on GitHub, GitLab and Forgejo; elsewhere a quotation in bold."""
    for alert in alerts(review):
        yield from ("", "> [!CAUTION]", f"> **{markdown(alert.words, 400)}**")
        if alert.command:
            yield f"> {code(alert.command)}"
        yield from (f"> - {markdown(item, 200)}" for item in alert.items[:_MOST])
        if (others := len(alert.items) - _MOST) > 0:
            yield f"> - and {count(others, 'more file')}"


def _table(group: Group, shown: str) -> Block[ReviewLine]:
    start = (f"**{group.title}**: {header_footer.counted(group.lines)}", "", *_TABLE) if group.title else _TABLE
    return Block(start, group.lines, _row, cut=lambda missing: _cut_lines(missing, shown), weigh=_line_weight)


def _cut_lines(missing: Sequence[ReviewLine], shown: str) -> str:
    return f"\n… and {count(len(missing), 'more line')} ({header_footer.counted(missing)}): {shown}."


def _row(line: ReviewLine) -> str:
    marks = [f"**✗ refused: {markdown(', '.join(line.refused_by), 200)}**"] if line.refused_by else []
    marks += [f"**… waits: {markdown(', '.join(line.waits_for), 200)}**"] if line.waits_for else []
    happens = " ".join([markdown(line.part.summary, 1000), *marks])
    below = "".join(f"<br>{markdown(note, 300)}" for note in line.notes)
    title = markdown(line.part.title, 240)
    return f"| {line.sign} | {title} | {happens}{below} | {markdown(place_text(line.part.place), 300)} |"


def _steps(review: PlanReview) -> Block[ReviewLine]:
    number = count(sum(len(line.part.steps) for line in review.lines), "step")
    command = f"{shows_all(review)} --verbose"
    return Block(
        (f"<details><summary>{number}</summary>", ""),
        [line for line in review.lines if line.part.steps],
        _folded,
        cut=lambda missing: f"\n… and the steps of {count(len(missing), 'more line')}: `{command}` shows all.",
        weigh=lambda _: Weight.DETAIL,
        end=("", "</details>"),
    )


def _folded(line: ReviewLine) -> str:
    steps = (f"  - {step.stage} {markdown(step.text, 1000)}" for step in line.part.steps)
    return "\n".join((f"- {markdown(line.part.title, 240)}", *steps))


def _foot(review: PlanReview) -> list[str]:
    """What is left alone, and what the plan is of."""
    document, base = review.document, review.document.base
    against = f"{DOT}compared with {base.ref} ({base.commit or 'unknown'})" if base else ""
    phrases = [
        f"only about {', '.join(document.only)}" if document.only else "",
        "names and addresses are masked" if document.masked else "",
        f"read {document.made:%Y-%m-%d %H:%M %z} ({header_footer.reads(document.reads)}){DOT}reconciler {__version__}",
        f"site {document.site}{DOT}commit {document.commit or 'unknown'}{against}{DOT}plan {document.digest}",
    ]
    return ["  \n".join(markdown(line, 500) for line in phrases if line)]


def _item(line: str) -> str:
    return f"- {markdown(line, 1000)}"


def _line_weight(line: ReviewLine) -> Weight:
    return Weight.DANGER if line.dangerous else Weight.CHANGE
