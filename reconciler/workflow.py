"""The story: observe, compare, fold, gate, seal; and apply, which carries the same plan out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from reconciler.apply.engine import carry_out
from reconciler.declared.load import Declaration
from reconciler.errors import StalePlan, Unreadable
from reconciler.model.declared import DesiredState
from reconciler.model.places import Origin
from reconciler.model.records import Records, Scope
from reconciler.planning.changes import Change
from reconciler.planning.diff import diff
from reconciler.planning.findings import Finding, Severity
from reconciler.planning.plan import Counts, Plan, Read, digest
from reconciler.planning.ports import System
from reconciler.planning.run import Progress, Run
from reconciler.planning.snapshot import Snapshot
from reconciler.planning.transitions import Pair, Transition, fold
from reconciler.policy.context import Context
from reconciler.policy.gates import run_gates
from reconciler.settings import Settings

Clock = Callable[[], datetime]


async def make_plan(site: Settings, declaration: Declaration, systems: Sequence[System], clock: Clock) -> Plan:
    """What would be done now. Reads, never writes; what could not be read is unknown and nothing is planned for it."""
    state = declaration.state
    wanted = {system.name: system.expect(state) for system in systems}
    snapshot = await take_snapshot(systems, clock)
    pairs = {s.name: _pair(s, wanted[s.name], snapshot.records[s.name]) for s in systems if s.name in snapshot.records}
    snapshot = replace(snapshot, records={name: pair.found for name, pair in pairs.items()})
    changes = [c for s in systems if s.name in pairs for c in diff(s, pairs[s.name].wanted, pairs[s.name].found)]
    counts = _counts(pairs.values(), changes)
    transitions = tuple(_explained(t, state, declaration) for t in fold(changes, systems, pairs))
    waiting_for = tuple(s.name for s in systems if s.needed_for_accounts and s.name in snapshot.unknown)
    gated = run_gates(Context(site, state, snapshot, transitions, waiting_for, declaration.locate))
    reviews = [f for s in systems if s.name in pairs for f in s.review(state, pairs[s.name].found)]
    transitions = tuple(_marked(t, gated) for t in transitions)
    targets = {system.name: system.target for system in systems}
    reads = tuple(_read(system, snapshot) for system in systems)
    findings = (*gated, *reviews, *declaration.findings)
    seal = digest(site.site, state.commit, targets, transitions)
    return Plan(site.site, state.commit, snapshot.taken, transitions, findings, reads, counts, seal)


async def paired_snapshot(declaration: Declaration, systems: Sequence[System], clock: Clock) -> Snapshot:
    """What is live, under the keys of what is declared, for `show`."""
    snapshot = await take_snapshot(systems, clock)
    pairs = {
        s.name: s.pair(s.expect(declaration.state), snapshot.records[s.name])
        for s in systems
        if s.name in snapshot.records
    }
    return replace(snapshot, records=pairs)


async def take_snapshot(systems: Sequence[System], clock: Clock) -> Snapshot:
    """All systems at once; each complete or unknown."""
    taken = clock()
    results = await asyncio.gather(*(_observe(system) for system in systems))
    return Snapshot(
        taken,
        {s.name: r for s, r in zip(systems, results, strict=True) if not isinstance(r, Unreadable)},
        {s.name: _said(r) for s, r in zip(systems, results, strict=True) if isinstance(r, Unreadable)},
    )


async def apply(plan: Plan, systems: Sequence[System], *, clock: Clock, progress: Progress, stop: asyncio.Event) -> Run:
    """Carries out what no gate refuses. Every system that is to be written says first that it can be."""
    involved = {step.change.system for transition in plan.open_transitions for step in transition.steps}
    for system in systems:
        if system.name in involved:
            await system.check()
    return await carry_out(plan, systems, clock=clock, progress=progress, stop=stop)


def refuse_stale(saved_site: str, saved_digest: str, saved_ids: Iterable[str], plan: Plan) -> None:
    """Raises StalePlan unless the saved plan is exactly what would be done now."""
    if saved_site != plan.site:
        raise StalePlan(f"this plan is of the site {saved_site}, not of {plan.site}", hint="use the site's own plan")
    if saved_digest == plan.digest:
        return
    now, then = {t.id for t in plan.transitions}, set(saved_ids)
    differing = sorted(now ^ then)
    what = ", ".join(differing[:5]) + (f" and {len(differing) - 5} more" if len(differing) > 5 else "")
    message = "what would be done now is no longer what was reviewed" + (f": {what}" if what else ": old or new values")
    raise StalePlan(message, hint="run `reconciler plan --out FILE` again and have it reviewed")


def _pair(system: System, wanted: Records, observed: Records) -> Pair:
    found = system.pair(wanted, observed)
    return Pair(system.settle(wanted, found), found)


async def _observe(system: System) -> Records | Unreadable:
    try:
        return await system.observe()
    except Unreadable as error:
        return error


def _said(error: Unreadable) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message


def _counts(pairs: Iterable[Pair], changes: Sequence[Change]) -> Counts:
    in_place: dict[str, int] = {}
    unmanaged: dict[str, int] = {}
    changed = {(c.kind, c.key) for c in changes}
    for wanted, found in pairs:
        for kind, table in wanted.items():
            live = found.get(kind, {})
            in_place[kind] = sum(1 for key in table if key in live and (kind, key) not in changed)
            unmanaged[kind] = sum(1 for key in live if key not in table and (kind, key) not in changed)
    return Counts(in_place, unmanaged)


def _explained(transition: Transition, state: DesiredState, declaration: Declaration) -> Transition:
    """The transition with the place of its declaration and, for a block, the reason."""
    origin = _origin(transition, state)
    place = declaration.locate(origin) if origin else None
    reason = ""
    if transition.owner.scope is Scope.BLOCK:
        block = state.sender_blocks.get(transition.owner.subject)
        if block is None:
            reason = "no longer declared"
        elif block.expired(state.today):
            reason = f"expired on {block.expires}"
        else:
            until = f", until {block.expires}" if block.expires else ""
            reason = f"{block.reason}{until}"
    return replace(transition, place=place, reason=reason)


def _origin(transition: Transition, state: DesiredState) -> Origin | None:
    scope, subject = transition.owner
    tables = {Scope.ACCOUNT: state.mailboxes, Scope.ALIAS: state.aliases, Scope.BLOCK: state.sender_blocks}
    declared = tables[scope].get(subject)  # type: ignore[attr-defined]  # three mappings, one shape
    return declared.origin if declared else None


def _marked(transition: Transition, findings: Sequence[Finding]) -> Transition:
    stops = (Severity.REFUSAL, Severity.WAIT)
    rules = tuple(f.rule for f in findings if f.severity in stops and f.owner == transition.owner)
    return replace(transition, refused=rules) if rules else transition


def _read(system: System, snapshot: Snapshot) -> Read:
    records = snapshot.records.get(system.name, {})
    rows = {kind: len(table) for kind, table in records.items()}
    return Read(system.name, system.target, rows, snapshot.unknown.get(system.name, ""))
