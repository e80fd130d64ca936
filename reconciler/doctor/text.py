"""An examination for the terminal. `cli` calls this."""

from __future__ import annotations

from reconciler.doctor.check import Check
from reconciler.doctor.report import VERDICTS, Examination
from reconciler.report.terminal_page import Page


def examination_text(found: Examination, *, width: int, color: bool) -> str:
    """Area after area: what was seen, why it matters, and what to do, whose lines are never wrapped."""
    page = Page(width, color=color)
    page.row((f"mail doctor for {found.site} · {found.tally}", "bold"))
    for area, checks in found.areas():
        page.heading((area, "bold"))
        for check in checks:
            _check(page, check)
    return page.render()


def _check(page: Page, check: Check) -> None:
    mark, style, _ = VERDICTS[check.verdict]
    page.row((mark, style), (" ", ""), (f"{check.name}: ", "bold"), (check.saw, ""), first=" ", indent=3)
    if check.why:
        page.row((check.why, "dim"), indent=3)
    for number, step in enumerate(check.fix):
        page.whole(f"   {' ' if number else '→'} {step}")
