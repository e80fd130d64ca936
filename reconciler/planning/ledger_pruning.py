"""What pruning the ledger takes out, as plain values: for `ledger prune`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much goes, or went, by kind. `runs` are those that lose something; the runs themselves stay."""

    runs: int = 0
    steps: int = 0
    plans: int = 0
    """Runs whose plan's document goes."""
    one_shots: int = 0
    people: int = 0
    """Notes of whose account an address was, whose address and number are hidden."""

    def __add__(self, other: Pruned) -> Pruned:
        return Pruned(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))


@dataclass(frozen=True, slots=True)
class PruningPlan:
    """What would go of runs that ended before a moment. `kept_steps` are still needed, of `kept_accounts`; `kept_makes`
    are steps that made mailboxes of managed accounts; the entries of `kept_one_shots` may still be there; `kept_run` is
    the last run, when it is not done."""

    before: datetime
    going: Pruned
    kept_steps: int = 0
    kept_accounts: int = 0
    kept_makes: int = 0
    kept_one_shots: int = 0
    kept_run: int | None = None
