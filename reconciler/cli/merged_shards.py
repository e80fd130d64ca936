"""`report --merge`: one plan of its shards, with the limits judged over their sum. Reads no live system and no site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from reconciler.cli.saved_plan import write_private
from reconciler.cli.streams import say
from reconciler.errors import StalePlan, Unreadable, UsageError
from reconciler.model.source_places import Place
from reconciler.planning.review_facts import Cause
from reconciler.planning.shard_facts import Confirmed, LimitFacts
from reconciler.policy.limits_of_shards import judged
from reconciler.report.documents.merge_shards import lines_of, merged
from reconciler.report.json import written
from reconciler.report.json_part import FindingPart
from reconciler.report.json_plan_models import LimitPart, PlanDocument, ShardPart
from reconciler.report.read_document import read_shard
from reconciler.systems.registry import register_kinds
from reconciler.translation import speak

_AGAIN = "make all shards again, from one commit: reconciler plan --shard 1/N --out FILE, and so on"


def merge(files: Sequence[Path], out: Path | None, *, quiet: bool = False) -> PlanDocument:
    """The plan; saved where that is asked for. Raises UsageError for files that are not all shards of a plan, each
    once; StalePlan for shards that are not of one plan; Unreadable where some could read a system and others not."""
    register_kinds()
    shards = sorted((_read(file) for file in files), key=lambda document: shard_of(document).number)
    _refuse_gaps([shard_of(shard) for shard in shards])
    for other in shards[1:]:
        _refuse_another(shards[0], other)
    _refuse_twice(shards)
    speak(shards[0].language)
    order = [line.subject for line in lines_of(shards)]
    verdict = judged(
        (_facts(shard) for shard in shards), order, shard_of(shards[0]).today, has_base=shards[0].base is not None
    )
    limits = [(at, FindingPart.of(f, owner=None, entries=tuple(map(str, f.entries)))) for at, f in verdict.findings]
    plan = merged(shards, limits, verdict.gates)
    if out is not None:
        write_private(out, written(plan), "reconciler report --merge")
        if not quiet:
            say(f"plan saved to {out}, of {len(shards)} shards; carry it out with: reconciler apply {out}")
    return plan


def shard_of(document: PlanDocument) -> ShardPart:
    """Which one it is."""
    assert document.shard is not None
    return document.shard


def _read(file: Path) -> PlanDocument:
    try:
        return read_shard(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        hint = "make it with: reconciler plan --shard 1/4 --out FILE"
        raise UsageError(f"{file} cannot be read", hint=hint) from None
    except (UsageError, StalePlan) as error:
        raise type(error)(f"{file}: {error.message}", hint=error.hint) from None


def _refuse_gaps(shards: Sequence[ShardPart]) -> None:
    totals = {shard.total for shard in shards}
    if len(totals) > 1:
        said = ", ".join(f"{shard.number}/{shard.total}" for shard in shards)
        raise UsageError(f"these are shards of several plans: {said}", hint=_AGAIN)
    total, numbers = totals.pop(), [shard.number for shard in shards]
    if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
        named = ", ".join(f"{number}/{total}" for number in twice)
        raise UsageError(f"more than one file has the shard {named}", hint="name each shard once")
    if missing := [f"{number}/{total}" for number in range(1, total + 1) if number not in numbers]:
        hint = f"make it with: reconciler plan --shard {missing[0]} --out FILE, and name all {total} files"
        raise UsageError(f"not all of the plan is there; missing: {', '.join(missing)}", hint=hint)


_SAME: Sequence[tuple[str, Callable[[PlanDocument], object]]] = (
    ("site", lambda plan: plan.site),
    ("commit", lambda plan: plan.commit or "none"),
    ("day", lambda plan: shard_of(plan).today),
    ("declared state", lambda plan: shard_of(plan).state),
    ("base", lambda plan: plan.base.commit if plan.base else "none"),
    ("configuration of the gates", lambda plan: plan.policy),
    ("language", lambda plan: plan.language),
    ("connections", lambda plan: [(read.system, read.target) for read in plan.reads if read.system != "ledger"]),
    ("base's files", lambda plan: plan.base),
)
"""What all shards have in common, as people call it."""
_LONG = frozenset({"declared state", "configuration of the gates", "connections", "base's files"})


def _refuse_another(first: PlanDocument, other: PlanDocument) -> None:
    names = [f"{shard_of(plan).number}/{shard_of(plan).total}" for plan in (first, other)]
    for what, value in _SAME:
        one, two = value(first), value(other)
        if one != two:
            how = "" if what in _LONG else f": {one} and {two}"
            raise StalePlan(f"shards {names[0]} and {names[1]} have not the same {what}{how}", hint=_AGAIN)
    unknown = [{read.system for read in plan.reads if read.unknown} for plan in (first, other)]
    if unknown[0] != unknown[1]:
        at = 0 if unknown[0] - unknown[1] else 1
        system = sorted(unknown[at] - unknown[1 - at])[0]
        message = f"{system} could not be read for shard {names[at]}, and could for {names[1 - at]}"
        raise Unreadable(message, hint=f"make that one again: reconciler plan --shard {names[at]} --out FILE")


def _refuse_twice(shards: Sequence[PlanDocument]) -> None:
    seen: dict[str, ShardPart] = {}
    for shard, line in ((shard_of(plan), line) for plan in shards for line in plan.transitions):
        if line.id in seen:
            message = f"{line.id} is in shard {seen[line.id].number} and in shard {shard.number}"
            raise StalePlan(message, hint=_AGAIN)
        seen[line.id] = shard


def _facts(document: PlanDocument) -> list[LimitFacts]:
    return [
        LimitFacts(**{**dict(part), "confirmed": _confirmed(part), "cause": Cause(part.cause)})
        for part in shard_of(document).limits
    ]


def _confirmed(part: LimitPart) -> Confirmed | None:
    by = part.confirmed
    return None if by is None else Confirmed(by.until, by.reason, Place(**dict(by.place)))
