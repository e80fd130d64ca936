"""Somebody else's transaction is in the way: the ledger tries again, whatever it was about to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError

from reconciler.apply.ledger import Ledger, LedgerUnusable, OpenRun, open_engine
from reconciler.apply.ledger.connect import explained
from tests.apply.ledger.house import ANNA, Clock, account, creation, opened
from tests.services.own_engine import own_engine
from tests.services.postfixadmin import PostfixAdminDatabase

WAIT = {"mysql": 0, "sqlite": 0, "postgresql": 1}
"""Seconds for which a try waits for a row; on PostgreSQL 0 would be for ever."""


@pytest.fixture
def impatient(pfa_database: PostfixAdminDatabase) -> Iterator[Engine]:
    """To the same database as `ledger`."""
    engine = open_engine(pfa_database.full_url, lock_wait=WAIT[pfa_database.backend])
    yield engine
    engine.dispose()


@contextmanager
def until_the_first_try_failed(impatient: Engine, database: PostfixAdminDatabase, *statements: str) -> Iterator[None]:
    """A second connection, whose transaction has done this, ends it as soon as somebody was told to wait no longer."""
    other = own_engine(database.full_url, isolation_level="AUTOCOMMIT")
    failed: list[object] = []
    with other.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))

        def give_way(context: object) -> None:
            failed.append(context)
            connection.execute(text("ROLLBACK"))

        event.listen(impatient, "handle_error", give_way)
        yield
        event.remove(impatient, "handle_error", give_way)
    other.dispose()
    assert len(failed) == 1, "nobody was in the way"


async def _acquire(ledger: Ledger, run: OpenRun) -> None:
    del run
    assert (await ledger.acquire("technik", "mail.example", 8)).fence == 2


async def _release(ledger: Ledger, run: OpenRun) -> None:
    await ledger.release(run.lease)
    assert await ledger.holder() is None


@pytest.mark.parametrize("act", [_acquire, _release])
async def test_who_finds_the_lock_s_row_held_tries_again(
    pfa_database: PostfixAdminDatabase,
    impatient: Engine,
    ledger: Ledger,
    clock: Clock,
    act: Callable[[Ledger, OpenRun], Awaitable[None]],
) -> None:
    run = await opened(ledger, creation(ANNA))
    if act is _acquire:
        await ledger.release(run.lease)
    with until_the_first_try_failed(impatient, pfa_database, "BEGIN", "UPDATE reconciler_lock SET host = 'x'"):
        await act(Ledger(impatient, "nrw", clock=clock), run)


async def test_reads_and_notes_are_tried_again(
    pfa_database: PostfixAdminDatabase, impatient: Engine, ledger: Ledger, clock: Clock
) -> None:
    """A reader waits where a whole table is locked: SQLite's file, an ALTER TABLE of PostgreSQL. MariaDB's waits for
    nothing but that, and ends with the connection."""
    run = await opened(ledger, creation(ANNA))
    hurried = Ledger(impatient, "nrw", clock=clock)
    whole = {"sqlite": ("BEGIN EXCLUSIVE",), "postgresql": ("BEGIN", "LOCK TABLE reconciler_runs")}
    rows = ("BEGIN", "SELECT * FROM reconciler_runs FOR UPDATE", "SELECT * FROM reconciler_steps FOR UPDATE")
    with until_the_first_try_failed(impatient, pfa_database, *whole.get(pfa_database.backend, rows)):
        if pfa_database.backend in whole:
            assert len(await hurried.history(10)) == 1
        else:
            await hurried.note_uncertain(run, [account(ANNA)])


@pytest.mark.parametrize(
    ("code", "words", "busy"),
    [
        (1213, "Deadlock found", True),
        (1205, "Lock wait timeout exceeded", True),
        (1062, "Duplicate entry '1205' for key 'PRIMARY'", False),
        (1146, "Table 'mail1213.reconciler_runs' doesn't exist", False),
    ],
)
def test_the_code_counts_and_not_what_the_words_hold(code: int, words: str, busy: bool) -> None:
    engine = create_engine(make_url("mysql+pymysql://reconciler@mail.example/ledger"))
    with pytest.raises(LedgerUnusable) as caught, explained(engine):
        raise OperationalError(None, None, Exception(code, words))
    assert caught.value.busy is busy
