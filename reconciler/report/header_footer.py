"""What stands around the lines: header, footer, what was read, the next command. Text and Markdown share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from reconciler.model.record_kinds import main_kinds
from reconciler.model.records import Scope
from reconciler.planning.address_lookup import Sighting
from reconciler.planning.changes import Action, Result
from reconciler.planning.finding import Finding, Severity
from reconciler.report.plan_view import Line, PlanView
from reconciler.report.strict_drift import UNDECLARED
from reconciler.report.unread_systems import mend
from reconciler.report.vocabulary import count, in_order, noun

APPLY = "reconciler apply"
PLAN = "reconciler plan"
DRIFT = "reconciler drift"
RESUME = "reconciler resume"

DRIFTED = "mail drift"

NEXT: Mapping[str, str] = {
    DRIFTED: f"{APPLY} puts the declared state back; what should stay as it is now, declare first"
}
"""What to do about a plan that was shown under another title than a plan's."""

DOT = " · "

HINTS: Mapping[Severity, str] = {Severity.REFUSAL: "to allow it: ", Severity.WAIT: "then: "}
"""What introduces the hint of a finding; other hints speak for themselves."""

ENTRIES: Mapping[str, str] = {
    "confirm": "to allow what is refused, write each reason and add to a file of the state (below its `confirm:` if it "
    "has one):",
    "renames": "where it is a rename, declare that instead (below the `renames:` of a file that has one):",
}
"""What introduces the entries for each section of a state file."""

SECTIONS: Mapping[Severity, str] = {
    Severity.ERROR: "errors:",
    Severity.REFUSAL: "refused, and what would allow it:",
    Severity.WAIT: "waiting, carried out by a later run:",
    Severity.LATER: "not yet, waiting for its date:",
    Severity.WARNING: "warnings:",
    Severity.NOTE: "notes:",
}

MARKS: Mapping[Severity, str] = {
    Severity.ERROR: "✗",
    Severity.REFUSAL: "✗",
    Severity.WAIT: "…",
    Severity.LATER: "…",
    Severity.WARNING: "!",
    Severity.NOTE: "·",
}

RESULTS: Mapping[Result, str] = {Result.DONE: "✓", Result.FAILED: "✗", Result.NOT_TRIED: "·", Result.UNCERTAIN: "?"}


def counted(lines: Iterable[Line]) -> str:
    """`1 rename · 1 account · 1 block · 0 removals`; removals are always named, the rest when there are any. What
    cannot be undone is one of those and named beside them."""
    made = {scope: kind.noun for scope, kind in main_kinds().items() if scope is not Scope.BLOCK}
    made[Scope.ACCOUNT] = ("account", "accounts")
    number: Counter[str] = Counter()
    for line in lines:
        number[_counted_as(line)] += 1
        number["lifted"] += line.scope is Scope.BLOCK and line.action is Action.DELETE
        number["irreversible"] += line.irreversible
    lifted = f" ({number['lifted']} lifted)" if number["lifted"] else ""
    parts = [
        count(number["rename"], "rename") if number["rename"] else "",
        *(count(number[scope], *noun) for scope, noun in made.items() if number[scope]),
        count(number["change"], "change") if number["change"] else "",
        count(number["block"], "block") + lifted if number["block"] else "",
        count(number["removal"], "removal"),
        f"{number['irreversible']} cannot be undone" if number["irreversible"] else "",
    ]
    return DOT.join(part for part in parts if part)


def question(view: PlanView) -> str:
    """`Carry out 2 changes and 1 removal?`: what apply would carry out, and what of it nothing brings back."""
    lines = [] if view.stopped else [line for line in view.lines if not line.stopped]
    removals = sum(line.removal for line in lines)
    others = len(lines) - removals
    parts = [count(others, "change") if others else "", count(removals, "removal") if removals else ""]
    lost = sum(line.irreversible for line in lines)
    warned = f" ({lost} cannot be undone)" if lost else ""
    return f"Carry out {' and '.join(filter(None, parts))}{warned}?"


def _counted_as(line: Line) -> str:
    if line.scope is Scope.BLOCK:
        return "block"
    if line.removal:
        return "removal"
    match line.action:
        case Action.CREATE:
            return line.scope
        case Action.RENAME:
            return "rename"
        case _:
            return "change"


def troubles(view: PlanView) -> Iterator[str]:
    """What keeps this plan, or a part of it, from being carried out; and what `drift --strict` found besides."""
    if view.stopped:
        yield "the whole plan is refused"
    elif refused := view.subjects(Severity.REFUSAL):
        yield f"{refused} refused"
    if waiting := view.subjects(Severity.WAIT):
        yield f"{waiting} waiting"
    for read in view.unknown:
        yield f"{read.system} could not be read"
    if _strict(view):
        yield count(sum(view.unmanaged.values()), "undeclared object")


def _strict(view: PlanView) -> bool:
    return any(finding.rule == UNDECLARED for finding in view.findings)


def attention(view: PlanView) -> list[str]:
    """Why a reviewer should look closer, the heaviest first; empty when nothing stands out."""
    number = Counter(word for line in view.lines for word in line.closer)
    standing_out = [count(n, word, _PLURALS.get(word, "")) for word, n in number.items()]
    warnings = view.subjects(Severity.WARNING)
    return [*troubles(view), *standing_out, *([count(warnings, "warning")] if warnings else [])]


_PLURALS: Mapping[str, str] = {
    "new password for an existing account": "new passwords for existing accounts",
    "deletion of an OX account": "deletions of OX accounts",
    "purge of a mailbox": "purges of mailboxes",
    "removal of OX subscriptions": "removals of OX subscriptions",
}


