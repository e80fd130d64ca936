"""What every gate looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import TypeVar

from reconciler.model.addresses import Address
from reconciler.model.declared import Confirm, DesiredState, Mailbox
from reconciler.model.owners import Owner, Row, Scope
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.finding import Locate, Severity
from reconciler.planning.identity import Identity
from reconciler.planning.ledger_state import Remembered
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Snapshot
from reconciler.planning.transitions import Transition
from reconciler.settings import Settings

R = TypeVar("R", bound=Row)


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
    remembering: dict[str, Set[str]] = field(default_factory=dict, compare=False)
    """What several gates count, once it was counted."""

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

    def live(self, kind: type[R]) -> Mapping[str, R]:
        """The live records of one kind; empty also where they are unknown."""
        return self.snapshot.rows(kind) or {}

    def is_read(self, address: str) -> bool:
        """Whether it is known what is live at an address: of a part of the site only that part is read."""
        return self.snapshot.about is None or self.snapshot.about.covers(address)

    def changes(self, kind: type[R], scope: Scope | None = None) -> Iterator[tuple[Transition, R | None, R | None]]:
        """Every change of a record of this kind, before and after; of transitions about `scope` only, where given."""
        for transition in self.transitions:
            if scope is None or transition.owner.scope is scope:
                for change in transition.changes:
                    if isinstance(change.before, kind) or isinstance(change.after, kind):
                        yield transition, _as(kind, change.before), _as(kind, change.after)

    def declared(self, transition: Transition) -> Mailbox | None:
        """The mailbox that git declares for this account."""
        return self.desired.mailboxes.get(Address(transition.owner.subject))

    def unnamed(self, addresses: Iterable[str]) -> list[str]:
        """Those of the addresses that git names neither as a mailbox nor in a rename or a removal."""
        named = {rename.old for rename in self.desired.renames} | self.plan.removed
        return [a for a in addresses if a not in self.desired.mailboxes and a not in named]

    def managed(self, kind: str) -> set[str]:
        """The keys of records of this kind that are ours and that nobody declares any more."""
        return {key for _, of, key in self.remembered.inventory if of == kind}


def _as(kind: type[R], row: Row | None) -> R | None:
    return row if isinstance(row, kind) else None
