"""What is said around the lines: header, footer, what was read, the next command. Text, Markdown and HTML share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from reconciler.model.record_kinds import in_order, noun
from reconciler.model.records import Scope
from reconciler.planning.changes import Result
from reconciler.planning.finding import Severity
from reconciler.planning.plan import HALF_GIVEN
from reconciler.report.explanation import after_drift
from reconciler.report.plan_counts import standing_out
from reconciler.report.shown import ShownPlan, ShownRead, ShownRemark
from reconciler.report.vocabulary import DOT, RESULT_WORDS, Appearance
from reconciler.translation import marked, tr, tr_number

APPLY = "reconciler apply"
PLAN = "reconciler plan"
MERGE = "reconciler report --merge"
DRIFT = "reconciler drift"
RESUME = "reconciler resume"

PLANNED = marked("mail plan")
DRIFTED = marked("mail drift")
APPLIED = marked("mail apply")
"""The titles of what the commands show."""
UNREAD = marked("could not be read, so nothing is planned there:")

_HINTS: Mapping[str, str] = {Severity.REFUSAL: marked("to allow it: {hint}"), Severity.WAIT: marked("then: {hint}")}
"""What introduces the hint of a finding; other hints speak for themselves."""

ENTRIES: Mapping[str, str] = {
    "confirm": marked(
        "to allow what is refused, write each reason and add to a file of the state (below its `confirm:` if it "
        "has one):"
    ),
    "renames": marked("where it is a rename, declare that instead (below the `renames:` of a file that has one):"),
}
"""What introduces the entries for each section of a state file."""

SEVERITIES: Mapping[str, Appearance] = {
    Severity.ERROR: Appearance("✗", "bold red", marked("errors:")),
    Severity.REFUSAL: Appearance("✗", "bold red", marked("refused, and what would allow it:")),
    Severity.WAIT: Appearance("…", "magenta", marked("waiting, carried out by a later run:")),
    Severity.LATER: Appearance("…", "cyan", marked("not yet, waiting for its date:")),
    Severity.WARNING: Appearance("!", "yellow", marked("warnings:")),
    Severity.NOTE: Appearance("·", "dim", marked("notes:")),
}

RESULTS: Mapping[str, Appearance] = {
    Result.DONE: Appearance("✓", "green"),
    Result.FAILED: Appearance("✗", "bold red"),
    Result.NOT_TRIED: Appearance("·", "yellow"),
    Result.UNCERTAIN: Appearance("?", "bold yellow"),
}
HALF_DONE = Appearance("!", "bold red", marked("half-done"))
"""Of what was stopped between two steps."""


def hint_of(severity: str, hint: str) -> str:
    """The hint of a finding of this severity, with what introduces it."""
    return tr(_HINTS[severity], hint=hint) if severity in _HINTS else hint


def blockers(view: ShownPlan) -> Iterator[str]:
    """What keeps this plan, or a part of it, from being carried out; and what `drift --strict` found besides."""
    if view.stopped:
        yield tr("the whole plan is refused")
    elif refused := view.subjects(Severity.REFUSAL):
        yield tr("{number} refused", number=refused)
    if waiting := view.subjects(Severity.WAIT):
        yield tr("{number} waiting", number=waiting)
    for read in unread(view.reads):
        yield tr("{system} could not be read", system=read.system)
    if _strict(view):
        yield tr_number("{number} undeclared object", "{number} undeclared objects", sum(view.unmanaged.values()))


def _strict(view: ShownPlan) -> bool:
    return any(finding.rule == _UNDECLARED for finding in view.findings)


def attention(view: ShownPlan) -> list[str]:
    """Why a reviewer should look closer, the most serious first; empty when nothing stands out."""
    warnings = view.subjects(Severity.WARNING)
    warned = [_TALLIES[Severity.WARNING](warnings)] if warnings else []
    return [*blockers(view), *standing_out(view.lines), *warned]


def _these(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES])
    more = len(names) - _NAMES
    return tr("{names} and {number} more", names=shown, number=more) if more > 0 else shown


_NAMES = 5
"""Names of what a plan is about that a line has room for."""


def about(view: ShownPlan) -> str:
    """`only anna.beispiel@mail.example, mail.example`, `shard 2/4`; empty for the whole site."""
    if view.shard:
        return tr("shard {number}", number=view.shard)
    return tr("only {names}", names=_these(view.only)) if view.only else ""


def untouched(view: ShownPlan) -> Iterator[str]:
    """`left alone: 5 unmanaged mailboxes, 3 aliases`, and beside changes `in place: 412 mailboxes` for their scale;
    what becomes ours, and what the gates looked at."""
    if alone := in_order(view.unmanaged):
        first, number = noun(alone[0], view.unmanaged[alone[0]]), view.unmanaged[alone[0]]
        unmanaged = tr("{number} unmanaged {kind}", number=number, kind=first)
        yield tr("left alone: {kinds}", kinds=", ".join((unmanaged, *_numbers(view.unmanaged)[1:])))
    if view.lines and (kept := _numbers(view.in_place)):
        yield tr("in place: {kinds}", kinds=", ".join(kept))
    if new := _numbers(view.adopted):
        yield tr_number(
            "{number} row becomes ours with the next apply: {kinds}",
            "{number} rows become ours with the next apply: {kinds}",
            sum(view.adopted.values()),
            kinds=", ".join(new),
        )
    yield from view.gates


def _numbers(counts: Mapping[str, int]) -> list[str]:
    return [f"{counts[kind]} {noun(kind, counts[kind])}" for kind in in_order(counts)]


def short_digest(digest: str) -> str:
    """`plan 7f3c…e1`."""
    return tr("plan {digest}", digest=f"{digest[:4]}…{digest[-2:]}")


def reads(systems: Iterable[ShownRead]) -> str:
    """`postfixadmin ✓ openxchange ✗`; why not is said above."""
    return " ".join(f"{read.system} {'✗' if read.unknown else '✓'}" for read in systems)


def seconds(started: datetime, finished: datetime) -> str:
    """`2.4 s`, and minutes where there are any."""
    whole = (finished - started).total_seconds()
    return f"{whole:.1f} s" if whole < 60 else f"{int(whole // 60)} min {int(whole % 60)} s"


def nothing(view: ShownPlan) -> str:
    """The one sentence of a plan without lines."""
    if unread(view.reads) or view.subjects(Severity.REFUSAL) or view.subjects(Severity.WAIT):
        words = tr("nothing that could be carried out")
    elif view.shard:
        words = tr("nothing to do in shard {number}", number=view.shard)
    elif view.only:
        words = tr("nothing to do for {names}", names=_these(view.only))
    elif view.left:
        words = tr_number(
            "nothing to do, {number} pending line is left", "nothing to do, {number} pending lines are left", view.left
        )
    elif later := view.subjects(Severity.LATER):
        words = tr_number(
            "nothing to do today, {number} waiting for its date",
            "nothing to do today, {number} waiting for their dates",
            later,
        )
    elif missed := view.missed:
        words = tr_number(
            "nothing to do, and {number} date was missed", "nothing to do, and {number} dates were missed", missed
        )
    elif _strict(view):
        words = tr("everything declared is in place, and undeclared objects exist")
    else:
        words = tr("nothing to do, everything is as declared")
    return DOT.join((f"{view.name}: {words}", *blockers(view)))


_UNDECLARED = "undeclared"
"""The rule of what `drift --strict` finds besides."""
_NO_MAP = "unmanaged-line-refused"
"""The rule of a hand-made line with which no map is written."""


def after_plan(view: ShownPlan) -> str:
    """The last line of a plan: the next command, or what must come before it. Empty when there is nothing to do."""
    if view.shard:
        return tr("next: with all shards, {command}", command=MERGE)
    if view.merging:
        return _to_merge(view)
    again = DRIFT if view.title == DRIFTED else PLAN
    unknown = unread(view.reads)
    if view.stopped and not unknown:
        return tr("next: resolve what refuses the whole plan, then {command}", command=PLAN)
    if unknown:
        # without the ledger nothing is carried out
        now = 0 if any(read.system == "ledger" for read in unknown) else view.open
        return fix_unread(unknown, again) + _meanwhile(view, now)
    blocks = sum(line.scope == Scope.BLOCK and not line.stopped for line in view.lines)
    if view.open and blocks and (refused := [f for f in view.findings if f.rule == _NO_MAP]):
        lines = "; ".join(dict.fromkeys(f"{f.hint} ({f.subject})" for f in refused))
        last = tr("next: in the sender map, {what}; then {command}", what=lines, command=again)
        return last + _meanwhile(view, view.open - blocks)
    if view.typed:
        return ""  # whoever typed `reconciler password` is asked for it now
    if view.open and view.title == APPLIED:
        return ""  # whoever typed `reconciler apply` is asked for it now
    if view.open and view.only:
        return tr("next: {command}", command=f"{APPLY} {' '.join(f'--only {name}' for name in view.only)}")
    if view.open:
        return tr("next: {command}", command=_apply(view)) + _rest(view)
    if view.subjects(Severity.REFUSAL):
        return tr("next: resolve what is refused, then {command}", command=PLAN)
    if typed := [f.hint for f in view.findings if f.rule == HALF_GIVEN]:
        return tr("next: {command}", command=typed[0])
    if view.missed and view.title == DRIFTED:
        return tr("next: write a new date, or take the missed one out of git; until then it is drift")
    return tr("next: declare what belongs here; without --strict the rest is no drift") if _strict(view) else ""


def _to_merge(view: ShownPlan) -> str:
    """What to do with a merge request."""
    if view.refused_by_it:
        return tr("next: in this branch, change what is refused, or add the entry that allows it; then push")
    if unknown := unread(view.reads):
        return fix_unread(unknown, tr("run this pipeline again"))
    if view.behind:
        return tr("next: bring this branch up to date, then look at the new plan")
    if view.redirects:
        return tr(
            "next: before anybody merges, whoever answers for the servers approves where reconciler connects then; "
            "apply will use these changes, and this plan did not"
        )
    if view.stopped:
        return tr("next: resolve what refused the whole plan already; until then nothing is applied, merged or not")
    if not view.lines:
        return tr("next: merge; there is nothing to apply")
    if view.open == len(view.lines):
        return tr("next: merge; then {number} will be applied", number=view.open)
    return tr_number(
        "next: merge; then {open} will be applied, {left} of {number} line stay as they are",
        "next: merge; then {open} will be applied, {left} of {number} lines stay as they are",
        len(view.lines),
        open=view.open,
        left=len(view.lines) - view.open,
    )


def _apply(view: ShownPlan) -> str:
    if view.title != DRIFTED:
        return APPLY
    return after_drift(view) or tr(
        "{command} puts the declared state back; what should stay as it is now, declare first", command=APPLY
    )


def _rest(view: ShownPlan) -> str:
    """What apply would leave."""
    if view.open == len(view.lines):
        return ""
    return " " + tr("({number} of {all}, the rest stays as it is)", number=view.open, all=len(view.lines))


def _meanwhile(view: ShownPlan, lines: int) -> str:
    if not lines:
        return ""
    words = tr("({command} carries out {number} of {all} meanwhile)", command=APPLY, number=lines, all=len(view.lines))
    return f" {words}"


def ends_in_words(number: Mapping[str, int], refused: int, waiting: int) -> str:
    """`3 done · 1 failed · 1 half-done · 2 not tried · 1 refused`: what became of the lines of a run."""
    ends = (Result.DONE, Result.FAILED, Result.UNCERTAIN, HALF_DONE.words, Result.NOT_TRIED)
    counts = [f"{number[end]} {tr(_ENDS[end])}" for end in ends if number[end] or end == Result.DONE]
    counts += [tr("{number} refused", number=refused)] if refused else []
    return DOT.join(counts + ([tr("{number} waiting", number=waiting)] if waiting else []))


_ENDS: Mapping[str, str] = {**RESULT_WORDS, HALF_DONE.words: HALF_DONE.words}


def unread(reads: Iterable[ShownRead]) -> list[ShownRead]:
    """The systems that could not be read."""
    return [read for read in reads if read.unknown]


def fix_unread(reads: Sequence[ShownRead], then: str) -> str:
    """`next: start the server, then reconciler plan`: what the hint of each system says."""
    hints = dict.fromkeys(read.hint or tr("see why {system} cannot be read", system=read.system) for read in reads)
    return tr("next: {what}; then {command}", what=all_of(hints), command=then)


def all_of(hints: Iterable[str]) -> str:
    """Several things that are to be done."""
    return tr("; and ").join(hints)


def tally(findings: Iterable[ShownRemark]) -> str:
    """`2 errors, 1 warning`; `no problems found` for none."""
    number = Counter(finding.severity for finding in findings)
    return ", ".join(_TALLIES[s](number[s]) for s in Severity if number[s]) or tr("no problems found")


_TALLIES: Mapping[Severity, Callable[[int], str]] = {
    Severity.ERROR: lambda number: tr_number("{number} error", "{number} errors", number),
    Severity.REFUSAL: lambda number: tr_number("{number} refusal", "{number} refusals", number),
    Severity.WAIT: lambda number: tr_number("{number} wait", "{number} waits", number),
    Severity.LATER: lambda number: tr_number("{number} later", "{number} laters", number),
    Severity.WARNING: lambda number: tr_number("{number} warning", "{number} warnings", number),
    Severity.NOTE: lambda number: tr_number("{number} note", "{number} notes", number),
}


def allowing_entries(findings: Iterable[ShownRemark]) -> Iterator[tuple[str, list[str]]]:
    """The sections of a state file with the items that would allow what is refused, each once."""
    texts = dict.fromkeys(str(entry) for finding in findings for entry in finding.entries)
    entries = [text.removesuffix("\n").partition(_ITEM) for text in texts]
    for section in ENTRIES:
        if items := [item for named, _, item in entries if named == section]:
            yield section, items


_ITEM = ":\n  - "
"""What stands between the section and the item of an entry."""


def by_place(finding: ShownRemark) -> tuple[str, int, int, str]:
    """Sorts findings by file and line, those without a place first."""
    place = finding.place
    return (place.file, place.line, place.column, finding.message) if place else ("", 0, 0, finding.message)
