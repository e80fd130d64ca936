"""A plan together with what applying it means for the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reconciler.model.records import Owner, Records
from reconciler.planning.changes import Change, RowId, Step
from reconciler.planning.declared_entries import DeclaredEntry, Entries
from reconciler.planning.finding import Severity
from reconciler.planning.ledger_state import Adoption, InventoryEntry, OneShot
from reconciler.planning.new_passwords import Due
from reconciler.planning.plan import Plan
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Pair, Snapshot
from reconciler.planning.transitions import Transition

if TYPE_CHECKING:
    from reconciler.planning.plan_part import Asked
    from reconciler.planning.shards import Shard


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a saved plan is about: whose transitions, which rows. Only these are planned when it is applied."""

    owners: frozenset[Owner]
    rows: frozenset[RowId]

    def hold(self, change: Change) -> bool:
        """Whether the saved plan changes this row."""
        return change.row_id in self.rows

    def entries(self, entries: Entries) -> dict[str, tuple[DeclaredEntry, ...]]:
        """What is declared now, by the ids of its transitions; also where nothing is left to do."""
        return {owner.id: entries.of(owner) for owner in self.owners}

    def apart(self, changes: Iterable[Change], owners: Iterable[Owner]) -> tuple[Owner, ...]:
        """The owners of pending changes, and of these others, that the saved plan does not hold."""
        others = [change.owner for change in changes if not self.hold(change)]
        return tuple(dict.fromkeys((*others, *(owner for owner in owners if owner not in self.owners))))

    def settled(self, changes: Iterable[Change], pairs: Mapping[str, Pair]) -> frozenset[RowId]:
        """Its rows that are what they should be by now, with nothing left to do; only of systems that were read."""
        changed = {change.row_id for change in changes}
        return frozenset(
            (system, kind, key)
            for system, kind, key in self.rows - changed
            if system in pairs
            and (key in pairs[system].wanted.get(kind, {})) == (key in pairs[system].found.get(kind, {}))
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """What a plan contains: all that is pending, what a saved plan holds of it, what is about some owners, or nothing
    but a password that is `given` to one of them. No gate refuses such a plan because of other changes."""

    reviewed: Reviewed | None = None
    owners: frozenset[Owner] | None = None
    given: Owner | None = None
    part: Asked | None = None
    """What of all that is pending the plan is about; see `plan_part`."""
    shard: Shard | None = None
    """Which shard of the plan is made here; see `shards`."""

    def changes(self, pending: Sequence[Change]) -> Sequence[Change]:
        """Those of the changes that the saved plan holds."""
        if self.given is not None:
            return ()
        return pending if self.reviewed is None else [c for c in pending if self.reviewed.hold(c)]

    def transitions(self, all_of_them: Sequence[Transition], context: PlanContext) -> Sequence[Transition]:
        """Those of the transitions that are about the owners, by their former and present addresses."""
        held = [t for t in all_of_them if self.reviewed is None or t.owner in self.reviewed.owners]
        if self.owners is None:
            return held
        present = context.chains.present(self.owners)
        return [t for t in held if t.owner in present]

    def due(self, due: Due) -> Due:
        """Who of these accounts is to get what in this plan."""
        return due if self.given is None else Due(given=frozenset({self.given}))


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared: live records under the keys of the declared ones, and by system the wanted records."""

    live: Snapshot
    wanted: Mapping[str, Records]


@dataclass(frozen=True, slots=True)
class Draft:
    """`adopted` becomes ours when the plan is applied, `outdated` is noted under a former address; `people` says
    whose accounts these are, for the ledger, once their transitions are done; `shots` are the one-shot operations that
    are due, `missed` those that are never done; `unmanaged` has the keys of live records that git does not declare, by
    kind. Of a saved plan `settled` are the rows that need no change any more, `entries` is what is declared now of each
    of its transitions (by id), and `apart` has the owners of changes that are pending now and were not reviewed."""

    plan: Plan
    context: PlanContext
    adopted: tuple[Adoption, ...] = ()
    outdated: tuple[InventoryEntry, ...] = ()
    people: tuple[InventoryEntry, ...] = ()
    shots: tuple[OneShot, ...] = ()
    missed: tuple[OneShot, ...] = ()
    unmanaged: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settled: frozenset[RowId] = frozenset()
    entries: Mapping[str, tuple[DeclaredEntry, ...]] = field(default_factory=dict)
    apart: tuple[Owner, ...] = ()
    tables: Compared | None = None
    """Only where they were asked for: they are big."""

    @property
    def steps(self) -> list[Step]:
        """What apply would carry out."""
        return [step for transition in self.plan.open_transitions for step in transition.steps]

    def shots_by_step(self) -> dict[str, OneShot]:
        """Which steps (by id) carry out which one-shot operation."""
        due = {(shot.address, shot.name): shot for shot in self.shots}
        asked = {s.id: (s.change.owner.subject, _SHOT_OF.get(s.change.kind, "")) for s in self.steps}
        return {id: due[shot] for id, shot in asked.items() if shot in due}

    @property
    def alone(self) -> Draft:
        """The plan, and nothing noted of what becomes ours or whose anything is: for a run about a password."""
        findings = tuple(f for f in self.plan.findings if f.owner is not None or f.severity is Severity.REFUSAL)
        plan = replace(self.plan, findings=findings)
        return replace(self, plan=plan, adopted=(), outdated=(), people=(), missed=())

    def only(self, owners: Iterable[Owner], noted: Iterable[Owner] = ()) -> Draft:
        """The part about these owners, by their former and present addresses; of `noted` only whose accounts they
        are."""
        present = self.context.chains.present(owners)
        transitions = tuple(t for t in self.plan.transitions if t.owner in present)
        findings = tuple(f for f in self.plan.findings if f.owner is None or f.owner in present)
        theirs, concerned = {owner.subject for owner in present}, present | self.context.chains.present(noted)
        return replace(
            self,
            plan=replace(self.plan, transitions=transitions, findings=findings),
            adopted=tuple(entry for entry in self.adopted if entry.owner in present),
            outdated=tuple(entry for entry in self.outdated if self.context.chains.of(entry.key) in theirs),
            people=tuple(entry for entry in self.people if entry.owner in concerned),
            missed=(),
        )


_SHOT_OF = {"password": "password_reset", "letter": "password_reset", "subscriptions": "subscriptions_reset"}
"""The operation that a step of this kind belongs to when one is due for its account."""
