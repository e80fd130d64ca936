"""What checking the ledger's history found, for the terminal and for issues. `cli.history_verify` calls these."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo

from reconciler.planning.history_check import Fault, HistoryCheck
from reconciler.report.history_view import moment
from reconciler.report.sanitize import markdown
from reconciler.report.terminal_page import Page
from reconciler.report.truncation import BoundedText
from reconciler.report.vocabulary import steps_in_words
from reconciler.translation import marked, tr, tr_number

MOST = 200
"""Faults that are shown; JSON has them all."""
_NEXT = marked(
    "nobody but reconciler writes these tables: look who did, and compare with a backup of them; what is live is not"
    " touched by this"
)


def history_check_text(check: HistoryCheck, zone: tzinfo, *, width: int, color: bool) -> str:
    """What is wrong, what was checked, what was not, and the head on a line of its own."""
    page = Page(width, color=color)
    for fault in check.faults[:MOST]:
        page.row((fault.what, "bold red"), first=" ✗ ", indent=3)
    if len(check.faults) > MOST:
        page.row((tr("… and {number} more", number=len(check.faults) - MOST), ""), indent=3)
    page.row((summary(check), "bold"))
    for line in _remarks(check, zone):
        page.row((line, ""), indent=3)
    if check.head is not None:
        page.whole(_head(check))
    if not check.sound:
        page.row((tr(_NEXT), ""))
    return page.render()


def history_check_markdown(check: HistoryCheck, zone: tzinfo) -> str:
    """The same for an issue."""
    remarks = [f"- {markdown(line)}" for line in _remarks(check, zone)]
    foot = [f"`{_head(check)}`"] if check.head is not None else []
    text = BoundedText(head=[f"**{markdown(summary(check))}**", *remarks], foot=foot)
    text.add_block((), check.faults, _row, cut=_more)
    return text.render()


def summary(check: HistoryCheck) -> str:
    """The one sentence that counts."""
    if not check.sound:
        return tr_number(
            "the history of {site} is not as it was written: {number} fault",
            "the history of {site} is not as it was written: {number} faults",
            len(check.faults),
            site=check.site,
        )
    if check.head is None:
        return tr("nothing of {site} is in the chain yet", site=check.site)
    checked = f"{_runs(check.runs)}, {steps_in_words(check.steps)}"
    return tr("the history of {site} is as it was written: {checked}", site=check.site, checked=checked)


def _runs(number: int) -> str:
    return tr_number("{number} run", "{number} runs", number)


def _more(number: int) -> str:
    return "\n" + tr("… and {number} more.", number=number)


def _remarks(check: HistoryCheck, zone: tzinfo) -> Iterator[str]:
    if check.since is not None:
        yield tr("the chain began on {when}", when=moment(check.since.astimezone(zone)))
    if check.before:
        yield tr("{runs} from before the chain: not checked", runs=_runs(check.before))
    if check.pruned:
        steps, runs = steps_in_words(sum(check.pruned.values())), _runs(len(check.pruned))
        yield tr("{steps} of {runs} pruned since", steps=steps, runs=runs)
    if check.open_runs:
        runs = ", ".join(map(str, check.open_runs))
        yield tr("without an end: run {runs}; how far its steps came is sealed when the next run begins", runs=runs)
    if check.noted is not None:
        yield tr(
            "the head that you noted is record {number}: what was written up to there is still there",
            number=check.noted,
        )


def _head(check: HistoryCheck) -> str:
    assert check.head is not None
    return f"head {check.head.number} {check.head.hash}"


def _row(fault: Fault) -> str:
    return f"- ✗ {markdown(fault.what)}"
