"""Ledgers of older releases: brought to today's version with all their rows, wherever somebody dies on the way, and
never under a run. The tables are those that the older release made (`versions/`), on each database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, inspect, make_url

from reconciler.apply import session
from reconciler.apply.ledger import Ledger, LedgerUnusable, Locked, migrations, open_engine
from reconciler.apply.ledger.tables import LedgerTables
from reconciler.apply.session import Operator
from reconciler.planning.ledger_state import RunState
from tests.apply.ledger.house import ANNA, HANS, Clock, account, creation, everything_ours, expire, opened, sql

_VERSIONS = Path(__file__).parent / "versions"
PERSON = Operator("technik", "mail.example", 7)
OTHER = Operator("vertretung", "mail2.example", 8)


def ledger_on(engine: Engine, site: str = "nrw", prefix: str = "") -> Ledger:
    return Ledger(engine, site, clock=Clock(), prefix=prefix)


def make_version(engine: Engine, version: int, prefix: str = "") -> None:
    """Its tables, with what a run left in them. `{commit}` is a reserved word on some databases."""
    commit = engine.dialect.identifier_preparer.quote("commit")
    for name in (f"{version}-{engine.dialect.name}.sql", f"{version}-rows.sql"):
        lines = (line for line in (_VERSIONS / name).read_text().splitlines() if not line.startswith("--"))
        with engine.begin() as connection:
            for statement in "\n".join(lines).split(";\n"):
                if statement.strip():
                    named = statement.replace("{commit}", commit).replace("reconciler_", f"{prefix}reconciler_")
                    connection.exec_driver_sql(named.strip().rstrip(";"))


def version_of(engine: Engine, prefix: str = "") -> str | None:
    with engine.connect() as connection:
        return migrations.read_version(connection, ledger_on(engine, prefix=prefix).tables)


@pytest.fixture(params=[1, 2, 3])
def version(request: pytest.FixtureRequest) -> int:
    """Each version that was."""
    return int(request.param)


@pytest.fixture
def old(engine: Engine, version: int) -> Engine:
    """A database with a ledger of an older version."""
    make_version(engine, version)
    return engine


@pytest.fixture
def old_file(tmp_path: Path) -> Engine:
    """The same in a file of its own, where no server is the point."""
    engine = open_engine(make_url(f"sqlite:///{tmp_path}/ledger.db"), create=True)
    make_version(engine, 1)
    return engine


async def is_whole(engine: Engine, prefix: str = "") -> None:
    """Of today's version and shape, with every row."""
    ledger = ledger_on(engine, prefix=prefix)
    await ledger.check()
    assert version_of(engine, prefix) == str(migrations.newest())
    assert f"{prefix}reconciler_letters" not in inspect(engine).get_table_names()
    past = await ledger.run(1)
    assert past is not None
    assert [(step.key, step.state) for step in past.steps] == [(ANNA, "done"), (ANNA, "begun"), (HANS, "done")]
    remembered = await ledger.remember(24)
    assert remembered.unfinished == {account(ANNA)}
    assert [shot.name for shot in remembered.missed] == ["password_reset"]
    assert list(await everything_ours(ledger)) == [("postfixadmin", "mailbox", ANNA)]
    assert await ledger.plan_document(1) == '{"site": "nrw"}'
    assert (await ledger.holder(), await ledger_on(engine, "nds", prefix).holder()) == (None, None)
    # the chain began, for each site, and says nothing of the run from before it
    for site, before in (("nrw", 1), ("nds", 0)):
        checked = await ledger_on(engine, site, prefix).verify()
        assert checked.head is not None
        assert (checked.head.number, checked.before, checked.runs, checked.faults) == (0, before, 0, ())


