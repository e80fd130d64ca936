"""The chain of the ledger on each database: true after whatever runs do, and whoever writes late or beside another."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import Engine, event

from reconciler.apply.ledger import Ledger, LedgerUnusable, LockLost
from reconciler.planning.changes import Outcome, Result
from reconciler.planning.history_check import HistoryCheck
from reconciler.planning.ledger_state import OneShot, RunState
from tests.apply.ledger.house import (
    ANNA,
    DONE,
    FAILED,
    HANS,
    Clock,
    account,
    block,
    creation,
    expire,
    new_run,
    opened,
    opened_with,
    sql,
)

ODD = Outcome(Result.FAILED, "Grüße\N{PILE OF POO} \x00 \udc80 'x' \\ %s  ", "\ttrailing \n")
SHOT = OneShot(ANNA, "password_reset", date(2026, 11, 24))


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    """Those that the database gets from now on."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


async def sound(ledger: Ledger) -> HistoryCheck:
    """The history, which is as it was written."""
    checked = await ledger.verify()
    assert checked.faults == ()
    return checked


async def test_whatever_runs_do_is_read_as_it_was_written(ledger: Ledger, engine: Engine, clock: Clock) -> None:
    lease = await ledger.acquire("technik", "mail.example", 7)
    steps = [*creation(ANNA), *creation(HANS), block("spam.example")]
    shots = {steps[2].id: SHOT}
    run = await ledger.begin(lease, new_run(steps, document="ü" * 600_000, commit="c0ffee", one_shots=shots))
    assert (await sound(ledger)).open_runs == (run.id,)
    await ledger.before(run, steps[:6])
    outcomes = [DONE, ODD, FAILED, Outcome(Result.SKIPPED, "in place"), Outcome(Result.UNCERTAIN, "timeout"), DONE]
    await ledger.after(run, list(zip(steps, outcomes, strict=False)))
    await ledger.missed(run, [SHOT._replace(name="subscriptions_reset"), SHOT._replace(address=HANS)])
    await ledger.finish(run, RunState.PARTLY)
    await ledger.finish(run, RunState.PARTLY)  # its answer was lost
    first = await sound(ledger)
    assert (first.runs, first.steps, first.open_runs) == (1, len(steps), ())
    # a run that dies: what it wrote is sealed by the next one
    clock.now = clock.now.replace(microsecond=0)
    run = await opened_with(ledger, lease, steps, "second")
    await ledger.before(run, steps[:3])
    assert (await sound(ledger)).open_runs == (run.id,)
    run = await opened_with(ledger, lease, [block("other.example")], "third")
    await ledger.supersede(run, [account(ANNA), account(HANS)])
    await ledger.finish(run, RunState.DONE)
    assert (await sound(ledger)).runs == 3
    assert first.head is not None
    assert (await ledger.verify(first.head.hash)).noted == first.head.number
    # another site has a chain of its own
    other = Ledger(engine, "nds", clock=clock)
    await opened(other, steps)
    assert (await sound(other)).runs == 1
    assert (await sound(ledger)).runs == 3


async def test_what_a_run_that_died_left_is_sealed_by_the_next_one(ledger: Ledger, engine: Engine) -> None:
    run = await opened(ledger, creation(ANNA))
    sql(engine, "UPDATE reconciler_steps SET counted = 'removal' WHERE seq = 1")
    (fault,) = (await ledger.verify()).faults
    assert (fault.run, fault.step) == (run.id, 1)
    sql(engine, "UPDATE reconciler_steps SET counted = 'creation' WHERE seq = 1")
    sql(engine, "UPDATE reconciler_runs SET state = 'done'")
    (fault,) = (await ledger.verify()).faults
    assert "how it ended was changed: it did not end" in fault.what
    sql(engine, "UPDATE reconciler_runs SET state = 'running'")
    await opened_with(ledger, run.lease, [], "next")
    await sound(ledger)
    sql(engine, f"UPDATE reconciler_steps SET state = 'done' WHERE run = {run.id} AND seq = 3")
    (fault,) = (await ledger.verify()).faults
    assert fault.what == f"run {run.id}, step 3: how far it came was changed"


