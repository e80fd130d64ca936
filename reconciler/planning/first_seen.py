"""Since when something differs by hand, and what was put right without us. Pure: `cli.remember_file` keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.model.records import Owner, Scope
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.direction import changed_by_hand
from reconciler.planning.plan import Plan
from reconciler.planning.review_facts import Direction, Healed


@dataclass(frozen=True, slots=True)
class FirstSeen:
    """What differed by hand at an earlier look, and since when; `run` was the ledger's last run then."""

    run: int = 0
    since: Mapping[Owner, datetime] = field(default_factory=dict)

    def renamed(self, chains: RenameChains) -> FirstSeen:
        """The same under the accounts' present addresses."""
        return replace(self, since={_present(owner, chains): moment for owner, moment in self.since.items()})

    def earlier(self, other: FirstSeen) -> FirstSeen:
        """Both together; of two moments the earlier one."""
        both = {**self.since, **other.since}
        return replace(self, since={o: min(self.since.get(o, m), other.since.get(o, m)) for o, m in both.items()})


def compared(plan: Plan, known: FirstSeen, touched: Set[Owner], run: int) -> tuple[Plan, FirstSeen]:
    """The plan with since when each line differs and what healed; and what to remember. `touched`: of whom a run did
    something since. What could not be read may differ still: while anything is unknown nothing counts as healed."""
    by_hand = {t.owner: known.since.get(t.owner, plan.made) for t in plan.transitions if changed_by_hand(t)}
    unclear = {t.owner for t in plan.transitions if t.direction is Direction.UNKNOWN}
    gone = {owner: since for owner, since in known.since.items() if owner not in by_hand}
    kept = {owner: since for owner, since in gone.items() if plan.unknown or owner in unclear}
    still = {t.owner for t in plan.transitions}
    healed = tuple(
        Healed(owner, since)
        for owner, since in sorted(gone.items())
        if owner not in kept and owner not in touched and owner not in still
    )
    transitions = tuple(replace(t, since=by_hand.get(t.owner)) for t in plan.transitions)
    return replace(plan, transitions=transitions, healed=healed), FirstSeen(run, {**kept, **by_hand})


def _present(owner: Owner, chains: RenameChains) -> Owner:
    return Owner(owner.scope, chains.of(owner.subject)) if owner.scope is Scope.ACCOUNT else owner