async def test_an_older_ledger_is_refused_with_the_next_command_until_it_is_brought_up_to_date(
    old: Engine, version: int
) -> None:
    ledger = ledger_on(old)
    for attempt in (ledger.check, ledger.init):
        with pytest.raises(LedgerUnusable, match=rf"of version {version}, this program needs 4$") as caught:
            await attempt()
        hint = "run `reconciler ledger upgrade`, which brings them to version 4; back them up before"
        assert caught.value.hint == hint
    assert version_of(old) == str(version)
    assert await session.upgrade(ledger, PERSON)
    await is_whole(old)
    assert not await session.upgrade(ledger, PERSON)
    # and a run goes on from there, with the next number and fence
    run = await opened(ledger, creation(HANS))
    assert (run.id, run.lease.fence) == (2, 5)
    await ledger.finish(run, RunState.DONE)
    checked = await ledger.verify()
    assert (checked.before, checked.runs, checked.faults) == (1, 1, ())


async def test_it_waits_for_a_run_of_any_site_and_lets_no_other_begin(old: Engine) -> None:
    working = await ledger_on(old, "nds").acquire("technik", "mail.example", 7, migrating=True)  # as its release did
    with pytest.raises(Locked, match="locked by technik"):
        await session.upgrade(ledger_on(old), OTHER)
    assert await ledger_on(old, "nds").holds(working)
    assert not inspect(old).get_indexes("reconciler_inventory")
    with pytest.raises(LedgerUnusable, match=r"of version \d to 4, this program needs 4"):
        await ledger_on(old).check()
    await ledger_on(old, "nds").release(working)
    assert await session.upgrade(ledger_on(old), OTHER)
    await is_whole(old)


async def test_a_run_that_looked_at_the_tables_before_they_changed_gets_no_lock(old_file: Engine) -> None:
    ledger = ledger_on(old_file)
    with pytest.raises(LedgerUnusable, match="this program needs 4"):
        await ledger.acquire("technik", "mail.example", 7)
    assert await ledger.holder() is None


async def test_two_at_once(old: Engine) -> None:
    ends = await asyncio.gather(
        session.upgrade(ledger_on(old), PERSON), session.upgrade(ledger_on(old), OTHER), return_exceptions=True
    )
    # one does it; the other one was told so, or came when it was done
    assert True in ends
    assert all(end in (True, False) or isinstance(end, Locked | LedgerUnusable) for end in ends), ends
    await is_whole(old)


class Dead(BaseException):
    """As a kill: nothing catches it on the way."""


def dying_after(
    step: Callable[[Connection, LedgerTables], None], statements: int, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Connection, LedgerTables], None]:
    """A step whose process is gone after so many statements, or at its end."""

    def dying(connection: Connection, tables: LedgerTables) -> None:
        left = iter(range(statements))
        execute = connection.execute

        def counted(*arguments: Any, **options: Any) -> Any:
            if next(left, None) is None:
                raise Dead
            return execute(*arguments, **options)

        monkeypatch.setattr(connection, "execute", counted)
        step(connection, tables)
        raise Dead

    return dying


