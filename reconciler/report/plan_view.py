"""The view model: one plan or one run, walked once, in words. Text, Markdown and JSON are written from it.

Its strings are raw: each renderer makes them harmless at its own edge (`sanitize`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.records import AliasRole, Owner, Scope
from reconciler.planning.changes import Action, Change, shown_fields
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.plan import Plan, Read
from reconciler.planning.review_facts import Cause, Direction
from reconciler.planning.transitions import Effect, Transition
from reconciler.report.plan_line_text import attention, label, sentence, title
from reconciler.report.vocabulary import count, named, quoted

SIGNS: Mapping[str, str] = {Action.CREATE: "+", Action.UPDATE: "~", Action.RENAME: "→", Action.DELETE: "−"}

IRREVERSIBLE = "‼"
"""The sign of a line with something in it that nothing brings back."""

_EMPTY = ((None, ""), ("", None), (None, ()), ((), None))
"""Fields of a new or a removed record that hold nothing."""


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One changed record; `fields` are (name, old, new), of a new record (name, None, new). `former` is the key that a
    renamed one had."""

    system: str
    kind: str
    action: Action
    key: str
    former: str
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    private: frozenset[str] = frozenset()
    """Targets that `text` counts."""

    @property
    def fields(self) -> Iterator[tuple[str, object, object]]:
        """What differs; of a new or a removed record all that holds a value."""
        before, after = self.before or {}, self.after or {}
        for name in after or before:
            old, new = before.get(name), after.get(name)
            if old != new and (self.action in (Action.UPDATE, Action.RENAME) or (old, new) not in _EMPTY):
                yield name, old, new

    @property
    def text(self) -> str:
        """`postfixadmin: update mailbox anna@mail.example (quota 5120 → 10240)`: words of the systems, the same in
        every language; where somebody's mail is forwarded to is counted."""
        return self._said(self.private)

    @property
    def verbose(self) -> str:
        """The same, and all addresses are named."""
        return self._said(frozenset())

    def _said(self, private: frozenset[str]) -> str:
        said = [(name, _value(old, name, private), _value(new, name, private)) for name, old, new in self.fields]
        match self.action:
            case Action.UPDATE | Action.RENAME:
                fields = [f"{name} {old} → {new}" for name, old, new in said]
            case Action.DELETE:
                fields = [f"{name} {old}" for name, old, _ in said]
            case Action.CREATE:
                fields = [f"{name} {new}" for name, _, new in said]
        key = f"{self.former} → {self.key}" if self.former not in ("", self.key) else self.key
        phrase = f"{self.system}: {self.action} {self.kind} {key}"
        return f"{phrase} ({', '.join(fields)})" if fields else phrase


def _value(value: object, name: str, private: frozenset[str]) -> str:
    match value:
        case AliasRole.OWN if name == "role":
            return "its own alias"
        case bool():
            return "yes" if value else "no"
        case tuple():
            named = [str(item) for item in value if item not in private]
            if number := len(value) - len(named):
                named.append(count(number, "address elsewhere", "addresses elsewhere"))
            return f"[{', '.join(named)}]"
        case str():
            return quoted(value)
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class StepView:
    """One step, where it comes, and the change that it carries out."""

    id: str
    stage: int
    label: str
    change: ChangeView


@dataclass(frozen=True, slots=True)
class Line:
    """One transition as a reviewer sees it. `title` is the subject, of a renamed account with the address that it
    leaves; `refused_by` and `waits_for` name the rules that stop it; `attention` says why to look closer."""

    transition: Transition
    title: str
    summary: str
    refused_by: tuple[str, ...]
    waits_for: tuple[str, ...]
    attention: tuple[str, ...]
    changes: tuple[ChangeView, ...]
    steps: tuple[StepView, ...]

    @property
    def action(self) -> Action:
        return self.transition.action

    @property
    def direction(self) -> Direction:
        return self.transition.direction

    @property
    def irreversible(self) -> bool:
        return self.transition.irreversible

    @property
    def scope(self) -> Scope:
        """Whether it is about an account, an alias or a block."""
        return self.transition.owner.scope

    @property
    def removal(self) -> bool:
        """Whether an account or an alias goes; the lifting of a block is counted with the blocks."""
        return self.transition.effect is Effect.REMOVAL and self.scope is not Scope.BLOCK

    @property
    def sign(self) -> str:
        """`‼` goes and nothing brings it back, `−` goes, `+` comes, `~` changes, `→` gets another address."""
        return sign_of(self.action, self.transition.effect, irreversible=self.irreversible)

    @property
    def stopped(self) -> bool:
        """Whether a gate or an unknown system keeps it from being carried out."""
        return bool(self.refused_by or self.waits_for)


