"""Real processes: killed with the lock in hand, killed inside a transaction, racing for the same lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from reconciler.apply.ledger import Ledger, Locked
from reconciler.planning.ledger_state import RunState
from tests.apply.ledger.child import URL
from tests.apply.ledger.house import ANNA, DONE, HANS, account, creation, expire, opened, opened_with, states
from tests.services.postfixadmin import PostfixAdminDatabase

Child = subprocess.Popen[str]
Start = Callable[[str], Child]


@pytest.fixture
def start(pfa_database: PostfixAdminDatabase) -> Iterator[Start]:
    """Starts a child in a mode and waits until it is where it wants to be."""
    children: list[Child] = []
    url = pfa_database.full_url.render_as_string(hide_password=False)

    def begin(mode: str) -> Child:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.apply.ledger.child", mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
            env={**os.environ, URL: url},
        )
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.communicate()


def line(child: Child) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def kill(child: Child) -> None:
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL


async def test_of_several_processes_one_gets_the_lock(ledger: Ledger, start: Start) -> None:
    children = [start("race") for _ in range(3)]
    assert [line(child) for child in children] == ["ready"] * 3
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    said = [line(child) for child in children]
    winner = said.index("fence 1")
    assert sorted(said) == ["fence 1", *[f"locked by {children[winner].pid}"] * 2]


async def test_the_lock_of_a_killed_process_stands_until_it_expires(
    ledger: Ledger, engine: Engine, start: Start
) -> None:
    child = start("hold")
    assert line(child) == "ready"
    kill(child)
    with pytest.raises(Locked, match=r"technik on mail\.example"):
        await ledger.acquire("technik", "other.example", 8)
    expire(engine, ledger)
    lease = await ledger.acquire("technik", "other.example", 8)
    assert lease.fence == 2
    assert await states(ledger, 1) == ["begun", "pending", "pending", "pending"]
    assert (await ledger.remember(24)).unfinished == {account(ANNA)}
    # another machine finishes what the crashed run began
    run = await opened_with(ledger, lease, creation(ANNA), "next")
    await ledger.before(run, creation(ANNA))
    await ledger.after(run, [(step, DONE) for step in creation(ANNA)])
    await ledger.finish(run, RunState.DONE)
    assert (await ledger.remember(24)).unfinished == frozenset()


async def test_a_new_run_after_a_crash_ends_the_old_one(ledger: Ledger, engine: Engine, start: Start) -> None:
    child = start("hold")
    assert line(child) == "ready"
    kill(child)
    expire(engine, ledger)
    run = await opened(ledger, creation(ANNA), "second")
    assert [(past.id, past.state) for past in await ledger.history(5)] == [(run.id, "running"), (1, "interrupted")]
    await ledger.before(run, creation(ANNA))
    await ledger.after(run, [(step, DONE) for step in creation(ANNA)])
    assert (await ledger.remember(24)).unfinished == frozenset()


async def test_killed_inside_the_transaction_neither_effect_nor_journal_row_is_there(
    ledger: Ledger, engine: Engine, start: Start
) -> None:
    child = start("inside")
    assert line(child) == "ready"
    kill(child)
    expire(engine, ledger)  # waits for the dead process' row lock, so its transaction is over now
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM domain WHERE domain = 'neu.example'")).scalar() == 0
    assert (await states(ledger, 1))[0] == "begun"
    lease = await ledger.acquire("technik", "other.example", 8)
    run = await opened_with(ledger, lease, creation(HANS), "next")
    assert (run.id, lease.fence) == (2, 2)