@pytest.mark.parametrize(("step", "statements"), [(0, 4), (1, 12), (2, 2)], ids=["to 2", "to 3", "to 4"])
async def test_dying_anywhere_is_put_right_by_the_next_upgrade(
    engine: Engine, step: int, statements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MariaDB has kept what was done by then, the others nothing."""
    for after in range(statements):
        prefix = f"m{after}_"
        make_version(engine, 1, prefix)
        ledger = ledger_on(engine, prefix=prefix)
        await ledger.begin_migration()
        with monkeypatch.context() as patched:
            steps = [*migrations.STEPS]
            steps[step] = dying_after(steps[step], after, patched)
            patched.setattr(migrations, "STEPS", tuple(steps))
            with pytest.raises(Dead):
                migrations.run(engine, ledger.tables)
        with pytest.raises(LedgerUnusable, match=f"of version {step + 1} to 4, this program needs 4") as caught:
            await ledger.check()
        assert "reconciler ledger upgrade" in caught.value.hint
        assert await session.upgrade(ledger, PERSON)
        await is_whole(engine, prefix)


async def test_where_there_are_no_tables_there_is_nothing_to_upgrade(engine: Engine) -> None:
    with pytest.raises(LedgerUnusable) as caught:
        await session.upgrade(ledger_on(engine), PERSON)
    assert "reconciler ledger init" in caught.value.hint
    assert not [name for name in inspect(engine).get_table_names() if "reconciler" in name]


async def test_the_lock_of_one_that_died_on_another_host_ends_by_itself(old_file: Engine) -> None:
    (own,) = [site for site in await ledger_on(old_file).begin_migration() if site._site == "nrw"]
    await own.acquire("technik", "gone.example", 7, migrating=True)
    with pytest.raises(Locked):
        await session.upgrade(ledger_on(old_file), PERSON)
    expire(old_file, own)
    assert await session.upgrade(ledger_on(old_file), PERSON)
    await is_whole(old_file)


async def test_a_newer_ledger_is_left_alone_and_says_what_to_do(old_file: Engine) -> None:
    ledger = ledger_on(old_file)
    await session.upgrade(ledger, PERSON)
    for version in ("5", "4 to 5", "1 to 5", "two"):
        sql(old_file, f"UPDATE reconciler_meta SET value = '{version}'")
        for attempt in (ledger.check, ledger.init, partial(session.upgrade, ledger, PERSON)):
            with pytest.raises(LedgerUnusable, match=f"of version {version}, this program needs 4") as caught:
                await attempt()
            assert "a newer release of reconciler has used this ledger: install that one here" in caught.value.hint
        assert version_of(old_file) == version


def _to_5(connection: Connection, tables: LedgerTables) -> None:
    """What a later version may want: a column with a value for the rows that are there."""
    if "job" not in {column["name"] for column in inspect(connection).get_columns(tables.runs.name)}:
        connection.exec_driver_sql(f"ALTER TABLE {tables.runs.name} ADD COLUMN job varchar(255) NOT NULL DEFAULT ''")
    connection.exec_driver_sql(f"UPDATE {tables.runs.name} SET job = 'unknown' WHERE job = ''")


def _dying(connection: Connection, tables: LedgerTables) -> None:
    _to_5(connection, tables)
    raise TimeoutError


async def test_several_versions_one_after_the_other_and_each_is_noted(
    old: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, known = ledger_on(old), migrations.STEPS
    monkeypatch.setattr(migrations, "STEPS", (*known, _dying))
    await ledger.begin_migration()
    with pytest.raises(TimeoutError):
        migrations.run(old, ledger.tables)
    assert version_of(old) == "4 to 5"
    assert "reconciler_letters" not in inspect(old).get_table_names()
    monkeypatch.setattr(migrations, "STEPS", (*known, _to_5))
    migrations.run(old, ledger.tables)
    assert version_of(old) == "5"
    with old.connect() as connection:
        assert connection.exec_driver_sql("SELECT job FROM reconciler_runs").scalars().all() == ["unknown"]


async def test_a_new_ledger_is_the_same_as_one_that_was_brought_up_to_date(old: Engine) -> None:
    def shape(prefix: str) -> dict[str, object]:
        look = inspect(old)
        return {
            name.removeprefix(prefix): (
                [{**column, "type": repr(column["type"])} for column in look.get_columns(name)],
                sorted(str(index["name"]).removeprefix(prefix) for index in look.get_indexes(name)),
            )
            for name in look.get_table_names()
            if name.startswith(f"{prefix}reconciler_")
        }

    await session.upgrade(ledger_on(old), PERSON)
    await Ledger(old, "nrw", clock=Clock(), prefix="new_").init()
    ours = shape("")
    assert ours.keys() == shape("new_").keys()
    for name, made in shape("new_").items():
        assert repr(made).replace("new_", "") == repr(ours[name])
