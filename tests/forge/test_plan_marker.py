"""What the marker says of a plan and of a run."""

from __future__ import annotations

from pathlib import Path

from reconciler.forge.plan_marker import plan_marker, run_marker
from reconciler.report.json_models import RunDocument
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import read_document
from reconciler.systems.registry import register_kinds

register_kinds()
GOLDEN = Path(__file__).parent.parent / "report" / "golden"


def test_a_plans_marker_agrees_to_its_lines() -> None:
    plan = read_document((GOLDEN / "plan_busy.json").read_text(encoding="utf-8"))
    assert isinstance(plan, PlanDocument)
    marker = plan_marker(plan, job="https://forge.example/-/jobs/7")
    assert (marker.site, marker.digest, marker.commit) == (plan.site, plan.digest, plan.commit)
    assert marker.counts["open"] == plan.counts.open
    assert not marker.approves_nothing
    assert all(marker.agrees(line.id, line.fingerprint) for line in plan.transitions)
    other = plan.model_copy(update={"policy": {**plan.policy, "limits.removals.number": "999"}})
    assert plan_marker(other).policy != marker.policy
    assert plan_marker(other).targets == marker.targets


def test_a_plan_that_is_refused_as_a_whole_approves_nothing() -> None:
    plan = read_document((GOLDEN / "plan_busy.json").read_text(encoding="utf-8"))
    assert isinstance(plan, PlanDocument)
    whole = plan.findings[0].model_copy(update={"severity": "refusal", "owner": None})
    assert plan_marker(plan.model_copy(update={"findings": (whole,)})).stopped


def test_a_runs_marker_is_of_another_comment() -> None:
    run = read_document((GOLDEN / "run_half.json").read_text(encoding="utf-8"))
    assert isinstance(run, RunDocument)
    marker = run_marker(run)
    assert (marker.purpose, marker.digest) == ("run", run.plan)
    assert marker.counts["done"] == run.counts.done
    assert marker.approves_nothing
