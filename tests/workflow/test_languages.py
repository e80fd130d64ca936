"""A plan is the same in both languages: only its sentences differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.planning.plan import Plan, fingerprint
from reconciler.planning.staleness import bound
from reconciler.translation import speak
from tests.workflow.cases import Case, plan_of, read_case
from tests.workflow.test_cases import CASES, COMPARED


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    speak("en")


def _bound(plan: Plan) -> object:
    """What a review, a saved plan and the comparison with the base are bound to, and what is counted."""
    lines = [(t.id, fingerprint(t), t.refused, t.cause, t.effect) for t in (*plan.transitions, *plan.taken_back)]
    findings = [(f.severity, f.rule, f.subject, f.owner, f.final, f.entries, f.cause) for f in plan.findings]
    return plan.digest, bound(plan), lines, findings, [(r.system, r.target, r.rows) for r in plan.reads]


async def _in_both(case: Case, folder: Path, base: dict[str, object] | None = None) -> tuple[Plan, Plan]:
    speak("en")
    english = await plan_of(case, folder, base=base)
    speak("de")
    return english, await plan_of(case, folder, base=base)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
async def test_a_plan_in_german_does_the_same_and_is_bound_to_the_same(path: Path, tmp_path: Path) -> None:
    english, german = await _in_both(read_case(path), tmp_path)
    assert _bound(german) == _bound(english)
    said = [(f.message, g.message) for f, g in zip(english.findings, german.findings, strict=True)]
    assert [one for one, other in said if one == other] == []
    assert not english.gates or german.gates != english.gates


@pytest.mark.parametrize("path", COMPARED, ids=lambda path: path.stem)
async def test_so_does_one_that_is_compared_with_its_base(path: Path, tmp_path: Path) -> None:
    case = read_case(path)
    less = case.declared | {"mailboxes": dict(list(case.declared.get("mailboxes", {}).items())[1:])}
    english, german = await _in_both(case, tmp_path, base=less)
    assert _bound(german) == _bound(english)
