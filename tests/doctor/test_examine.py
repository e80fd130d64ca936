"""Areas are looked at by themselves: what happens in one changes nothing in another."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from reconciler.doctor.check import Check, Verdict
from reconciler.doctor.context import DoctorContext
from reconciler.doctor.examine import AREAS, Progress, examine
from reconciler.errors import Unreadable
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.outbox import OutboxMailer
from reconciler.settings import Settings

CONTEXT = DoctorContext(
    settings=Settings(site="nrw", folder=Path("/nowhere")), hosts=SiteHosts({}), mailer=OutboxMailer(Path("/nowhere"))
)
Area = Callable[[DoctorContext], Awaitable[Sequence[Check]]]


@pytest.fixture
def area(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Area], None]:
    """Adds an area for one test."""

    def add(name: str, function: Area) -> None:
        module = ModuleType(f"reconciler.doctor.{name}")
        module.__dict__["examine"] = function
        monkeypatch.setitem(sys.modules, module.__name__, module)

    return add


def check(area: str, verdict: Verdict) -> Check:
    return Check(area, verdict.value, verdict, "seen")


async def good(_: DoctorContext) -> list[Check]:
    return [check("good", Verdict.OK), check("good", Verdict.FAILED), check("good", Verdict.WARNING)]


async def unreachable(_: DoctorContext) -> list[Check]:
    raise Unreadable("db.example: no answer", hint="start it")


async def silent(_: DoctorContext) -> list[Check]:
    await asyncio.sleep(3600)
    return []


async def test_the_others_go_on_and_the_worst_comes_first(area: Callable[[str, Area], None]) -> None:
    area("unreachable", unreachable)
    area("silent", silent)
    area("good", good)
    found = await examine(CONTEXT, lambda _: None, ("unreachable", "silent", "good"), patience=0.2)
    assert [(c.area, c.verdict.value) for c in found] == [
        ("unreachable", "unknown"),
        ("silent", "unknown"),
        ("good", "failed"),
        ("good", "warning"),
        ("good", "ok"),
    ]
    assert (found[0].saw, found[0].fix) == ("db.example: no answer", ("start it",))
    assert "no answer within 0.2 s" in found[1].saw


async def test_it_says_how_far_it_is(area: Callable[[str, Area], None]) -> None:
    area("good", good)
    area("unreachable", unreachable)
    seen: list[Progress] = []
    await examine(CONTEXT, seen.append, ("good", "unreachable"))
    assert [(now.ended, len(now.running)) for now in seen] == [(0, 2), (1, 1), (2, 0)]


async def test_a_site_with_nothing_has_nothing_to_look_at() -> None:
    assert await examine(CONTEXT, lambda _: None, AREAS) == ()