def untouched(view: PlanView) -> Iterator[str]:
    """`left alone: 5 unmanaged mailboxes, 3 aliases`, and beside changes `in place: 412 mailboxes` for their scale;
    what becomes ours, and what the gates looked at."""
    if alone := in_order(view.unmanaged):
        first, *others = alone
        said = f"{view.unmanaged[first]} unmanaged {noun(first, view.unmanaged[first])}"
        yield "left alone: " + ", ".join((said, *(_number(kind, view.unmanaged) for kind in others)))
    if view.lines and (kept := in_order(view.in_place)):
        yield "in place: " + ", ".join(_number(kind, view.in_place) for kind in kept)
    if new := in_order(view.adopted):
        rows = count(sum(view.adopted.values()), "row becomes", "rows become")
        yield f"{rows} ours with the next apply: " + ", ".join(_number(kind, view.adopted) for kind in new)
    yield from view.gates


def _number(kind: str, counts: Mapping[str, int]) -> str:
    return f"{counts[kind]} {noun(kind, counts[kind])}"


def seal(view: PlanView) -> str:
    """`plan 7f3c…e1`."""
    return f"plan {view.digest[:4]}…{view.digest[-2:]}"


def reads(view: PlanView) -> str:
    """`postfixadmin ✓ openxchange ✗`; why not stands above."""
    return " ".join(f"{read.system} {'✗' if read.unknown else '✓'}" for read in view.reads)


def seconds(started: datetime, finished: datetime) -> str:
    """`2.4 s`, and minutes where there are any."""
    whole = (finished - started).total_seconds()
    return f"{whole:.1f} s" if whole < 60 else f"{int(whole // 60)} min {int(whole % 60)} s"


def nothing(view: PlanView) -> str:
    """The friendly sentence of a plan without lines."""
    if view.unknown or view.subjects(Severity.REFUSAL) or view.subjects(Severity.WAIT):
        return f"{view.title} for {view.site}: nothing that could be carried out" + DOT + DOT.join(troubles(view))
    if later := view.subjects(Severity.LATER):
        whose = "its date" if later == 1 else "their dates"
        said = f"nothing to do today, {later} waiting for {whose}"
    elif _strict(view):
        said = "everything declared is in place, and undeclared objects exist"
    else:
        said = "nothing to do, everything is as declared"
    return DOT.join((f"{view.title} for {view.site}: {said}", *troubles(view)))


_NO_MAP = "unmanaged-line-refused"
"""The rule of a hand-made line with which no map is written."""


def _open_blocks(view: PlanView) -> int:
    return sum(line.scope is Scope.BLOCK and not line.stopped for line in view.lines)


def after_plan(view: PlanView) -> str:
    """The last line of a plan: the next command, or what must come before it. Empty when there is nothing to do."""
    if view.stopped and not view.unknown:
        return f"next: resolve what refuses the whole plan, then {PLAN}"
    if view.unknown:
        meanwhile = f" ({APPLY} carries out {view.open} of {len(view.lines)} meanwhile)" if view.open else ""
        return mend(view.unknown, DRIFT if view.title == DRIFTED else PLAN) + meanwhile
    if view.open and (refused := [f for f in view.findings if f.rule == _NO_MAP]) and (blocks := _open_blocks(view)):
        others = view.open - blocks
        meanwhile = f" ({APPLY} carries out {others} of {len(view.lines)} meanwhile)" if others else ""
        lines = "; ".join(dict.fromkeys(f"{f.hint} ({f.subject})" for f in refused))
        return f"next: in the sender map, {lines}; then {DRIFT if view.title == DRIFTED else PLAN}{meanwhile}"
    if view.open:
        left = len(view.lines) - view.open
        return f"next: {NEXT.get(view.title, APPLY)}" + (
            f" ({view.open} of {len(view.lines)}, the rest stays as it is)" if left else ""
        )
    if view.subjects(Severity.REFUSAL):
        return f"next: resolve what is refused, then {PLAN}"
    return "next: declare what belongs here; without --strict the rest is no drift" if _strict(view) else ""


def verdicts(results: Iterable[Result], refused: int, waiting: int) -> str:
    """`3 done · 1 failed · 2 not tried · 1 refused`."""
    number = Counter(results)
    ends = (Result.DONE, Result.FAILED, Result.UNCERTAIN, Result.NOT_TRIED)
    said = [f"{number[r]} {r}" for r in ends if number[r] or r is Result.DONE]
    kept_out = [f"{n} {word}" for n, word in ((refused, "refused"), (waiting, "waiting")) if n]
    return DOT.join([*said, *kept_out])


def tally(findings: Iterable[Finding]) -> str:
    """`2 errors, 1 warning`; `no problems found` for none."""
    number = Counter(finding.severity for finding in findings)
    return ", ".join(count(number[s], str(s)) for s in Severity if number[s]) or "no problems found"


def seen(sighting: Sighting) -> str:
    """How much is known about what was asked."""
    if sighting.facts:
        return f"{sighting.asked}: {count(len(sighting.facts), 'thing')} known"
    return f"{sighting.asked}: nothing is declared, and nothing was found" + (
        " where it could be looked" if sighting.unknown else ""
    )


def ways_out(findings: Iterable[Finding]) -> Iterator[tuple[str, list[str]]]:
    """The sections of a state file with the items that would allow what is refused, each once."""
    entries = tuple(dict.fromkeys(entry for finding in findings for entry in finding.entries))
    for section in ENTRIES:
        if items := [entry.item for entry in entries if entry.section == section]:
            yield section, items


def by_place(finding: Finding) -> tuple[str, int, int, str]:
    """Sorts findings by file and line, those without a place first."""
    place = finding.place
    return (place.file, place.line, place.column, finding.message) if place else ("", 0, 0, finding.message)
