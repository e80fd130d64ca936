"""The end of subscriptions in OX's database, tables as in facts 5: this user of this context, no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from pymysql.connections import Connection as MySqlConnection
from pymysql.err import OperationalError
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from reconciler.errors import Unreadable
from reconciler.model.records import Owner, Records, Scope, SubscriptionsRow
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.finding import Severity
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.planning.ports import Observation
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.outbox import OutboxMailer
from reconciler.settings import OpenXchange, Settings
from reconciler.systems.openxchange.subscriptions import Removed, Subscriptions
from reconciler.systems.openxchange.system import Details, build
from reconciler.systems.system_context import SystemContext
from tests.services.databases import free_port
from tests.services.own_engine import Server, own_engine
from tests.systems.openxchange.canned import ANNA, CannedHost, new_password, system_on, user
from tests.systems.openxchange.test_matching import box, declared, live
from tests.systems.plans import NO_PLAN, effects_of, review_of, step_of

OWNER = Owner(Scope.ACCOUNT, ANNA)
TOKEN = "com.openexchange.secret.recovery.fast.token"
_names = count(1)

TABLES = """
CREATE TABLE user (cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, PRIMARY KEY (cid, id)) ENGINE=InnoDB;
CREATE TABLE subscriptions (cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, user_id INT UNSIGNED NOT NULL,
  configuration_id INT UNSIGNED NOT NULL, source_id VARCHAR(255) NOT NULL, folder_id VARCHAR(255) NOT NULL,
  last_update BIGINT UNSIGNED NOT NULL, enabled BOOLEAN NOT NULL DEFAULT true, created BIGINT NOT NULL DEFAULT 0,
  lastModified BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (cid, id),
  FOREIGN KEY (cid, user_id) REFERENCES user (cid, id)) ENGINE=InnoDB;
CREATE TABLE genconf_attributes_strings (cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, name VARCHAR(100),
  value VARCHAR(256), widget VARCHAR(256), KEY (cid, id, name)) ENGINE=InnoDB;
CREATE TABLE genconf_attributes_bools (cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, name VARCHAR(100),
  value TINYINT(1), widget VARCHAR(256), KEY (cid, id, name)) ENGINE=InnoDB;
CREATE TABLE user_attribute (cid INT UNSIGNED NOT NULL, id INT UNSIGNED NOT NULL, name VARCHAR(128) NOT NULL,
  value TEXT NOT NULL, uuid BINARY(16) NOT NULL DEFAULT '', PRIMARY KEY (cid, id, name),
  FOREIGN KEY (cid, id) REFERENCES user (cid, id)) ENGINE=InnoDB
