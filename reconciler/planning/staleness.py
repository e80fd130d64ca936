"""What a saved plan is bound to, and where the present differs from it (docs/decisions/0005-saved-plans.md). Pure.

Bound are the site, the connection targets, the configuration of the gates, what git declares of the touched subjects,
every effect with its before-image, what gates refuse, and the order. The commit is not: every merge makes a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from reconciler.model.addresses import domain_of
from reconciler.model.owners import Row
from reconciler.model.record_kinds import is_readable
from reconciler.planning.changes import RowId, shown_fields
from reconciler.planning.declared_entries import Plain, plain
from reconciler.planning.finding import Severity
from reconciler.planning.forwards import number_elsewhere
from reconciler.planning.plan import Plan
from reconciler.planning.transitions import Transition
from reconciler.translation import marked, tr

Fields = Mapping[str, Plain]


class Aspect(StrEnum):
    """Which part of a plan differs."""

    TARGET = "target"
    POLICY = "policy"
    ENTRY = "entry"
    ROW = "row"
    GATE = "gate"
    ORDER = "order"


_WORDS = frozenset(
    {
        *(marked("connection"), marked("site file"), marked("it"), marked("what happens to it"), marked("refused by")),
        *(marked("the whole plan"), marked("the order of its lines"), marked("the order of its steps")),
        *(marked("its digest"), marked("there"), marked("not there"), marked("nothing"), marked("refused")),
        *(marked("allowed"), marked("not written"), marked("none"), marked("empty")),
    }
)
"""What differs and how, where that is no name and no value of somebody."""


class Difference(NamedTuple):
    """One thing that is not as it was reviewed, with the value then and now."""

    aspect: Aspect
    subject: str
    field: str
    reviewed: Plain
    present: Plain
    own: frozenset[str] | None = None
    """Domains of which addresses are named; None where all are."""

    def __str__(self) -> str:
        """In English, for errors."""
        was, now = self._both(lambda number: f"{number} elsewhere")
        return f"{self.subject}: {self.field} was {was}, is {now}"

    @property
    def words(self) -> str:
        """In the language of reports."""
        was, now = self._both(number_elsewhere)
        said = {"field": _word(self.field), "was": _word(was), "now": _word(now)}
        return tr("{subject}: {field} was {was}, is {now}", subject=self.subject, **said)

    def _both(self, elsewhere: Callable[[int], str]) -> tuple[str, str]:
        was, now = (_said(value, self.own, elsewhere) for value in (self.reviewed, self.present))
        return was, f"{now} (≠)" if was == now else now  # other addresses, of the same number


class BoundRow(NamedTuple):
    """What happens to one record, from what, to what."""

    action: str
    before: Fields | None
    after: Fields | None


class BoundTransition(NamedTuple):
    """What a reviewer approved of one subject; `entries` by section."""

    subject: str
    entries: Mapping[str, Fields]
    rows: Mapping[RowId, BoundRow]
    steps: tuple[str, ...]
    refused: tuple[str, ...]


class Bound(NamedTuple):
    """What a plan is bound to; `refusals` are those of the whole plan, `rule subject`; transitions by id, in order."""

    digest: str
    targets: Mapping[str, str]
    policy: Mapping[str, str]
    refusals: frozenset[str]
    transitions: Mapping[str, BoundTransition]


def bound(plan: Plan) -> Bound:
    whole = (f for f in plan.findings if f.severity is Severity.REFUSAL and f.owner is None)
    return Bound(
        plan.digest,
        {read.system: read.target for read in plan.reads},
        plan.policy,
        frozenset(f"{finding.rule} {finding.subject}" for finding in whole),
        {transition.id: bound_transition(transition) for transition in plan.transitions},
    )


def differences(
    reviewed: Bound, present: Bound, entries: Mapping[str, Mapping[str, Fields]], settled: frozenset[RowId]
) -> Iterator[Difference]:
    """Where the present is not what was reviewed. `entries` has what is declared now of every reviewed transition, by
    section, also where nothing is left to do. `settled` are rows that need no change any more."""
    then_targets, now_targets = ({**plan.targets, "ledger": ""} for plan in (reviewed, present))  # read only if unknown
    yield from _of_fields(Aspect.TARGET, "connection", then_targets, now_targets)
    yield from _of_fields(Aspect.POLICY, "site file", reviewed.policy, present.policy, "policy.")
    in_place = False
    for id, then in reviewed.transitions.items():
        yield from _of_entries(then, entries.get(id, {}))
        now = present.transitions.get(id)
        left = {row for row in then.rows if _in_place(row, settled, now)}
        in_place = in_place or bool(left)
        yield from _of_rows(then, now, left)
        if now is not None and now.refused != then.refused:
            yield Difference(Aspect.GATE, then.subject, "refused by", then.refused, now.refused)
        if now is not None and _common(then.steps, now.steps) != _common(now.steps, then.steps):
            yield Difference(Aspect.ORDER, then.subject, marked("the order of its steps"), then.steps, now.steps)
    for gone in sorted(reviewed.refusals - present.refusals):
        yield Difference(Aspect.GATE, gone, marked("the whole plan"), "refused", "allowed")
    then_ids, now_ids = tuple(reviewed.transitions), tuple(present.transitions)
    if not in_place and then_ids != now_ids:
        yield Difference(Aspect.ORDER, "the plan", marked("the order of its lines"), then_ids, now_ids)
    elif not in_place and reviewed.digest != present.digest:
        yield Difference(Aspect.ORDER, "the plan", "its digest", reviewed.digest, present.digest)


def line_differences(then: BoundTransition, now: BoundTransition, done: set[RowId]) -> Iterator[Difference]:
    """Where one line that is pending is not what was reviewed of it; `done` are rows that a run has carried out."""
    yield from _of_entries(then, now.entries)
    yield from _of_rows(then, now, done - now.rows.keys())
    if now.refused != then.refused:
        yield Difference(Aspect.GATE, then.subject, "refused by", then.refused, now.refused)


def _in_place(row: RowId, settled: frozenset[RowId], now: BoundTransition | None) -> bool:
    """Whether nothing is left to do there. An effect that no system can show is done when its transition is."""
    return row in settled and (now is None or (row not in now.rows and is_readable(row[1])))


def _of_entries(then: BoundTransition, now: Mapping[str, Fields]) -> Iterator[Difference]:
    for section in dict.fromkeys((*then.entries, *now)):
        old, new = then.entries.get(section), now.get(section)
        name = f"{section} entry {then.subject}"
        if old is None or new is None:
            yield Difference(Aspect.ENTRY, name, "it", _there(old), _there(new))
            continue
        yield from _of_fields(Aspect.ENTRY, name, old, new)


def _of_rows(then: BoundTransition, now: BoundTransition | None, left: set[RowId]) -> Iterator[Difference]:
    present = now.rows if now is not None else {}
    for row in sorted({*then.rows, *present} - left):
        old, new = then.rows.get(row), present.get(row)
        name = " ".join(row)
        if old is None or new is None:
            then_happens, now_happens = ("nothing" if each is None else each.action for each in (old, new))
            yield Difference(Aspect.ROW, name, marked("what happens to it"), then_happens, now_happens)
            continue
        if (old.before is None) != (new.before is None):
            yield Difference(Aspect.ROW, name, "it", _there(old.before), _there(new.before))
            continue
        found = [
            *_of_fields(Aspect.ROW, name, old.before or {}, new.before or {}),
            *_of_fields(Aspect.ROW, name, old.after or {}, new.after or {}, "planned "),
        ]
        own = None if "aliases" in then.entries else frozenset((domain_of(row[2]), domain_of(then.subject)))
        yield from (each._replace(own=own) if each.field.endswith("goto") else each for each in found)
        if not found and old.action != new.action:
            yield Difference(Aspect.ROW, name, marked("what happens to it"), old.action, new.action)


def _of_fields(aspect: Aspect, name: str, old: Fields, new: Fields, prefix: str = "") -> Iterator[Difference]:
    for field in dict.fromkeys((*old, *new)):
        if old.get(field) != new.get(field):
            yield Difference(aspect, name, prefix + field, old.get(field), new.get(field))


def _common(steps: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
    both = set(others)
    return [step for step in steps if step in both]


def bound_transition(transition: Transition) -> BoundTransition:
    """What a line is bound to."""
    return BoundTransition(
        transition.owner.subject,
        {entry.section: entry.fields for entry in transition.declared},
        {c.row_id: BoundRow(str(c.action), _row(c.before), _row(c.after)) for c in transition.changes},
        tuple(step.id for step in transition.steps),
        tuple(sorted(set(transition.refused))),
    )


def _row(row: Row | None) -> Fields | None:
    shown = shown_fields(row)
    return None if shown is None else {name: plain(value) for name, value in shown.items()}


def _there(value: object) -> str:
    return "not there" if value is None else "there"


def _word(text: str) -> str:
    return tr(text) if text in _WORDS else text


def _said(value: Plain, own: frozenset[str] | None, elsewhere: Callable[[int], str]) -> str:
    """Forwards of users are counted: `own` are the domains whose addresses are named."""
    match value:
        case None:
            return "not written"
        case tuple():
            named = [item for item in value if own is None or domain_of(item) in own]
            others = [elsewhere(len(value) - len(named))] if len(named) < len(value) else []
            return ", ".join((*named, *others)) or "none"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value) or "empty"
