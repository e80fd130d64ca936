"""The journal of one run, in the ledger: what the engine writes before and after every batch, and how the run ended.

`Session.begin` opens one. An effect in the ledger's own database notes itself: see `fence`.
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
        """Notes steps as begun."""
        await self._ledger.before(self._run, steps)

    async def after(self, ended: Sequence[tuple[Step, Outcome]]) -> None:
        """Notes how steps ended."""
        await self._ledger.after(self._run, ended)

    async def close(self, draft: Draft, run: Run) -> None:
        """Notes how the run ended, what is managed from now on, and that nothing is open for former addresses."""
        await self._ledger.forget([entry.id for entry in draft.outdated], self._run)
        await self._ledger.record((adoption.entry for adoption in draft.adopted), self._run)
        await self._ledger.missed(self._run, draft.missed)
        finished = {t.transition.owner for t in run.transitions if not t.unfinished}
        left = {t.owner for t in draft.plan.transitions} - finished
        await self._ledger.record((entry for entry in draft.people if entry.owner not in left), self._run)
        current = draft.context.chains.current.items()
        former = {Owner(Scope.ACCOUNT, old) for old, now in current if Owner(Scope.ACCOUNT, now) in finished}
        if former:
            await self._ledger.supersede(self._run, former)
        state = RunState.DONE if run.complete else RunState.INTERRUPTED if run.interrupted else RunState.PARTLY
        await self._ledger.finish(self._run, state)