"""
NAMES = ("subscriptions", "genconf_attributes_strings", "genconf_attributes_bools", "user_attribute")


@pytest.fixture
def database(mariadb_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[URL]:
    """Two contexts with the same user ids and configuration ids, and somebody else with subscriptions."""
    name = f"ox_{next(_names)}"
    url = mariadb_server.database(name)
    with mariadb_server.admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    monkeypatch.setenv("OX_DB", url.password or "")
    engine = _engine(url)
    with engine.begin() as connection:
        for statement in TABLES.split(";\n"):
            connection.execute(text(statement))
        for cid in (1, 2):
            for number in (3, 4):
                connection.execute(text("INSERT INTO user VALUES (:c, :n)"), {"c": cid, "n": number})
                for name in (TOKEN, "config/com.openexchange.x"):
                    row = {"c": cid, "n": number, "name": name}
                    connection.execute(text("INSERT INTO user_attribute VALUES (:c, :n, :name, 'v', '')"), row)
            for number, owner in ((10, 3), (11, 3), (12, 4)):
                row = {"c": cid, "n": number, "u": owner, "conf": number + 10}
                connection.execute(
                    text("INSERT INTO subscriptions VALUES (:c, :n, :u, :conf, 's', 'f', 0, 1, 0, 0)"), row
                )
            for conf in (20, 21, 22, 23):  # 23 is a publication's: the ids are shared
                for table, value in (("strings", "secret"), ("bools", "1")):
                    sql = f"INSERT INTO genconf_attributes_{table} VALUES (:c, :n, 'login', :v, 'w')"
                    connection.execute(text(sql), {"c": cid, "n": conf, "v": value})
    yield url
    engine.dispose()


def _engine(url: URL) -> Engine:
    return own_engine(url)


def dump(url: URL) -> dict[str, list[tuple[object, ...]]]:
    with _engine(url).connect() as connection:
        return {name: sorted(tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))) for name in NAMES}


def section(url: URL | None) -> OpenXchange:
    place = None if url is None else url._replace(password=None).render_as_string()
    return OpenXchange(database_url=place, database_password_env="OX_DB" if url is not None else None)


def resets(url: URL | None, folder: Path = Path("/")) -> Subscriptions:
    return Subscriptions(section(url), Settings(site="nrw", openxchange=section(url), folder=folder))


def step(target: str = "3") -> Step:
    row = SubscriptionsRow(ANNA, ANNA, target)
    return Step(Change("openxchange", "subscriptions", Action.UPDATE, ANNA, row, row, OWNER), Stage.GROUPWARE)


async def one(subscriptions: Subscriptions, *users: dict[str, str | None]) -> Outcome:
    host = CannedHost(list(users) or [user(3, "anna", ANNA)])
    (outcome,) = await subscriptions.perform(system_on(host)._ox, [step()])
    return outcome


async def test_it_takes_the_subscriptions_of_this_context_with_all_that_they_stored(database: URL) -> None:
    before = dump(database)
    assert await one(resets(database)) == Outcome(Result.DONE, "2 subscriptions and the recovery token removed")
    after = dump(database)
    gone = {name: [row for row in rows if row not in after[name]] for name, rows in before.items()}
    assert [(row[0], row[1], row[2]) for row in gone["subscriptions"]] == [(1, 10, 3), (1, 11, 3)]
    for table in NAMES[1:3]:
        assert [row[:2] for row in gone[table]] == [(1, 20), (1, 21)]
    assert [row[:3] for row in gone["user_attribute"]] == [(1, 3, TOKEN)]
    assert all(row in before[name] for name, rows in after.items() for row in rows)


async def test_twice_is_once(database: URL) -> None:
    await one(resets(database))
    once = dump(database)
    assert await one(resets(database)) == Outcome(Result.DONE, "nothing was left of them")
    assert dump(database) == once


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("subscriptions", "2 subscriptions removed, there was no recovery token"),
        ("user_attribute", "the recovery token removed, there were no subscriptions"),
    ],
)
async def test_it_says_what_there_was(database: URL, kept: str, said: str) -> None:
    (other,) = {"subscriptions", "user_attribute"} - {kept}
    with _engine(database).begin() as connection:
        connection.execute(text(f"DELETE FROM {other} WHERE cid = 1"))
    assert await one(resets(database)) == Outcome(Result.DONE, said)


def test_one_is_one() -> None:
    assert Removed(1, token=True).text == "1 subscription and the recovery token removed"


async def test_whatever_fails_in_the_middle_nothing_is_done(database: URL) -> None:
    before = dump(database)
    with _engine(database).begin() as connection:
        connection.execute(text("RENAME TABLE user_attribute TO elsewhere"))
    outcome = await one(resets(database))
    assert outcome.result is Result.FAILED
    assert "user_attribute" in outcome.message
    assert "SELECT" not in outcome.message
    with _engine(database).begin() as connection:
        connection.execute(text("RENAME TABLE elsewhere TO user_attribute"))
    assert dump(database) == before


@pytest.mark.parametrize("done", [True, False])
async def test_when_the_answer_to_its_commit_is_lost_it_does_not_claim_either(
    database: URL, monkeypatch: pytest.MonkeyPatch, *, done: bool
) -> None:
    """The next attempt of the same run knows what was there, whichever of the two it was."""
    before = dump(database)
    subscriptions = resets(database)
    assert subscriptions._engine is not None

    silent = OperationalError(2013, "Lost connection to MySQL server during query")

    def lost(connection: MySqlConnection) -> None:
        (connection.commit if done else connection.rollback)()
        raise silent

    def unanswered(*_: object) -> None:
        raise DBAPIError("SELECT", None, silent)

    with monkeypatch.context() as patched:
        patched.setattr(subscriptions._engine.dialect, "do_commit", lost)
        outcome = await one(subscriptions)
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)
    assert outcome.message.startswith(f"it is not known whether the subscriptions of {ANNA} are gone")
    assert "2 subscriptions and the recovery token removed" in outcome.message
    assert (dump(database) != before) is done
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.systems.openxchange.subscriptions.remove", unanswered)
        assert (await one(subscriptions)).message == outcome.message
    assert await one(subscriptions) == Outcome(Result.DONE, "2 subscriptions and the recovery token removed")
    with monkeypatch.context() as patched:
        patched.setattr(subscriptions._engine.dialect, "do_commit", lost)
        outcome = await one(subscriptions)
    assert outcome.message.startswith(f"it is not known whether the subscriptions of {ANNA} are gone: OX's database:")
    assert await one(subscriptions) == Outcome(Result.DONE, "nothing was left of them")


async def test_a_user_who_is_somebody_else_by_now_keeps_theirs(database: URL) -> None:
    before = dump(database)
    for users in (user(3, "klaus", "klaus@pirat.example"), user(5, "anna", ANNA)):
        outcome = await one(resets(database), users)
        assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
        assert "no longer the one of" in outcome.message
    assert dump(database) == before


async def test_a_database_that_does_not_answer_is_temporary_and_tells_no_password(
    database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that is wrong stays wrong."""
    monkeypatch.setenv("OX_DB", "a-wrong-password")
    for url, temporary in ((database, False), (database.set(port=free_port()), True)):
        outcome = await one(resets(url))
        assert (outcome.result, outcome.temporary) == (Result.FAILED, temporary)
        assert "a-wrong-password" not in f"{outcome.message} {outcome.hint}"
        assert "openxchange.database_url" in outcome.hint


