"""Runs all areas of checks, each by itself: one that cannot be looked at is unknown, and the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple

from reconciler.doctor.check import UNSEEN, Check, Verdict, unknown
from reconciler.doctor.context import DoctorContext
from reconciler.errors import ReconcilerError
from reconciler.remote.concurrency import together

PATIENCE = 180.0
"""Seconds that one area may take; each wait inside of it is shorter."""

AREAS = ("ssh", "clock", "database", "openxchange", "postfix", "sudoers", "dns", "moving")
"""In the order of the report. Each is a module of this package with `async def examine(context) -> Sequence[Check]`,
which gives nothing when the site file leaves its part out; it is imported when it is run."""


class Progress(NamedTuple):
    """How far an examination is."""

    ended: int
    running: tuple[str, ...]
    """The areas that are still being looked at."""


async def examine(
    context: DoctorContext,
    progress: Callable[[Progress], None],
    areas: Sequence[str] = AREAS,
    patience: float = PATIENCE,
) -> tuple[Check, ...]:
    """All checks, area after area, the worst first within each."""
    answers: dict[str, Sequence[Check]] = {}

    async def look(area: str) -> None:
        answers[area] = await _area(area, context, patience)
        progress(Progress(len(answers), tuple(each for each in areas if each not in answers)))

    progress(Progress(0, tuple(areas)))
    await together(look(area) for area in areas)
    order = list(Verdict).index
    return tuple(check for area in areas for check in sorted(answers[area], key=lambda c: order(c.verdict)))


async def _area(area: str, context: DoctorContext, patience: float) -> Sequence[Check]:
    try:
        async with asyncio.timeout(patience):
            found: Sequence[Check] = await import_module(f"reconciler.doctor.{area}").examine(context)
            return found
    except ReconcilerError as error:
        return [unknown(area, "the whole area", error)]
    except TimeoutError:
        seen = f"no answer within {patience:g} s"
        fix = ("see whether the machine that is asked is overloaded, then: reconciler doctor",)
        return [Check(area, "the whole area", Verdict.UNKNOWN, seen, UNSEEN, fix)]
