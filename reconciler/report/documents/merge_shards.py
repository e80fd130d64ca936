"""One plan of the documents of its shards: everything but the verdict of the limits, which is judged over their sum.
Pure; for `cli.merged_shards`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from reconciler.model.owners import Owner, Scope
from reconciler.planning.changes import Action
from reconciler.planning.command_status import Status, worst
from reconciler.planning.finding import Severity
from reconciler.planning.plan import HALF_GIVEN, digest_of
from reconciler.planning.transitions import Danger, Effect, danger
from reconciler.report.json_part import FindingPart
from reconciler.report.json_plan_models import CountsPart, PlanDocument, ReadPart, TransitionPart


def merged(shards: Sequence[PlanDocument], limits: Sequence[FindingPart], gates: tuple[str, ...]) -> PlanDocument:
    """The plan, given what the limits say of the sum. The shards fit together."""
    first = shards[0]
    lines = lines_of(shards)
    findings = _in_order((*(f for shard in shards for f in shard.findings), *limits))
    reads = tuple(_read([shard.reads[at] for shard in shards]) for at in range(len(first.reads)))
    targets = {read.system: read.target for read in reads if read.system != "ledger"}
    plan = first.model_copy(
        update={
            "shard": None,
            "made": min(shard.made for shard in shards),
            "digest": digest_of(first.site, targets, first.policy, (line.fingerprint for line in lines)),
            "transitions": lines,
            "taken_back": tuple(sorted((t for shard in shards for t in shard.taken_back), key=_danger)),
            "findings": findings,
            "reads": reads,
            "counts": _counts([shard.counts for shard in shards], _open(lines, findings)),
            "flow": tuple(sorted((f for shard in shards for f in shard.flow), key=lambda flow: flow.address)),
            "gates": gates,
            "status": int(_status(lines, findings, reads)),
        }
    )
    return plan.with_checksum()


def lines_of(shards: Iterable[PlanDocument]) -> tuple[TransitionPart, ...]:
    """The lines of all shards, in the order of the plan."""
    return tuple(sorted((line for shard in shards for line in shard.transitions), key=_danger))


def _danger(line: TransitionPart) -> Danger:
    off = (c for c in line.changes if c.kind == "mailbox" and c.before and c.after and c.before["active"])
    return danger(
        Owner(Scope(line.scope), line.subject),
        Action(line.action),
        Effect(line.effect),
        irreversible=line.irreversible,
        stops_mail=any(not change.after["active"] for change in off if change.after),
    )


def _in_order(findings: Sequence[FindingPart]) -> tuple[FindingPart, ...]:
    """Each once, the heaviest first, those of one rule together."""
    weight, rules = list(Severity), list(dict.fromkeys(finding.rule for finding in findings))
    once = {finding.model_dump_json(): finding for finding in findings}.values()
    return tuple(sorted(once, key=lambda f: (weight.index(Severity(f.severity)), rules.index(f.rule), f.subject)))


def _read(reads: Sequence[ReadPart]) -> ReadPart:
    return reads[0].model_copy(update={"rows": _sum(read.rows for read in reads)})


def _counts(counts: Sequence[CountsPart], number_open: int) -> CountsPart:
    numbers = ("create", "update", "rename", "delete", "removals", "irreversible")
    added = {name: sum(getattr(each, name) for each in counts) for name in numbers}
    by_kind = {name: _sum(getattr(each, name) for each in counts) for name in ("in_place", "unmanaged", "adopted")}
    return CountsPart.model_validate({**added, **by_kind, "open": number_open})


def _sum(numbers: Iterable[Mapping[str, int]]) -> dict[str, int]:
    added = Counter[str]()
    for each in numbers:
        added.update(each)
    return dict(sorted(added.items()))


def _open(lines: Iterable[TransitionPart], findings: Iterable[FindingPart]) -> int:
    stopped = any(f.severity == "refusal" and f.owner is None for f in findings)
    return 0 if stopped else sum(not line.refused for line in lines)


def _status(lines: Sequence[TransitionPart], findings: Sequence[FindingPart], reads: Iterable[ReadPart]) -> Status:
    """As that of a plan."""
    pending = lines or any(finding.rule == HALF_GIVEN for finding in findings)
    return worst(
        Status.REFUSED if any(finding.severity == "refusal" for finding in findings) else Status.DONE,
        Status.UNREADABLE if any(read.unknown for read in reads) else Status.DONE,
        Status.PENDING if pending else Status.DONE,
    )