@dataclass(frozen=True, slots=True)
class PlanView:
    """One plan in words. Lines are in the plan's order (dangerous first), findings the heaviest first."""

    plan: Plan
    title: str
    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]
    in_place: Mapping[str, int]
    unmanaged: Mapping[str, int]
    adopted: Mapping[str, int]

    @property
    def name(self) -> str:
        return named(self.title, self.plan.site)

    @property
    def reads(self) -> Sequence[Read]:
        return self.plan.reads

    @property
    def gates(self) -> Sequence[str]:
        return self.plan.gates

    @property
    def stopped(self) -> bool:
        return self.plan.stopped

    @property
    def missed(self) -> int:
        return len(self.plan.missed)

    @property
    def merging(self) -> bool:
        return self.plan.base is not None

    @property
    def behind(self) -> bool:
        return self.plan.base is not None and self.plan.base.contained is not True

    @property
    def redirects(self) -> bool:
        return self.plan.base is not None and bool(self.plan.base.site_changes)

    @property
    def refused_by_it(self) -> bool:
        stops = (Severity.ERROR, Severity.REFUSAL)
        return any(f.severity in stops and f.cause is not Cause.WAITING for f in self.findings)

    @property
    def only(self) -> Sequence[str]:
        return self.plan.only

    @property
    def shard(self) -> str:
        shard = self.plan.shard
        return f"{shard.number}/{shard.total}" if shard is not None else ""

    @property
    def left(self) -> int:
        return self.plan.left

    @property
    def typed(self) -> str:
        return again_by(self.plan.transitions)

    @property
    def open(self) -> int:
        """How many lines apply would carry out."""
        return 0 if self.plan.stopped else sum(not line.stopped for line in self.lines)

    def subjects(self, severity: str) -> int:
        """How many subjects have a finding of this severity."""
        return len({f.owner or f.subject for f in self.findings if f.severity == severity})


def sign_of(action: str, effect: str, *, irreversible: bool) -> str:
    """The sign of a line."""
    if irreversible:
        return IRREVERSIBLE
    return SIGNS[Action.DELETE if effect == Effect.REMOVAL else action]


def again_by(transitions: Sequence[Transition]) -> str:
    """The command that carries out what `apply` and `resume` cannot, since only a person knows the password."""
    typed = (t for t in transitions if any(c.kind == "given_password" for c in t.changes))
    return next((f"reconciler password {t.owner.subject}" for t in typed), "")


def plan_view(plan: Plan, title: str) -> PlanView:
    """Walks a plan; the only place that does."""
    waits: dict[Owner, set[str]] = {}
    for finding in plan.findings:
        if finding.severity is Severity.WAIT and finding.owner is not None:
            waits.setdefault(finding.owner, set()).add(finding.rule)
    lines = tuple(_line(t, waits.get(t.owner, set())) for t in plan.transitions)
    counts = map(_nonzero, (plan.counts.in_place, plan.counts.unmanaged, plan.counts.adopted))
    return PlanView(plan, title, lines, heaviest_first(plan.findings), *counts)


def heaviest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors and refusals before warnings and notes; those of one severity in the order in which they come."""
    weight = list(Severity)  # declared in this order
    return tuple(sorted(findings, key=lambda finding: weight.index(finding.severity)))


def transition_line(transition: Transition) -> Line:
    """A transition that is shown, and is no part of the plan."""
    return _line(transition, set())


def _line(transition: Transition, waits: set[str]) -> Line:
    views = {id(change): _change(change, transition.private) for change in transition.changes}
    rules = tuple(dict.fromkeys(transition.refused))
    return Line(
        transition,
        title(transition),
        sentence(transition),
        refused_by=tuple(rule for rule in rules if rule not in waits),
        waits_for=tuple(rule for rule in rules if rule in waits),
        attention=tuple(attention(transition)),
        changes=tuple(views.values()),
        steps=tuple(StepView(s.id, int(s.stage), label(s.change), views[id(s.change)]) for s in transition.steps),
    )


def _change(change: Change, private: frozenset[str]) -> ChangeView:
    before, after = shown_fields(change.before), shown_fields(change.after)
    former = change.before.key if change.action is Action.RENAME and change.before is not None else ""
    return ChangeView(change.system, change.kind, change.action, change.key, former, before, after, private)


def _nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    return {kind: number for kind, number in sorted(counts.items()) if number}
