"""What every gate looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.declared import Confirm, DesiredState
from reconciler.model.records import Owner
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.finding import Locate, Severity
from reconciler.planning.identity import Identity
from reconciler.planning.ledger_state import Remembered
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Snapshot
from reconciler.planning.transitions import Transition
from reconciler.settings import Settings


@dataclass(frozen=True, slots=True)
class GateContext:
    """The plan in the making. `waiting_for` names unknown systems that new accounts need."""

    site: Settings
    plan: PlanContext
    snapshot: Snapshot
    transitions: tuple[Transition, ...]
    identity: Identity
    """Who is behind the addresses."""
    remembered: Remembered
    waiting_for: tuple[str, ...]
    locate: Locate
    stopped: Mapping[Owner, Severity] = field(default_factory=dict)
    """What the gates before this one stop, and whether it is refused or only waits."""

    @property
    def desired(self) -> DesiredState:
        """What git declares."""
        return self.plan.desired

    @property
    def chains(self) -> RenameChains:
        """Whose an address is."""
        return self.plan.chains

    def confirmation(self, gate: str, *subjects: str) -> Confirm | None:
        """The entry that lifts this gate today for the subject, by whichever of its names."""
        of_gate = (confirm for confirm in self.desired.confirm if confirm.gate == gate)
        return next((c for c in of_gate if c.subject in subjects and c.until >= self.desired.today), None)
