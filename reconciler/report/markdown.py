"""Reports for merge requests and issues. `cli` calls these; every text ends in one newline.

The first line decides whether to look closer. Foreign text is escaped (`sanitize.markdown`). No report is longer than
`truncation.LIMIT`: what is too much is cut from the harmless end, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from reconciler.planning.changes import Result
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.plan import Plan, Read
from reconciler.planning.run_outcome import Run
from reconciler.report import header_footer
from reconciler.report.header_footer import DOT, PLAN
from reconciler.report.plan_view import Line, PlanView, plan_view
from reconciler.report.run_view import RunLine, RunView, after_run, run_view
from reconciler.report.sanitize import markdown, visible
from reconciler.report.truncation import BoundedText
from reconciler.report.vocabulary import count

_STOPS = (Severity.ERROR, Severity.REFUSAL, Severity.WAIT)
_TABLE = ("| | what | happens | declared at |", "|---|---|---|---|")
_SEE_ALL = f"`{PLAN}` shows all"


def plan_markdown(plan: Plan, title: str = "mail plan") -> str:
    """A plan for a merge request: verdict, refusals, one table, the steps folded away."""
    view = plan_view(plan, title)
    text = BoundedText(head=_head(view), foot=_foot(view))
    _unread_and_stops(text, view)
    text.add_block(_TABLE, view.lines, _table_row, cut=lambda n: _cut_lines(view.lines, n))
    flows = list(header_footer.flow_lines(plan.flow))
    text.add_block((f"**{header_footer.FLOW}**", ""), flows, _flow_item, share=2, cut=_cut("line"))
    text.add_block((), [f for f in view.findings if f.severity not in _STOPS], _remark, cut=_cut("remark"))
    text.add_block(
        (f"<details><summary>{count(sum(len(line.steps) for line in view.lines), 'step')}</summary>", ""),
        view.lines,
        _folded,
        cut=lambda n: f"\n… and the steps of {count(n, 'more line')}: `{PLAN} --verbose` shows all.",
        end=("", "</details>"),
    )
    return text.render()


def run_markdown(run: Run, title: str = "mail apply") -> str:
    """What is true after a run, failures first."""
    view = run_view(run, title)
    ordered = [line for r in (Result.FAILED, Result.UNCERTAIN, Result.NOT_TRIED, Result.DONE) for line in view.of(r)]
    text = BoundedText(head=[_run_verdict(view)], foot=[markdown(after_run(view))])
    _unread_and_stops(text, view.plan)
    cut = "\n… and {}, at the end of those that are done.".format
    text.add_block(
        ("| | what | happened |", "|---|---|---|"), ordered, _run_row, cut=lambda n: cut(count(n, "more line"))
    )
    return text.render()


def findings_markdown(findings: Iterable[Finding]) -> str:
    """Findings by file, line and column."""
    listed = sorted(findings, key=header_footer.by_place)
    text = BoundedText(head=[f"**{header_footer.tally(listed)}**"])
    text.add_block((), listed, _remark_with_column, cut=lambda n: f"\n… and {count(n, 'more remark')}.")
    return text.render()


def _cut(thing: str) -> Callable[[int], str]:
    return lambda n: f"\n… and {count(n, f'more {thing}')}: {_SEE_ALL}."


def _unread_and_stops(text: BoundedText, view: PlanView) -> None:
    """What could not be read and what stops something; below it the entries that would allow it, to be copied."""
    text.add_block((f"**✗ {header_footer.UNREAD}**", ""), view.plan.unknown, _unread_item, share=3, cut=_cut("system"))
    stops = [f for f in view.findings if f.severity in _STOPS]
    text.add_block((), stops, _remark, share=3, cut=_cut("remark"))
    for section, items in header_footer.allowing_entries(stops):
        start = (header_footer.ENTRIES[section], "", "```yaml", f"{section}:")
        text.add_block(start, items, lambda item: f"  - {visible(item)}", share=3, cut=_cut_items, end=("```",))


def _unread_item(read: Read) -> str:
    phrases = f"- **{markdown(f'{read.system}: {read.unknown}')}**"
    return phrases + (f"  \n  → {markdown(read.hint)}" if read.hint else "")


def _flow_item(line: str) -> str:
    return f"- {markdown(line, 1000)}"


def _head(view: PlanView) -> list[str]:
    if not view.lines:
        return [f"**{markdown(header_footer.nothing(view))}**"]
    why = markdown(", ".join(header_footer.attention(view)), 1000)
    verdict = f"**{markdown(view.name)}: look closer**, {why}" if why else f"**{markdown(view.name)}: routine**"
    return [f"{verdict}{DOT}{header_footer.counted(view.lines)}"]


def _foot(view: PlanView) -> list[str]:
    plan = view.plan
    read = (
        f"{header_footer.short_digest(plan.digest)} · read {plan.made:%Y-%m-%d %H:%M %z} ({header_footer.reads(plan)})"
    )
    phrases = [*header_footer.untouched(view), read, header_footer.after_plan(view)]
    return ["  \n".join(markdown(line, 2000) for line in phrases if line)]


def _remark_with_column(finding: Finding) -> str:
    return _remark(finding, f"{finding.place}:{finding.place.column}" if finding.place else "")


def _remark(finding: Finding, where: str = "") -> str:
    where = where or str(finding.place or "")
    place = f" ({markdown(where, 300)})" if where else ""
    hint = header_footer.HINTS.get(finding.severity, "") + finding.hint if finding.hint else ""
    below = f"  \n  {markdown(hint)}" if hint else ""
    rule = f" {markdown(finding.rule, 60)}" if finding.rule else ""
    mark = header_footer.SEVERITIES[finding.severity].mark
    return f"- **{mark} {finding.severity}**{rule}: {markdown(finding.message)}{place}{below}"


def _cut_items(number: int) -> str:
    return f"  # … and {number} more: {PLAN} shows all"


def _table_row(line: Line) -> str:
    marks = [f"**✗ refused: {markdown(', '.join(line.refused_by), 200)}**"] if line.refused_by else []
    marks += [f"**… waits: {markdown(', '.join(line.waits_for), 200)}**"] if line.waits_for else []
    happens = " ".join([markdown(line.summary, 1000), *marks])
    place = markdown(str(line.transition.place or ""), 300)
    return f"| {line.sign} | {markdown(line.title, 240)} | {happens} | {place} |"


def _folded(line: Line) -> str:
    steps = (f"  - {step.stage} {markdown(step.change.text, 1000)}" for step in line.steps)
    return "\n".join((f"- {markdown(line.title, 240)}", *steps))


def _cut_lines(lines: Sequence[Line], number: int) -> str:
    left_out = lines[len(lines) - number :]
    return f"\n… and {count(number, 'more line')} ({header_footer.counted(left_out)}): {_SEE_ALL}."


def _run_verdict(view: RunView) -> str:
    if view.run.interrupted:
        verdict = "interrupted, partly applied"
    elif not view.run.complete:
        verdict = "partly applied"
    else:
        verdict = "applied" if view.lines else "nothing was carried out"
    head = f"**{markdown(view.plan.name)}: {verdict}**"
    took = header_footer.seconds(view.run.started, view.run.finished)
    return DOT.join((head, view.verdicts, took, header_footer.short_digest(view.run.plan.digest)))


def _run_row(line: RunLine) -> str:
    phrases = [markdown(line.line.summary, 1000)]
    if line.was_in_place:
        phrases.append("(was in place already)")
    phrases += [markdown(line.removed)] if line.removed else []
    phrases += [f"**{header_footer.HALF_DONE.words}**"] if line.half_done else []
    phrases += _half_way(line) if line.result is not Result.DONE else ()
    return f"| {line.appearance.mark} | {markdown(line.line.title, 240)} | {'<br>'.join(phrases)} |"


def _half_way(line: RunLine) -> Iterator[str]:
    if done := line.labels(Result.DONE, Result.SKIPPED):
        yield f"done: {markdown(done)}"
    for failed in line.failures:
        yield f"**{failed.result}: {markdown(failed.step.label)}**: {markdown(failed.message)}"
        if failed.hint:
            yield markdown(failed.hint)
    if left := line.labels(Result.NOT_TRIED):
        yield f"not tried: {markdown(left)}"
