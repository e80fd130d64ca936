"""Ruins a run at one touch, has it put right in one of three ways, and compares with the run that nothing disturbed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.proof.dump import dump, everything
from tests.proof.outside import OX
from tests.proof.scenarios import Scenario
from tests.proof.touches import Fault, How, Touch
from tests.proof.world import LONG, Answer, Watch, World


class Recovery(StrEnum):
    """Who puts it right."""

    RESUME = "resume"
    """The lock of the dead run is broken by `unlock`, then `resume`."""
    APPLY = "apply"
    """Cron's next apply, when the lock has expired."""
    OTHER_MACHINE = "another machine resumes"
    """With nothing of the dead process but what is in the ledger."""


@dataclass(frozen=True)
class Undisturbed:
    """A prepared world, and how it looks when nothing goes wrong."""

    scenario: Scenario
    world: World
    touches: tuple[Touch, ...]
    end: dict[str, Any]
    known: dict[tuple[str, Recovery], list[str]] = field(default_factory=dict)
    """What was wrong after a recovery from a world like this one."""

    @classmethod
    def of(cls, scenario: Scenario, folder: Path) -> Undisturbed:
        """Prepares the world and runs a copy of it to its end."""
        world = scenario.prepare(folder / "before")
        done = world.copy(folder / "done")
        answer = done.apply()
        assert answer.status == 0, answer.out
        assert done.plan().status == 0, done.plan().out
        return cls(scenario, world, tuple(answer.touches), dump(done))

    def wrong(self, how: How, folder: Path) -> Iterator[str]:
        """Everything that is wrong when this happens to any touch, and the run is put right: in each way in a long
        proof, else in one after the other, at every third touch. One run in four has its threads and its heartbeat:
        there the touch of this number may be another one, or a renewal of the lock.
        Faults that leave the same world share its recoveries: a commit that was killed leaves what one that was never
        tried does. Over SOAP what is not SOAP is met in a long proof alone: it is as by the tools.
        """
        soap_alone = self.scenario.over_soap and not LONG
        turn, every = list(How).index(how), 1 if LONG else 3
        for number, touch in enumerate(self.touches):
            if how not in touch.ways() or (turn + number) % every or (soap_alone and touch.line != OX):
                continue
            world = self.world.copy(folder / "ruined")
            live = (turn + number // every) % 4 == 0
            assert world.apply(Fault(number, how), live=live).struck, "the run was over before"
            left = everything(world)
            for recovery in Recovery if LONG else (list(Recovery)[(turn + number // every) % len(Recovery)],):
                if (left, recovery) not in self.known:
                    self.known[left, recovery] = self._after(world, recovery, folder / "recovered")
                if found := self.known[left, recovery]:
                    where = f"{self.scenario.name}: {how} at touch {number} ({touch.line} {touch.what}), {recovery}"
                    yield "\n  ".join([where, *found])
            shutil.rmtree(world.folder)

    def _after(self, ruined: World, recovery: Recovery, folder: Path) -> list[str]:
        """What is wrong after a copy of a ruined world was put right; empty when nothing is."""
        world = ruined.copy(folder)
        try:
            return list(self._differences(world, recovery))
        finally:
            shutil.rmtree(folder)

    def _differences(self, world: World, recovery: Recovery) -> Iterator[str]:
        recovered = recover(world, recovery)
        if recovered.status != 0:
            yield f"recovery ended with {recovered.status}: {recovered.out}"
        end = dump(world)
        yield from (f"{part}: {differing(end[part], self.end[part])}" for part in end if end[part] != self.end[part])
        again = world.plan()
        if again.status != 0:
            yield f"a further plan is not empty: {again.out}"


def differing(now: Any, wanted: Any) -> str:
    """What one has and the other has not."""
    if isinstance(now, dict):
        keys = [key for key in {**now, **wanted} if now.get(key) != wanted.get(key)]
        return "\n    ".join(f"{key}: {now.get(key)}\n    instead of {wanted.get(key)}" for key in keys)
    more, less = [row for row in now if row not in wanted], [row for row in wanted if row not in now]
    return f"there is {more}\n    instead of {less}"


def recover(world: World, recovery: Recovery, watch: Watch | None = None) -> Answer:
    """One command, or `apply` after a `resume` that found no run, because the run died before it was written down."""
    if recovery is Recovery.RESUME:
        world.break_lock()
    else:
        world.expire_lock()
    if recovery is Recovery.APPLY:
        return world.apply(watch=watch)
    resumed = world.resume(machine="b" if recovery is Recovery.OTHER_MACHINE else "a", watch=watch)
    return world.apply(watch=watch) if "no run was left unfinished" in resumed.out else resumed
