"""Carries out the open transitions of a plan, stage by stage, and reads every effect back.

A failed step stops its transition, the others go on. Waves bound how many accounts can be half-way when something
dies; what was half-way is planned again by the next run, because every plan starts from what is live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from graphlib import TopologicalSorter
from types import MappingProxyType

from reconciler.apply.journal import Journal
from reconciler.errors import Unreadable
from reconciler.model.record_kinds import kind_of
from reconciler.model.records import Owner
from reconciler.planning.changes import Outcome, Result, Stage, Step
from reconciler.planning.plan import Plan
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import System
from reconciler.planning.run_outcome import Progress, Run, TransitionRun
from reconciler.planning.transitions import Transition

WAVE = 500
"""Transitions that may be half-way at one time."""

_ATTEMPTS = 3
_PAUSE = 2.0
"""Seconds before a temporary failure is tried again, doubled each time."""


async def carry_out(
    plan: Plan,
    systems: Sequence[System],
    journal: Journal,
    *,
    context: PlanContext,
    clock: Callable[[], datetime],
    progress: Progress,
    stop: asyncio.Event,
    pause: float = _PAUSE,
    barred: Mapping[str, Unreadable] = MappingProxyType({}),
) -> Run:
    """Runs every open transition. `stop` ends the run at the next step boundary; what was not begun is NOT_TRIED, and
    so is everything of a transition with steps in a system of `barred`, which cannot be written now."""
    started = clock()
    transitions = _in_order(plan.open_transitions)
    work = _Work(context, systems, journal, progress, sum(len(t.steps) for t in transitions), stop, pause)
    work.bar(transitions, barred)
    for start in range(0, len(transitions), WAVE):
        await work.wave(transitions[start : start + WAVE])
    not_tried = Outcome(Result.NOT_TRIED)
    runs = tuple(
        TransitionRun(t, tuple((s, work.outcomes.get(s.id, not_tried)) for s in t.steps)) for t in plan.open_transitions
    )
    # a request to stop after the last step stops nothing
    left = any(outcome.result is Result.NOT_TRIED for run in runs for _, outcome in run.outcomes)
    return Run(plan, started, clock(), runs, interrupted=stop.is_set() and left)


def _in_order(transitions: Sequence[Transition]) -> list[Transition]:
    """What others lead to comes first, so that no wave writes an alias before its target."""
    by_owner = {transition.owner: transition for transition in transitions}
    order = TopologicalSorter({t.owner: t.needs & by_owner.keys() for t in transitions if t.needs}).static_order()
    late = [by_owner[owner] for owner in order]
    late_owners = {transition.owner for transition in late}
    return [t for t in transitions if t.owner not in late_owners] + late


def _levels(transitions: Sequence[Transition]) -> list[list[Transition]]:
    """Groups of transitions, each after those it leads to. What earlier stages decide needs no group of its own."""
    depth: dict[Owner, int] = {}
    stages: dict[Owner, set[Stage]] = {}
    levels: dict[int, list[Transition]] = {}
    for transition in transitions:
        own = {step.stage for step in transition.steps}
        needed = (depth[need] + (not own.isdisjoint(stages[need])) for need in transition.needs if need in depth)
        at = max(needed, default=0)
        depth[transition.owner], stages[transition.owner] = at, own
        levels.setdefault(at, []).append(transition)
    return [levels[at] for at in sorted(levels)]


def _parts(batch: Sequence[Step]) -> Iterator[Sequence[Step]]:
    """Letters go one by one, so that each is noted before the next: one that is not is written again, with a new
    password."""
    alone = [step for step in batch if kind_of(step.change.kind).one_by_one]
    together = [step for step in batch if not kind_of(step.change.kind).one_by_one]
    if together:
        yield together
    yield from ([step] for step in alone)


@dataclass(slots=True)
class _Work:
    """The state of one run: what each step came to."""

    context: PlanContext
    systems: Sequence[System]
    journal: Journal
    progress: Progress
    total: int
    stop: asyncio.Event
    pause: float
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failed: set[Owner] = field(default_factory=set)
    """Of whom something failed, or whatever leads to them."""

    async def wave(self, transitions: Sequence[Transition]) -> None:
        """All stages of some transitions, in order; within a stage one batch for each system and group."""
        levels = _levels(transitions)
        for stage in Stage:
            for system in self.systems:
                for level in levels:
                    for part in _parts(self._batch_of(level, stage, system)):
                        await self._part(system, part)

    def bar(self, transitions: Sequence[Transition], barred: Mapping[str, Unreadable]) -> None:
        """Begins nothing with a step in a system that cannot be written, nor what leads to it."""
        for transition in transitions:
            for step in transition.steps:
                if (why := barred.get(step.change.system)) is not None:
                    self.outcomes[step.id] = Outcome(Result.NOT_TRIED, why.message, why.hint, temporary=True)
                    self.failed.add(transition.owner)

    def _batch_of(self, transitions: Sequence[Transition], stage: Stage, system: System) -> list[Step]:
        return [
            step
            for transition in transitions
            if self._goes_on(transition)
            for step in transition.steps
            if step.stage is stage and step.change.system == system.name
        ]

    async def _part(self, system: System, part: Sequence[Step]) -> None:
        """Carries out steps of one system and notes how they ended."""
        if self.stop.is_set():
            return
        self.progress(system.name, len(self.outcomes), self.total)
        await self._batch(system, part)
        await self.journal.after([(step, self.outcomes[step.id]) for step in part])
        self.failed |= {s.change.owner for s in part if self.outcomes[s.id].result is Result.FAILED}
        self.progress(system.name, len(self.outcomes), self.total)

    def _goes_on(self, transition: Transition) -> bool:
        """Whether nothing of it failed, nor of what it leads to, at any depth."""
        if not transition.needs.isdisjoint(self.failed):
            self.failed.add(transition.owner)
        return transition.owner not in self.failed

    async def _batch(self, system: System, batch: Sequence[Step]) -> None:
        """Skip what is in place, perform the rest, try temporary failures again, look again."""
        try:
            held = await system.is_applied(batch)
        except Unreadable as error:
            self._fail(batch, error)
            return
        pending = []
        for step, in_place in zip(batch, held, strict=True):
            if in_place and step.change.makes_credential:
                # made by others since the plan: its password is not the one in our letter
                message = f"{step.change.key} appeared in {step.change.system} since the plan was made"
                self.outcomes[step.id] = Outcome.lost_race(message, "run `reconciler plan` again")
            elif in_place:
                self.outcomes[step.id] = Outcome(Result.SKIPPED, "in place already")
            else:
                pending.append(step)
        if pending:
            await self.journal.before(pending)
        for attempt in range(_ATTEMPTS):
            if not pending or (attempt and await self._stopped(self.pause * 2 ** (attempt - 1))):
                return
            pending = await self._attempt(system, pending)

    async def _stopped(self, seconds: float) -> bool:
        """Waits; whether somebody asked to stop meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stop.wait()
        return self.stop.is_set()

    async def _attempt(self, system: System, pending: Sequence[Step]) -> list[Step]:
        """Performs and reads back; the steps that may work when they are tried again."""
        try:
            outcomes = await system.perform(self.context, pending)
        except Unreadable as error:
            self._fail(pending, error)
            return list(pending)
        for step, outcome in zip(pending, outcomes, strict=True):
            self.outcomes[step.id] = outcome
        await self._read_back(system, [s for s in pending if s.readable and self.outcomes[s.id].result is Result.DONE])
        return [s for s in pending if self.outcomes[s.id].temporary]

    async def _read_back(self, system: System, done: Sequence[Step]) -> None:
        if not done:
            return
        try:
            held = await system.is_applied(done)
        except Unreadable as error:
            self._fail(done, error)
            return
        for step, in_place in zip(done, held, strict=True):
            if not in_place:
                message = f"{step.change.system} reported success, but {step.change.key} does not read back as planned"
                self.outcomes[step.id] = Outcome(Result.FAILED, message, "run `reconciler plan` and compare")

    def _fail(self, steps: Sequence[Step], error: Unreadable) -> None:
        for step in steps:
            self.outcomes[step.id] = Outcome(Result.FAILED, error.message, error.hint, temporary=True)
