"""One command's hold on the ledger: it has the lock, opens a run, and closes it. Used by `workflow.apply`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from reconciler.apply.journal import RunJournal, Witness, keeping
from reconciler.apply.ledger import Lease, Ledger
from reconciler.model.accounts import Accounts
from reconciler.model.records import Owner, Scope
from reconciler.planning.plan import Plan
from reconciler.planning.remembered import InventoryEntry, RunState
from reconciler.planning.run import Run


@dataclass(frozen=True, slots=True)
class Person:
    """Who runs this command, where."""

    who: str
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Session:
    """The ledger while its lock is ours."""

    ledger: Ledger
    lease: Lease
    witness: Witness
    person: Person

    @asynccontextmanager
    async def run(self, plan: Plan, document: str) -> AsyncIterator[ClosingJournal]:
        """A run of this plan: written before its first effect. One that is left by an error stays open in the ledger,
        and counts as interrupted."""
        steps = [step for transition in plan.open_transitions for step in transition.steps]
        places = {t.owner: t.place for t in plan.open_transitions if t.place is not None}
        who = self.person
        run = await self.ledger.begin(
            self.lease, document, plan.digest, plan.commit, who.who, who.host, who.pid, steps, places
        )
        self.witness.open(run)
        yield ClosingJournal(self.ledger, run)


class ClosingJournal(RunJournal):
    """A journal that can end its run."""

    async def close(self, run: Run, adopted: Iterable[InventoryEntry], chains: Accounts) -> None:
        """How the run ended, what became ours beside it, and which former addresses were told everything."""
        await self._ledger.record(adopted, self._run)
        told = {t.transition.owner for t in run.transitions if not t.unfinished}
        former = {Owner(Scope.ACCOUNT, old) for old, now in chains.current.items() if Owner(Scope.ACCOUNT, now) in told}
        if former:
            await self._ledger.supersede(self._run, former)
        state = RunState.DONE if run.complete else RunState.INTERRUPTED if run.interrupted else RunState.PARTLY
        await self._ledger.finish(self._run, state)


@asynccontextmanager
async def session(ledger: Ledger, witness: Witness, person: Person) -> AsyncIterator[Session]:
    """Takes the lock, keeps it while the block runs, gives it back. Raises Locked, LedgerUnusable."""
    await ledger.check()
    lease = await ledger.acquire(person.who, person.host, person.pid)
    try:
        async with keeping(ledger, lease):
            yield Session(ledger, lease, witness, person)
    finally:
        await ledger.release(lease)
