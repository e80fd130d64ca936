"""A system in memory for tests of the engine: holds rows, and fails when it is told to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from reconciler.errors import Unreadable
from reconciler.model.records import AliasRole, AliasRow, BlockRow, LetterRow, MailboxRow, Owner, Records, Row, Scope
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.plan import Counts, Plan
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, System
from reconciler.planning.transitions import Effect, Transition


class Memory(System):
    """Answers the verbs of a system; `log` has every call that reached it."""

    def __init__(self, name: str, log: list[str] | None = None) -> None:
        self.name = self.target = name
        self.log = log if log is not None else []
        self.rows: dict[str, Row] = {}
        self.answers: dict[str, list[Outcome | Unreadable]] = {}
        self.lies: set[str] = set()
        self.blind = False

    def expect(self, context: PlanContext) -> Records:
        return {}

    async def observe(self, *, writing: bool = False) -> Observation:
        return Observation({"block": dict(self.rows)})

    def stage(self, change: Change) -> Stage:
        return Stage.MAIL_FLOW

    async def check(self, kinds: Collection[str] = ()) -> None:
        self.log.append(f"check {self.name}")

    async def perform(self, context: PlanContext, batch: Sequence[Step]) -> list[Outcome]:
        self.log.append(f"{self.name}: {' '.join(step.change.key for step in batch)}")
        return [self._one(step) for step in batch]

    def _one(self, step: Step) -> Outcome:
        key = step.change.key
        planned = self.answers.get(key, [])
        if planned:
            answer = planned.pop(0)
            if isinstance(answer, Unreadable):
                raise answer
            if answer.result is not Result.DONE:
                return answer
        if key not in self.lies and step.change.after is not None:
            self.rows[key] = step.change.after
        return Outcome(Result.DONE)

    async def is_applied(self, batch: Sequence[Step]) -> list[bool]:
        if self.blind:
            raise Unreadable("the line is down", hint="look at the line")
        return [self.rows.get(step.change.key) == step.change.after for step in batch]

    async def close(self) -> None:
        self.log.append(f"close {self.name}")


def alias(system: str, key: str, *needs: Owner) -> Transition:
    """An alias that leads to what `needs` names."""
    row = AliasRow(key, key, tuple(owner.subject for owner in needs), True, AliasRole.DECLARED)
    change = Change(system, "alias", Action.CREATE, key, None, row, row.owner)
    return Transition(row.owner, (change,), (Step(change, Stage.REFERENCES),), Effect.CREATION, needs=frozenset(needs))


def step(system: str, key: str, stage: Stage = Stage.MAIL_FLOW, *, owner: str = "", kind: str = "block") -> Step:
    """A step that creates one row."""
    rows: dict[str, Row] = {
        "block": BlockRow(key, "REJECT"),
        "letter": LetterRow(key, owner or key, "1", "x@extern.example"),
        "mailbox": MailboxRow(key, owner or key, "", 1, True),
    }
    row = rows[kind]
    return Step(Change(system, kind, Action.CREATE, key, None, row, Owner(Scope.ACCOUNT, owner or key)), stage)


def plan_with(*groups: Sequence[Step]) -> Plan:
    """A plan with one transition for each group of steps."""
    transitions = tuple(
        Transition(group[0].change.owner, tuple(s.change for s in group), tuple(group), Effect.CREATION)
        for group in groups
    )
    return Plan("case", "", NOW, transitions, (), (), Counts(), "digest")


NOW = datetime(2026, 11, 24, 10, 58, tzinfo=UTC)
