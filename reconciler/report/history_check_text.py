"""What checking the ledger's history found, for the terminal and for issues. `cli.history_verify` calls these."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from reconciler.planning.history_check import Fault, HistoryCheck
from reconciler.report.history_view import moment
from reconciler.report.sanitize import markdown
from reconciler.report.terminal_page import Page
from reconciler.report.truncation import BoundedText
from reconciler.report.vocabulary import count

MOST = 200
"""Faults that are shown; JSON has them all."""
_NEXT = (
    "nobody but reconciler writes these tables: look who did, and compare with a backup of them; what is live is not"
    " touched by this"
)


def history_check_text(check: HistoryCheck, zone: tzinfo, *, width: int, color: bool) -> str:
    """What is wrong, what was checked, what was not, and the head on a line of its own."""
    page = Page(width, color=color)
    for fault in check.faults[:MOST]:
        page.row((fault.what, "bold red"), first=" ✗ ", indent=3)
    if len(check.faults) > MOST:
        page.row((f"… and {len(check.faults) - MOST} more", ""), indent=3)
    page.row((summary(check), "bold"))
    for line in _remarks(check, zone):
        page.row((line, ""), indent=3)
    if check.head is not None:
        page.whole(_head(check))
    if not check.sound:
        page.row((_NEXT, ""))
    return page.render()


def history_check_markdown(check: HistoryCheck, zone: tzinfo) -> str:
    """The same for an issue."""
    remarks = [f"- {markdown(line)}" for line in _remarks(check, zone)]
    foot = [f"`{_head(check)}`"] if check.head is not None else []
    text = BoundedText(head=[f"**{markdown(summary(check))}**", *remarks], foot=foot)
    text.add_block((), check.faults, _row, cut="\n… and {} more.".format)
    return text.render()


def summary(check: HistoryCheck) -> str:
    """The one sentence that counts."""
    if not check.sound:
        return f"the history of {check.site} is not as it was written: {count(len(check.faults), 'fault')}"
    if check.head is None:
        return f"nothing of {check.site} is in the chain yet"
    checked = f"{count(check.runs, 'run')}, {count(check.steps, 'step')}"
    return f"the history of {check.site} is as it was written: {checked}"


def _remarks(check: HistoryCheck, zone: tzinfo) -> Iterator[str]:
    if check.since is not None:
        yield f"the chain began on {moment(check.since.astimezone(zone))}"
    if check.before:
        yield f"{count(check.before, 'run')} from before the chain: not checked"
    if check.pruned:
        yield f"{count(sum(check.pruned.values()), 'step')} of {count(len(check.pruned), 'run')} pruned since"
    if check.open_runs:
        runs = ", ".join(map(str, check.open_runs))
        yield f"without an end: run {runs}; how far its steps came is sealed when the next run begins"
    if check.noted is not None:
        yield f"the head that you noted is record {check.noted}: what was written up to there is still there"


def _head(check: HistoryCheck) -> str:
    assert check.head is not None
    return f"head {check.head.number} {check.head.hash}"


def _row(fault: Fault) -> str:
    return f"- ✗ {markdown(fault.what)}"
