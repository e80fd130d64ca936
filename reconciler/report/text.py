"""Reports for the terminal and for cron's mail. `cli` calls these; every text ends in one newline.

`width` is in terminal cells (at least 40 are used). Without `color` there is not one escape sequence in the text,
whatever stands in the systems that it speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from reconciler.planning.address_lookup import Sighting
from reconciler.planning.changes import Result
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.plan import Plan
from reconciler.planning.run_outcome import Run
from reconciler.report import header_footer, mail_flow_text, unread_systems
from reconciler.report.plan_view import IRREVERSIBLE, Line, PlanView, heaviest_first, plan_view
from reconciler.report.run_view import RunLine, RunView, after_run, run_view
from reconciler.report.step_line_text import step_text
from reconciler.report.terminal_page import Page, Piece, column_of
from reconciler.report.vocabulary import noun

_LINE_STYLE = {IRREVERSIBLE: "bold white on red", "+": "green", "~": "yellow", "→": "bold yellow", "−": "bold red"}
_WEIGHT_STYLE = {
    Severity.ERROR: "bold red",
    Severity.REFUSAL: "bold red",
    Severity.WAIT: "magenta",
    Severity.LATER: "cyan",
    Severity.WARNING: "yellow",
    Severity.NOTE: "dim",
}
_RESULT_STYLE = {
    Result.DONE: "green",
    Result.FAILED: "bold red",
    Result.NOT_TRIED: "yellow",
    Result.UNCERTAIN: "bold yellow",
}


def plan_text(plan: Plan, *, width: int, color: bool, verbose: bool = False, title: str = "mail plan") -> str:
    """What would be done, dangerous first. `verbose` shows every step with its old and new values."""
    view, page = plan_view(plan, title), Page(width, color=color)
    if not view.lines:
        page.row((header_footer.nothing(view), "bold"))
    else:
        head = [f"{title} for {view.site}", header_footer.counted(view.lines), *header_footer.troubles(view)]
        page.row((header_footer.DOT.join(head), "bold"))
        page.blank()
        _lines(page, view, verbose)
        _flow(page, view)
    _unread(page, view)
    _sections(page, view.findings)
    _footer(page, view, verbose)
    if last := header_footer.after_plan(view):
        page.row((last, "bold"))
    return page.render()


def plan_question(plan: Plan) -> str:
    """What apply asks before it carries the plan out."""
    return header_footer.question(plan_view(plan, ""))


def run_text(run: Run, *, width: int, color: bool, verbose: bool = False, title: str = "mail apply") -> str:
    """What is now true: done, not tried, failed with why and what to do; then the next command."""
    view, page = run_view(run, title), Page(width, color=color)
    page.row((f"{title} for {view.plan.site}{header_footer.DOT}{header_footer.seal(view.plan)}", "bold"))
    page.blank()
    column = column_of([line.line.title for line in view.lines], width)
    for result in (Result.DONE, Result.NOT_TRIED, Result.UNCERTAIN, Result.FAILED):
        for line in view.of(result):
            _ended(page, line, column, verbose)
    if not view.lines:
        page.row(("nothing was carried out", ""))
    _unread(page, view.plan)
    _sections(page, (f for f in view.plan.findings if f.severity in (Severity.REFUSAL, Severity.WAIT)))
    page.blank()
    page.row((_summary(view), "bold"))
    page.row((after_run(view), "bold"))
    return page.render()


SHOWN = 200
"""Findings that people are shown at once; all are counted, and JSON has them all."""


def findings_text(findings: Iterable[Finding], *, width: int, color: bool) -> str:
    """`file:line:column: severity: message`, the hint below it; by file and line, those without a place first."""
    page = Page(width, color=color)
    listed = sorted(findings, key=header_footer.by_place)
    for finding in listed[:SHOWN]:
        place = f"{finding.place}:{finding.place.column}: " if finding.place else ""
        style = _WEIGHT_STYLE[finding.severity]
        page.row((place, ""), (f"{finding.severity}: ", style), (finding.message, ""), first="", indent=4)
        if finding.hint:
            page.row((finding.hint, "dim"), indent=4)
    if len(listed) > SHOWN:
        page.row((f"the first {SHOWN} are shown", "dim"))
    page.row((header_footer.tally(listed), "bold"))
    return page.render()


def sighting_text(sighting: Sighting, *, width: int, color: bool) -> str:
    """Everything that is declared and live about what was asked."""
    page = Page(width, color=color)
    page.row((header_footer.seen(sighting), "bold"))
    subjects = [*(fact.subject for fact in sighting.facts), *(change.address for change in sighting.flow)]
    column = column_of(subjects, width)
    system = ""
    for fact in sighting.facts:
        if fact.system != system:
            system = fact.system
            page.blank()
            page.row((system, "bold"))
        mark, style = ("✗", "bold yellow") if fact.missing else ("·", "dim")
        said = f"{noun(fact.kind)} {fact.text}" if fact.missing else fact.text
        page.entry((mark, style), fact.subject, [(said, "")], column, str(fact.place or ""))
    if sighting.flow:
        page.blank()
        page.row((mail_flow_text.GOING, "bold"))
    for address, said in mail_flow_text.going_lines(sighting.flow):
        page.entry(("⇢", "dim"), address, [(said, "")], column, "")
    if sighting.unknown:
        page.blank()
    for name, reason in sorted(sighting.unknown.items()):
        page.row((f"✗ {name} could not be read: {reason}; what it holds is not known", "bold red"), indent=2)
        if hint := sighting.hints.get(name):
            page.row((f"→ {hint}", ""), indent=4)
    return page.render()


def _unread(page: Page, view: PlanView) -> None:
    if view.unknown:
        page.blank()
        page.row((unread_systems.TITLE, "bold red"))
    for said, hint in unread_systems.unread_lines(view.unknown):
        page.row((said, "bold red"), (f" → {hint}" if hint else "", "bold"), first=" ✗ ", indent=3)


def _lines(page: Page, view: PlanView, verbose: bool) -> None:
    column = column_of([line.title for line in view.lines], page.width)
    for line in view.lines:
        sign = (line.sign, _LINE_STYLE[line.sign])
        said = (line.summary, "bold red" if line.irreversible else "")
        page.entry(sign, line.title, [said, *_marks(line)], column, str(line.place or ""))
        if verbose:
            _steps(page, line, view.commit)


def _flow(page: Page, view: PlanView) -> None:
    lines = list(mail_flow_text.flow_lines(view.flow))
    if lines:
        page.blank()
        page.row((mail_flow_text.TITLE, "bold"))
    for line in lines[: mail_flow_text.MOST]:
        page.row((line, ""), first=" ⇢ ", indent=3)
    if len(lines) > mail_flow_text.MOST:
        page.row(
            (f"and {len(lines) - mail_flow_text.MOST} more; `{header_footer.PLAN} --format json` has all", "dim"),
            indent=3,
        )


def _marks(line: Line) -> Iterator[Piece]:
    if line.refused_by:
        yield f"  ✗ refused: {', '.join(line.refused_by)}", "bold red"
    if line.waits_for:
        yield f"  … waits: {', '.join(line.waits_for)}", "magenta"


def _steps(page: Page, line: Line, commit: str) -> None:
    if line.place and (commit or line.place.commit):
        known = [part for part in (line.place.commit[:12], line.place.author) if part]
        said = " by ".join(known) or "an unknown commit"  # not committed, or cut off in a shallow clone
        page.row((f"declared in {said}", "dim"), indent=5)
    for step in line.steps:
        page.row((step_text(step), "dim"), first=f"     {step.stage:>2} ", indent=8)


def _sections(page: Page, findings: Iterable[Finding]) -> None:
    """Findings under a heading for each weight, with place and hint, and the entries that would allow them below."""
    for severity, group in groupby(heaviest_first(findings), key=lambda finding: finding.severity):
        page.blank()
        page.row((header_footer.SECTIONS[severity], _WEIGHT_STYLE[severity]))
        found = list(group)
        same = found[:SHOWN]
        for finding in same:
            page.row((f"{finding.rule}: {finding.message}", ""), first=f" {header_footer.MARKS[severity]} ", indent=3)
            if finding.hint:
                page.row((header_footer.HINTS.get(severity, "") + finding.hint, ""), indent=3)
            if finding.place:
                page.row((str(finding.place), "dim"), indent=3)
        if more := len(found) - len(same):
            page.row((f"and {more} more; `{header_footer.PLAN} --format json` has all", "dim"), indent=3)
        for section, items in header_footer.ways_out(same):
            _entries(page, section, items)


def _entries(page: Page, section: str, items: Iterable[str]) -> None:
    page.blank()
    page.row((header_footer.ENTRIES[section], "bold"))
    for line in (f"{section}:", *(f"  - {item}" for item in items)):
        page.whole(line)


def _footer(page: Page, view: PlanView, verbose: bool) -> None:
    """What is left as it is, and what the plan rests on."""
    if view.lines or view.findings:
        page.blank()
    for said in header_footer.untouched(view):
        page.row((said, ""))
    state = f" of {view.commit}" if view.commit and verbose else ""
    page.row((f"{header_footer.seal(view)}{state} · read {view.made:%H:%M %z} ({header_footer.reads(view)})", "dim"))
    if verbose:
        for read in view.reads:
            rows = ", ".join(f"{number} {kind}" for kind, number in sorted(read.rows.items()))
            page.row((f"{read.system}: {read.target}{': ' if rows else ''}{rows}", "dim"), indent=2)


def _ended(page: Page, line: RunLine, column: int, verbose: bool) -> None:
    mark, style = header_footer.RESULTS[line.result], _RESULT_STYLE[line.result]
    more: list[Piece] = [("  (was in place already)", "dim")] if line.was_in_place else []
    if line.result is Result.NOT_TRIED and not line.labels(Result.DONE, Result.SKIPPED):
        more = [("  not tried", style)]
    page.entry((mark, style), line.line.title, [(line.line.summary, ""), *more], column)
    if line.result is not Result.DONE:
        _half_way(page, line, column + 5)
    if verbose:
        for step in line.steps:
            page.row((f"{step.result}: {step_text(step.step)}", "dim"), indent=5)


def _half_way(page: Page, line: RunLine, indent: int) -> None:
    """What of a transition is in place, why the rest is not, and what to do."""
    if done := line.labels(Result.DONE, Result.SKIPPED):
        page.row((f"done: {done}", "green"), first=" " * indent, indent=indent + 2)
    for failed in line.failures:
        said = f"{failed.result}: {failed.step.label}: {failed.message}"
        page.row((said, "bold red"), first=" " * indent, indent=indent + 2)
        if failed.hint:
            page.row((failed.hint, ""), indent=indent + 2)
    left = line.labels(Result.NOT_TRIED)
    if left and (done or line.failures):
        page.row((f"not tried: {left}", "yellow"), first=" " * indent, indent=indent + 2)


def _summary(view: RunView) -> str:
    took = header_footer.seconds(view.started, view.finished)
    said = header_footer.verdicts((line.result for line in view.lines), view.refused, view.waiting)
    return f"{'interrupted: ' if view.interrupted else ''}{said}{header_footer.DOT}{took}"
