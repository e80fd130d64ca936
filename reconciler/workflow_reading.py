"""The first stage of the pipeline: what there should be, what there is, what the ledger remembers, at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Set
from dataclasses import replace

from reconciler.errors import Unreadable
from reconciler.model.addresses import Address
from reconciler.model.declared import declared_among
from reconciler.model.records import AliasRow, Records
from reconciler.planning.concern import narrowed
from reconciler.planning.ledger_state import Remembered
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.plan_draft import Selection
from reconciler.planning.ports import Observation, System
from reconciler.planning.snapshot import Snapshot
from reconciler.workflow_values import Reading, Sources

Expected = asyncio.Future[Mapping[str, Records]]


async def read(sources: Sources, *, writing: bool = False) -> Reading:
    """What there should be and what there is, at one moment; several plans may be made from it."""
    taken = sources.clock()
    expected = asyncio.ensure_future(_expected(sources))
    results, wanted, recalled = await asyncio.gather(
        asyncio.gather(*(_observe(sources, system, expected, writing=writing) for system in sources.systems)),
        expected,
        _recalled(sources, expected),
    )
    observed = {s.name: result for s, result in zip(sources.systems, results, strict=True)}
    read = {name: result for name, result in observed.items() if not isinstance(result, Unreadable)}
    site = next((seen.site for seen in read.values() if seen.site is not None), None)
    if site is not None:
        recalled = await _with_lost(sources, recalled, site.mailboxes)
        site = site._replace(accounts=counted_accounts(sources.context, recalled, site.mailboxes))
    errors = {name: result for name, result in observed.items() if isinstance(result, Unreadable)}
    snapshot = Snapshot(
        taken,
        records={name: observation.records for name, observation in read.items()},
        unknown={name: error.message for name, error in errors.items()},
        hints={name: error.hint for name, error in errors.items()},
        about=sources.about,
        site=site,
    )
    details = {name: observation.details for name, observation in read.items()}
    return Reading(wanted=wanted, snapshot=snapshot, details=details, recalled=recalled)


def counted_accounts(context: PlanContext, recalled: Remembered | Unreadable, live: Set[str]) -> Set[str]:
    """The live accounts of the whole site that are ours, as `policy.limits.managed` counts them over all rows. Nearly
    all are in the ledger: only of the others the declared state is asked."""
    chains, accounts = context.chains, context.chains.of_all(live)
    noted = frozenset[str]() if isinstance(recalled, Unreadable) else recalled.mailboxes
    ours = accounts & (chains.of_all(noted) | chains.of_all(context.removed))
    others = accounts - ours
    addresses = {address for account in others for address in chains.addresses(Address(account))}
    return ours | (others & chains.of_all(declared_among(context.desired, addresses)))


async def _with_lost(sources: Sources, recalled: Remembered | Unreadable, live: Set[str]) -> Remembered | Unreadable:
    """With the mailboxes outside of the part that are ours, not live and not declared any more: a new account may be
    one of those. Usually there are none."""
    if isinstance(recalled, Unreadable) or sources.about is None:
        return recalled
    lost = {address for address in recalled.mailboxes - live if not sources.about.covers(address)}
    try:
        noted = await sources.noted(lost - declared_among(sources.context.desired, lost))
    except Unreadable as error:
        return error
    return replace(recalled, inventory={**recalled.inventory, **noted}) if noted else recalled


async def wanting(sources: Sources, reading: Reading) -> Reading:
    """The same observation, with what this other declared state wants."""
    expected = asyncio.ensure_future(_expected(sources))
    wanted, recalled, snapshot = await expected, await _recalled(sources, expected), reading.snapshot
    if snapshot.site is not None:
        recalled = await _with_lost(sources, recalled, snapshot.site.mailboxes)
        accounts = counted_accounts(sources.context, recalled, snapshot.site.mailboxes)
        snapshot = replace(snapshot, site=snapshot.site._replace(accounts=accounts))
    return replace(reading, wanted=wanted, snapshot=snapshot, recalled=recalled)


async def _observe(sources: Sources, system: System, expected: Expected, *, writing: bool) -> Observation | Unreadable:
    async def wanted() -> Records:
        return (await expected)[system.name]

    try:
        return await sources.observe(system, wanted, writing=writing)
    except Unreadable as error:
        return error


async def _expected(sources: Sources) -> Mapping[str, Records]:
    """What each system should hold."""
    # a second of work for a big site; in a thread, so that its live systems answer meanwhile
    context = sources.context
    return await asyncio.to_thread(lambda: {system.name: system.expect(context) for system in sources.systems})


async def _recalled(sources: Sources, expected: Expected) -> Remembered | Unreadable:
    """What the ledger says of that."""
    try:
        return await sources.recall(await expected)
    except Unreadable as error:
        return error


async def read_part(sources: Sources, selection: Selection, *, writing: bool) -> tuple[Sources, Reading]:
    """What there is of the part that the plan is about, and the sources of that; of all, where it cannot be told before
    what the part is, and where no mailbox is declared at all."""
    base, part = sources.base, selection.part
    states = [sources.context, *([base.context] if base is not None and base.context is not None else [])]
    about = part.about(states) if part is not None and sources.context.desired.mailboxes else None
    while about is not None:
        theirs = base
        if base is not None and base.context is not None:
            theirs = replace(base, context=narrowed(base.context, about))
        narrow = replace(sources, context=narrowed(sources.context, about), base=theirs, about=about)
        reading = await read(narrow, writing=writing)
        wider = about.beside(reading.remembered.former, states)
        if wider is not None:
            wider = wider.led_to(reading.snapshot.rows(AliasRow) or {}, states)
        if wider == about:
            return narrow, reading
        about = wider
    return sources, await read(sources, writing=writing)
