"""Pieces that Markdown reports share: findings, entries to be copied, systems that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.report import header_footer
from reconciler.report.documents.budget import Block, Weight
from reconciler.report.documents.plan_review import CAUSES, place_text
from reconciler.report.json_part import FindingPart
from reconciler.report.json_plan_models import ReadPart
from reconciler.report.sanitize import markdown, visible
from reconciler.report.shown import ShownRead
from reconciler.report.vocabulary import severity_word
from reconciler.translation import tr, tr_number


def stop_blocks(reads: Sequence[ReadPart], stops: Sequence[FindingPart], shown: str) -> Iterator[Block[Any]]:
    """What could not be read, what stops something, and below it the entries that would allow it."""
    unknown = header_footer.unread(reads)
    yield Block((f"**✗ {tr(header_footer.UNREAD)}**", ""), unknown, _unread, cut=more("system", shown), weigh=danger)
    yield Block((), stops, remark, cut=more("remark", shown), weigh=danger)
    yield from _entries(stops, shown)


def remark(finding: FindingPart, where: str = "") -> str:
    """One finding: what, where, what brings it, and below it what to do."""
    where = where or place_text(finding.place)
    place = f" ({markdown(where, 300)})" if where else ""
    cause = f" *{tr(CAUSES[finding.cause])}*" if finding.cause else ""
    hint = header_footer.hint_of(finding.severity, finding.hint) if finding.hint else ""
    below = f"  \n  → {markdown(hint)}" if hint else ""  # no line starts with foreign text
    rule = f" {markdown(finding.rule, 60)}" if finding.rule else ""
    mark = header_footer.SEVERITIES[finding.severity].mark
    return f"- **{mark} {severity_word(finding.severity)}**{rule}: {markdown(finding.message)}{place}{cause}{below}"


def _unread(read: ShownRead) -> str:
    phrases = f"- **{markdown(f'{read.system}: {read.unknown}')}**"
    return phrases + (f"  \n  → {markdown(read.hint)}" if read.hint else "")


def code(text: str) -> str:
    """A command to be copied, between more backticks than it holds."""
    shown = visible(text)
    fence = _fence(shown, 1)
    space = " " if shown[:1] == "`" or shown[-1:] == "`" else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _fence(text: str, least: int) -> str:
    """Backticks, more than any run of them in the text."""
    runs = [len(run) for run in "".join(c if c == "`" else " " for c in text).split()]
    return "`" * max(least, max(runs, default=0) + 1)


def _entries(stops: Sequence[FindingPart], shown: str) -> Iterator[Block[str]]:
    """What would allow what is refused, to be copied into a state file."""
    for section, items in header_footer.allowing_entries(stops):
        fence = _fence("\n".join(items), 3)
        start = (tr(header_footer.ENTRIES[section]), "", f"{fence}yaml", f"{section}:")
        yield Block(
            start, items, lambda item: f"  - {visible(item)}", cut=_more_entries(shown), weigh=danger, end=(fence,)
        )


def _entry(item: str) -> str:
    return f"  - {visible(item)}"


def _more_entries(shown: str) -> Callable[[Sequence[object]], str]:
    plain = shown.replace("`", "")
    return lambda missing: "  # " + tr("… and {number} more: {shown}", number=len(missing), shown=plain)


def all_by(command: str) -> str:
    """That a command shows what a report leaves out."""
    return tr("{command} shows all", command=f"`{command}`")


def more(thing: str, shown: str) -> Callable[[Sequence[object]], str]:
    """What is said instead of what is left out."""
    return lambda missing: "\n" + _MORE[thing](len(missing), shown)


_MORE: Mapping[str, Callable[[int, str], str]] = {
    "error": lambda number, shown: tr_number(
        "… and {number} more error: {shown}.", "… and {number} more errors: {shown}.", number, shown=shown
    ),
    "system": lambda number, shown: tr_number(
        "… and {number} more system: {shown}.", "… and {number} more systems: {shown}.", number, shown=shown
    ),
    "remark": lambda number, shown: tr_number(
        "… and {number} more remark: {shown}.", "… and {number} more remarks: {shown}.", number, shown=shown
    ),
    "line": lambda number, shown: tr_number(
        "… and {number} more line: {shown}.", "… and {number} more lines: {shown}.", number, shown=shown
    ),
}


def danger(_: object) -> Weight:
    return Weight.DANGER
