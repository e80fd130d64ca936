"""Tables not to be believed, servers that cannot be reached: Unreadable, with what to do and without the password."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from reconciler.errors import Unreadable
from reconciler.settings import Settings
from tests.services.databases import free_port
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN, records_of
from tests.systems.postfixadmin.support import by_hand, closing, make_system, rows, settings, system_of


async def refused(database: PostfixAdminDatabase, **section: object) -> Unreadable:
    """What `observe` says; `check`, which comes before writing, says the same."""
    return await refused_by(settings(database, **section))


async def refused_by(site: Settings) -> Unreadable:
    system = system_of(site)
    with closing(system):
        with pytest.raises(Unreadable) as reading:
            await system.observe()
        with pytest.raises(Unreadable) as writing:
            await system.check()
    assert writing.value.message == reading.value.message
    assert reading.value.hint
    for error in (reading.value, writing.value):
        assert "loopback-only" not in f"{error.message} {error.hint} {error.__cause__} {error.__context__!r}"
    return reading.value


async def test_sound_tables_can_be_read_and_written(pfa_database: PostfixAdminDatabase) -> None:
    before = rows(pfa_database, "SELECT * FROM config")
    system = make_system(pfa_database)
    with closing(system):
        await system.observe()
        await system.check()
    assert rows(pfa_database, "SELECT * FROM config") == before
    assert rows(pfa_database, "SELECT * FROM log") == []


async def test_an_old_version_is_refused(pfa_database: PostfixAdminDatabase) -> None:
    """facts 1: 3.3 needs 1844."""
    by_hand(pfa_database, "UPDATE config SET value = '1843'")
    error = await refused(pfa_database)
    assert "'1843'" in error.message
    assert "setup.php" in error.hint
    by_hand(pfa_database, "DELETE FROM config")
    assert "no version" in (await refused(pfa_database)).message


async def test_a_missing_table_is_named(pfa_database: PostfixAdminDatabase) -> None:
    by_hand(pfa_database, "DROP TABLE alias_domain")
    assert "missing, or this user may not see them: alias_domain" in (await refused(pfa_database)).message


async def test_a_wrong_prefix_is_a_missing_table(pfa_database: PostfixAdminDatabase) -> None:
    error = await refused(pfa_database, table_prefix="pfa_")
    assert "pfa_mailbox" in error.message
    assert "table_prefix" in error.hint


async def test_a_missing_column_is_named(pfa_database: PostfixAdminDatabase) -> None:
    """facts 16.7: the same version number has more than one shape."""
    by_hand(pfa_database, "ALTER TABLE mailbox DROP COLUMN password_expiry")
    system = make_system(pfa_database)
    with closing(system):
        await system.observe()  # which asks for no column that only a write needs
        with pytest.raises(Unreadable, match=r"mailbox\.password_expiry") as error:
            await system.check()
    assert "setup.php" in error.value.hint


async def test_tables_with_a_prefix_work(pfa_database: PostfixAdminDatabase) -> None:
    """facts 1: `database_prefix`."""
    tables = ["mailbox", "alias", "domain", "alias_domain", "log", "config", "vacation", "vacation_notification"]
    tables += ["quota", "quota2", "fetchmail", "admin"]
    by_hand(pfa_database, *(f"ALTER TABLE {table} RENAME TO pfa_{table}" for table in tables))
    system = make_system(pfa_database, table_prefix="pfa_")
    with closing(system):
        assert await records_of(system) == {
            "alias": {},
            "mailbox": {},
            "domain": {},
            "alias_domain": {},
            "vacation": {},
        }
        await system.check()


async def test_myisam_is_refused_with_the_statement_that_helps(mariadb: PostfixAdminDatabase) -> None:
    """facts 13.15: a ROLLBACK keeps the row there."""
    by_hand(mariadb, "ALTER TABLE mailbox ENGINE=MyISAM", "ALTER TABLE log ENGINE=MyISAM")
    error = await refused(mariadb)
    assert "log, mailbox" in error.message
    assert "ALTER TABLE log ENGINE=InnoDB; ALTER TABLE mailbox ENGINE=InnoDB;" in error.hint
    by_hand(mariadb, *(part for part in error.hint.partition(": ")[2].split(";") if part.strip()))
    system = make_system(mariadb)
    with closing(system):
        await system.observe()


async def test_a_collation_that_knows_case_is_refused(mariadb: PostfixAdminDatabase) -> None:
    """facts 2: PostfixAdmin's address columns ignore case."""
    by_hand(mariadb, "ALTER TABLE alias MODIFY address varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL")
    error = await refused(mariadb)
    assert "alias.address" in error.message
    by_hand(mariadb, error.hint.partition(": ")[2].rstrip(";"))
    system = make_system(mariadb)
    with closing(system):
        await system.observe()


