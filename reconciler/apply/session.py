"""A command's session with the ledger: it takes the lock and opens runs, for `workflow.apply`. `upgrade` changes the
tables themselves, for `reconciler ledger upgrade`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from reconciler.apply.fence import Fence
from reconciler.apply.journal import Journal
from reconciler.apply.ledger import Lease, Ledger, LedgerUnusable, LockLost, NewRun
from reconciler.planning.plan_draft import Draft


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs this command, where."""

    who: str
    host: str
    pid: int
    lock_host: str = ""
    """The host with what tells this very process from another one of its number; the host when empty."""


@dataclass(frozen=True, slots=True)
class Session:
    """The ledger while its lock is ours."""

    ledger: Ledger
    lease: Lease
    fence: Fence
    operator: Operator

    async def begin(self, draft: Draft, document: str, stop: asyncio.Event) -> Journal:
        """Writes a run of this plan, before its first effect. One that is never closed counts as interrupted; `stop`
        ends it at the next effect."""
        plan, operator = draft.plan, self.operator
        new = NewRun(
            digest=plan.digest,
            commit=plan.commit,
            who=operator.who,
            host=operator.host,
            pid=operator.pid,
            document=document,
            steps=draft.steps,
            places={t.owner: t.place for t in plan.open_transitions if t.place is not None},
            counted={t.owner: t.effect for t in plan.open_transitions},
            one_shots=draft.shots_by_step(),
        )
        run = await self.ledger.begin(self.lease, new)
        self.fence.open(run, stop)
        return Journal(self.ledger, run)


async def upgrade(ledger: Ledger, operator: Operator) -> bool:
    """Brings tables of an older version up to date, under the lock of every site. True when there was something to do.
    Raises Locked, LockLost, LedgerUnusable."""
    sites = await ledger.begin_migration()
    async with AsyncExitStack() as locks:
        for site in sites:
            await locks.enter_async_context(_locked(site, operator, migrating=True))
        await ledger.migrate()
    return bool(sites)


@asynccontextmanager
async def locked(ledger: Ledger, operator: Operator) -> AsyncIterator[Lease]:
    """The lock alone, for what changes the ledger and no system. Raises Locked, LockLost, LedgerUnusable."""
    await ledger.check()
    async with _locked(ledger, operator) as lease:
        yield lease


@asynccontextmanager
async def session(ledger: Ledger, fence: Fence, operator: Operator) -> AsyncIterator[Session]:
    """Takes the lock, keeps it while the block runs, releases it. Raises Locked, LockLost, LedgerUnusable."""
    await ledger.check()
    try:
        async with _locked(ledger, operator) as lease:
            yield Session(ledger, lease, fence, operator)
    except LockLost:
        await fence.note()
        raise


@asynccontextmanager
async def _locked(ledger: Ledger, operator: Operator, *, migrating: bool = False) -> AsyncIterator[Lease]:
    host = operator.lock_host or operator.host
    lease = await ledger.acquire(operator.who, host, operator.pid, migrating=migrating)
    try:
        async with _renewed(ledger, lease):
            yield lease
    finally:
        await ledger.release(lease)


@asynccontextmanager
async def _renewed(ledger: Ledger, lease: Lease) -> AsyncIterator[None]:
    """Renews the lock while the block runs: one batch may take longer than it lives. Cancels the block as soon as the
    lock is lost, and raises LockLost."""
    block = asyncio.current_task()
    assert block is not None
    task = asyncio.create_task(_renew(ledger, lease))
    ended = False

    def cancel_block(done: asyncio.Task[None]) -> None:
        if not done.cancelled() and not ended:
            block.cancel()

    task.add_done_callback(cancel_block)
    try:
        yield
    except asyncio.CancelledError:
        if not task.done() or task.cancelled():
            raise
        block.uncancel()
        raise LockLost from None
    finally:
        ended = True  # a loss that is noticed from now on must not cancel what comes after the block
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _renew(ledger: Ledger, lease: Lease) -> None:
    """Until cancelled, or until the lock is lost."""
    while True:
        await asyncio.sleep(lease.ttl.total_seconds() / 4)
        try:
            await ledger.renew(lease)
        except LockLost:
            return
        except LedgerUnusable:
            continue  # the next write fails, unless the database is back by then
