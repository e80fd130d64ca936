"""One plan of the documents of its shards: everything but the verdict of the limits, which is judged over their sum.
Pure; for `cli.merged_shards`."""

from __future__ import annotations

import sys
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

_LAST = sys.maxsize


def merged(
    shards: Sequence[PlanDocument], limits: Iterable[tuple[int, FindingPart]], gates: tuple[str, ...]
) -> PlanDocument:
    """The plan, given what the limits say of the sum, each with its place. The shards fit together."""
    first = shards[0]
    lines = lines_of(shards)
    findings = _findings(shards, limits)
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


def _findings(shards: Iterable[PlanDocument], limits: Iterable[tuple[int, FindingPart]]) -> tuple[FindingPart, ...]:
    """In their order in the plan, the heaviest first. A note about the report itself has no place, and each shard may
    have it."""
    weight, found = list(Severity), list(limits)
    for shard in shards:
        places = shard.shard.places if shard.shard else ()
        found += zip(places, shard.findings[: len(places)], strict=False)
        found += [(_LAST, finding) for finding in shard.findings[len(places) :] if (_LAST, finding) not in found]
    return tuple(f for _, f in sorted(found, key=lambda each: (weight.index(Severity(each[1].severity)), each[0])))


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
