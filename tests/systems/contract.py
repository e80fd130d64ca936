"""One contract for every live system. A system's tests subclass `Contract` and give it a `world` fixture.

The world is real (a database, a map file, the stand-in); the contract drives the system through the same verbs that
the workflow uses and compares dumps of what is live.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reconciler.model.declared import DesiredState
from reconciler.planning.changes import Change, Result, Step
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import System
from tests.systems.plans import changes_of, steps_of


class World(Protocol):
    """One live system to try, and how to look at it."""

    states: Sequence[DesiredState]
    """Declared one after the other; each differs from the one before."""

    def system(self) -> System:
        """A fresh instance on the same live system, as another process would have it."""
        ...

    async def drift(self) -> None:
        """Somebody changes by hand what the last state declares."""
        ...

    async def lose_race(self, change: Change) -> None:
        """Somebody changes by hand the very record that `change` is about to change."""
        ...

    async def dump(self) -> object:
        """Everything that is live and comparable: no clocks, no hashes, no ids of log rows."""
        ...

    async def reset(self) -> None:
        """Back to the empty live system."""
        ...


class Contract:
    """drift → converge → empty plan; twice; is_applied; races; crashes."""

    async def test_each_state_converges_and_the_second_plan_is_empty(self, world: World) -> None:
        for state in world.states:
            system = world.system()
            steps = await readable_steps_of(system, state)
            assert steps, "a state that changes nothing proves nothing"
            assert {o.result for o in await system.perform(PlanContext.of(state), steps)} == {Result.DONE}
            again = world.system()
            assert await changes_of(again, state) == []
            await _close(system, again)

    async def test_drift_is_found_and_put_right(self, world: World) -> None:
        await _converge(world, world.states)
        before = await world.dump()
        await world.drift()
        assert await world.dump() != before
        await _converge(world, world.states[-1:])
        assert await plan_once(world, world.states[-1]) == []

    async def test_every_step_may_be_repeated(self, world: World) -> None:
        for state in world.states:
            system = world.system()
            steps = await readable_steps_of(system, state)
            for step in steps:
                assert [o.result for o in await system.perform(PlanContext.of(state), [step])] == [Result.DONE]
                once = await world.dump()
                assert [o.result for o in await system.perform(PlanContext.of(state), [step])] == [Result.DONE], step.id
                assert await world.dump() == once, step.id
            await _close(system)

    async def test_is_applied_is_false_before_and_true_after(self, world: World) -> None:
        for state in world.states:
            system = world.system()
            steps = await readable_steps_of(system, state)
            assert await system.is_applied(steps) == [False] * len(steps)
            await system.perform(PlanContext.of(state), steps)
            assert await system.is_applied(steps) == [True] * len(steps)
            await _close(system)

    async def test_a_lost_race_fails_and_overwrites_nothing(self, world: World) -> None:
        tried = 0
        for state in world.states:
            system = world.system()
            for step in await readable_steps_of(system, state):
                if step.change.before is not None:
                    await world.lose_race(step.change)
                    theirs = await world.dump()
                    (outcome,) = await system.perform(PlanContext.of(state), [step])
                    assert outcome.result is Result.FAILED, step.id
                    assert (outcome.temporary, outcome.raced) == (False, True), step.id
                    assert await world.dump() == theirs, step.id
                    tried += 1
                    break
            await _close(system)
            await _converge(world, [state])
        assert tried, "no state updates anything"

    async def test_a_crash_before_and_after_every_step_changes_nothing_in_the_end(self, world: World) -> None:
        await _converge(world, world.states)
        undisturbed = await world.dump()
        await world.reset()
        first = world.system()
        count = len(await readable_steps_of(first, world.states[0]))
        await _close(first)
        for reached in range(count + 1):
            await world.reset()
            dying = world.system()
            for step in (await readable_steps_of(dying, world.states[0]))[:reached]:
                await dying.perform(
                    PlanContext.of(world.states[0]), [step]
                )  # and here the process ends: nobody records the outcome
            await _close(dying)
            await _converge(world, world.states)
            assert await world.dump() == undisturbed, f"died after step {reached}"


async def readable_steps_of(system: System, state: DesiredState) -> list[Step]:
    """The steps whose effect can be seen afterwards."""
    return [step for step in await steps_of(system, state) if step.readable]


async def plan_once(world: World, state: DesiredState) -> list[Change]:
    """`plan` on a fresh instance."""
    system = world.system()
    changes = await changes_of(system, state)
    await _close(system)
    return changes


async def _converge(world: World, states: Sequence[DesiredState]) -> None:
    for state in states:
        system = world.system()
        steps = await readable_steps_of(system, state)
        if steps:
            assert {o.result for o in await system.perform(PlanContext.of(state), steps)} == {Result.DONE}
        await _close(system)


async def _close(*systems: System) -> None:
    for system in systems:
        await system.close()
