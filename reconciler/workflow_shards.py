"""The last stage of the pipeline where several machines make one plan: what of it is in a shard (docs/big-sites.md)."""

from __future__ import annotations

from dataclasses import replace

from reconciler.planning.annotations import counts, read_of
from reconciler.planning.plan import digest
from reconciler.planning.plan_draft import Draft
from reconciler.planning.shard_facts import ShardFacts
from reconciler.planning.shards import Shard, Split, state_digest
from reconciler.policy.gate_context import GateContext
from reconciler.policy.gates import limit_facts
from reconciler.report.plan_view import heaviest_first
from reconciler.workflow_values import Changes, Matching, Sources


def in_shard(
    whole: Draft, shard: Shard, sources: Sources, context: GateContext, matching: Matching, changes: Changes
) -> Draft:
    """The part of this draft that is in the shard; with the numbers by which all parts together are judged. `context`
    is that of the gates."""
    split, desired = Split.of(shard, sources.context), sources.context.desired
    ordered = heaviest_first(whole.plan.findings)
    mine = {place: finding for place, finding in enumerate(ordered) if split.has_finding(finding)}
    plan = replace(split.plan(whole.plan), findings=tuple(mine.values()))
    unknown = [read for read in whole.plan.reads if read.system not in {system.name for system in sources.systems}]
    limits = limit_facts(context, ordered, split.has)
    plan = replace(
        plan,
        reads=(*(read_of(system, matching.snapshot, split) for system in sources.systems), *unknown),
        counts=counts(matching.pairs.values(), changes.pending, whole.unmanaged, whole.adopted, split),
        digest=digest(plan.site, {s.name: s.target for s in sources.systems}, plan.policy, plan.transitions),
        shard=ShardFacts(shard.number, shard.of, desired.today, state_digest(desired), limits, tuple(mine)),
    )
    return replace(whole, plan=plan)