async def test_the_session_is_strict_whatever_the_server_is(
    mariadb: PostfixAdminDatabase, mariadb_server: Server
) -> None:
    """facts 13.6: elsewhere values would be cut silently, and ANSI_QUOTES changes the language."""
    with mariadb_server.admin.connect() as admin:
        (before,) = admin.exec_driver_sql("SELECT @@GLOBAL.sql_mode").one()
        admin.exec_driver_sql("SET GLOBAL sql_mode = 'ANSI_QUOTES'")
        try:
            system = make_system(mariadb)
            with closing(system):
                await system.observe()
                await system.check()
        finally:
            admin.exec_driver_sql("SET GLOBAL sql_mode = %s", (before,))


@pytest.mark.parametrize("backend", ["mariadb", "postgresql"])
async def test_a_user_who_may_only_read_can_plan_but_not_apply(request: pytest.FixtureRequest, backend: str) -> None:
    server: Server = request.getfixturevalue(f"{backend}_server")
    database: PostfixAdminDatabase = request.getfixturevalue(f"new_{backend}")()
    name = f"reader_{database.full_url.database}"
    password = str(database.full_url.password)
    with server.admin.connect() as admin:
        if backend == "mariadb":
            admin.exec_driver_sql(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY %s", (password,))
            admin.exec_driver_sql(f"GRANT SELECT ON {database.full_url.database}.* TO {name}@'127.0.0.1'")
        else:
            admin.exec_driver_sql(f"CREATE USER {name} PASSWORD '{password}' IN ROLE pg_read_all_data")
    site = settings(database, url=make_url(database.url).set(username=name).render_as_string())
    system = system_of(site)
    with closing(system):
        assert (await records_of(system))["mailbox"] == {}
        with pytest.raises(Unreadable, match="not allowed") as error:
            await system.check()
    assert "INSERT and UPDATE" in error.value.hint


@pytest.mark.parametrize("backend", ["mariadb", "postgresql"])
async def test_who_cannot_be_reached_or_denies_access_says_so(
    request: pytest.FixtureRequest, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database: PostfixAdminDatabase = request.getfixturevalue(f"new_{backend}")()
    url = make_url(database.url)
    closed = await refused_by(settings(database, url=url.set(port=free_port()).render_as_string()))
    assert "cannot be reached" in closed.message
    unknown = await refused_by(settings(database, url=url.set(database="nirgends").render_as_string()))
    assert "unknown database" in unknown.message
    monkeypatch.setenv("WRONG", "wrong-loopback-only")
    denied = await refused_by(settings(database, password_env="WRONG"))
    assert "access denied" in denied.message
    assert "password_env" in denied.hint


async def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    """A mistyped path must not look like an empty site."""
    site = Settings.model_validate(
        {"site": "t", "folder": tmp_path, "postfixadmin": {"url": "sqlite:///nicht/da.db", "password_env": None}}
    )
    error = await refused_by(site)
    assert "no such file" in error.message
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "da.db").write_text("no database at all, but long enough to be looked at" * 50)
    site = Settings.model_validate({"site": "t", "folder": tmp_path, "postfixadmin": {"url": "sqlite:///da.db"}})
    assert "not a valid SQLite database" in (await refused_by(site)).message


async def test_relative_paths_start_at_the_site_file(
    tmp_path: Path, new_sqlite: Callable[[], PostfixAdminDatabase], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = new_sqlite()
    folder = tmp_path / "mit Leerzeichen #1?"
    folder.mkdir()
    (folder / "pfa.db").write_bytes(Path(str(database.full_url.database)).read_bytes())
    monkeypatch.chdir(tmp_path)
    system = system_of(
        Settings.model_validate({"site": "t", "folder": folder, "postfixadmin": {"url": "sqlite:///pfa.db"}})
    )
    with closing(system):
        assert (await records_of(system))["mailbox"] == {}
        assert system.target == "sqlite:///pfa.db"
        assert system.expect(NO_PLAN) == {"alias": {}, "mailbox": {}}


def test_a_password_that_is_not_there_is_said_with_the_key_that_names_it(
    tmp_path: Path, pfa_database: PostfixAdminDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    with pytest.raises(Unreadable, match=r"NOT_SET is not set, which `postfixadmin\.password_env`") as unset:
        make_system(pfa_database, password_env="NOT_SET")
    assert "export NOT_SET=" in unset.value.hint
    (tmp_path / "binary").write_bytes(b"\xff")
    for name, reason in {"missing": "No such file", "binary": "UTF-8", ".": "Is a directory"}.items():
        with pytest.raises(Unreadable, match=f"cannot be read, which `postfixadmin.password_file`.*{reason}") as gone:
            make_system(pfa_database, password_env=None, password_file=str(tmp_path / name))
        assert "write the password into that file" in gone.value.hint


async def test_the_password_may_be_in_a_file(tmp_path: Path, mariadb: PostfixAdminDatabase) -> None:
    (tmp_path / "secret").write_text(f"{mariadb.full_url.password}\n")
    system = make_system(mariadb, password_env=None, password_file=str(tmp_path / "secret"))
    with closing(system):
        await system.observe()


async def test_a_replica_is_read_and_the_primary_is_written(new_sqlite: Callable[[], PostfixAdminDatabase]) -> None:
    """design: `read_url` is for plan and drift; `is_applied` and `perform` look where we write."""
    primary, replica = new_sqlite(), new_sqlite()
    primary.add_domain("pirat.alt")
    system = make_system(primary, read_url=replica.url)
    with closing(system):
        assert (await records_of(system))["domain"] == {}
        await system.check()
    Path(str(replica.full_url.database)).unlink()
    system = make_system(primary, read_url=replica.url)
    with closing(system):
        with pytest.raises(Unreadable, match="no such file"):
            await system.observe()
        await system.check()


async def test_a_column_of_the_site_that_must_have_a_value_is_refused(pfa_database: PostfixAdminDatabase) -> None:
    """facts 11: sites add columns; without a default PostfixAdmin's rows and ours would be refused in the middle."""
    if pfa_database.backend == "sqlite":
        by_hand(pfa_database, "DROP TABLE log")  # SQLite adds no such column later
        columns = "id INTEGER PRIMARY KEY, timestamp, username, domain, action, data, cost varchar(20) NOT NULL"
        by_hand(pfa_database, f"CREATE TABLE log ({columns})")
    else:
        by_hand(pfa_database, "ALTER TABLE log ADD COLUMN cost varchar(20) NOT NULL")
    error = await refused(pfa_database)
    assert "log.cost (" in error.message
    if pfa_database.backend != "sqlite":
        by_hand(pfa_database, error.hint.partition(": ")[2])
        system = make_system(pfa_database)
        with closing(system):
            await system.observe()
            await system.check()


async def test_a_view_in_place_of_a_table_is_refused(pfa_database: PostfixAdminDatabase) -> None:
    by_hand(pfa_database, "ALTER TABLE alias RENAME TO own_alias", "CREATE VIEW alias AS SELECT * FROM own_alias")
    error = await refused(pfa_database)
    assert "views replace PostfixAdmin's tables: alias" in error.message
    by_hand(pfa_database, "DROP VIEW alias", "ALTER TABLE own_alias RENAME TO alias")
    by_hand(
        pfa_database,
        "ALTER TABLE alias_domain RENAME TO own_links",
        "CREATE VIEW alias_domain AS SELECT * FROM own_links",
    )
    system = make_system(pfa_database)
    with closing(system):
        await system.observe()  # nothing is written there
        await system.check()


async def test_numbers_for_switches_in_postgresql_are_refused(
    new_postgresql: Callable[[], PostfixAdminDatabase],
) -> None:
    """An installer of somebody else's: our rows would be refused in the middle. The statement in the hint helps."""
    postgresql = new_postgresql()
    to_number = "ALTER active DROP DEFAULT, ALTER active TYPE integer USING active::integer, ALTER active SET DEFAULT 1"
    by_hand(postgresql, f"ALTER TABLE mailbox {to_number}", f"ALTER TABLE alias {to_number}")
    error = await refused(postgresql)
    assert "alias.active (here integer), mailbox.active (here integer)" in error.message
    for statement in re.findall(r"ALTER TABLE .*?SET DEFAULT true;", error.hint):
        by_hand(postgresql, statement)
    system = make_system(postgresql)
    with closing(system):
        await system.observe()
        await system.check()


async def test_texts_for_switches_in_mariadb_are_refused(mariadb: PostfixAdminDatabase) -> None:
    """`0` as a text would read as true."""
    by_hand(mariadb, "ALTER TABLE mailbox MODIFY active char(1) NOT NULL DEFAULT '1'")
    error = await refused(mariadb)
    assert "mailbox.active (here char)" in error.message
    by_hand(mariadb, error.hint.partition(": ")[2])
    system = make_system(mariadb)
    with closing(system):
        await system.observe()
