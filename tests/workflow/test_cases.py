"""Every file of `tests/cases` is a test: what is declared and live there gives exactly the plan there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import InvalidInput
from reconciler.planning.plan_draft import Selection
from reconciler.planning.plan_part import Asked, Only
from reconciler.planning.review_facts import Cause
from reconciler.planning.transitions import Transition
from reconciler.systems import registry
from tests.workflow.cases import FOLDER, plan_of, read_case, told

CASES = sorted(FOLDER.glob("*.yaml"))
COMPARED = [path for path in CASES if path.stem in ("alias_to_refused_account", "blocks", "confirmed", "switched_off")]


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


@pytest.mark.parametrize("path", COMPARED, ids=lambda path: path.stem)
async def test_nothing_of_either_plan_is_lost_beside_a_base(path: Path, tmp_path: Path) -> None:
    """With an entry left out of the base, and with one left out of the merge request: the lines of the plan are what
    they are without a base, and what the base would do is waiting, changed or taken back."""
    case = read_case(path)
    for less in _with_an_entry_less(case.declared):
        for head, base in ((case.declared, less), (less, case.declared)):
            at_head, at_base = replace(case, declared=head), replace(case, declared=base)
            try:
                plan, theirs = await plan_of(at_head, tmp_path, base=base), await plan_of(at_base, tmp_path)
            except InvalidInput:
                continue  # an alias without its mailbox
            alone = await plan_of(at_head, tmp_path)
            assert [_effects(t) for t in plan.transitions] == [_effects(t) for t in alone.transitions]
            assert plan.digest == alone.digest
            there = {_effects(t) for t in theirs.transitions}
            for line in plan.transitions:
                assert (line.cause is Cause.WAITING) == (_effects(line) in there), line.owner
            rows = {(t.owner, c.row_id) for t in (*plan.transitions, *plan.taken_back) for c in t.changes}
            assert {(t.owner, c.row_id) for t in theirs.transitions for c in t.changes} <= rows


def _with_an_entry_less(declared: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """For each section the state without its first entry."""
    for section, entries in declared.items():
        if isinstance(entries, dict | list) and entries:
            less = entries.copy()
            del less[next(iter(entries)) if isinstance(entries, dict) else 0]
            yield declared | {section: less}


def _effects(transition: Transition) -> tuple[object, ...]:
    """What would be done, and what refuses it."""
    return transition.id, transition.refused, tuple((s.id, s.stage, s.change) for s in transition.steps)


def _sorted(plan: dict[str, list[str]]) -> dict[str, list[str]]:
    """The order of steps inside a transition is the systems' own and tested there."""
    return {subject: sorted(lines) for subject, lines in plan.items()}


def test_there_are_cases() -> None:
    assert len(CASES) >= 20
