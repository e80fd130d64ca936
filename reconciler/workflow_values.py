"""What the stages of `workflow` begin with and hand on, each a value with the names of what is in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.declared.load import Declaration
from reconciler.errors import Unreadable
from reconciler.model.records import Records
from reconciler.planning.changes import Change, RowId
from reconciler.planning.concern import Concern
from reconciler.planning.finding import Finding
from reconciler.planning.identity import Identity
from reconciler.planning.ledger_state import InventoryEntry, Remembered
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, System, Wanted
from reconciler.planning.review_facts import Base
from reconciler.planning.snapshot import Pair, Snapshot
from reconciler.planning.transitions import Grouped, Transition
from reconciler.policy.dated_resets import OneShots
from reconciler.settings import Settings

Clock = Callable[[], datetime]
Watch = Callable[[str, Observation | Unreadable | None], None]
"""Is told of each system that it is read from now on (None), and what came of it."""


@dataclass(frozen=True, slots=True)
class AtBase:
    """What a merge request is compared with. Where the base is invalid there is no `declaration`, and `findings` say
    why: an invalid state carries nothing out, so all of the plan comes with the merge request."""

    about: Base
    declaration: Declaration | None
    context: PlanContext | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Sources:
    """What a plan is made from."""

    site: Settings
    declaration: Declaration
    context: PlanContext
    """Of the declared state."""
    systems: Sequence[System]
    clock: Clock
    watch: Watch = lambda name, came: None  # noqa: ARG005  # nobody looks
    base: AtBase | None = None
    """What the plan is compared with."""
    asks_git: bool = True
    """Whether lines say who wrote them."""

    about: Concern | None = None
    """What of the site the plan is about, where that can be told before anything is read."""

    async def observe(self, system: System, wanted: Wanted | None = None, *, writing: bool = False) -> Observation:
        """What a system holds, of the part that the plan is about; beside what it should hold, where that is of
        interest. Raises Unreadable."""
        self.watch(system.name, None)
        try:
            if self.about is not None and wanted is not None:
                seen = await system.observe_part(self.about, wanted, writing=writing)
            elif wanted is not None:
                seen = await system.observe_beside(wanted, writing=writing)
            else:
                seen = await system.observe(writing=writing)
        except Unreadable as error:
            self.watch(system.name, error)
            raise
        self.watch(system.name, seen)
        return seen

    async def recall(self, wanted: Mapping[str, Records]) -> Remembered:  # noqa: ARG002  # a ledger is asked about it
        """What earlier runs left of what is wanted now; nothing without a ledger. Raises Unreadable."""
        return Remembered()

    async def noted(self, mailboxes: Collection[str]) -> Mapping[RowId, InventoryEntry]:  # noqa: ARG002  # as above
        """What the ledger has of mailboxes at these addresses, of those that are ours. Raises Unreadable."""
        return {}


@dataclass(frozen=True, slots=True)
class Reading:
    """What each system should hold and what it holds, and what the ledger remembers."""

    wanted: Mapping[str, Records]
    snapshot: Snapshot
    details: Mapping[str, object]
    """What the systems read beside records, for their `review`."""
    recalled: Remembered | Unreadable

    @property
    def remembered(self) -> Remembered:
        """What the ledger says; nothing when it could not be asked."""
        return Remembered(is_unknown=True) if isinstance(self.recalled, Unreadable) else self.recalled


@dataclass(frozen=True, slots=True)
class Matching:
    """Both sides under the same keys, with what the ledger adds; and whose accounts the addresses are."""

    pairs: Mapping[str, Pair]
    snapshot: Snapshot
    """With the records under those keys."""
    identity: Identity


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs, as transitions; `pending` is all of it, `asked` what the plan is to be about."""

    pending: Sequence[Change]
    grouped: Grouped
    asked: tuple[Transition, ...]
    shots: OneShots


@dataclass(frozen=True, slots=True)
class Judgement:
    """The findings of gates and systems, and the transitions with what stops them."""

    findings: tuple[Finding, ...]
    transitions: tuple[Transition, ...]
    gates: tuple[str, ...]
