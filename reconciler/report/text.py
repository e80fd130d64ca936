"""Reports for the terminal and for cron's mail. `cli` calls these; every text ends in one newline.

`width` is in terminal cells (at least 40 are used). Without `color` there is no escape sequence in the text, whatever
is in the systems that it reports on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from reconciler.planning.changes import Result
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.forwards import declared_targets
from reconciler.planning.plan import Plan
from reconciler.planning.run_outcome import Run
from reconciler.report import base_text, header_footer, mail_flow_text, plan_counts
from reconciler.report.explanation import HEALED, by_direction, facts, healed
from reconciler.report.header_footer import PLAN
from reconciler.report.plan_view import IRREVERSIBLE, Line, PlanView, heaviest_first, plan_view
from reconciler.report.run_view import RunLine, after_run, run_view
from reconciler.report.terminal_page import Page, Piece, column_of
from reconciler.report.vocabulary import DOT, committed, result_word, severity_word
from reconciler.translation import tr

_LINE_STYLE = {IRREVERSIBLE: "bold white on red", "+": "green", "~": "yellow", "→": "bold yellow", "−": "bold red"}


def plan_text(plan: Plan, *, width: int, color: bool, verbose: bool = False, title: str = "mail plan") -> str:
    """What would be done, dangerous first. `verbose` shows every step with its old and new values."""
    view, page = plan_view(plan, title), Page(width, color=color)
    _against(page, plan)
    if not view.lines:
        page.row((header_footer.nothing(view), "bold"))
    else:
        head = [view.name, header_footer.about(view), plan_counts.counted(view.lines), *header_footer.blockers(view)]
        page.row((DOT.join(filter(None, head)), "bold"))
        if plan.base is None:
            page.blank()
            _by_direction(page, view, verbose)
    for heading, lines in base_text.parts(view) if plan.base else ():
        page.heading((tr(heading), "bold"))
        _lines(page, lines, view, verbose)
    _flow(page, plan, verbose=verbose)
    if plan.healed:
        page.heading((tr(HEALED), "bold"))
    for phrase in healed(plan):
        page.row((phrase, ""), first=" ✓ ", indent=3)
    _unread(page, plan)
    _sections(page, view.findings)
    _footer(page, view, verbose)
    if last := header_footer.after_plan(view):
        page.row((last, "bold"))
    return page.render()


def plan_question(plan: Plan) -> str:
    """What apply asks before it carries the plan out."""
    return plan_counts.question(plan_view(plan, ""))


def run_text(run: Run, *, width: int, color: bool, verbose: bool = False, title: str = "mail apply") -> str:
    """What is done, not tried, failed with why and what to do; then the next command."""
    view, page = run_view(run, title), Page(width, color=color)
    page.row((f"{view.plan.name}{DOT}{header_footer.short_digest(run.plan.digest)}", "bold"))
    page.blank()
    column = column_of([line.line.title for line in view.lines], width)
    for result in (Result.DONE, Result.NOT_TRIED, Result.UNCERTAIN, Result.FAILED):
        for line in view.of(result):
            _ended(page, line, column, verbose)
    if not view.lines:
        page.row((tr("nothing was carried out"), ""))
    _unread(page, run.plan)
    _sections(page, (f for f in view.plan.findings if f.severity in (Severity.REFUSAL, Severity.WAIT)))
    took = header_footer.seconds(run.started, run.finished)
    ended = f"{view.verdicts}{DOT}{took}"
    page.heading((tr("interrupted: {verdicts}", verdicts=ended) if run.interrupted else ended, "bold"))
    page.row((after_run(view), "bold"))
    return page.render()


SHOWN = 200
"""Findings of one severity that a report for people shows; all are counted, and JSON has them all."""


def findings_text(findings: Iterable[Finding], *, width: int, color: bool) -> str:
    """`file:line:column: severity: message`, the hint below it; by file and line, those without a place first."""
    page = Page(width, color=color)
    listed = sorted(findings, key=header_footer.by_place)
    for finding in listed[:SHOWN]:
        place = f"{finding.place}:{finding.place.column}: " if finding.place else ""
        style = header_footer.SEVERITIES[finding.severity].style
        page.row(
            (place, ""), (f"{severity_word(finding.severity)}: ", style), (finding.message, ""), first="", indent=4
        )
        if finding.hint:
            page.row((finding.hint, "dim"), indent=4)
    if len(listed) > SHOWN:
        page.row((tr("the first {number} are shown", number=SHOWN), "dim"))
    page.row((header_footer.tally(listed), "bold"))
    return page.render()


FLOW_LINES = 50
"""Lines of the mail flow that a terminal shows."""


def _unread(page: Page, plan: Plan) -> None:
    if plan.unknown:
        page.heading((tr(header_footer.UNREAD), "bold red"))
    for read in plan.unknown:
        hint = f" → {read.hint}" if read.hint else ""
        page.row((f"{read.system}: {read.unknown}", "bold red"), (hint, "bold"), first=" ✗ ", indent=3)


def _against(page: Page, plan: Plan) -> None:
    """What a reviewer must know before they read a comparison."""
    said = list(base_text.warnings(plan))
    for words in said:
        page.row((words, "bold red"), first=" ✗ ", indent=3)
    if plan.base is not None and plan.base.fetch:
        page.whole(f"   {plan.base.fetch}")
    if said:
        page.blank()


def _by_direction(page: Page, view: PlanView, verbose: bool) -> None:
    """The lines of drift under what became of them; those of a plan in one list."""
    groups = by_direction(view.lines) if view.title == header_footer.DRIFTED else [("", view.lines)]
    for number, (heading, lines) in enumerate(groups):
        if number:
            page.blank()
        if heading:
            page.row((tr(heading), "bold"))
        _lines(page, lines, view, verbose)


def _lines(page: Page, lines: Sequence[Line], view: PlanView, verbose: bool) -> None:
    column = column_of([line.title for line in lines], page.width)
    for line in lines:
        sign = (line.sign, _LINE_STYLE[line.sign])
        phrase = (line.summary, "bold red" if line.transition.irreversible else "")
        page.entry(sign, line.title, [phrase, *_marks(line)], column, str(line.transition.place or ""))
        if told := "; ".join(facts(line.transition)):
            page.row((told, "dim"), indent=5)
        if verbose:
            _steps(page, line, view.plan.commit)


def _flow(page: Page, plan: Plan, *, verbose: bool) -> None:
    public = None if verbose else declared_targets(c for t in plan.transitions for c in t.changes)
    lines = list(mail_flow_text.flow_lines(plan.flow, public))
    if lines:
        page.heading((tr(mail_flow_text.FLOW), "bold"))
    for line in lines[:FLOW_LINES]:
        page.row((line, ""), first=" ⇢ ", indent=3)
    _more(page, len(lines) - FLOW_LINES)


def _more(page: Page, number: int) -> None:
    if number > 0:
        command = f"`{PLAN} --format json`"
        page.row((tr("and {number} more; {command} has all", number=number, command=command), "dim"), indent=3)


def _marks(line: Line) -> Iterator[Piece]:
    if line.refused_by:
        yield "  ✗ " + tr("refused: {rules}", rules=", ".join(line.refused_by)), "bold red"
    if line.waits_for:
        yield "  … " + tr("waits: {rules}", rules=", ".join(line.waits_for)), "magenta"


def _steps(page: Page, line: Line, commit: str) -> None:
    place = line.transition.place
    if place and (commit or place.commit):
        # without a commit: not committed, or cut off in a shallow clone
        page.row((tr("declared in {commit}", commit=committed(place.commit, place.author)), "dim"), indent=5)
    for step in line.steps:
        page.row((step.change.verbose, "dim"), first=f"     {step.stage:>2} ", indent=8)


def _sections(page: Page, findings: Iterable[Finding]) -> None:
    """Findings under a heading for each severity, with place and hint, and below them the entries that allow them."""
    for severity, group in groupby(heaviest_first(findings), key=lambda finding: finding.severity):
        (mark, style, title), found = header_footer.SEVERITIES[severity], list(group)
        page.heading((tr(title), style))
        for finding in found[:SHOWN]:
            cause = base_text.cause_of(finding.cause)
            page.row((f"{finding.rule}: {finding.message}{cause}", ""), first=f" {mark} ", indent=3)
            if finding.hint:
                page.row((header_footer.hint_of(severity, finding.hint), ""), indent=3)
            if finding.place:
                page.row((str(finding.place), "dim"), indent=3)
        _more(page, len(found) - SHOWN)
        for section, items in header_footer.allowing_entries(found[:SHOWN]):
            page.heading((tr(header_footer.ENTRIES[section]), "bold"))
            for line in (f"{section}:", *(f"  - {item}" for item in items)):
                page.whole(line)


def _footer(page: Page, view: PlanView, verbose: bool) -> None:
    """What stays as it is, and what the plan is made from."""
    plan = view.plan
    if view.lines or view.findings:
        page.blank()
    for phrase in header_footer.untouched(view):
        page.row((phrase, ""))
    id, reads = header_footer.short_digest(plan.digest), header_footer.reads(plan.reads)
    if plan.commit and verbose:
        id = tr("{plan} of {commit}", plan=id, commit=plan.commit)
    when = tr("read {when:%H:%M %z} ({systems})", when=plan.made, systems=reads)
    page.row((f"{id}{DOT}{when}", "dim"))
    for read in plan.reads if verbose else ():
        rows = ", ".join(f"{number} {kind}" for kind, number in sorted(read.rows.items()))
        page.row((f"{read.system}: {read.target}{': ' if rows else ''}{rows}", "dim"), indent=2)


def _ended(page: Page, line: RunLine, column: int, verbose: bool) -> None:
    mark, style, _ = line.appearance
    more: list[Piece] = [("  " + tr("(was in place already)"), "dim")] if line.was_in_place else []
    if line.half_done:
        more = [(f"  {tr(header_footer.HALF_DONE.words)}", style)]
    elif line.result is Result.NOT_TRIED:
        more = [(f"  {result_word(line.result)}", style)]
    page.entry((mark, style), line.line.title, [(line.line.summary, ""), *more], column)
    if line.removed:
        page.row((line.removed, "bold"), first=" " * (column + 5), indent=column + 7)
    if line.result is not Result.DONE:
        for phrase, style, indent in _half_way(line):
            page.row((phrase, style), first=" " * (column + indent), indent=column + 7)
    for step in line.steps if verbose else ():
        page.row((f"{result_word(step.result)}: {step.step.change.verbose}", "dim"), indent=5)


def _half_way(line: RunLine) -> Iterator[tuple[str, str, int]]:
    """What of a transition is in place, why the rest is not, and what to do; each with style and indent."""
    done, left = line.labels(Result.DONE, Result.SKIPPED), line.labels(Result.NOT_TRIED)
    if done:
        yield tr("done: {steps}", steps=done), "green", 5
    for failed in line.failures:
        yield f"{result_word(failed.result)}: {failed.step.label}: {failed.message}", "bold red", 5
        if failed.hint:
            yield failed.hint, "", 7
    if left and (done or line.failures):
        yield tr("not tried: {steps}", steps=left), "yellow", 5
