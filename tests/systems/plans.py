"""A plan for one system alone, through the verbs of the port, as the workflow drives them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from reconciler.model.declared import DesiredState
from reconciler.model.records import Found, Owner, Records
from reconciler.planning.changes import Change, Step, diff
from reconciler.planning.finding import Finding
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, SideEffects, System
from reconciler.planning.snapshot import Pair
from reconciler.planning.transitions import group_by_owner

NO_PLAN = PlanContext.of(DesiredState(date(2026, 11, 24)))
"""For systems whose rows say all that `perform` needs."""


async def records_of(system: System) -> Found:
    """What a system holds."""
    return (await system.observe()).records


def matched(system: System, state: DesiredState, found: Found) -> Pair:
    """Wanted and found, as the workflow compares them."""
    context = PlanContext.of(state)
    return system.match(context, system.expect(context), found)


async def read_and_matched(system: System, state: DesiredState) -> Pair:
    """The same, as the workflow reads them; reading beside what is wanted changes nothing."""
    context = PlanContext.of(state)
    wanted, plain = system.expect(context), await system.observe()

    async def expected() -> Records:
        return wanted

    seen = await system.observe_beside(expected)
    pair, alike = (system.match(context, wanted, observed.records) for observed in (seen, plain))
    for side, other in zip(pair, alike, strict=True):
        assert {kind: dict(table) for kind, table in side.items()} == {kind: dict(t) for kind, t in other.items()}
    assert seen.details == plain.details
    assert list(diff(system.name, *pair)) == list(diff(system.name, *alike))
    said = [system.review(context, Pair(wanted, found), plain.details) for found in (pair.found, alike.found)]
    assert sorted(said[0]) == sorted(said[1])
    return pair


async def changes_of(system: System, state: DesiredState) -> list[Change]:
    """What the workflow would find to do in this system alone."""
    return list(diff(system.name, *await read_and_matched(system, state)))


async def steps_of(system: System, state: DesiredState) -> list[Step]:
    """The steps of all transitions, in the order of their stages."""
    pair = await read_and_matched(system, state)
    grouped = group_by_owner(PlanContext.of(state), diff(system.name, *pair), [system], {system.name: pair})
    return sorted((step for t in grouped.transitions for step in t.steps), key=lambda step: step.stage)


def step_of(system: System, change: Change) -> Step:
    """The step that carries this change out."""
    return Step(change, system.stage(change))


def effects_of(
    system: System,
    state: DesiredState,
    owner: Owner,
    changes: Sequence[Change],
    found: Found,
    events: CredentialEvents,
    wanted: Records | None = None,
) -> SideEffects:
    """What follows in this system from changes of one owner."""
    context = PlanContext.of(state)
    pair = Pair(system.expect(context) if wanted is None else wanted, found)
    return system.side_effects(context, owner, changes, pair, events)


def review_of(system: System, state: DesiredState, seen: Observation) -> Sequence[Finding]:
    """What the system says of what it saw."""
    context = PlanContext.of(state)
    wanted = system.expect(context)
    return system.review(context, Pair(wanted, system.match(context, wanted, seen.records).found), seen.details)
