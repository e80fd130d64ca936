"""A Run: one carrying-out of one plan, as it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reconciler.planning.changes import Outcome, Result, Step
from reconciler.planning.plan import Plan
from reconciler.planning.transitions import Transition


@dataclass(frozen=True, slots=True)
class TransitionRun:
    """One transition with the outcome of each of its steps."""

    transition: Transition
    outcomes: tuple[tuple[Step, Outcome], ...]

    @property
    def result(self) -> Result:
        """FAILED when any step failed, NOT_TRIED when none was begun, else DONE."""
        results = {outcome.result for _, outcome in self.outcomes}
        if Result.FAILED in results:
            return Result.FAILED
        return Result.NOT_TRIED if Result.NOT_TRIED in results else Result.DONE

    @property
    def unfinished(self) -> bool:
        """Whether anything of it is still to be done."""
        return self.result is not Result.DONE


@dataclass(frozen=True, slots=True)
class Run:
    """What became of every transition of the plan that was open."""

    plan: Plan
    started: datetime
    finished: datetime
    transitions: tuple[TransitionRun, ...]
    interrupted: bool = False

    @property
    def complete(self) -> bool:
        """Whether everything that was open is done."""
        return not self.interrupted and all(t.result is Result.DONE for t in self.transitions)


Progress = Callable[[str, int, int], None]
"""Told while work goes on: what is being done, how much of it is done, how much there is."""
