"""The tables: made explicitly, complete or completed, and never touched when they are somebody else's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, make_url

from reconciler.apply.ledger import Ledger, LedgerUnusable, open_engine
from reconciler.planning.changes import Action
from tests.apply.ledger.house import Clock, all_text, block, opened, sql
from tests.cli.running import eventually
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.postfixadmin.support import by_hand, rows


def fresh(engine: Engine, prefix: str = "") -> Ledger:
    return Ledger(engine, "nrw", clock=Clock(), prefix=prefix)


def columns(engine: Engine) -> dict[str, str]:
    inspector = inspect(engine)
    names = (name for name in inspector.get_table_names() if name.startswith("reconciler_"))
    return {name: repr(inspector.get_columns(name)) for name in names}


async def test_missing_tables_are_said_with_the_next_command(engine: Engine) -> None:
    ledger = fresh(engine)
    assert not await ledger.exists()
    with pytest.raises(LedgerUnusable, match="tables are missing: reconciler_chain, reconciler_heads") as caught:
        await ledger.check()
    assert "reconciler ledger init" in caught.value.hint
    with pytest.raises(LedgerUnusable) as caught:
        await ledger.history(1)
    assert "reconciler ledger init" in caught.value.hint
    assert not await ledger.exists()


async def test_init_makes_ours_beside_postfixadmins_and_again_changes_nothing(engine: Engine) -> None:
    others = set(inspect(engine).get_table_names())
    ledger = fresh(engine)
    await ledger.init()
    await ledger.check()
    assert await ledger.exists()
    made = set(inspect(engine).get_table_names()) - others
    names = ("meta", "runs", "plans", "steps", "inventory", "lock", "one_shots", "chain", "heads")
    assert made == {f"reconciler_{name}" for name in names}
    await opened(ledger, [block("spam.example")])
    there = all_text(engine, ledger)
    await ledger.init()
    assert all_text(engine, ledger) == there


async def test_two_that_make_them_at_once_both_end_well(engine: Engine) -> None:
    # a lost race may be said (PostgreSQL), a half-made ledger may not stay
    await asyncio.gather(fresh(engine).init(), fresh(engine).init(), return_exceptions=True)
    await fresh(engine).init()
    await fresh(engine).check()


async def test_a_prefix_of_the_site(engine: Engine) -> None:
    await fresh(engine, "mail_").init()
    assert "mail_reconciler_steps" in inspect(engine).get_table_names()
    assert not await fresh(engine).exists()


@pytest.mark.parametrize(
    "died",
    [
        "DELETE FROM reconciler_meta; DROP TABLE reconciler_one_shots",  # the version comes last
        "DELETE FROM reconciler_meta",
        "DROP INDEX reconciler_steps_state {on}",
        "DROP INDEX reconciler_steps_id {on}",
    ],
)
async def test_init_that_died_is_said_and_put_right(ledger: Ledger, engine: Engine, died: str) -> None:
    run = await opened(ledger, [block("spam.example")])
    for statement in died.format(on="ON reconciler_steps" if engine.dialect.name == "mysql" else "").split("; "):
        sql(engine, statement)
    with pytest.raises(LedgerUnusable) as caught:
        await ledger.check()
    assert "reconciler ledger init" in caught.value.hint
    await ledger.init()
    await ledger.check()
    past = await ledger.run(run.id)
    assert past is not None
    assert len(past.steps) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER TABLE reconciler_steps ADD COLUMN extra varchar(10)", r"steps\.extra is unknown"),
        ("ALTER TABLE reconciler_steps DROP COLUMN hint", r"steps\.hint is missing"),
        ("DROP TABLE reconciler_lock; CREATE TABLE reconciler_lock (name varchar(20))", r"lock\.name is text of 20"),
        ("DROP TABLE reconciler_meta; CREATE TABLE reconciler_meta (name varchar(32), value varchar(255) NOT NULL)",
         "meta has another primary key"),
    ],
)  # fmt: skip
async def test_another_shape_is_left_alone(ledger: Ledger, engine: Engine, change: str, said: str) -> None:
    for statement in change.split(";"):
        sql(engine, statement)
    there = columns(engine)
    for attempt in (ledger.check, ledger.init):
        with pytest.raises(LedgerUnusable, match=said) as caught:
            await attempt()
        assert "nothing was changed" in caught.value.hint
    assert columns(engine) == there


_FOLDING = "ALTER TABLE reconciler_steps MODIFY `key` varchar(320) COLLATE utf8mb4_general_ci NOT NULL"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("ALTER TABLE reconciler_meta ENGINE=MyISAM", "meta has no transactions"),
        (_FOLDING, r"steps\.key does not tell upper from lower case"),
    ],
)
async def test_what_only_mariadb_can_get_wrong(mariadb: PostfixAdminDatabase, change: str, said: str) -> None:
    engine = open_engine(mariadb.full_url)
    ledger = fresh(engine)
    await ledger.init()
    sql(engine, change)
    with pytest.raises(LedgerUnusable, match=said):
        await ledger.check()
    await ledger.close()


async def test_keys_that_differ_in_case_alone_are_two(ledger: Ledger) -> None:
    steps = [block("Spam.example"), block("spam.example"), block("SPAM.example", Action.DELETE)]
    run = await opened(ledger, steps)
    await ledger.before(run, steps[:1])
    past = await ledger.run(run.id)
    assert past is not None
    assert [step.state for step in past.steps] == ["begun", "pending", "pending"]


async def test_the_longest_address_fits(ledger: Ledger) -> None:
    longest = f"{'l' * 64}@{'.'.join(['d' * 62] * 4)}.x"[:318]
    step = block(longest)
    run = await opened(ledger, [step])
    past = await ledger.run(run.id)
    assert past is not None
    assert past.steps[0].key == longest


_OTHERS = {
    "mysql": "SELECT id AS number FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
    "postgresql": "SELECT pid AS number FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
}
_END = {"mysql": "KILL {}", "postgresql": "SELECT pg_terminate_backend({})"}


@pytest.mark.parametrize("backend", ["mariadb", "postgresql"])
async def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(
    request: pytest.FixtureRequest, backend: str
) -> None:
    """Sites close what is silent for a while (wait_timeout), and restart their server in the middle of a run."""
    pfa_database: PostfixAdminDatabase = request.getfixturevalue(f"new_{backend}")()
    ledger = fresh(open_engine(pfa_database.full_url))
    await ledger.init()
    lease = await ledger.acquire("technik", "mail.example", 7)
    (kept,) = rows(pfa_database, _OTHERS[pfa_database.backend])
    by_hand(pfa_database, _END[pfa_database.backend].format(kept["number"]))
    assert await ledger.holds(lease)
    # the server may list the one that it ended for a moment
    eventually(lambda: len(rows(pfa_database, _OTHERS[pfa_database.backend])) == 1)
    (new,) = rows(pfa_database, _OTHERS[pfa_database.backend])
    assert new["number"] != kept["number"]
    await ledger.release(lease)
    await ledger.close()


async def test_a_sqlite_file_is_made_by_init_alone(tmp_path: Path) -> None:
    url = make_url(f"sqlite:///{tmp_path}/ledger.db")
    with pytest.raises(LedgerUnusable, match=f"there is no file {tmp_path}/ledger.db") as caught:
        await fresh(open_engine(url)).check()
    assert "reconciler ledger init" in caught.value.hint
    assert not (tmp_path / "ledger.db").exists()
    with pytest.raises(LedgerUnusable, match="unable to open") as caught:
        await fresh(open_engine(make_url(f"sqlite:///{tmp_path}"))).check()
    assert "reconciler ledger init" not in caught.value.hint
    await fresh(open_engine(url, create=True)).init()
    await fresh(open_engine(url)).check()


async def test_an_unreachable_server_is_said_without_the_password() -> None:
    engine = open_engine(make_url("mysql+pymysql://reconciler:geheim@127.0.0.1:1/ledger"))
    with pytest.raises(LedgerUnusable) as caught:
        await fresh(engine).exists()
    assert "127.0.0.1:1" in caught.value.message
    assert "geheim" not in f"{caught.value.message} {caught.value.hint} {caught.value!r}"
