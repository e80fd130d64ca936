"""The pipeline: observe, compare, group, gate, seal; and apply, which carries the same plan out and remembers it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from reconciler.apply.engine import carry_out
from reconciler.apply.session import Session
from reconciler.declared.git.blame import blame
from reconciler.declared.git.removed_entries import once_beside, taken_out
from reconciler.declared.load import Declaration
from reconciler.errors import Unreadable
from reconciler.model.declared import DesiredState
from reconciler.model.records import Owner, Records
from reconciler.model.rename_chains import RenameChains, rename_chains
from reconciler.planning.annotations import (
    STOPS,
    counts,
    due_accounts,
    explained,
    marked,
    since,
    undeclared,
    unmanaged,
    written_by,
)
from reconciler.planning.declared_entries import Entries
from reconciler.planning.diff import diff
from reconciler.planning.identity import Identity, emptied, taken_over
from reconciler.planning.inventory import adopted, changed_by_hand, ours_no_longer_declared, outdated
from reconciler.planning.ledger_state import Adoption, Remembered
from reconciler.planning.mail_flow_changes import flow_changes
from reconciler.planning.own_aliases import converted
from reconciler.planning.plan import Plan, Read, digest
from reconciler.planning.plan_draft import Compared, Draft, Reviewed
from reconciler.planning.ports import System
from reconciler.planning.run import Progress, Run
from reconciler.planning.snapshot import Snapshot
from reconciler.planning.transitions import Pair, group_by_owner
from reconciler.policy.configuration import configuration
from reconciler.policy.context import GateContext
from reconciler.policy.gates import run_gates, summary
from reconciler.policy.one_shots import due
from reconciler.report.json import plan_json
from reconciler.settings import Settings

Clock = Callable[[], datetime]
Recall = Callable[[Mapping[str, Records]], Awaitable[Remembered]]
"""Asks the ledger what earlier runs left, given what is wanted now."""


# of these `validate` can only warn; here the gates know what is live
_GATED = frozenset({"naming", "dangling-alias", "password-reset", "sub-address"})


async def nothing_remembered(wanted: Mapping[str, Records]) -> Remembered:  # noqa: ARG001  # a site without a ledger
    """What a site without a ledger remembers."""
    return Remembered()


async def make_plan(
    site: Settings,
    declaration: Declaration,
    systems: Sequence[System],
    clock: Clock,
    recall: Recall = nothing_remembered,
) -> Plan:
    """What would be done now. Reads, never writes."""
    return (await draft(site, declaration, systems, clock, recall)).plan


async def draft(
    site: Settings,
    declaration: Declaration,
    systems: Sequence[System],
    clock: Clock,
    recall: Recall = nothing_remembered,
    reviewed: Reviewed | None = None,
    only: frozenset[Owner] | None = None,
    *,
    with_tables: bool = False,
) -> Draft:
    """The plan and what it means for the inventory. What could not be read is unknown; nothing is planned for it.
    With a saved plan nothing is planned that it does not hold, with `only` nothing about anybody else: other people's
    changes are not this plan's business, and no gate refuses it for them."""
    state, chains = declaration.state, rename_chains(declaration.state)
    snapshot, (wanted, recalled) = await asyncio.gather(take_snapshot(systems, clock), _wanted(systems, state, recall))
    remembered = Remembered() if isinstance(recalled, Unreadable) else recalled
    pairs = {
        s.name: _pair(s, wanted[s.name], snapshot.records[s.name], remembered, state, chains)
        for s in systems
        if s.name in snapshot.records
    }
    snapshot = replace(snapshot, records={name: pair.found for name, pair in pairs.items()})
    identity = Identity(state, chains, snapshot, remembered)
    if unknown := identity.unknown_targets():
        identity.others_in_git = await asyncio.to_thread(once_beside, declaration.folder, state.commit, unknown)
    pairs = {name: pair._replace(wanted=emptied(pair.wanted, identity.replaced)) for name, pair in pairs.items()}
    pending = [c for s in systems if s.name in pairs for c in diff(s, *pairs[s.name])]
    changes = [c for c in pending if reviewed is None or reviewed.hold(c)]
    shots = due(state, remembered, site, snapshot, chains, remembered.made)
    renewed = shots.password | identity.replaced
    whose = due_accounts(remembered, state, chains, renewed, shots.unsubscribe)
    folded = group_by_owner(changes, systems, pairs, whose, snapshot.delimiter)
    held = [t for t in folded if reviewed is None or t.owner in reviewed.owners]
    if only is not None:
        present = chains.present(only)
        held = [t for t in held if t.owner in present]
    transitions = explained(held, state, chains, remembered, declaration.locate)
    if gone := undeclared(transitions):
        commits = await asyncio.to_thread(taken_out, declaration.folder, state.commit, gone)
        transitions = since(transitions, commits)
    if state.commit:
        places = [transition.place for transition in transitions if transition.place is not None]
        transitions = written_by(transitions, await asyncio.to_thread(blame, declaration.folder, places))
    waiting_for = tuple(s.name for s in systems if s.needed_for_accounts and s.name in snapshot.unknown)
    locate = declaration.locate
    made = remembered.made
    context = GateContext(site, state, snapshot, transitions, waiting_for, locate, chains, remembered, made, identity)
    reviews = [f for s in systems if s.name in pairs for f in s.review(state, pairs[s.name].found)]
    reviews += changed_by_hand(remembered, snapshot.records)
    gated = run_gates(context, reviews)
    # who cannot ask the ledger does not know what is ours already
    known = {} if isinstance(recalled, Unreadable) else pairs
    new = tuple(entry for name, pair in known.items() for entry in adopted(name, pair, remembered))
    transitions = marked(transitions, [*gated, *reviews])
    alone = unmanaged(pairs.values(), pending)
    plan = Plan(
        site=site.site,
        commit=state.commit,
        made=snapshot.taken,
        transitions=transitions,
        findings=(*gated, *reviews, *(f for f in declaration.findings if f.rule not in _GATED)),
        reads=(*(_read(system, snapshot) for system in systems), *_ledger_unknown(recalled)),
        counts=replace(counts(pairs.values(), pending, alone), adopted=_by_kind(new)),
        digest=digest(site.site, {s.name: s.target for s in systems}, configuration(site.policy), transitions),
        flow=flow_changes(snapshot, chains, [t for t in transitions if not t.refused]),
        policy=configuration(site.policy),
        gates=summary(context, [*gated, *reviews]),
    )
    missed = tuple(missed.shot for missed in shots.missed if missed.shot not in remembered.missed)
    left = tuple(entry for name, pair in pairs.items() for entry in outdated(name, pair, remembered, chains))
    stopped = {f.owner for f in (*gated, *reviews) if f.owner is not None and f.severity in STOPS}
    people = [*identity.people({t.owner for t in transitions} - stopped, stopped)]
    over = identity.changed.keys() - stopped
    people += [entry for name, pair in pairs.items() for entry in taken_over(name, pair, over, chains)]
    return Draft(
        plan,
        chains,
        new,
        left,
        tuple(people),
        shots.due,
        missed,
        alone,
        settled=reviewed.settled(pending, pairs) if reviewed else frozenset(),
        entries=reviewed.entries(Entries(state, chains)) if reviewed else {},
        apart=reviewed.apart(pending, [t.owner for t in folded]) if reviewed else (),
        tables=Compared(snapshot, {name: pair.wanted for name, pair in pairs.items()}) if with_tables else None,
    )


