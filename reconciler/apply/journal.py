"""The journal of one run, in the ledger: what the engine writes before and after every batch, and how the run ended.

`Session.begin` opens one. An effect in the ledger's own database notes itself: see `transaction_hook`.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.apply.ledger import Ledger, OpenRun
from reconciler.model.records import Owner, Scope
from reconciler.planning.changes import Outcome, Step
from reconciler.planning.ledger_state import RunState
from reconciler.planning.plan_draft import Draft
from reconciler.planning.run_outcome import Run


class Journal:
    """Of an open run. Raises LockLost when this run lost its lock: then nothing more may be written anywhere, and the
    engine lets the error through."""

    def __init__(self, ledger: Ledger, run: OpenRun) -> None:
        self._ledger = ledger
        self._run = run

    async def before(self, steps: Sequence[Step]) -> None:
        """These are begun now."""
        await self._ledger.before(self._run, steps)

    async def after(self, ended: Sequence[tuple[Step, Outcome]]) -> None:
        """How these ended."""
        await self._ledger.after(self._run, ended)

    async def close(self, draft: Draft, run: Run) -> None:
        """How the run ended, what became ours beside it, and which former addresses were told everything."""
        await self._ledger.forget([entry.id for entry in draft.outdated], self._run)
        await self._ledger.record((adoption.entry for adoption in draft.adopted), self._run)
        await self._ledger.missed(self._run, draft.missed)
        told = {t.transition.owner for t in run.transitions if not t.unfinished}
        left = {t.owner for t in draft.plan.transitions} - told
        await self._ledger.record((entry for entry in draft.people if entry.owner not in left), self._run)
        current = draft.context.chains.current.items()
        former = {Owner(Scope.ACCOUNT, old) for old, now in current if Owner(Scope.ACCOUNT, now) in told}
        if former:
            await self._ledger.supersede(self._run, former)
        state = RunState.DONE if run.complete else RunState.INTERRUPTED if run.interrupted else RunState.PARTLY
        await self._ledger.finish(self._run, state)
