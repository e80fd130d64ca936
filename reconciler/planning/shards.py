"""Shards: `plan --shard 2/4` has the second of four parts of a plan, so that several machines make one plan together.

Every row, every line and every finding is in exactly one shard, whoever asks: it follows from what git declares. Pure;
for the workflow.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import chain
from typing import NamedTuple

from reconciler.model.addresses import domain_of
from reconciler.model.declared import DesiredState, all_of
from reconciler.planning.finding import Finding
from reconciler.planning.plan import Plan
from reconciler.planning.plan_context import PlanContext


class Shard(NamedTuple):
    """One of `of` shards; they count from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        """As it is asked for: `2/4`."""
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True)
class Split:
    """What is in a shard. A small domain is in one as a whole; one that holds more than a tenth of what a shard should
    is split by account, so that shards are of about one size, and an account with all its addresses is in one."""

    shard: Shard
    context: PlanContext
    wide: frozenset[str]
    """The domains that are split."""

    @classmethod
    def of(cls, shard: Shard, context: PlanContext) -> Split:
        """By what is declared."""
        numbers = Counter(map(domain_of, _addresses(context.desired)))
        wide = (domain for domain, number in numbers.items() if number * shard.of * 10 > numbers.total())
        return cls(shard, context, frozenset(wide))

    def has(self, name: str) -> bool:
        """Whether this is the shard of an address, a domain, or any other name."""
        if "@" in name:
            account = self.context.chains.of(name)
            domain = domain_of(account)
            name = account if domain in self.wide else domain
        return zlib.crc32(name.encode("utf-8", "surrogatepass")) % self.shard.of == self.shard.number - 1

    def plan(self, whole: Plan) -> Plan:
        """What a whole plan says of what is in it: lines and flows of mail. All else is left as it is."""
        return replace(
            whole,
            transitions=tuple(t for t in whole.transitions if self.has(t.owner.subject)),
            taken_back=tuple(t for t in whole.taken_back if self.has(t.owner.subject)),
            flow=tuple(change for change in whole.flow if self.has(change.address)),
            gates=(),
        )

    def has_finding(self, finding: Finding) -> bool:
        """By its line, else by what it names. Limits are judged over all shards."""
        if finding.rule in LIMITS:
            return False
        return self.has(finding.subject if finding.owner is None else finding.owner.subject)


LIMITS = frozenset({"removals", "changes", "creations"})
"""The rules that count a whole plan."""


def state_digest(desired: DesiredState) -> str:
    """SHA-256 over what shards follow from: shards of two states do not fit together."""
    renames = (f"{rename.old} {rename.new} {rename.date}" for rename in desired.renames)
    lines = (str(desired.today), *sorted(_addresses(desired)), *sorted(renames))
    return sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def _addresses(desired: DesiredState) -> Iterable[str]:
    removed = (removal.mailbox for removal in desired.removals)
    return chain(all_of(desired.mailboxes), all_of(desired.aliases), removed)