async def take_snapshot(systems: Sequence[System], clock: Clock) -> Snapshot:
    """All systems at once; each complete or unknown."""
    taken = clock()
    results = await asyncio.gather(*(_observe(system) for system in systems))
    return Snapshot(
        taken,
        {s.name: r for s, r in zip(systems, results, strict=True) if not isinstance(r, Unreadable)},
        {s.name: r.message for s, r in zip(systems, results, strict=True) if isinstance(r, Unreadable)},
        {s.name: r.hint for s, r in zip(systems, results, strict=True) if isinstance(r, Unreadable)},
    )


async def apply(
    drafted: Draft,
    systems: Sequence[System],
    session: Session,
    *,
    clock: Clock,
    progress: Progress,
    stop: asyncio.Event,
) -> Run:
    """Carries out what no gate refuses, and remembers it. Every system that is to be written says first that it can; of
    one that cannot nothing is begun, and what needs only the others goes on. Raises Unreadable when nothing is left."""
    plan = drafted.plan
    needed = [{step.change.system for step in transition.steps} for transition in plan.open_transitions]
    barred: dict[str, Unreadable] = {}
    for system in systems:
        if any(system.name in names for names in needed):
            try:
                await system.check()
            except Unreadable as error:
                barred[system.name] = error
    if barred and all(not names.isdisjoint(barred) for names in needed):
        raise next(iter(barred.values()))
    journal = await session.begin(drafted, plan_json(plan), stop)
    run = await carry_out(plan, systems, journal, clock=clock, progress=progress, stop=stop, barred=barred)
    await journal.close(drafted, run)
    return run


def _pair(
    system: System,
    wanted: Records,
    observed: Records,
    remembered: Remembered,
    state: DesiredState,
    chains: RenameChains,
) -> Pair:
    found = system.pair(wanted, observed)
    settled = Pair(system.settle(wanted, found), found)
    if "alias" in settled.wanted:
        settled = settled._replace(wanted=converted(system.name, settled, remembered, chains))
    return settled._replace(wanted=ours_no_longer_declared(system.name, settled, remembered, state, chains))


async def _observe(system: System) -> Records | Unreadable:
    try:
        return await system.observe()
    except Unreadable as error:
        return error


async def _wanted(
    systems: Sequence[System], state: DesiredState, recall: Recall
) -> tuple[Mapping[str, Records], Remembered | Unreadable]:
    """What each system should hold, and what the ledger says of that."""
    # a second of work for a big site; in a thread, so that its live systems answer meanwhile
    wanted = await asyncio.to_thread(lambda: {system.name: system.expect(state) for system in systems})
    try:
        return wanted, await recall(wanted)
    except Unreadable as error:
        return wanted, error


def _ledger_unknown(recalled: Remembered | Unreadable) -> Iterator[Read]:
    """Without the ledger nothing is removed that we made, and nothing can be applied; what is declared is planned."""
    if isinstance(recalled, Unreadable):
        yield Read("ledger", "", unknown=recalled.message, hint=recalled.hint)


def _by_kind(entries: Iterable[Adoption]) -> dict[str, int]:
    number: dict[str, int] = {}
    for entry in entries:
        number[entry.kind] = number.get(entry.kind, 0) + 1
    return number


def _read(system: System, snapshot: Snapshot) -> Read:
    records = snapshot.records.get(system.name, {})
    rows = {kind: len(table) for kind, table in records.items()}
    unknown, hint = (said.get(system.name, "") for said in (snapshot.unknown, snapshot.hints))
    return Read(system.name, system.target, rows, unknown, hint)