async def test_a_mistyped_sqlite_file_is_not_made(tmp_path: Path) -> None:
    section = OpenXchange(database_url="sqlite:///ox.sqlite")
    subscriptions = Subscriptions(section, Settings(site="nrw", openxchange=section, folder=tmp_path))
    assert (await one(subscriptions)).result is Result.FAILED
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------ in the system


def test_a_password_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OX_DB", raising=False)
    place = OpenXchange(database_url="mysql+pymysql://ox@db.example/ox", database_password_env="OX_DB")
    settings = Settings(site="nrw", openxchange=place, folder=tmp_path)
    with pytest.raises(Unreadable, match="OX_DB is not set"):
        build(SystemContext(settings, SiteHosts({}), OutboxMailer(tmp_path), Passwords()))


def test_it_is_planned_for_a_user_who_is_there() -> None:
    system = system_on(CannedHost())
    mine: Records = {"ox_user": {ANNA: live(3, "anna", ANNA)._replace(key=ANNA)}}
    (change,) = effects_of(system, declared(), OWNER, (), mine, CredentialEvents(renew=False, unsubscribe=True)).changes
    assert change.after == SubscriptionsRow(ANNA, ANNA, "3")
    (planned,) = [step_of(system, change)]
    assert (planned.stage, planned.readable) == (Stage.GROUPWARE, False)
    assert (
        effects_of(
            system, declared(), OWNER, (), {"ox_user": {}}, CredentialEvents(renew=False, unsubscribe=True)
        ).changes
        == []
    )
    assert [
        c.kind
        for c in effects_of(system, declared(), OWNER, (), mine, CredentialEvents(renew=True, unsubscribe=True)).changes
    ] == [
        "password",
        "subscriptions",
    ]


async def test_a_site_without_the_database_says_so_and_does_not_pretend() -> None:
    system = system_on(CannedHost([user(3, "anna", ANNA)]))
    (outcome,) = await system.perform(NO_PLAN, [step()])
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
    assert "database_url" in outcome.hint
    state = declared(box())
    due = declared(box(subscriptions_reset=state.today))
    (finding,) = review_of(system, due, Observation({"ox_user": {}}, Details()))
    assert (finding.severity, finding.rule, finding.owner) == (Severity.REFUSAL, "no-ox-database", OWNER)
    for days in (1, -15):
        other = declared(box(subscriptions_reset=state.today + timedelta(days=days)))
        assert review_of(system, other, Observation({"ox_user": {}}, Details())) == []


async def test_users_that_are_written_are_not_failed_by_a_list_that_breaks_afterwards() -> None:
    system = system_on(CannedHost([user(3, "anna", ANNA)]))

    class Broken:
        async def perform(self, *_: object) -> list[Outcome]:
            raise Unreadable("gone", hint="again")

    system._subscriptions = Broken()  # type: ignore[assignment]  # a broken one
    password, reset = await system.perform(NO_PLAN, [new_password(ANNA, "3"), step()])
    assert password == Outcome(Result.DONE)
    assert (reset.result, reset.temporary, reset.hint) == (Result.FAILED, True, "again")
    with pytest.raises(Unreadable):  # nothing was begun
        await system.perform(NO_PLAN, [step()])
