"""What is said around the lines: header, footer, what was read, the next command. Text, Markdown and HTML share it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from reconciler.model.addresses import domain_of, local_part
from reconciler.model.record_kinds import in_order, main_kinds, noun
from reconciler.model.records import Scope
from reconciler.planning.changes import Action, Result
from reconciler.planning.finding import Severity
from reconciler.planning.plan import HALF_GIVEN
from reconciler.report.explanation import after_drift
from reconciler.report.shown import ShownDelivery, ShownFlow, ShownLine, ShownPlan, ShownRead, ShownRemark
from reconciler.report.vocabulary import Appearance, count

APPLY = "reconciler apply"
PLAN = "reconciler plan"
DRIFT = "reconciler drift"
RESUME = "reconciler resume"

DRIFTED = "mail drift"
APPLIED = "mail apply"
"""The title of a plan that `drift` shows."""
FLOW = "mail flow, whose mail goes elsewhere:"
UNREAD = "could not be read, so nothing is planned there:"

DOT = " · "

HINTS: Mapping[str, str] = {Severity.REFUSAL: "to allow it: ", Severity.WAIT: "then: "}
"""What introduces the hint of a finding; other hints speak for themselves."""

ENTRIES: Mapping[str, str] = {
    "confirm": "to allow what is refused, write each reason and add to a file of the state (below its `confirm:` if it "
    "has one):",
    "renames": "where it is a rename, declare that instead (below the `renames:` of a file that has one):",
}
"""What introduces the entries for each section of a state file."""

SEVERITIES: Mapping[str, Appearance] = {
    Severity.ERROR: Appearance("✗", "bold red", "errors:"),
    Severity.REFUSAL: Appearance("✗", "bold red", "refused, and what would allow it:"),
    Severity.WAIT: Appearance("…", "magenta", "waiting, carried out by a later run:"),
    Severity.LATER: Appearance("…", "cyan", "not yet, waiting for its date:"),
    Severity.WARNING: Appearance("!", "yellow", "warnings:"),
    Severity.NOTE: Appearance("·", "dim", "notes:"),
}

RESULTS: Mapping[str, Appearance] = {
    Result.DONE: Appearance("✓", "green"),
    Result.FAILED: Appearance("✗", "bold red"),
    Result.NOT_TRIED: Appearance("·", "yellow"),
    Result.UNCERTAIN: Appearance("?", "bold yellow"),
}
HALF_DONE = Appearance("!", "bold red", "half-done")
"""Of what was stopped between two steps."""


def counted(lines: Iterable[ShownLine]) -> str:
    """`1 rename · 1 account · 1 block · 0 removals`; removals are always named, the rest when there are any. What
    cannot be undone is one of those and named beside them."""
    words: dict[str, tuple[str, ...]] = {"rename": ("rename",), Scope.ACCOUNT: ("account",)}
    words |= {scope: kind.noun for scope, kind in main_kinds().items() if scope not in (Scope.ACCOUNT, Scope.BLOCK)}
    words |= {word: (word,) for word in ("change", Scope.BLOCK, "removal")}
    number: Counter[str] = Counter()
    for line in lines:
        number[_counted_as(line)] += 1
        number["lifted"] += line.scope == Scope.BLOCK and line.action == Action.DELETE
        number["irreversible"] += line.irreversible
    phrases = {key: count(number[key], *nouns) for key, nouns in words.items() if number[key] or key == "removal"}
    if number["lifted"]:
        phrases[Scope.BLOCK] += f" ({number['lifted']} lifted)"
    if number["irreversible"]:
        phrases["irreversible"] = f"{number['irreversible']} cannot be undone"
    return DOT.join(phrases.values())


def question(view: ShownPlan) -> str:
    """`Carry out 2 changes and 1 removal?`: what apply would carry out, and how much of it cannot be undone."""
    lines = [] if view.stopped else [line for line in view.lines if not line.stopped]
    removals = sum(line.removal for line in lines)
    numbers = ((len(lines) - removals, "change"), (removals, "removal"))
    lost = sum(line.irreversible for line in lines)
    warned = f" ({lost} cannot be undone)" if lost else ""
    return f"Carry out {' and '.join(count(number, word) for number, word in numbers if number)}{warned}?"


def _counted_as(line: ShownLine) -> str:
    if line.scope == Scope.BLOCK:
        return line.scope
    if line.removal:
        return "removal"
    match line.action:
        case Action.CREATE:
            return line.scope
        case Action.RENAME:
            return "rename"
        case _:
            return "change"


def blockers(view: ShownPlan) -> Iterator[str]:
    """What keeps this plan, or a part of it, from being carried out; and what `drift --strict` found besides."""
    if view.stopped:
        yield "the whole plan is refused"
    elif refused := view.subjects(Severity.REFUSAL):
        yield f"{refused} refused"
    if waiting := view.subjects(Severity.WAIT):
        yield f"{waiting} waiting"
    for read in unread(view.reads):
        yield f"{read.system} could not be read"
    if _strict(view):
        yield count(sum(view.unmanaged.values()), "undeclared object")


def _strict(view: ShownPlan) -> bool:
    return any(finding.rule == _UNDECLARED for finding in view.findings)


def attention(view: ShownPlan) -> list[str]:
    """Why a reviewer should look closer, the most serious first; empty when nothing stands out."""
    number = Counter(word for line in view.lines for word in line.attention)
    standing_out = [count(n, word, _PLURALS.get(word, "")) for word, n in number.items()]
    warnings = view.subjects(Severity.WARNING)
    return [*blockers(view), *standing_out, *([count(warnings, "warning")] if warnings else [])]


_PLURALS: Mapping[str, str] = {
    "new password for an existing account": "new passwords for existing accounts",
    "deletion of an OX account": "deletions of OX accounts",
    "purge of a mailbox": "purges of mailboxes",
    "removal of OX subscriptions": "removals of OX subscriptions",
}


def _these(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMES]) + (f" and {len(names) - _NAMES} more" if len(names) > _NAMES else "")


_NAMES = 5
"""Names of what a plan is about that a line has room for."""


def about(view: ShownPlan) -> str:
    """`only anna.beispiel@mail.example, mail.example`; empty for the whole site."""
    return f"only {_these(view.only)}" if view.only else ""


def untouched(view: ShownPlan) -> Iterator[str]:
    """`left alone: 5 unmanaged mailboxes, 3 aliases`, and beside changes `in place: 412 mailboxes` for their scale;
    what becomes ours, and what the gates looked at."""
    if alone := _numbers(view.unmanaged):
        first, *others = alone
        yield "left alone: " + ", ".join((first.replace(" ", " unmanaged ", 1), *others))
    if view.lines and (kept := _numbers(view.in_place)):
        yield f"in place: {', '.join(kept)}"
    if new := _numbers(view.adopted):
        rows = count(sum(view.adopted.values()), "row becomes", "rows become")
        yield f"{rows} ours with the next apply: {', '.join(new)}"
    yield from view.gates


def _numbers(counts: Mapping[str, int]) -> list[str]:
    return [f"{counts[kind]} {noun(kind, counts[kind])}" for kind in in_order(counts)]


def short_digest(digest: str) -> str:
    """`plan 7f3c…e1`."""
    return f"plan {digest[:4]}…{digest[-2:]}"


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
        phrases = f"nothing that could be carried out{DOT}" + DOT.join(blockers(view))
        return f"{view.name}: {phrases}"
    if view.only:
        phrases = f"nothing to do for {_these(view.only)}"
    elif later := view.subjects(Severity.LATER):
        phrases = f"nothing to do today, {later} waiting for {'its date' if later == 1 else 'their dates'}"
    elif missed := view.missed:
        phrases = f"nothing to do, and {count(missed, 'date was', 'dates were')} missed"
    elif _strict(view):
        phrases = "everything declared is in place, and undeclared objects exist"
    else:
        phrases = "nothing to do, everything is as declared"
    return DOT.join((f"{view.name}: {phrases}", *blockers(view)))


_UNDECLARED = "undeclared"
"""The rule of what `drift --strict` finds besides."""
_NO_MAP = "unmanaged-line-refused"
"""The rule of a hand-made line with which no map is written."""


def after_plan(view: ShownPlan) -> str:
    """The last line of a plan: the next command, or what must come before it. Empty when there is nothing to do."""
    again = DRIFT if view.title == DRIFTED else PLAN
    unknown = unread(view.reads)
    if view.stopped and not unknown:
        return f"next: resolve what refuses the whole plan, then {PLAN}"
    if unknown:
        # without the ledger nothing is carried out
        now = 0 if any(read.system == "ledger" for read in unknown) else view.open
        return fix_unread(unknown, again) + _meanwhile(view, now)
    blocks = sum(line.scope == Scope.BLOCK and not line.stopped for line in view.lines)
    if view.open and blocks and (refused := [f for f in view.findings if f.rule == _NO_MAP]):
        lines = "; ".join(dict.fromkeys(f"{f.hint} ({f.subject})" for f in refused))
        return f"next: in the sender map, {lines}; then {again}{_meanwhile(view, view.open - blocks)}"
    if view.typed:
        return ""  # whoever typed `reconciler password` is asked for it now
    if view.open and view.title == APPLIED:
        return ""  # whoever typed `reconciler apply` is asked for it now
    if view.open and view.merging:
        return f"next: review and merge; then: {APPLY}"
    if view.open and view.only:
        return f"next: {APPLY} {' '.join(f'--only {name}' for name in view.only)}"
    if view.open:
        then = (
            after_drift(view) or f"{APPLY} puts the declared state back; what should stay as it is now, declare first"
        )
        left = f" ({view.open} of {len(view.lines)}, the rest stays as it is)" if view.open < len(view.lines) else ""
        return f"next: {then if view.title == DRIFTED else APPLY}{left}"
    if view.subjects(Severity.REFUSAL):
        return f"next: resolve what is refused, then {PLAN}"
    if typed := [f.hint for f in view.findings if f.rule == HALF_GIVEN]:
        return f"next: {typed[0]}"
    if view.missed and view.title == DRIFTED:
        return "next: write a new date, or take the missed one out of git; until then it is drift"
    return "next: declare what belongs here; without --strict the rest is no drift" if _strict(view) else ""


def _meanwhile(view: ShownPlan, lines: int) -> str:
    return f" ({APPLY} carries out {lines} of {len(view.lines)} meanwhile)" if lines else ""


def unread(reads: Iterable[ShownRead]) -> list[ShownRead]:
    """The systems that could not be read."""
    return [read for read in reads if read.unknown]


def fix_unread(reads: Sequence[ShownRead], then: str) -> str:
    """`next: start the server, then reconciler plan`: what the hint of each system says."""
    hints = dict.fromkeys(read.hint or f"see why {read.system} cannot be read" for read in reads)
    return f"next: {'; and '.join(hints)}; then {then}"


def tally(findings: Iterable[ShownRemark]) -> str:
    """`2 errors, 1 warning`; `no problems found` for none."""
    number = Counter(finding.severity for finding in findings)
    return ", ".join(count(number[s], str(s)) for s in Severity if number[s]) or "no problems found"


_FLOW_NAMES = 12
"""Names on one side of a line of the mail flow; the others are counted."""


def flow_lines(changes: Iterable[ShownFlow]) -> Iterator[str]:
    """`vorstand@mail.example: anna, bernd → anna, clara`."""
    for change in changes:
        yield f"{change.address}: {reached(change.before, change.address)} → {reached(change.after, change.address)}"


def reached(delivery: ShownDelivery, address: str) -> str:
    """Who gets the mail and what becomes of the rest; names in the domain of `address` without it."""
    domain = domain_of(address)
    arriving = sorted({*delivery.mailboxes, *delivery.external})
    phrases = [_listed(arriving, domain) if arriving else "nobody"]
    phrases += [f"comes back from {_listed(sorted(delivery.bounces), domain)}"] if delivery.bounces else []
    phrases += [f"goes round in a loop at {_listed(sorted(delivery.loops), domain)}"] if delivery.loops else []
    phrases += ["answered automatically"] if delivery.answers else []
    return "; ".join(phrases)


def _listed(names: list[str], domain: str) -> str:
    short = [local_part(name) if domain_of(name) == domain else name for name in names]
    more = len(short) - _FLOW_NAMES
    return ", ".join(short[:_FLOW_NAMES]) + (f" and {more} more" if more > 0 else "")


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
