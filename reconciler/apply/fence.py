"""The fence before every effect: a call of OX, a rewrite of the map, a letter, a commit in PostfixAdmin's tables.

The lock of the ledger protects what is written into its database. Everywhere else a run that was stalled (a laptop that
slept, SIGSTOP, a host without memory) could go on after another one took over. So each such effect asks first whether
the lock is still ours, and whether somebody asked to stop; effects that may have come after the lock was lost are noted
for the next plan. Made by `cli.site_session` for a command, opened by `session` for a run, asked by the systems.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count

from sqlalchemy import Connection

from reconciler.apply.ledger import Ledger, LockLost, OpenRun
from reconciler.errors import Halted
from reconciler.model.records import Owner
from reconciler.planning.changes import Step

_STOPPED = "somebody stopped this run before it came to it"
_RESUME = "run `reconciler resume`"


class Fence:
    """Closed until a run is open; then it lets through what may be done. See `systems.system_context.Fence`."""

    def __init__(self, ledger: Ledger | None, *, same_database: bool) -> None:
        self._ledger = ledger
        self._same_database = same_database
        self._run: OpenRun | None = None
        self._stop: asyncio.Event | None = None
        self._asking = asyncio.Lock()
        """One query at a time, over the ledger's one connection."""
        self._numbers: Iterator[int] = count()
        self._running: dict[int, Owner] = {}
        self._ended: dict[int, Owner] = {}
        """Effects that are over, and after which the lock has not been checked yet."""

    def open(self, run: OpenRun, stop: asyncio.Event) -> None:
        """From now on effects belong to this run, until somebody asks to stop."""
        self._run, self._stop = run, stop
        self._running, self._ended = {}, {}

    @property
    def uncertain(self) -> frozenset[Owner]:
        """Owners of effects that may have come after the lock was lost."""
        return frozenset(self._running.values()) | frozenset(self._ended.values())

    @asynccontextmanager
    async def effect(self, owner: Owner) -> AsyncIterator[None]:
        """See `systems.system_context.Fence`."""
        await self._pass()
        number = next(self._numbers)
        self._running[number] = owner
        yield  # an effect that fails or is cancelled may have happened: it stays among the running ones
        self._ended[number] = self._running.pop(number)

    def halt(self) -> None:
        """Raises Halted when somebody asked to stop."""
        if self._stop is not None and self._stop.is_set():
            raise Halted(_STOPPED, hint=_RESUME)

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

    async def _pass(self) -> None:
        self.halt()
        if self._ledger is None or self._run is None:
            return
        async with self._asking:
            before = list(self._ended)
            if not await self._ledger.holds(self._run.lease):
                raise LockLost
        for number in before:  # the lock was ours after they were over
            self._ended.pop(number, None)

    async def note(self) -> None:
        """Notes them for the next plan. Raises LedgerUnusable."""
        if self._ledger is not None and self._run is not None and self.uncertain:
            await self._ledger.note_uncertain(self._run, self.uncertain)
