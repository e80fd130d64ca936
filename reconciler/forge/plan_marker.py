"""What the marker of a comment says of the documents that the comment shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.forge.marker import Marker, line_hashes, values_hash
from reconciler.report.json_models import RunDocument
from reconciler.report.json_plan_models import PlanDocument, ReadPart


def plan_marker(plan: PlanDocument, *, job: str = "", cut: bool = False, masked: bool = False) -> Marker:
    """Of a plan, or of drift. `job`: the URL of the job that made it; `cut` and `masked`: what the comment lacks."""
    stopped = any(f.severity == "refusal" and f.owner is None for f in plan.findings)
    return Marker(
        site=plan.site,
        purpose=plan.purpose,
        digest=plan.digest,
        commit=plan.commit,
        base=plan.base.commit if plan.base else "",
        made=plan.made,
        job=job,
        counts={name: getattr(plan.counts, name) for name in _COUNTED},
        cut=cut,
        masked=masked or plan.masked,
        stopped=stopped,
        targets=values_hash(bound_targets(plan.reads)),
        policy=values_hash(plan.policy),
        lines=line_hashes((line.id, line.fingerprint) for line in plan.transitions),
    )


_COUNTED = ("create", "update", "rename", "delete", "removals", "irreversible", "open")


def bound_targets(reads: Iterable[ReadPart]) -> dict[str, str]:
    """Where each system is. The ledger is read only where it could not be, and is no target."""
    return {read.system: read.target for read in reads if read.system != "ledger"}


def run_marker(run: RunDocument, *, job: str = "", cut: bool = False, masked: bool = False) -> Marker:
    """Of what became of a plan."""
    counts = {name: getattr(run.counts, name) for name in type(run.counts).model_fields}
    if run.binding is not None:
        counts |= {"differing": len(run.binding.differing), "left": len(run.binding.left)}
    return Marker(
        site=run.site,
        purpose="run",
        digest=run.plan,
        commit=run.commit,
        made=run.finished,
        job=job,
        counts=counts,
        cut=cut,
        masked=masked or run.masked,
    )
