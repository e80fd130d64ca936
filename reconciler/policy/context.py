"""What every gate looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.accounts import Accounts
from reconciler.model.declared import DesiredState
from reconciler.model.records import Owner
from reconciler.planning.findings import Locate, Severity
from reconciler.planning.remembered import Remembered
from reconciler.planning.snapshot import Snapshot
from reconciler.planning.transitions import Transition
from reconciler.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """The plan in the making. `waiting_for` names unknown systems that new accounts need."""

    site: Settings
    desired: DesiredState
    snapshot: Snapshot
    transitions: tuple[Transition, ...]
    waiting_for: tuple[str, ...]
    locate: Locate
    accounts: Accounts = field(default_factory=lambda: Accounts({}, {}, ()))
    remembered: Remembered = field(default_factory=Remembered)
    stopped: Mapping[Owner, Severity] = field(default_factory=dict)
    """What the gates before this one stop, and whether it is refused or only waits."""
