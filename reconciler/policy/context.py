"""What every gate looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from reconciler.model.declared import Confirm, DesiredState
from reconciler.model.records import Owner
from reconciler.model.rename_chains import RenameChains, rename_chains
from reconciler.planning.findings import Locate, Severity
from reconciler.planning.identity import Identity
from reconciler.planning.ledger_state import Remembered
from reconciler.planning.snapshot import Snapshot
from reconciler.planning.transitions import Transition
from reconciler.settings import Settings

_FROM_DESIRED = RenameChains({}, {}, ())
UNKNOWN = Identity(DesiredState(date.min), _FROM_DESIRED, Snapshot(datetime.min), Remembered())


@dataclass(frozen=True, slots=True)
class GateContext:
    """The plan in the making. `waiting_for` names unknown systems that new accounts need."""

    site: Settings
    desired: DesiredState
    snapshot: Snapshot
    transitions: tuple[Transition, ...]
    waiting_for: tuple[str, ...]
    locate: Locate
    chains: RenameChains = _FROM_DESIRED
    """The chains of renames; worked out from `desired` when they are not given."""
    remembered: Remembered = field(default_factory=Remembered)
    made: Mapping[str, date] = field(default_factory=dict)
    """The day on which an account became ours, where the ledger knows it."""
    identity: Identity = UNKNOWN
    """Who is behind the addresses; worked out from the rest when it is not given."""
    stopped: Mapping[Owner, Severity] = field(default_factory=dict)
    """What the gates before this one stop, and whether it is refused or only waits."""

    def __post_init__(self) -> None:
        if self.chains is _FROM_DESIRED:
            object.__setattr__(self, "chains", rename_chains(self.desired))
        if self.identity is UNKNOWN:
            known = Identity(self.desired, self.chains, self.snapshot, self.remembered)
            object.__setattr__(self, "identity", known)

    def confirmation(self, gate: str, *subjects: str) -> Confirm | None:
        """The entry that lifts this gate today for the subject, by whichever of its names."""
        of_gate = (confirm for confirm in self.desired.confirm if confirm.gate == gate)
        return next((c for c in of_gate if c.subject in subjects and c.until >= self.desired.today), None)
