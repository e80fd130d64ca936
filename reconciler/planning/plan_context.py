"""What one plan is about: git's side of it, for every pure step of planning and every pure verb of a system."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from reconciler.model.declared import DesiredState
from reconciler.model.rename_chains import RenameChains, rename_chains


@dataclass(frozen=True, slots=True)
class PlanContext:
    """The declared state, and whose an address is by its renames: worked out once, and handed to all."""

    desired: DesiredState
    chains: RenameChains
    removed: frozenset[str]
    """The mailboxes whose removal git declares."""

    @classmethod
    def of(cls, desired: DesiredState) -> PlanContext:
        removed = frozenset(removal.mailbox for removal in desired.removals)
        return cls(desired, rename_chains(desired), removed)

    @property
    def today(self) -> date:
        """The day of the plan, in the site's time zone."""
        return self.desired.today
