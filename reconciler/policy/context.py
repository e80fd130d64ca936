"""What every gate looks at."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.declared import DesiredState
from reconciler.planning.findings import Locate
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
