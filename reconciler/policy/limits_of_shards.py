"""The limits of a plan that several machines make together: each shard says what it counts, and all are judged over the
sum when they are merged (`cli.merged_shards`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from reconciler.planning.finding import Finding
from reconciler.planning.review_facts import Cause
from reconciler.planning.shard_facts import Confirmed, LimitFacts
from reconciler.planning.transitions import Effect
from reconciler.policy.confirmations import confirmation_of, lifted, with_entry
from reconciler.policy.gate_context import GateContext
from reconciler.policy.limits import EFFECTS, Count, counts, gate_line
from reconciler.settings import Limit


def limit_facts(context: GateContext, findings: Iterable[Finding], has: Callable[[str], bool]) -> Iterator[LimitFacts]:
    """What the limits count; by name what is about these subjects. `findings` are all of the plan, in
    their order."""
    said = {(found.rule, found.subject): (found.cause, place) for place, found in enumerate(findings)}
    for effect in EFFECTS:
        for at, count in enumerate(counts(context, effect)):
            confirm = context.confirmation(count.rule, count.subject)
            cause, place = said.get((count.rule, count.subject), (Cause.NOT_COMPARED, 0))
            yield LimitFacts(
                effect,
                count.subject,
                over_all=at == 0,
                planned=tuple(filter(has, count.planned)),
                recent=count.recent,
                managed=count.managed,
                hours=count.hours,
                share=count.limit.share,
                at_least=count.limit.at_least,
                number=count.limit.number,
                confirmed=None if confirm is None else confirmation_of(context, confirm),
                cause=cause,
                place=place,
            )


class Judged(NamedTuple):
    """What the limits say of the sum, each with its place among the findings of the plan; and what they looked at, for
    people."""

    findings: tuple[tuple[int, Finding], ...]
    gates: tuple[str, ...]


def judged(
    shards: Iterable[Sequence[LimitFacts]], order: Sequence[str], today: date, *, has_base: bool = False
) -> Judged:
    """The verdict over all shards. `order` are the subjects of all lines, as they are shown. With a base, a finding
    that no shard has by itself is the merge request's."""
    at = {name: number for number, name in reversed(list(enumerate(order)))}
    merged: dict[_Key, _Judged] = {}
    for fact in (fact for facts in shards for fact in facts):
        key = _Key(fact.effect, not fact.over_all, fact.subject)
        known = merged.get(key)
        count = _count(fact) if known is None else _sum(known.counted, _count(fact))
        planned = tuple(sorted(count.planned, key=lambda name: at.get(name, len(at))))
        cause = fact.cause or (known.cause if known else Cause.NOT_COMPARED)
        place = fact.place or (known.place if known else 0)
        merged[key] = _Judged(count._replace(planned=planned), fact.confirmed, cause, place)
    of_effects = [[merged[key] for key in sorted(merged) if key.effect == effect] for effect in EFFECTS]
    found = [each for of_effect in of_effects for each in of_effect if each.counted.exceeded]
    otherwise = Cause.MERGE_REQUEST if has_base else Cause.NOT_COMPARED
    findings = ((each.place, each.finding(today)._replace(cause=each.cause or otherwise)) for each in found)
    return Judged(tuple(findings), tuple(map(_gate, of_effects)))


class _Key(NamedTuple):
    """What is counted; over all comes first."""

    effect: str
    of_domain: bool
    subject: str


class _Judged(NamedTuple):
    counted: Count
    confirmed: Confirmed | None
    cause: Cause
    place: int

    def finding(self, today: date) -> Finding:
        refusal = self.counted.refusal
        return with_entry(refusal, today) if self.confirmed is None else lifted(refusal, self.confirmed)


def _gate(of_effect: Sequence[_Judged]) -> str:
    confirmed = {each.counted for each in of_effect if each.confirmed is not None}
    return gate_line([each.counted for each in of_effect], confirmed.__contains__)


def _count(fact: LimitFacts) -> Count:
    limit = Limit.model_construct(share=fact.share, at_least=fact.at_least, number=fact.number)
    effect = Effect(fact.effect)
    return Count(effect, fact.subject, fact.planned, fact.recent, fact.managed, limit, fact.hours)


def _sum(count: Count, other: Count) -> Count:
    """Of what each shard counted of the whole site a moment apart, the number with which less is allowed."""
    planned = (*count.planned, *other.planned)
    return count._replace(
        planned=planned, recent=max(count.recent, other.recent), managed=min(count.managed, other.managed)
    )
