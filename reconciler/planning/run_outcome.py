"""A Run: one carrying-out of one plan, as it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reconciler.planning.binding import Binding
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
        """The worst result of a step: failed, not tried, uncertain; else DONE."""
        results = {outcome.result for _, outcome in self.outcomes}
        heaviest = (Result.FAILED, Result.NOT_TRIED, Result.UNCERTAIN)
        return next((result for result in heaviest if result in results), Result.DONE)

    @property
    def unfinished(self) -> bool:
        """Whether anything of it is still to be done. What is uncertain is not done again."""
        return self.result not in (Result.DONE, Result.UNCERTAIN)


@dataclass(frozen=True, slots=True)
class Run:
    """What became of every transition of the plan that was open."""

    plan: Plan
    started: datetime
    finished: datetime
    transitions: tuple[TransitionRun, ...]
    interrupted: bool = False
    binding: Binding | None = None
    """What it was bound to; None where everything that was pending was to be done."""

    @property
    def complete(self) -> bool:
        """Whether everything that was open is done, and known to be."""
        return not self.interrupted and all(t.result is Result.DONE for t in self.transitions)


Progress = Callable[[str, int, int], None]
"""Called while work goes on: what is done, how much of it is done, how much there is."""
