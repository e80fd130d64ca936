"""One command's hold on the ledger: it has the lock, opens a run, and closes it. Used by `workflow.apply`; `init`,
which makes and changes the tables themselves, by `reconciler ledger init`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from reconciler.apply.fence import Fence
from reconciler.apply.journal import RunJournal, TransactionHook, renew_in_background
from reconciler.apply.ledger import Lease, Ledger, LockLost
from reconciler.model.records import Owner, Scope
from reconciler.planning.ledger_state import RunState
from reconciler.planning.plan_draft import Draft
from reconciler.planning.run import Run


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
    transaction_hook: TransactionHook
    fence: Fence
    operator: Operator

    async def begin(self, draft: Draft, document: str, stop: asyncio.Event) -> ClosingJournal:
        """A run of this plan, written before its first effect. One that is never closed counts as interrupted; `stop`
        ends it at the next effect."""
        plan, operator = draft.plan, self.operator
        run = await self.ledger.begin(
            self.lease,
            document,
            plan.digest,
            plan.commit,
            operator.who,
            operator.host,
            operator.pid,
            draft.steps,
            {t.owner: t.place for t in plan.open_transitions if t.place is not None},
            counted={t.owner: t.effect for t in plan.open_transitions},
            one_shots=draft.shots_by_step(),
        )
        self.transaction_hook.open(run)
        self.fence.open(run, stop)
        return ClosingJournal(self.ledger, run)


class ClosingJournal(RunJournal):
    """A journal that can end its run."""

    async def close(self, draft: Draft, run: Run) -> None:
        """How the run ended, what became ours beside it, and which former addresses were told everything."""
        await self._ledger.forget([entry.id for entry in draft.outdated], self._run)
        await self._ledger.record((adoption.entry for adoption in draft.adopted), self._run)
        await self._ledger.missed(self._run, draft.missed)
        told = {t.transition.owner for t in run.transitions if not t.unfinished}
        left = {t.owner for t in draft.plan.transitions} - told
        await self._ledger.record((entry for entry in draft.people if entry.owner not in left), self._run)
        current = draft.chains.current.items()
        former = {Owner(Scope.ACCOUNT, old) for old, now in current if Owner(Scope.ACCOUNT, now) in told}
        if former:
            await self._ledger.supersede(self._run, former)
        state = RunState.DONE if run.complete else RunState.INTERRUPTED if run.interrupted else RunState.PARTLY
        await self._ledger.finish(self._run, state)


async def init(ledger: Ledger, operator: Operator) -> bool:
    """Makes the tables, or brings those of an older version to today's, which is True; with the lock of every site, so
    that nobody works with them. Raises Locked, LockLost, LedgerUnusable."""
    if await ledger.init():
        return False
    async with AsyncExitStack() as locks:
        for site in await ledger.begin_migration():
            await locks.enter_async_context(_locked(site, operator, migrating=True))
        await ledger.migrate()
    return True


@asynccontextmanager
async def session(
    ledger: Ledger, transaction_hook: TransactionHook, fence: Fence, operator: Operator
) -> AsyncIterator[Session]:
    """Takes the lock, keeps it while the block runs, gives it back. Raises Locked, LedgerUnusable."""
    await ledger.check()
    try:
        async with _locked(ledger, operator) as lease:
            yield Session(ledger, lease, transaction_hook, fence, operator)
    except LockLost:
        await fence.note()
        raise


@asynccontextmanager
async def _locked(ledger: Ledger, operator: Operator, *, migrating: bool = False) -> AsyncIterator[Lease]:
    host = operator.lock_host or operator.host
    lease = await ledger.acquire(operator.who, host, operator.pid, migrating=migrating)
    try:
        async with renew_in_background(ledger, lease):
            yield lease
    finally:
        await ledger.release(lease)
