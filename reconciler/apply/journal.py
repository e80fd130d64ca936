"""The journal of one run, in the ledger: what the engine writes before and after, and what systems write with it.

`workflow` opens one for each run. While it is open the lock is renewed in the background.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import Connection

from reconciler.apply.ledger import Lease, Ledger, LedgerUnusable, LockLost, OpenRun
from reconciler.planning.changes import Outcome, Step


class TransactionHook:
    """Given to systems before any run exists; once a run is open, nothing commits without its lock, and effects in the
    ledger's own database are noted in their own transaction. See `systems.context.TransactionHook`."""

    def __init__(self, ledger: Ledger | None, *, same_database: bool) -> None:
        self._ledger = ledger
        self._same_database = same_database
        self._run: OpenRun | None = None

    def open(self, run: OpenRun) -> None:
        """From now on effects belong to this run."""
        self._run = run

    @contextmanager
    def committing(self, connection: Connection, steps: Sequence[Step]) -> Iterator[None]:
        """Notes the steps as done on the caller's connection; in another database, holds the lock's row meanwhile."""
        if self._ledger is None or self._run is None:
            yield
        elif self._same_database:
            self._ledger.done_in(connection, self._run, steps)
            yield
        else:
            with self._ledger.held(self._run.lease):
                yield


class RunJournal:
    """The engine's journal of an open run."""

    def __init__(self, ledger: Ledger, run: OpenRun) -> None:
        self._ledger = ledger
        self._run = run

    async def before(self, steps: Sequence[Step]) -> None:
        """See engine.Journal."""
        await self._ledger.before(self._run, steps)

    async def after(self, ended: Sequence[tuple[Step, Outcome]]) -> None:
        """See engine.Journal."""
        await self._ledger.after(self._run, ended)


@asynccontextmanager
async def renew_in_background(ledger: Ledger, lease: Lease) -> AsyncIterator[None]:
    """Renews the lock while the block runs: one batch may take longer than a lock lives. The block is cancelled as soon
    as the lock is lost. Raises LockLost then."""
    block = asyncio.current_task()
    assert block is not None
    task = asyncio.create_task(_renew(ledger, lease))
    task.add_done_callback(lambda done: None if done.cancelled() else block.cancel())
    try:
        yield
    except asyncio.CancelledError:
        if not _is_lost(task):
            raise
        block.uncancel()
        raise LockLost from None
    finally:
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
            continue  # the next write says it, unless the database is back by then


def _is_lost(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled()
