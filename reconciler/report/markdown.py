"""Reports for merge requests and issues. `cli` calls these; every text ends in one newline.

The first line decides whether to look closer. Everything foreign is escaped (`sanitize.markdown`). No report is longer
than LIMIT characters, which forges accept in one comment: what is too much is cut from the harmless end, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reconciler.planning.address_lookup import Sighting, SightingFact
from reconciler.planning.changes import Result
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.plan import Plan
from reconciler.planning.run_outcome import Run
from reconciler.report import header_footer, mail_flow_text, unread_systems
from reconciler.report.plan_view import Line, PlanView, plan_view
from reconciler.report.run_view import RunLine, RunView, after_run, run_view
from reconciler.report.sanitize import markdown, visible
from reconciler.report.step_line_text import step_text
from reconciler.report.truncation import LIMIT, Room
from reconciler.report.vocabulary import count, noun

_STOPS = (Severity.ERROR, Severity.REFUSAL, Severity.WAIT)
_TABLE = ("| | what | happens | declared at |", "|---|---|---|---|")
_SEE_ALL = f"`{header_footer.PLAN}` shows all"


def plan_markdown(plan: Plan, title: str = "mail plan") -> str:
    """A plan for a merge request: verdict, refusals, one table, the steps folded away."""
    view = plan_view(plan, title)
    room = Room(LIMIT, head=_head(view), foot=_foot(view))
    stops = [f for f in view.findings if f.severity in _STOPS]
    others = [f for f in view.findings if f.severity not in _STOPS]
    _unread(room, view)
    _stops(room, stops)
    if view.lines:
        room.fill(_TABLE, view.lines, _table_row, share=1, cut=lambda n: _cut_lines(view.lines, n))
    flows = list(mail_flow_text.flow_lines(view.flow))
    room.fill(
        (f"**{mail_flow_text.TITLE}**", ""),
        flows,
        lambda line: f"- {markdown(line, 1000)}",
        share=2,
        cut=lambda n: f"\n… and {_more(n, 'line')}: {_SEE_ALL}.",
    )
    room.fill((), others, _remark, share=1, cut=lambda n: f"\n… and {_more(n, 'remark')}: {_SEE_ALL}.")
    if view.lines:
        number = sum(len(line.steps) for line in view.lines)
        room.fill(
            (f"<details><summary>{count(number, 'step')}</summary>", ""),
            view.lines,
            _folded,
            share=1,
            cut=lambda n: f"\n… and the steps of {_more(n, 'line')}: `{header_footer.PLAN} --verbose` shows all.",
            end=("", "</details>"),
        )
    return room.text()


def run_markdown(run: Run, title: str = "mail apply") -> str:
    """What is now true after a run, failures first."""
    view = run_view(run, title)
    ordered = [line for r in (Result.FAILED, Result.UNCERTAIN, Result.NOT_TRIED, Result.DONE) for line in view.of(r)]
    room = Room(LIMIT, head=[_run_verdict(view)], foot=[markdown(after_run(view))])
    stops = [f for f in view.plan.findings if f.severity in _STOPS]
    _unread(room, view.plan)
    _stops(room, stops)
    if ordered:
        room.fill(
            ("| | what | happened |", "|---|---|---|"),
            ordered,
            _run_row,
            share=1,
            cut=lambda n: f"\n… and {_more(n, 'line')}, at the end of those that are done.",
        )
    return room.text()


def findings_markdown(findings: Iterable[Finding]) -> str:
    """Findings by file, line and column."""
    listed = sorted(findings, key=header_footer.by_place)
    room = Room(LIMIT, head=[f"**{header_footer.tally(listed)}**"], foot=[])
    room.fill((), listed, _remark_with_column, share=1, cut=lambda n: f"\n… and {_more(n, 'remark')}.")
    return room.text()


def sighting_markdown(sighting: Sighting) -> str:
    """Everything that is declared and live about what was asked."""
    foot = [
        f"**✗ {markdown(name)} could not be read**: {markdown(reason)}; what it holds is not known"
        + (f"  \n→ {markdown(hint)}" if (hint := sighting.hints.get(name)) else "")
        for name, reason in sorted(sighting.unknown.items())
    ]
    room = Room(LIMIT, head=[f"**{markdown(header_footer.seen(sighting))}**"], foot=foot)
    if sighting.facts:
        table = ("| where | what | is | declared at |", "|---|---|---|---|")
        room.fill(table, sighting.facts, _fact_row, share=1, cut=lambda n: f"\n… and {_more(n, 'thing')}.")
    if sighting.flow:
        room.fill(
            (f"**{mail_flow_text.GOING}**", ""),
            list(mail_flow_text.going_lines(sighting.flow)),
            lambda line: f"- {markdown(line[0])}: {markdown(line[1])}",
            share=1,
            cut=lambda n: f"\n… and {_more(n, 'address')}.",
        )
    return room.text()


def _unread(room: Room, view: PlanView) -> None:
    room.fill(
        (f"**✗ {unread_systems.TITLE}**", ""),
        list(unread_systems.unread_lines(view.unknown)),
        lambda line: f"- **{markdown(line[0])}**" + (f"  \n  → {markdown(line[1])}" if line[1] else ""),
        share=3,
        cut=lambda n: f"\n… and {_more(n, 'system')}: {_SEE_ALL}.",
    )


def _fact_row(fact: SightingFact) -> str:
    place = markdown(str(fact.place or ""))
    said = f"✗ {noun(fact.kind)} {fact.text}" if fact.missing else fact.text
    return f"| {markdown(fact.system)} | {markdown(fact.subject, 120)} | {markdown(said)} | {place} |"


def _head(view: PlanView) -> list[str]:
    if not view.lines:
        return [f"**{markdown(header_footer.nothing(view))}**"]
    name = f"{view.title} for {view.site}"
    closer = header_footer.attention(view)
    if not closer:
        return [f"**{markdown(name)}: routine**{header_footer.DOT}{header_footer.counted(view.lines)}"]
    why = markdown(", ".join(closer), 1000)
    return [f"**{markdown(name)}: look closer**, {why}{header_footer.DOT}{header_footer.counted(view.lines)}"]


def _foot(view: PlanView) -> list[str]:
    read = f"{header_footer.seal(view)} · read {view.made:%Y-%m-%d %H:%M %z} ({header_footer.reads(view)})"
    said = [*header_footer.untouched(view), read, header_footer.after_plan(view)]
    return ["  \n".join(markdown(line, 2000) for line in said if line)]


def _remark_with_column(finding: Finding) -> str:
    return _remark(finding, f"{finding.place}:{finding.place.column}" if finding.place else "")


def _remark(finding: Finding, where: str = "") -> str:
    where = where or str(finding.place or "")
    place = f" ({markdown(where, 300)})" if where else ""
    hint = header_footer.HINTS.get(finding.severity, "") + finding.hint if finding.hint else ""
    below = f"  \n  {markdown(hint)}" if hint else ""
    rule = f" {markdown(finding.rule, 60)}" if finding.rule else ""
    mark = header_footer.MARKS[finding.severity]
    return f"- **{mark} {finding.severity}**{rule}: {markdown(finding.message)}{place}{below}"


def _stops(room: Room, findings: Sequence[Finding]) -> None:
    """What stops something, and below it the entries that would allow it, fenced: they are copied as they stand."""
    room.fill((), findings, _remark, share=3, cut=lambda n: f"\n… and {_more(n, 'remark')}: {_SEE_ALL}.")
    for section, items in header_footer.ways_out(findings):
        start = (header_footer.ENTRIES[section], "", "```yaml", f"{section}:")
        room.fill(start, items, lambda item: f"  - {visible(item)}", share=3, cut=_cut_items, end=("```",))


def _cut_items(number: int) -> str:
    return f"  # … and {number} more: {header_footer.PLAN} shows all"


def _table_row(line: Line) -> str:
    marks = [f"**✗ refused: {markdown(', '.join(line.refused_by), 200)}**"] if line.refused_by else []
    marks += [f"**… waits: {markdown(', '.join(line.waits_for), 200)}**"] if line.waits_for else []
    happens = " ".join([markdown(line.summary, 1000), *marks])
    place = markdown(str(line.place or ""), 300)
    return f"| {line.sign} | {markdown(line.title, 240)} | {happens} | {place} |"


def _folded(line: Line) -> str:
    steps = (f"  - {step.stage} {markdown(step_text(step), 1000)}" for step in line.steps)
    return "\n".join((f"- {markdown(line.title, 240)}", *steps))


def _cut_lines(lines: Sequence[Line], number: int) -> str:
    left_out = lines[len(lines) - number :]
    return f"\n… and {_more(number, 'line')} ({header_footer.counted(left_out)}): {_SEE_ALL}."


def _more(number: int, thing: str) -> str:
    return f"{number} more {thing if number == 1 else thing + 's'}"


def _run_verdict(view: RunView) -> str:
    said = header_footer.verdicts((line.result for line in view.lines), view.refused, view.waiting)
    took = header_footer.seconds(view.started, view.finished)
    if view.interrupted:
        verdict = "interrupted, partly applied"
    elif not view.complete:
        verdict = "partly applied"
    else:
        verdict = "applied" if view.lines else "nothing was carried out"
    name = markdown(f"{view.plan.title} for {view.plan.site}")
    return header_footer.DOT.join((f"**{name}: {verdict}**", said, took, header_footer.seal(view.plan)))


def _run_row(line: RunLine) -> str:
    said = [markdown(line.line.summary, 1000)]
    if line.was_in_place:
        said.append("(was in place already)")
    said += _half_way(line) if line.result is not Result.DONE else ()
    return f"| {header_footer.RESULTS[line.result]} | {markdown(line.line.title, 240)} | {'<br>'.join(said)} |"


def _half_way(line: RunLine) -> Iterator[str]:
    if done := line.labels(Result.DONE, Result.SKIPPED):
        yield f"done: {markdown(done)}"
    for failed in line.failures:
        yield f"**{failed.result}: {markdown(failed.step.label)}**: {markdown(failed.message)}"
        if failed.hint:
            yield markdown(failed.hint)
    if left := line.labels(Result.NOT_TRIED):
        yield f"not tried: {markdown(left)}"
