"""Every file of `tests/cases` is a test: what is declared and live there gives exactly the plan there."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.planning.plan_draft import Selection
from reconciler.planning.plan_part import Asked, Only
from reconciler.systems import registry
from tests.workflow.cases import FOLDER, plan_of, read_case, told

CASES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
async def test_case(path: Path, tmp_path: Path) -> None:
    case = read_case(path)
    plan = await plan_of(case, tmp_path)
    assert _sorted(told(plan)) == _sorted(case.plan)
    assert list(told(plan)) == list(case.plan)  # dangerous first
    assert sorted(f"{f.severity} {f.rule} {f.subject}" for f in plan.findings) == sorted(case.findings)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
async def test_the_order_of_the_registry_is_for_display_alone(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is asked first, the transitions are the same, down to the order of their changes and steps."""
    case = read_case(path)
    plan = await plan_of(case, tmp_path)
    for packages in (registry.SYSTEMS[::-1], [*registry.SYSTEMS[2:], *registry.SYSTEMS[:2]]):
        monkeypatch.setattr(registry, "SYSTEMS", packages)
        again = await plan_of(case, tmp_path)
        assert (again.transitions, again.digest) == (plan.transitions, plan.digest)
        assert set(again.findings) == set(plan.findings)
        assert [read.system for read in again.reads] != [read.system for read in plan.reads]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
async def test_a_part_has_the_lines_of_the_whole_plan(path: Path, tmp_path: Path) -> None:
    """Whatever is asked for, its lines are those of the whole plan, refused or not, with what they need."""
    case = read_case(path)
    plan = await plan_of(case, tmp_path)
    for asked in plan.transitions:
        name = asked.owner.subject
        only = Only(frozenset({name}), frozenset() if "@" in name else frozenset({name}))
        part = await plan_of(case, tmp_path, Selection(part=Asked(only)))
        owners = {t.owner for t in part.transitions}
        assert part.transitions == tuple(t for t in plan.transitions if t.owner in owners)
        assert asked.owner in owners
        needed = {owner for t in part.transitions for owner in t.needs}
        assert {owner.subject for owner in owners - needed} == {name}
        assert {f for f in part.findings if f.owner} == {f for f in plan.findings if f.owner in owners}


def _sorted(plan: dict[str, list[str]]) -> dict[str, list[str]]:
    """The order of steps inside a transition is the systems' own and tested there."""
    return {subject: sorted(lines) for subject, lines in plan.items()}


def test_there_are_cases() -> None:
    assert len(CASES) >= 20
