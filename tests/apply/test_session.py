"""A run that notices the loss of its lock at the very moment at which its heartbeat does."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest

from reconciler.apply.ledger import Lease, Ledger, LockLost
from reconciler.apply.session import Operator, _locked


class LosesItsLockAtTheEnd:
    """A ledger whose renewal is under way when the block ends, and finds then that the lock is lost."""

    released = False

    async def acquire(self, *_who: Any, **_how: Any) -> Lease:
        return Lease(1, timedelta(milliseconds=4))

    async def renew(self, _lease: Lease) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise LockLost from None

    async def release(self, _lease: Lease) -> None:
        await asyncio.sleep(0)
        self.released = True


async def _run(ledger: LosesItsLockAtTheEnd) -> None:
    async with _locked(cast("Ledger", ledger), Operator("anna", "host", 1)):
        await asyncio.sleep(0.02)  # the renewal begins
        raise LockLost


async def test_both_notice_it_and_it_is_said_once() -> None:
    ledger = LosesItsLockAtTheEnd()
    with pytest.raises(LockLost):
        await _run(ledger)
    assert ledger.released
    current = asyncio.current_task()
    assert current is not None
    assert not current.cancelling()
