"""`done_in`: an effect on PostfixAdmin's tables and its journal row commit together, or not at all."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Engine, text

from reconciler.apply.ledger import Ledger, LockLost
from tests.apply.ledger.child import EFFECT
from tests.apply.ledger.house import ANNA, creation, everything_ours, expire, opened, states


def effects(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM domain WHERE domain = 'neu.example'")).scalar_one())


async def test_committed_together(ledger: Ledger, engine: Engine) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps[:2])
    with engine.begin() as connection:
        connection.execute(text(EFFECT))
        ledger.done_in(connection, run, steps[:2])
    assert effects(engine) == 1
    assert await states(ledger, run.id) == ["done", "done", "pending", "pending"]
    assert [key for _, _, key in await everything_ours(ledger)] == [ANNA, ANNA]


async def test_rolled_back_together(ledger: Ledger, engine: Engine) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps[:2])
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text(EFFECT))
        ledger.done_in(connection, run, steps[:2])
        transaction.rollback()
    assert effects(engine) == 0
    assert await states(ledger, run.id) == ["begun", "begun", "pending", "pending"]
    assert await everything_ours(ledger) == {}


async def test_who_lost_the_lock_cannot_commit_an_effect(ledger: Ledger, engine: Engine) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps[:1])
    expire(engine, ledger)
    await ledger.acquire("technik", "other.example", 8)
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text(EFFECT))
        with pytest.raises(LockLost):
            ledger.done_in(connection, run, steps[:1])
        transaction.rollback()
    assert effects(engine) == 0
    assert (await states(ledger, run.id))[0] == "begun"


async def test_a_sign_of_life_meanwhile_waits_for_the_commit(ledger: Ledger, engine: Engine) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    with engine.begin() as connection:
        ledger.done_in(connection, run, steps[:1])
        renewal = asyncio.create_task(ledger.renew(run.lease))
        await asyncio.sleep(0.05)
        assert not renewal.done()
    await renewal
    assert (await states(ledger, run.id))[0] == "done"


async def test_the_engine_may_say_it_again(ledger: Ledger, engine: Engine) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps[:1])
    for _ in range(2):
        with engine.begin() as connection:
            ledger.done_in(connection, run, steps[:1])
    assert (await states(ledger, run.id))[0] == "done"
