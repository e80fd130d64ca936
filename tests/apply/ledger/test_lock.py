"""The lock: taken once, renewed, expired by the database's clock, broken on purpose; who lost it writes nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, select, text

from reconciler.apply.ledger import Ledger, Locked, LockLost, OpenRun
from reconciler.apply.ledger.lock import TTL, database_now
from reconciler.model.records import BlockRow
from reconciler.planning.ledger_state import InventoryEntry, OneShot, RunState
from tests.apply.ledger.house import (
    ANNA,
    DONE,
    HANS,
    NOW,
    Clock,
    account,
    all_text,
    creation,
    expire,
    opened,
    opened_with,
)

Write = Callable[[Ledger, OpenRun, Engine], Awaitable[object]]


async def test_the_lock_names_its_holder(ledger: Ledger) -> None:
    assert await ledger.holder() is None
    run = await opened(ledger, creation(ANNA))
    by = await ledger.holder()
    assert by is not None
    assert (by.holder, by.host, by.pid, by.run, by.fence, by.expired) == (
        "technik",
        "mail.example",
        7,
        run.id,
        1,
        False,
    )
    assert by.expires - by.since >= TTL
    with pytest.raises(Locked) as caught:
        await ledger.acquire("somebody", "other.example", 8)
    assert caught.value.by.run == run.id
    assert "technik on mail.example (process 7) in run 1" in caught.value.message
    assert "reconciler unlock" in caught.value.hint


async def test_a_lock_that_was_given_back_is_taken_with_a_higher_fence(ledger: Ledger) -> None:
    first = await ledger.acquire("technik", "mail.example", 7)
    await ledger.release(first)
    assert await ledger.holder() is None
    second = await ledger.acquire("technik", "mail.example", 8)
    assert second.fence > first.fence
    await ledger.release(first)
    by = await ledger.holder()
    assert by is not None
    assert by.pid == 8


async def test_a_lock_expires_and_a_sign_of_life_renews_it(ledger: Ledger) -> None:
    lease = await ledger.acquire("technik", "mail.example", 7, ttl=timedelta(milliseconds=50))
    while (by := await ledger.holder()) is not None and not by.expired:
        await asyncio.sleep(0.01)
    assert by is not None
    # it expired, and nobody took it: still ours
    await ledger.renew(lease._replace(ttl=TTL))
    with pytest.raises(Locked):
        await ledger.acquire("technik", "other.example", 8)


async def test_only_the_databases_clock_counts(engine: Engine, ledger: Ledger) -> None:
    await ledger.acquire("technik", "mail.example", 7)
    ahead = Ledger(engine, "nrw", clock=Clock(NOW + timedelta(days=3650)))
    with pytest.raises(Locked):
        await ahead.acquire("technik", "fast-clock.example", 8)


async def test_the_databases_clock_does_not_depend_on_the_sessions_time_zone(engine: Engine) -> None:
    if engine.dialect.name != "sqlite":
        zone = "SET time_zone = '+05:00'" if engine.dialect.name == "mysql" else "SET TIME ZONE 'Asia/Kolkata'"

        @event.listens_for(engine, "begin")
        def elsewhere(connection: object) -> None:
            connection.execute(text(zone))  # type: ignore[attr-defined]  # a real one

    with engine.connect() as connection:
        now = connection.execute(select(database_now())).scalar_one()
    assert abs(now / 1000 - time.time()) < 600


async def test_every_site_has_a_lock_of_its_own(engine: Engine, ledger: Ledger) -> None:
    await ledger.acquire("technik", "mail.example", 7)
    assert (await Ledger(engine, "nds", clock=Clock()).acquire("technik", "mail.example", 7)).fence == 1


async def test_unlock_breaks_only_the_lock_that_was_shown(ledger: Ledger) -> None:
    first = await ledger.acquire("technik", "mail.example", 7)
    shown = await ledger.holder()
    assert shown is not None
    await ledger.release(first)
    second = await ledger.acquire("technik", "mail.example", 8)
    assert not await ledger.break_lock(shown)
    await ledger.renew(second)
    by = await ledger.holder()
    assert by is not None
    assert await ledger.break_lock(by)
    assert await ledger.holder() is None


async def _done_in(ledger: Ledger, run: OpenRun, engine: Engine) -> None:
    with engine.begin() as connection:
        ledger.done_in(connection, run, creation(ANNA)[:1])


async def _held(ledger: Ledger, run: OpenRun, engine: Engine) -> None:
    def commit() -> None:
        with ledger.held(run.lease):
            pass

    await asyncio.to_thread(commit)


ENTRY = InventoryEntry.of("postfix", "block", "x.example", BlockRow("x.example", "REJECT"), account("x.example"))
SHOT = OneShot(ANNA, "password_reset", NOW.date())
WRITES: dict[str, Write] = {
    "renew": lambda ledger, run, _: ledger.renew(run.lease),
    "begin": lambda ledger, run, _: opened_with(ledger, run.lease, creation(HANS), "other"),
    "before": lambda ledger, run, _: ledger.before(run, creation(ANNA)),
    "after": lambda ledger, run, _: ledger.after(run, [(step, DONE) for step in creation(ANNA)]),
    "done_in": _done_in,
    "held": _held,
    "finish": lambda ledger, run, _: ledger.finish(run, RunState.DONE),
    "supersede": lambda ledger, run, _: ledger.supersede(run, {account(ANNA)}),
    "missed": lambda ledger, run, _: ledger.missed(run, {SHOT}),
    "record": lambda ledger, run, _: ledger.record([ENTRY], run),
    "forget": lambda ledger, run, _: ledger.forget([("postfixadmin", "mailbox", ANNA)], run),
}


@pytest.mark.parametrize("how", ["taken over", "broken", "given back"])
async def test_who_lost_the_lock_cannot_write(ledger: Ledger, engine: Engine, how: str) -> None:
    run = await opened(ledger, creation(ANNA))
    await ledger.after(run, [(creation(ANNA)[0], DONE)])
    if how == "taken over":
        expire(engine, ledger)
        await ledger.acquire("technik", "other.example", 8)
    elif how == "broken":
        by = await ledger.holder()
        assert by is not None
        assert await ledger.break_lock(by)
    else:
        await ledger.release(run.lease)
    there = all_text(engine, ledger)
    for name, write in WRITES.items():
        with pytest.raises(LockLost) as caught:
            await write(ledger, run, engine)
        assert caught.value.hint, name
        assert all_text(engine, ledger) == there, name


async def test_while_the_lock_is_ours_each_of_these_writes(ledger: Ledger, engine: Engine) -> None:
    # the neighbour of the test above: what is refused there is refused for the lock alone
    for name, write in WRITES.items():
        lease = await ledger.acquire("technik", "mail.example", 7)
        run = await opened_with(ledger, lease, creation(ANNA), name)
        await write(ledger, run, engine)
        await ledger.release(lease)
