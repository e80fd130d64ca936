"""`reconciler doctor` on real databases: each check once as it should be, and once with its reason to speak."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from reconciler.apply.ledger.tables import declare as declare_ledger
from reconciler.doctor.context import Role
from reconciler.doctor.database_server import OURS
from tests.cli.conftest import Command
from tests.cli.conftest import command as command  # a fixture
from tests.cli.site import ANNA_DECLARED
from tests.doctor.granted import granted
from tests.integration.sink import Sink
from tests.integration.sites import RealSite, bare, near
from tests.services.mail import Postfix
from tests.services.own_engine import Server, own_engine
from tests.services.postfixadmin import PostfixAdminDatabase

ENV, PASSWORD = "RECONCILER_TEST_DOCTOR", "nobody-sees-this-7"


class Examined:
    """A site of nothing but a database, examined as a user with rights of a test's choice."""

    def __init__(self, folder: Path, database: PostfixAdminDatabase, server: Server, command: Command) -> None:
        self.database = database
        self.server = server
        self.folder = folder
        self.command = command
        self.login = f"d_{database.full_url.database}"
        self.extra: dict[str, Any] = {}
        self.zone = "UTC"
        self.more: dict[str, Any] = {}
        self.mysql = database.backend == "mysql"
        self.here = f"{self.login}@'127.0.0.1'" if self.mysql else self.login
        self.url: URL = database.full_url.set(username=self.login)

    def admin(self, *statements: str) -> None:
        """By the database's administrator."""
        engine = own_engine(
            self.server.admin.url.set(database=self.database.full_url.database), isolation_level="AUTOCOMMIT"
        )
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def give(self, account: Role, without: str = "") -> None:
        """What the account needs, but for the statements in which this stands."""
        lines = granted("MariaDB" if self.mysql else "PostgreSQL", account)
        user = r"(planner|reconciler)" + ("@'%'" if self.mysql else "") + ";$"
        named = [
            re.sub(f" TO {user}", f" TO {self.here}", line) for line in lines if not without or without not in line
        ]
        self.admin(*(line.replace("postfixadmin.", f"{self.database.full_url.database}.") for line in named))

    def write(self) -> None:
        section = {"url": bare(self.url), "password_env": ENV, **self.extra}
        self.folder.joinpath("reconciler.yaml").write_text(
            json.dumps({"site": "nrw", "timezone": self.zone, "postfixadmin": section, **self.more})
        )

    def run(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """The checks by name, without the login in it. No secret is in the answer."""
        self.write()
        answer = self.command("doctor", "--format", "json", *arguments)
        assert PASSWORD not in answer.out + answer.err
        assert not re.search(r"\*[0-9A-F]{40}", answer.out), "a hash of the password"
        verdicts = {check["verdict"] for check in answer.json["checks"]}
        assert answer.status == (9 if verdicts & {"failed", "unknown"} else 4 if "warning" in verdicts else 0)
        return {re.sub(r" of (the database|\S+)$", "", check["name"]): check for check in answer.json["checks"]}


def examined(backend: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Examined]:
    database: PostfixAdminDatabase = request.getfixturevalue(f"new_{backend}")()
    server: Server = request.getfixturevalue(f"{backend}_server")
    made = Examined(folder, database, server, request.getfixturevalue("command"))
    engine = database.engine()
    with engine.begin() as connection:
        declare_ledger().meta.metadata.create_all(connection)
    made.admin(
        f"CREATE USER {made.here} IDENTIFIED BY '{PASSWORD}'"
        if made.mysql
        else f"CREATE USER {made.here} PASSWORD '{PASSWORD}'"
    )
    yield made
    made.admin(f"DROP USER {made.here}" if made.mysql else f"DROP OWNED BY {made.here}")
    if not made.mysql:
        made.admin(f"DROP USER {made.here}")


@pytest.fixture(params=["mariadb", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Examined]:
    """On each of both servers."""
    monkeypatch.setenv(ENV, PASSWORD)
    monkeypatch.chdir(tmp_path)
    yield from examined(request.param, request, tmp_path)


@pytest.fixture
def mariadb_site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Examined]:
    """On MariaDB."""
    monkeypatch.setenv(ENV, PASSWORD)
    monkeypatch.chdir(tmp_path)
    yield from examined("mariadb", request, tmp_path)


@pytest.mark.parametrize("account", Role)
def test_all_is_well_with_exactly_the_printed_rights(site: Examined, account: Role) -> None:
    site.give(account)
    for arguments in ((), ("--account", account.value)):
        found = site.run(*arguments)
        assert {check["verdict"] for check in found.values()} == {"ok"}, found
    assert account.value in found["rights"]["saw"]


def test_the_applier_is_no_planner(site: Examined) -> None:
    site.give(Role.APPLIER)
    found = site.run("--account", "planner")
    assert found["rights"]["verdict"] == "ok"
    assert found["needless rights"]["verdict"] == "warning"
    assert "INSERT ON" in found["needless rights"]["saw"] or "DELETE ON" in found["needless rights"]["saw"]
    assert found["password hashes"]["verdict"] == "warning"
    assert "mailbox.password" in found["password hashes"]["saw"]


def test_what_the_fix_says_makes_a_planner_of_the_applier(site: Examined) -> None:
    site.give(Role.APPLIER)
    found = site.run("--account", "planner")
    steps = [*found["needless rights"]["fix"], *found["password hashes"]["fix"]]
    site.admin(*(step for step in steps if step.startswith("REVOKE")), *(s for s in steps if s.startswith("GRANT")))
    assert {check["verdict"] for check in site.run("--account", "planner").values()} == {"ok"}


def test_each_column_less_is_said_with_its_grant_which_heals_it(site: Examined) -> None:
    site.give(Role.PLANNER, without="backupmx")
    found = site.run("--account", "planner")
    assert found["rights"]["verdict"] == "failed"
    assert "lacks rights on domain" in found["rights"]["saw"]
    (grant,) = [step for step in found["rights"]["fix"] if step.startswith("GRANT")]
    assert "backupmx" in grant
    site.admin(grant)
    assert site.run("--account", "planner")["rights"]["verdict"] == "ok"


def test_the_planner_can_read_one_secret_column(site: Examined) -> None:
    site.give(Role.PLANNER)
    place = f"{site.database.full_url.database}.admin" if site.mysql else "admin"
    site.admin(f"GRANT SELECT (password) ON {place} TO {site.here}")
    found = site.run("--account", "planner")
    assert found["password hashes"]["verdict"] == "warning"
    assert found["password hashes"]["saw"] == "the planner can read admin.password"
    assert found["needless rights"]["verdict"] == "ok"


def test_a_login_without_any_right_is_told_what_a_planner_needs(site: Examined) -> None:
    if site.mysql:  # without any right on a database, MariaDB lets nobody into it
        site.admin(f"GRANT SELECT (name) ON {site.database.full_url.database}.config TO {site.here}")
    found = site.run()
    assert found["rights"]["verdict"] == "failed"
    assert len([step for step in found["rights"]["fix"] if step.startswith("GRANT")]) == len(
        granted("MariaDB", Role.PLANNER)
    )


@pytest.mark.parametrize(
    ("right", "word"),
    [
        ("GRANT DROP ON {db}.mailbox TO {login}", "DROP ON {db}.mailbox"),
        ("GRANT FILE ON *.* TO {login}", "FILE ON *.*"),
        ("GRANT ALL ON *.* TO {login}", "ALL PRIVILEGES ON *.*"),
        ("GRANT SELECT ON {db}.domain TO {login} WITH GRANT OPTION", "GRANT OPTION ON {db}.domain"),
        ("GRANT SELECT ON mysql.* TO {login}", "SELECT ON mysql.*"),
        ("GRANT INSERT ON {db}.* TO {login}", "INSERT ON {db}.*"),
    ],
)
def test_more_than_the_applier_needs(mariadb_site: Examined, right: str, word: str) -> None:
    site = mariadb_site
    names = {"db": site.database.full_url.database, "login": site.here}
    site.give(Role.APPLIER)
    site.admin(right.format(**names))
    found = site.run("--account", "applier")["needless rights"]
    assert found["verdict"] == "warning"
    assert word.format(**names) in found["saw"]
    site.admin(*(step for step in found["fix"] if step.startswith(("REVOKE", "GRANT"))))
    assert site.run("--account", "applier")["needless rights"]["verdict"] == "ok"
    assert site.run("--account", "applier")["rights"]["verdict"] == "ok"


def test_rights_by_a_role_count(mariadb_site: Examined) -> None:
    site = mariadb_site
    database = site.database.full_url.database
    site.give(Role.PLANNER, without="vacation")
    site.admin(
        f"CREATE ROLE r_{database}",
        f"GRANT SELECT (email, active), DELETE ON {database}.vacation TO r_{database}",
        f"GRANT r_{database} TO {site.here}",
        f"SET DEFAULT ROLE r_{database} FOR {site.here}",
    )
    try:
        found = site.run("--account", "planner")
        assert found["rights"]["verdict"] == "ok"
        assert f"DELETE ON {database}.vacation" in found["needless rights"]["saw"]
        assert f"FROM `r_{database}`" in found["needless rights"]["fix"][1]
    finally:
        site.admin(f"DROP ROLE r_{database}")


@pytest.mark.parametrize("site", ["postgresql"], indirect=True)
def test_powers_of_a_postgresql_role(site: Examined) -> None:
    site.give(Role.PLANNER)
    site.admin(
        f"ALTER ROLE {site.here} CREATEROLE",
        f"GRANT pg_read_server_files TO {site.here}",
        f"GRANT CREATE ON SCHEMA public TO {site.here}",
    )
    found = site.run("--account", "planner")["needless rights"]
    assert found["verdict"] == "warning"
    assert "CREATEROLE" in found["saw"]
    assert "pg_read_server_files" in found["saw"]
    assert "CREATE ON SCHEMA public" in found["saw"]
    site.admin(*(step for step in found["fix"] if step.startswith(("REVOKE", "ALTER ROLE"))))
    assert site.run("--account", "planner")["needless rights"]["verdict"] == "ok"


def test_a_ledger_at_an_url_of_its_own(mariadb_site: Examined) -> None:
    """In the same server, where rights on it are no needless ones of the other database."""
    site = mariadb_site
    name = f"led_{site.database.full_url.database}"
    url = site.url.set(database=name)
    ledger = granted_lines(site, Role.APPLIER, "reconciler_")
    site.admin(f"CREATE DATABASE {name}")
    try:
        engine = own_engine(site.server.admin.url.set(database=name))
        with engine.begin() as connection:
            declare_ledger().meta.metadata.create_all(connection)
        site.give(Role.APPLIER, without="reconciler_")
        site.more = {"ledger": {"url": bare(url), "password_env": ENV}}
        found = site.run("--account", "applier")
        assert found["reachable (ledger.url)"]["verdict"] == "unknown"
        site.admin(*(line.replace(f"ON {site.database.full_url.database}.", f"ON {name}.") for line in ledger[1:]))
        name_of = f"rights of '{site.login}'@'127.0.0.1' in the ledger's database"
        found = site.run("--account", "applier")
        assert found[name_of]["verdict"] == "failed"
        assert "reconciler_meta" in found[name_of]["saw"]
        assert found["rights"]["verdict"] == "ok"
        site.admin(*(step for step in found[name_of]["fix"] if step.startswith("GRANT")))
        assert {check["verdict"] for check in site.run("--account", "applier").values()} == {"ok"}
    finally:
        site.admin(f"DROP DATABASE {name}")


def granted_lines(site: Examined, account: Role, word: str) -> list[str]:
    """What the account needs on tables with this word in their names."""
    lines = (
        line.replace("postfixadmin.", f"{site.database.full_url.database}.") for line in granted("MariaDB", account)
    )
    return [re.sub(r" TO \S+;$", f" TO {site.here}", line) for line in lines if word in line]


def test_a_table_without_transactions(mariadb_site: Examined) -> None:
    mariadb_site.give(Role.PLANNER)
    mariadb_site.admin("ALTER TABLE alias ENGINE=MyISAM")
    found = mariadb_site.run()["engines"]
    assert found["verdict"] == "failed"
    assert "alias" in found["saw"]
    mariadb_site.admin(found["fix"][1])
    assert mariadb_site.run()["engines"]["verdict"] == "ok"


def test_a_server_that_cuts_values(mariadb_site: Examined) -> None:
    site = mariadb_site
    site.give(Role.PLANNER)
    with site.server.admin.connect() as connection:
        before = str(connection.execute(text("SELECT @@GLOBAL.sql_mode")).scalar())
        connection.execute(text("SET GLOBAL sql_mode = ''"))
        try:
            found = site.run()["sql_mode"]
            assert found["verdict"] == "warning"
            connection.exec_driver_sql(found["fix"][1])
            assert site.run()["sql_mode"]["verdict"] == "ok"
        finally:
            connection.execute(text("SET GLOBAL sql_mode = :before"), {"before": before})


@pytest.mark.parametrize(("version", "verdict"), [("1843", "failed"), ("1847", "ok"), ("1999", "warning")])
def test_the_version_of_the_tables(site: Examined, version: str, verdict: str) -> None:
    site.give(Role.PLANNER)
    site.admin(f"UPDATE config SET value = '{version}' WHERE name = 'version'")
    assert site.run()["schema version"]["verdict"] == verdict


@pytest.mark.parametrize(("collation", "verdict"), [("latin1_bin", "failed"), ("latin1_swedish_ci", "warning")])
def test_collations_of_addresses(mariadb_site: Examined, collation: str, verdict: str) -> None:
    site = mariadb_site
    site.give(Role.PLANNER)
    site.admin(f"ALTER TABLE alias MODIFY address varchar(255) CHARACTER SET latin1 COLLATE {collation} NOT NULL")
    found = site.run()["collations"]
    assert found["verdict"] == verdict
    assert f"alias.address ({collation})" in found["saw"]
    site.admin(found["fix"][1])
    assert site.run()["collations"]["verdict"] == "ok"


def test_a_column_that_a_site_added(site: Examined) -> None:
    site.give(Role.APPLIER)
    site.admin("ALTER TABLE alias ADD COLUMN billing varchar(10) NOT NULL")
    found = site.run()["changed tables"]
    assert found["verdict"] == "failed"
    assert "alias.billing" in found["saw"]


def test_a_login_with_few_connections(site: Examined) -> None:
    site.give(Role.PLANNER)
    limit = "WITH MAX_USER_CONNECTIONS" if site.mysql else "CONNECTION LIMIT"
    alter = f"ALTER USER {site.here} {limit}"
    site.admin(f"{alter} {OURS - 1}")
    found = site.run()["connections"]
    assert found["verdict"] == "failed"
    assert f"this login may have {OURS - 1}" in found["saw"]
    site.admin(f"{alter} {OURS}")
    assert site.run()["connections"]["verdict"] == "ok"


def test_a_database_that_does_not_answer_is_unknown(site: Examined) -> None:
    site.url = site.url.set(port=1)
    found = site.run()
    assert {check["verdict"] for check in found.values()} == {"unknown"}
    assert "127.0.0.1:1" in next(iter(found.values()))["saw"]


def test_a_wrong_password_is_unknown_and_stays_secret(site: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENV, PASSWORD + "-wrong")
    assert {check["verdict"] for check in site.run().values()} == {"unknown"}


def test_a_password_that_is_not_set(site: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENV)
    found = site.run()
    assert {check["verdict"] for check in found.values()} == {"unknown"}
    assert ENV in next(iter(found.values()))["saw"]


def test_the_way_to_another_machine(mariadb_site: Examined) -> None:
    mariadb_site.give(Role.PLANNER)
    mariadb_site.url = mariadb_site.url.set(host="0.0.0.0")
    found = mariadb_site.run()["TLS"]
    assert found["verdict"] == "warning"
    assert "not encrypted" in found["saw"]


def test_doctor_changes_nothing(site_in_use: RealSite) -> None:
    site = site_in_use
    site.declare(ANNA_DECLARED)
    assert site.run("apply", "--yes").status == 0
    before, files = site.live(), sorted(path.name for path in site.folder.rglob("*"))
    answer = site.run("doctor", "--account", "applier")
    assert answer.status in (4, 9), answer  # 9 where no DNS server answers
    assert "ALL PRIVILEGES ON *.*" in answer.words  # the tests' own login may do everything
    assert site.live() == before
    assert sorted(path.name for path in site.folder.rglob("*")) == files


def test_an_apply_opens_no_more_connections_than_doctor_counts(site_in_use: RealSite, mariadb_server: Server) -> None:
    site_in_use.declare(ANNA_DECLARED, aliases=["info: [anna.beispiel]"])
    with mariadb_server.admin.connect() as connection:
        connection.exec_driver_sql("FLUSH STATUS")
    assert site_in_use.run("apply", "--yes").status == 0
    with mariadb_server.admin.connect() as connection:
        most = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Max_used_connections'").one()[1]
    assert 1 < int(most) <= OURS


@pytest.fixture
def site_in_use(site_folder: Path, mariadb: PostfixAdminDatabase, postfix: Postfix, sink: Sink) -> RealSite:
    """MariaDB, Postfix and OX."""
    return near(site_folder, mariadb, postfix, sink)


@pytest.fixture
def site_folder(tmp_path: Path) -> Path:
    """Where its site file stands."""
    made = tmp_path / "site"
    made.mkdir()
    return made


def test_a_database_in_another_time_zone(mariadb_site: Examined) -> None:
    site = mariadb_site
    site.give(Role.PLANNER)
    with site.server.admin.connect() as connection:
        connection.exec_driver_sql("SET GLOBAL time_zone = '+09:00'")
        site.zone = "Europe/Berlin"
        try:
            found = site.run()["time zone"]
        finally:
            connection.exec_driver_sql("SET GLOBAL time_zone = 'SYSTEM'")
    assert found["verdict"] == "warning"
    assert re.search(r"[78] h east of Europe/Berlin", found["saw"])


def test_a_database_whose_clock_is_wrong(mariadb_site: Examined) -> None:
    site = mariadb_site
    site.give(Role.PLANNER)
    with site.server.admin.connect() as connection:
        connection.exec_driver_sql("SET GLOBAL init_connect = 'SET timestamp = UNIX_TIMESTAMP() + 100'")
        try:
            found = site.run()["clock"]
        finally:
            connection.exec_driver_sql("SET GLOBAL init_connect = ''")
    assert found["verdict"] == "warning"
    assert re.search(r"(99|100) s ahead of", found["saw"])
    assert site.run()["clock"]["verdict"] == "ok"
