"""The pipeline: read, match, diff, judge, seal; and apply, which carries the same plan out and remembers it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from reconciler.apply.engine import carry_out
from reconciler.apply.session import Session
from reconciler.declared.git.blame import blame
from reconciler.declared.git.removed_entries import once_beside, taken_out
from reconciler.errors import Unreadable
from reconciler.planning.annotations import (
    STOPS,
    counts,
    due_accounts,
    explained,
    ledger_unknown,
    marked,
    read_of,
    since,
    unmanaged,
    went,
    written_by,
)
from reconciler.planning.base_comparison import compared
from reconciler.planning.changes import diff
from reconciler.planning.declared_entries import Entries
from reconciler.planning.finding import Finding
from reconciler.planning.half_made import with_causes
from reconciler.planning.identity import Identity, emptied, taken_over
from reconciler.planning.ledger_state import InventoryEntry, Remembered
from reconciler.planning.mail_flow_before_after import flow_changes
from reconciler.planning.ownership import adopted, changed_by_hand, converted, ours_no_longer_declared, outdated
from reconciler.planning.plan import Plan, digest
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.plan_draft import EVERYTHING, Compared, Draft, Selection
from reconciler.planning.plan_part import Part, said_of_unread
from reconciler.planning.ports import System
from reconciler.planning.run_outcome import Progress, Run
from reconciler.planning.snapshot import Pair
from reconciler.planning.transitions import group_by_owner
from reconciler.policy.dated_resets import due
from reconciler.policy.gate_context import GateContext
from reconciler.policy.gates import configuration, run_gates, summary
from reconciler.report.json import plan_json
from reconciler.workflow_reading import read_part, wanting
from reconciler.workflow_shards import in_shard
from reconciler.workflow_values import Changes, Clock, Judgement, Matching, Reading, Sources

# of these `validate` can only warn; here the gates know what is live
_GATED = frozenset({"naming", "dangling-alias", "password-reset", "sub-address"})


async def draft(
    sources: Sources,
    selection: Selection = EVERYTHING,
    *,
    writing: bool = False,
    with_tables: bool = False,
    reading: Reading | None = None,
) -> Draft:
    """The plan and what it means for the inventory. What could not be read is unknown; nothing is planned for it.
    `writing`: this command has the lock, so that tools that a dead run left at work are waited for. `reading`: what was
    read for this plan already."""
    if reading is None:
        sources, reading = await read_part(sources, selection, writing=writing)
    matching = await _match(sources, reading)
    changes = await _changes(sources, reading, matching, selection)
    judgement = _judge(sources, reading, matching, changes)
    sealed = partial(_seal, sources, reading, matching, changes, selection=selection, with_tables=with_tables)
    at_base = await _planned_at_base(sources, reading) if sources.base is not None else None
    whole = _beside(at_base, sealed(judgement), sources)
    if selection.shard is not None:
        context = _gate_context(sources, reading, matching, changes)
        return in_shard(whole, selection.shard, sources, context, matching, changes)
    if selection.part is None:
        return whole
    part = selection.part.of(whole.plan, sources.context.chains)
    asked = tuple(transition for transition in changes.asked if transition.owner in part.owners)
    alone = _judge(sources, reading, matching, replace(changes, asked=asked))
    findings = part.findings(alone.findings, matching.pairs, of_all=sources.about is None)
    judged = Judgement(findings, marked(asked, findings), alone.gates)
    return part.drafted(_beside(at_base, sealed(judged, part=part), sources))


async def _planned_at_base(sources: Sources, reading: Reading) -> Judgement:
    """What the base would do, from the same reading; nothing where it is invalid."""
    base = sources.base
    assert base is not None
    if base.declaration is None or base.context is None:
        return Judgement((), (), ())
    theirs = replace(sources, declaration=base.declaration, context=base.context, base=None, asks_git=False)
    again = await wanting(theirs, reading)
    matching = await _match(theirs, again)
    judgement = _judge(theirs, again, matching, await _changes(theirs, again, matching, EVERYTHING))
    return replace(judgement, findings=(*judgement.findings, *base.declaration.findings))


def _beside(at_base: Judgement | None, drafted: Draft, sources: Sources) -> Draft:
    """The draft with what the merge request brings of it, when it is compared with a base."""
    if at_base is None or sources.base is None:
        return drafted
    own = sources.base.findings  # what is wrong with the base is there without the merge request
    plan = replace(drafted.plan, findings=(*own, *drafted.plan.findings))
    known, chains = (*at_base.findings, *own), sources.context.chains
    beside = compared(plan, sources.base.about, at_base.transitions, known, chains)
    return replace(drafted, plan=beside)


async def _match(sources: Sources, reading: Reading) -> Matching:
    context, remembered, declaration = sources.context, reading.remembered, sources.declaration
    pairs = {
        s.name: _with_remembered(s.name, s.match(context, reading.wanted[s.name], records), remembered, context)
        for s in sources.systems
        if (records := reading.snapshot.records.get(s.name)) is not None
    }
    snapshot = replace(reading.snapshot, records={name: pair.found for name, pair in pairs.items()})
    identity = Identity(context, snapshot, remembered)
    if unknown := identity.unknown_targets():
        commit = context.desired.commit
        identity.others_in_git = await asyncio.to_thread(once_beside, declaration.folder, commit, unknown)
    pairs = {name: pair._replace(wanted=emptied(pair.wanted, identity.replaced)) for name, pair in pairs.items()}
    return Matching(pairs=pairs, snapshot=snapshot, identity=identity)


def _with_remembered(system: str, pair: Pair, remembered: Remembered, context: PlanContext) -> Pair:
    if "alias" in pair.wanted:
        pair = pair._replace(wanted=converted(system, pair, remembered, context.chains))
    return pair._replace(wanted=ours_no_longer_declared(system, pair, remembered, context))


async def _changes(sources: Sources, reading: Reading, matching: Matching, selection: Selection) -> Changes:
    context, remembered, declaration = sources.context, reading.remembered, sources.declaration
    pairs, snapshot = matching.pairs, matching.snapshot
    pending = [c for s in sources.systems if s.name in pairs for c in diff(s.name, *pairs[s.name])]
    shots = due(context, remembered, sources.site, snapshot)
    renewed = shots.password | matching.identity.replaced
    grouped = group_by_owner(
        context,
        selection.changes(pending),
        sources.systems,
        pairs,
        due=selection.due(due_accounts(remembered, context, renewed, shots.unsubscribe)),
        delimiter=snapshot.delimiter,
    )
    held = selection.transitions(grouped.transitions, context)
    asked = with_causes(explained(held, context, remembered, declaration.locate), context, snapshot, remembered)
    if gone := went(asked, context, remembered):
        commits = await asyncio.to_thread(taken_out, declaration.folder, context.desired.commit, gone)
        asked = since(asked, commits)
    if context.desired.commit and sources.asks_git:
        places = [transition.place for transition in asked if transition.place is not None]
        asked = written_by(asked, await asyncio.to_thread(blame, declaration.folder, places))
    return Changes(pending=pending, grouped=grouped, asked=asked, shots=shots)


def _gate_context(sources: Sources, reading: Reading, matching: Matching, changes: Changes) -> GateContext:
    snapshot = matching.snapshot
    return GateContext(
        site=sources.site,
        plan=sources.context,
        snapshot=snapshot,
        transitions=changes.asked,
        identity=matching.identity,
        remembered=reading.remembered,
        waiting_for=tuple(s.name for s in sources.systems if s.needed_for_accounts and s.name in snapshot.unknown),
        locate=sources.declaration.locate,
    )


def _judge(sources: Sources, reading: Reading, matching: Matching, changes: Changes) -> Judgement:
    snapshot, pairs = matching.snapshot, matching.pairs
    context = _gate_context(sources, reading, matching, changes)
    remarks = [
        finding
        for s in sources.systems
        if s.name in pairs
        for finding in s.review(
            sources.context, Pair(reading.wanted[s.name], pairs[s.name].found), reading.details[s.name]
        )
    ]
    remarks += changes.grouped.findings
    remarks += changed_by_hand(reading.remembered, snapshot.records)
    findings = (*run_gates(context, remarks), *remarks)
    return Judgement(findings, marked(changes.asked, findings), summary(context, findings))


def _seal(
    sources: Sources,
    reading: Reading,
    matching: Matching,
    changes: Changes,
    judgement: Judgement,
    *,
    selection: Selection,
    with_tables: bool,
    part: Part | None = None,
) -> Draft:
    site, systems, context, remembered = sources.site, sources.systems, sources.context, reading.remembered
    pairs, snapshot, reviewed = matching.pairs, matching.snapshot, selection.reviewed
    # without the ledger it is not known what is ours already
    known = {} if isinstance(reading.recalled, Unreadable) else pairs
    new = tuple(entry for name, pair in known.items() for entry in adopted(name, pair, remembered))
    alone = unmanaged(pairs.values(), changes.pending)
    bound, transitions = configuration(site.policy), judgement.transitions
    plan = Plan(
        site=site.site,
        commit=context.desired.commit,
        made=snapshot.taken,
        transitions=transitions,
        findings=(*judgement.findings, *_said(sources, part, pairs)),
        reads=(*(read_of(system, snapshot) for system in systems), *ledger_unknown(reading.recalled)),
        counts=counts(pairs.values(), changes.pending, alone, new),
        digest=digest(site.site, {s.name: s.target for s in systems}, bound, transitions),
        flow=flow_changes(snapshot, context.chains, [t for t in transitions if not t.refused]),
        policy=bound,
        gates=judgement.gates,
    )
    return Draft(
        plan,
        context,
        adopted=new,
        outdated=tuple(e for name, pair in pairs.items() for e in outdated(name, pair, remembered, context.chains)),
        people=_people(context, matching, judgement),
        shots=changes.shots.due,
        missed=tuple(missed.shot for missed in changes.shots.missed if missed.shot not in remembered.missed),
        unmanaged=alone,
        settled=reviewed.settled(changes.pending, pairs) if reviewed else frozenset(),
        entries=reviewed.entries(Entries(context)) if reviewed else {},
        apart=reviewed.apart(changes.pending, [t.owner for t in changes.grouped.transitions]) if reviewed else (),
        tables=Compared(snapshot, {name: pair.wanted for name, pair in pairs.items()}) if with_tables else None,
    )


def _said(sources: Sources, part: Part | None, pairs: Mapping[str, Pair]) -> Iterator[Finding]:
    """What is said of the declared state: of a part what is about it, whatever else was read by now."""
    for finding in sources.declaration.findings:
        if finding.rule not in _GATED and (part is None or part.is_about(finding, pairs)):
            yield finding
    yield from said_of_unread(sources.declaration.unread)


def _people(context: PlanContext, matching: Matching, judgement: Judgement) -> tuple[InventoryEntry, ...]:
    """What the ledger is to note of whose accounts the addresses are."""
    identity = matching.identity
    stopped = {f.owner for f in judgement.findings if f.owner is not None and f.severity in STOPS}
    people = [*identity.people({t.owner for t in judgement.transitions} - stopped, stopped)]
    over = identity.changed.keys() - stopped
    people += [e for name, pair in matching.pairs.items() for e in taken_over(name, pair, over, context.chains)]
    return tuple(people)


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
    changes = [step.change for transition in plan.open_transitions for step in transition.steps]
    barred: dict[str, Unreadable] = {}
    for system in systems:
        if kinds := {change.kind for change in changes if change.system == system.name}:
            try:
                await system.check(kinds)
            except Unreadable as error:
                barred[system.name] = error
    if barred and all(not names.isdisjoint(barred) for names in needed):
        raise next(iter(barred.values()))
    journal = await session.begin(drafted, plan_json(plan), stop)
    run = await carry_out(
        plan, systems, journal, context=drafted.context, clock=clock, progress=progress, stop=stop, barred=barred
    )
    await journal.close(drafted, run)
    return run
