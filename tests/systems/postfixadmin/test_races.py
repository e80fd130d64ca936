"""When it dies, runs twice, or somebody was faster: nothing foreign is overwritten, and nobody is left half-made."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from reconciler.model.records import Owner, OxUserRow, Scope
from reconciler.planning.changes import Action, Change, Outcome, Result, Step
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.systems.postfixadmin import observe
from reconciler.systems.postfixadmin.connect import Database
from reconciler.systems.postfixadmin.perform import Writer
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN, effects_of, records_of, step_of
from tests.systems.postfixadmin.support import (
    ANNA,
    DOMAIN,
    MEMBER,
    apply,
    by_hand,
    closing,
    mailbox,
    make_system,
    readable_steps,
    results,
    rows,
    state,
)

BERND = "bernd@pirat.alt"
GOTO = "SELECT goto FROM alias WHERE address = :key"


@pytest.fixture
def database(pfa_database: PostfixAdminDatabase) -> PostfixAdminDatabase:
    """One domain."""
    pfa_database.add_domain(DOMAIN)
    return pfa_database


def by_kind(planned: list[Step], outcomes: list[Outcome]) -> dict[str, Outcome]:
    return {f"{s.change.kind} {s.change.key}": o for s, o in zip(planned, outcomes, strict=True)}


async def test_a_mailbox_that_somebody_else_made_meanwhile_is_left_alone(database: PostfixAdminDatabase) -> None:
    system = make_system(database)
    with closing(system):
        planned = await readable_steps(system, mailbox(member="10042"))
        made = database.cli("mailbox", "add", ANNA, "--password", "other-45", "--password2", "other-45", "--quota", "7")
        assert made.returncode == 0
        before = rows(database, "SELECT * FROM mailbox")
        outcomes = by_kind(planned, await system.perform(NO_PLAN, planned))
    failed = outcomes[f"mailbox {ANNA}"]
    assert failed.result is Result.FAILED
    assert "quota is 7, expected was 10240" in failed.message
    # the account is written whole or not at all; the own alias that is there is in place
    assert outcomes[f"alias {MEMBER}"].result is Result.NOT_TRIED
    assert outcomes[f"alias {ANNA}"].result is Result.DONE
    assert rows(database, "SELECT * FROM mailbox") == before
    assert rows(database, GOTO, key=MEMBER) == []


async def test_an_edit_in_the_web_form_meanwhile_is_kept(database: PostfixAdminDatabase) -> None:
    """facts 13.17: the form saves every field; here it was saved between plan and apply."""
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(name="Anna Muster")))
        planned = await readable_steps(system, mailbox(name="Anna Beispiel"))
        assert database.cli("mailbox", "update", ANNA, "--name", "Anna Anders").returncode == 0
        (outcome,) = await system.perform(NO_PLAN, planned)
    assert outcome.result is Result.FAILED
    assert not outcome.temporary
    assert "'Anna Anders'" in outcome.message
    assert "'Anna Muster'" in outcome.message
    assert rows(database, "SELECT name FROM mailbox") == [{"name": "Anna Anders"}]


async def test_one_lost_race_does_not_stop_the_other_accounts(database: PostfixAdminDatabase) -> None:
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(), mailbox(BERND)))
        planned = await readable_steps(system, mailbox(quota=1), mailbox(BERND, quota=1))
        by_hand(database, "UPDATE mailbox SET quota = 0 WHERE username = :key", key=ANNA)
        outcomes = by_kind(planned, await system.perform(NO_PLAN, planned))
    assert outcomes[f"mailbox {ANNA}"].result is Result.FAILED
    assert outcomes[f"mailbox {BERND}"].result is Result.DONE
    assert rows(database, "SELECT quota FROM mailbox ORDER BY username") == [{"quota": 0}, {"quota": 1024000}]


async def test_one_value_that_the_database_refuses_stops_its_account_only(database: PostfixAdminDatabase) -> None:
    """Too long a name: SQLite has no lengths (facts 3), so there a trigger refuses it."""
    if database.backend == "sqlite":
        by_hand(
            database,
            "CREATE TRIGGER refuse BEFORE INSERT ON mailbox WHEN length(NEW.name) > 255 "
            "BEGIN SELECT RAISE(ABORT, 'too long'); END",
        )
    many = [mailbox(f"konto{i}@pirat.alt", name="x" * 300 if i == 5 else "Anna Beispiel") for i in range(20)]
    system = make_system(database)
    with closing(system):
        planned = await readable_steps(system, *many)
        outcomes = by_kind(planned, await system.perform(NO_PLAN, planned))
    bad = {name for name, outcome in outcomes.items() if outcome.result is not Result.DONE}
    assert bad == {"alias konto5@pirat.alt", "mailbox konto5@pirat.alt"}
    assert "SHA512" not in outcomes["mailbox konto5@pirat.alt"].message
    # unlike PostfixAdmin we leave no alias behind (facts 5.7)
    assert rows(database, GOTO, key="konto5@pirat.alt") == []
    assert rows(database, "SELECT count(*) AS n FROM mailbox") == [{"n": 19}]


async def test_a_forward_set_meanwhile_stops_the_switching_off(database: PostfixAdminDatabase) -> None:
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox()))
        planned = await readable_steps(system, mailbox(active=False))
        by_hand(database, "UPDATE alias SET goto = 'x@extern.example' WHERE address = :key", key=ANNA)
        outcomes = by_kind(planned, await system.perform(NO_PLAN, planned))
    assert outcomes[f"alias {ANNA}"].result is Result.FAILED
    assert outcomes[f"mailbox {ANNA}"].result is Result.NOT_TRIED
    assert bool(rows(database, "SELECT active FROM mailbox")[0]["active"]) is True


async def test_the_effect_in_place_counts_as_done_whoever_made_it(database: PostfixAdminDatabase) -> None:
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(quota=5)))
        planned = await readable_steps(system, mailbox(quota=6))
        assert database.cli("mailbox", "update", ANNA, "--quota", "6").returncode == 0
        logged = rows(database, "SELECT count(*) AS n FROM log")
        assert results(await system.perform(NO_PLAN, planned)) == [Result.DONE]
    assert rows(database, "SELECT count(*) AS n FROM log") == logged


async def test_a_mailbox_deleted_meanwhile_is_not_brought_back(database: PostfixAdminDatabase) -> None:
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(quota=5)))
        planned = await readable_steps(system, mailbox(quota=6))
        assert database.cli("mailbox", "delete", ANNA).returncode == 0
        (outcome,) = await system.perform(NO_PLAN, planned)
    assert outcome.result is Result.FAILED
    assert "deleted" in outcome.message
    assert rows(database, "SELECT username FROM mailbox") == []


async def test_a_row_locked_for_too_long_is_a_temporary_failure(
    database: PostfixAdminDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.systems.postfixadmin.system.Database", _impatient)
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(quota=5)))
        planned = await readable_steps(system, mailbox(quota=6))
        with _locked(database):
            (outcome,) = await system.perform(NO_PLAN, planned)
            assert (outcome.result, outcome.temporary) == (Result.FAILED, True), outcome
        assert results(await system.perform(NO_PLAN, planned)) == [Result.DONE]


def _impatient(section: Any, site: Any) -> Database:
    return Database(section, site, lock_wait=1)


@contextmanager
def _locked(database: PostfixAdminDatabase) -> Iterator[None]:
    """Somebody else's open transaction on Anna's row."""
    engine = database.engine()
    with engine.connect() as connection:
        connection.execute(text("UPDATE mailbox SET quota = quota WHERE username = :key"), {"key": ANNA})
        yield
        connection.rollback()
    engine.dispose()


def _kill(server: Server, connection: Connection) -> None:
    """The server ends our connection, as a restart would."""
    mysql = connection.dialect.name == "mysql"
    number = connection.exec_driver_sql("SELECT CONNECTION_ID()" if mysql else "SELECT pg_backend_pid()").scalar_one()
    with server.admin.connect() as admin:
        query = "KILL :number" if mysql else "SELECT pg_terminate_backend(:number, 5000)"
        admin.execute(text(query), {"number": number})


@pytest.fixture(params=["mariadb", "postgresql"])
def served(request: pytest.FixtureRequest) -> tuple[Server, PostfixAdminDatabase]:
    """A database of a server whose connections can be killed, with one domain."""
    server = request.getfixturevalue(f"{request.param}_server")
    database: PostfixAdminDatabase = request.getfixturevalue(f"new_{request.param}")()
    database.add_domain(DOMAIN)
    return server, database


async def test_a_connection_lost_before_the_commit_leaves_nothing(
    served: tuple[Server, PostfixAdminDatabase], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, database = served
    clock = observe.database_clock

    def die(connection: Connection) -> Any:
        now = clock(connection)
        _kill(server, connection)
        return now

    system = make_system(database)
    with closing(system):
        planned = await readable_steps(system, mailbox(member="10042"))
        monkeypatch.setattr(observe, "database_clock", die)
        outcomes = await system.perform(NO_PLAN, planned)
        assert {(o.result, o.temporary) for o in outcomes} == {(Result.FAILED, True)}
        assert rows(database, "SELECT address FROM alias") == []
        monkeypatch.setattr(observe, "database_clock", clock)
        assert set(results(await system.perform(NO_PLAN, planned))) == {Result.DONE}


@pytest.mark.parametrize("committed", [False, True])
async def test_a_connection_lost_during_the_commit_is_settled_by_looking(
    served: tuple[Server, PostfixAdminDatabase], committed: bool
) -> None:
    server, database = served
    system = make_system(database)
    engine = system._database._writing

    def die(connection: Connection) -> None:
        if committed:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.commit()
        _kill(server, connection)

    with closing(system):
        await apply(system, state(mailbox("kasse@pirat.alt")))
        reset = [s for s in await _password_step(system) if s.change.kind == "password"]
        planned = [*await readable_steps(system, mailbox("kasse@pirat.alt"), mailbox(member="10042")), *reset]
        event.listen(engine, "commit", die)
        outcomes = await system.perform(NO_PLAN, planned)
        event.remove(engine, "commit", die)
        expected = (Result.DONE, False) if committed else (Result.FAILED, True)
        assert {(o.result, o.temporary) for o in outcomes} == {expected}
        assert len(rows(database, "SELECT username FROM mailbox")) == (2 if committed else 1)
        assert set(results(await system.perform(NO_PLAN, planned))) == {Result.DONE}


async def _password_step(system: PostfixAdminSystem) -> list[Step]:
    owner = Owner(Scope.ACCOUNT, "kasse@pirat.alt")
    user = OxUserRow("kasse@pirat.alt", "kasse@pirat.alt", "kasse", "", "", "", "", "", "", "", ())
    found = await records_of(system)
    created = Change("openxchange", "ox_user", Action.CREATE, user.key, None, user, owner)
    return [
        step
        for change in effects_of(system, state(), owner, [created], found, CredentialEvents(renew=True)).changes
        for step in [step_of(system, change)]
    ]


async def test_two_runs_at_once_make_each_account_once(database: PostfixAdminDatabase) -> None:
    """The lock of the next issue will forbid it; the tables must be right without."""
    many = [mailbox(f"konto{i}@pirat.alt", member=str(500 + i)) for i in range(30)]
    systems = [make_system(database) for _ in range(2)]
    plans = [await readable_steps(system, *many) for system in systems]
    ready = threading.Barrier(2)

    def run(number: int) -> list[Outcome]:
        system = systems[number]
        ready.wait(timeout=30)
        return Writer(system._database, system._section, system._context).perform(plans[number])

    with closing(*systems):
        both = await asyncio.gather(*(asyncio.to_thread(run, number) for number in range(2)))
    for outcomes in both:
        assert all(o.result is Result.DONE or o.temporary for o in outcomes), outcomes
    assert any(set(results(outcomes)) == {Result.DONE} for outcomes in both)
    assert rows(database, "SELECT count(*) AS n FROM mailbox") == [{"n": 30}]
    assert rows(database, "SELECT count(*) AS n FROM log WHERE action = 'create_mailbox'") == [{"n": 30}]
