"""Work in threads that are effects."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from reconciler.remote.concurrency import to_its_end


async def test_who_is_cancelled_waits_for_the_thread() -> None:
    begun, written = threading.Event(), []

    def effect() -> None:
        begun.set()
        time.sleep(0.3)
        written.append("a last word")

    task = asyncio.create_task(to_its_end(effect))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert written == ["a last word"], "the lock would be another's by then"


async def test_its_answer_and_its_error_are_the_thread_s() -> None:
    assert await to_its_end(lambda: 5) == 5

    def fails() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await to_its_end(fails)