async def test_who_lost_the_lock_adds_nothing_but_what_it_may_have_done(ledger: Ledger, engine: Engine) -> None:
    late = await opened(ledger, creation(ANNA))
    await ledger.before(late, creation(ANNA))
    expire(engine, ledger)
    run = await opened(ledger, creation(HANS), "second")
    for write in (
        ledger.finish(late, RunState.DONE),
        ledger.supersede(late, [account(ANNA)]),
        ledger.missed(late, [SHOT]),
        ledger.after(late, [(creation(ANNA)[0], DONE)]),
    ):
        with pytest.raises(LockLost):
            await write
    await sound(ledger)
    # beside the run that is at work: both write the chain in turn
    many = [ledger.note_uncertain(late, [account(ANNA)]) for _ in range(4)]
    await asyncio.gather(*many, ledger.supersede(run, [account(ANNA)]), ledger.missed(run, [SHOT]))
    await ledger.finish(run, RunState.DONE)
    checked = await sound(ledger)
    assert (checked.runs, checked.open_runs) == (6, ())


async def test_a_write_that_is_undone_leaves_no_record(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose last statement fails: neither its rows nor its records are there."""
    run = await opened(ledger, creation(ANNA))
    before = (await sound(ledger)).head
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.apply.ledger.lock.note_run", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await opened_with(ledger, run.lease, creation(HANS), "second")
    assert (await sound(ledger)).head == before


async def test_records_cost_statements_by_the_run_and_none_by_the_step(
    ledger: Ledger, engine: Engine, statements: list[str]
) -> None:
    lease = await ledger.acquire("technik", "mail.example", 7)
    costs = []
    for steps in (creation(ANNA)[:1], [block(f"{number}.example") for number in range(7000)]):
        run = await opened_with(ledger, lease, steps, f"of {len(steps)}")
        del statements[:]
        await ledger.finish(run, RunState.DONE)
        costs.append(len(statements))
        await sound(ledger)
    assert costs[1] == costs[0]
    table = ledger.tables.chain
    with engine.connect() as connection:
        longest = max(len(row.leaves) for row in connection.execute(table.select()))
    assert 200_000 < longest < 250_000


async def test_it_holds_some_plans_at_a_time_and_many_runs_cost_few_statements(
    ledger: Ledger, engine: Engine, statements: list[str]
) -> None:
    lease = await ledger.acquire("technik", "mail.example", 7)
    costs = []
    for number, size in ((1, 10), (60, 10), (60, 1_000_000)):
        for _ in range(number):
            run = await ledger.begin(lease, new_run([block("spam.example")], document="x" * size))
            await ledger.finish(run, RunState.DONE)
        del statements[:]
        tracemalloc.start()
        try:
            await sound(ledger)
            costs.append((len(statements), tracemalloc.get_traced_memory()[1]))
        finally:
            tracemalloc.stop()
    (first, _), (same, _), (last, memory) = costs
    assert first == same
    assert last - first < 60
    assert memory < 40_000_000


async def test_a_head_that_is_older_than_the_chain_is_said(ledger: Ledger, engine: Engine) -> None:
    """Somebody brought one table back from a backup."""
    run = await opened(ledger, creation(ANNA))
    await ledger.finish(run, RunState.DONE)
    sql(engine, f"UPDATE reconciler_heads SET number = 2, hash = '{'0' * 64}'")
    with pytest.raises(LedgerUnusable, match="the head of the ledger's chain is older than its last record") as caught:
        await opened_with(ledger, run.lease, creation(HANS), "second")
    assert "reconciler history verify" in caught.value.hint
    assert await ledger.run(run.id + 1) is None
    assert [f.what for f in (await ledger.verify()).faults] == ["the chain's head is not its last record"]


async def test_a_chain_that_lost_its_start_or_its_head_is_no_empty_one(ledger: Ledger, engine: Engine) -> None:
    run = await opened(ledger, creation(ANNA))
    await ledger.finish(run, RunState.DONE)
    sql(engine, "DELETE FROM reconciler_heads")
    assert [f.what for f in (await ledger.verify()).faults] == ["the chain's head is gone"]
    with pytest.raises(LedgerUnusable, match="the head of the ledger's chain is gone"):
        await opened_with(ledger, run.lease, creation(HANS), "second")
    sql(engine, f"INSERT INTO reconciler_heads VALUES ('nrw', 5, '{'0' * 64}')")
    assert [f.what for f in (await ledger.verify()).faults] == ["the chain's head is not its last record"]
    sql(engine, "DELETE FROM reconciler_chain WHERE number = 0")
    whats = [f.what for f in (await ledger.verify()).faults]
    assert "record 0 of the chain is missing" in whats
    sql(engine, "DELETE FROM reconciler_chain")
    assert "the chain is gone, but for its head" in [f.what for f in (await ledger.verify()).faults]
