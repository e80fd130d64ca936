"""The fence before every effect outside one database transaction: a call of OX, a rewrite of the map, a letter.

The lock of the ledger protects what is written into its database. Everywhere else a run that was stalled (a laptop that
slept, SIGSTOP, a host without memory) could go on after another one took over. So each such effect asks first whether
the lock is still ours, and whether somebody asked to stop; and what was told after the lock was lost is noted for the
next plan. Made by `cli.site_session` for a command, opened by `session` for a run, asked by the systems.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count

from reconciler.apply.ledger import Ledger, LockLost, OpenRun
from reconciler.errors import Halted
from reconciler.model.records import Owner

_STOPPED = "somebody stopped this run before it came to it"
_RESUME = "run `reconciler resume`"


class Fence:
    """Closed until a run is open; then it lets through what may be done. See `systems.system_context.Fence`."""

    def __init__(self, ledger: Ledger | None) -> None:
        self._ledger = ledger
        self._run: OpenRun | None = None
        self._stop: asyncio.Event | None = None
        self._asking = asyncio.Lock()
        """One look at the lock after the other, over the ledger's one connection."""
        self._numbers: Iterator[int] = count()
        self._running: dict[int, Owner] = {}
        self._ended: dict[int, Owner] = {}
        """Effects that are over, and after which nobody has looked at the lock yet."""

    def open(self, run: OpenRun, stop: asyncio.Event) -> None:
        """From now on effects belong to this run, until somebody asks to stop."""
        self._run, self._stop = run, stop
        self._running, self._ended = {}, {}

    @property
    def uncertain(self) -> frozenset[Owner]:
        """Who may have been told something after the lock was lost."""
        return frozenset(self._running.values()) | frozenset(self._ended.values())

    @asynccontextmanager
    async def effect(self, owner: Owner) -> AsyncIterator[None]:
        """See `systems.system_context.Fence`."""
        await self._pass()
        number = next(self._numbers)
        self._running[number] = owner
        yield  # what fails or is cancelled on its way may have happened all the same: it stays among the running
        self._ended[number] = self._running.pop(number)

    def halt(self) -> None:
        """See `systems.system_context.Fence`."""
        if self._stop is not None and self._stop.is_set():
            raise Halted(_STOPPED, hint=_RESUME)

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
        """Notes for the next plan who may have been told something after the lock was lost. Raises LedgerUnusable."""
        if self._ledger is not None and self._run is not None and self.uncertain:
            await self._ledger.note_uncertain(self._run, self.uncertain)
