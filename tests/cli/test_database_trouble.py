"""What a database says that cannot be written or entered, through the command: status 8 or 9 with a hint, never 1."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.served import Served
from tests.cli.site import DOMAIN, StandInSite
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.postfixadmin.support import by_hand, rows

SERVERS = ["mariadb", "postgresql"]
MANY = [f"a{n}@extern-und-recht-lang.example" for n in range(300)]


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Served]:
    """Makes a site on `mariadb` or `postgresql`."""

    def make(backend: str) -> Served:
        fresh: Callable[[], PostfixAdminDatabase] = request.getfixturevalue(f"new_{backend}")
        server: Server = request.getfixturevalue(f"{backend}_server")
        return Served(tmp_path, fresh(), server)

    return make


_FULL, _NO_WRITES = "disk or table is full", "takes no writes now"
_WORDS = "the words of the server"
_SAID: dict[str, tuple[tuple[int | str, str, str], ...]] = {
    "mariadb": (
        (1114, _FULL, _WORDS),
        (3, _FULL, "No space left on device"),
        (1290, _NO_WRITES, _WORDS),
    ),
    "postgresql": (("53100", _FULL, _WORDS), ("25006", _NO_WRITES, _WORDS)),
}


@pytest.mark.parametrize("backend", SERVERS)
@pytest.mark.parametrize("place", [("alias", "INSERT"), ("reconciler_plans", "INSERT"), ("reconciler_steps", "UPDATE")])
def test_what_cannot_be_written_is_told_with_a_hint(
    served: Callable[[str], Served], backend: str, place: tuple[str, str]
) -> None:
    """PostfixAdmin's tables and the ledger's, before the run is begun and in the middle; the server raises the code."""
    site = served(backend)
    site.prepared()
    for code, means, words in _SAID[backend][: 9 if place[0] == "alias" else 1]:
        site.says(*place, code, words)
        answer = site.run("apply", "--yes")
        assert answer.status == (9 if place[0] == "reconciler_plans" else 8 if place[0] == "alias" else answer.status)
        assert answer.status in (8, 9), answer
        assert f"{means}: {words}" in answer.words, code
        assert "free some space" in answer.words or "name the server that takes writes" in answer.words
        assert rows(site.database, "SELECT * FROM alias") == []


def test_a_mariadb_that_is_read_only_is_told(served: Callable[[str], Served]) -> None:
    site = served("mariadb")
    site.prepared()
    with site.as_user("GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO {user}"):
        with site.server.admin.connect() as admin:
            admin.exec_driver_sql("SET GLOBAL read_only = 1")
            try:
                answer = site.run("apply", "--yes")
            finally:
                admin.exec_driver_sql("SET GLOBAL read_only = 0")
        assert answer.status == 9, answer
        assert _NO_WRITES in answer.words
        assert site.run("apply", "--yes").status == 0


def test_a_postgresql_that_is_read_only_is_told(served: Callable[[str], Served]) -> None:
    site = served("postgresql")
    site.prepared()
    by_hand(site.database, f"ALTER DATABASE {site.database.full_url.database} SET default_transaction_read_only = on")
    answer = site.run("apply", "--yes")
    assert answer.status == 9, answer
    assert _NO_WRITES in answer.words


@pytest.mark.parametrize(
    ("backend", "what", "said"),
    [
        ("mariadb", "ALTER USER {user} ACCOUNT LOCK", ("this database account is locked", "ACCOUNT UNLOCK")),
        ("postgresql", "ALTER ROLE {user} NOLOGIN", ("this database account is locked", "ALTER ROLE")),
        # MariaDB itself says no more than "access denied"
        ("mariadb", "ALTER USER {user} REQUIRE SSL", ("access denied", "REQUIRE SSL")),
    ],
)
def test_an_account_that_cannot_log_in_is_told_why(
    served: Callable[[str], Served], backend: str, what: str, said: tuple[str, ...]
) -> None:
    site = served(backend)
    with site.as_user(what):
        answer = site.run("plan")
    assert answer.status == 9, answer
    for words in said:
        assert words in answer.words


@pytest.mark.parametrize(("backend", "option"), [("mariadb", "ssl_ca=system"), ("postgresql", "sslmode=require")])
def test_a_server_without_tls_is_told(served: Callable[[str], Served], backend: str, option: str) -> None:
    """For PostfixAdmin's database and for the ledger's."""
    site = served(backend)
    there = site.sections["postfixadmin"]
    asking = {**there, "url": f"{there['url']}?{option}"}
    for sections in ({"postfixadmin": asking}, {"postfixadmin": there, "ledger": asking}):
        site.write(**sections)
        answer = site.run("plan")
        assert answer.status == 9, answer
        assert "the server has no TLS, and the URL asks for it" in answer.words
        assert "switch TLS on" in answer.words


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_password_variable_that_ends_in_a_newline_is_named(site: StandInSite, end: str) -> None:
    """`docker --env-file` and CI variables keep what `echo secret > file` put there."""
    site.declare(aliases=["presse: [a@extern.example]"])
    url = "mysql+pymysql://reconciler@127.0.0.1:1/mail"
    site.write(ledger={"url": url, "password_env": "RECONCILER_TEST_SECRET"})
    answer = site.run("plan", RECONCILER_TEST_SECRET=f"geheim-5{end}")
    assert answer.status == 9, answer
    assert "the variable RECONCILER_TEST_SECRET ends in a newline" in answer.words
    assert "`ledger.password_env`" in answer.words
    assert "printf" in answer.words
    assert "geheim-5" not in answer.words


@pytest.fixture
def opened_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Every connection to a file of this name is opened with this statement from now on, in this process, and waits for
    nobody."""
    connect = sqlite3.connect

    def patch(name: str, statement: str) -> None:
        def opened(database: Any, *arguments: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(database, *arguments, **{**options, "timeout": 0})
            if name in str(database):
                connection.execute(statement)
            return connection

        monkeypatch.setattr(sqlite3, "connect", opened)

    return patch


@pytest.mark.parametrize("file", ["postfixadmin.sqlite", "ledger.sqlite"])
@pytest.mark.parametrize(
    ("statement", "means"),
    [("PRAGMA max_page_count = 1", _FULL), ("PRAGMA query_only = 1", _NO_WRITES)],
)
def test_a_sqlite_file_that_takes_nothing_is_told(
    site: StandInSite, command: Command, opened_with: Callable[[str, str], None], file: str, statement: str, means: str
) -> None:
    """A full disk: the file may have no page more than now. Real SQLite raises both."""
    site.write(ledger={"url": "sqlite:///ledger.sqlite"})
    assert command("ledger", "init").status == 0
    site.declare(aliases=[f"presse: {MANY}"])
    opened_with(file, statement)
    answer = command("apply", "--yes")
    assert answer.status in (8, 9), answer
    assert f"{means}: " in answer.words, answer
    assert "→" in answer.words
    assert site.goto(f"presse@{DOMAIN}") is None


@pytest.mark.parametrize("file", ["postfixadmin.sqlite", "ledger.sqlite"])
def test_a_sqlite_file_that_stays_locked_is_told(
    site: StandInSite, command: Command, opened_with: Callable[[str, str], None], file: str
) -> None:
    site.write(ledger={"url": "sqlite:///ledger.sqlite"})
    assert command("ledger", "init").status == 0
    site.declare(aliases=["presse: [a@extern.example]"])
    opened_with(file, "SELECT 1")
    other = sqlite3.connect(site.folder / file, isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        answer = command("apply", "--yes")
    finally:
        other.close()
    assert answer.status == 9, answer
    assert "somebody else holds the rows for too long" in answer.words


def test_a_server_that_takes_short_statements_only_is_refused_before_the_first_effect(
    served: Callable[[str], Served], packets: Callable[[int], None]
) -> None:
    """By the ledger's check, and where the ledger is elsewhere by PostfixAdmin's."""
    site = served("mariadb")
    site.prepared()
    for ledger in (None, {"url": "sqlite:///ledger.sqlite"}):
        site.write(ledger=ledger)
        packets(2**24)
        site.prepared()
        packets(2**16)
        answer = site.run("apply", "--yes")
        assert answer.status == 9, answer
        assert "the server takes statements of 65536 bytes only (max_allowed_packet)" in answer.words
        assert "SET GLOBAL max_allowed_packet" in answer.words
    assert rows(site.database, "SELECT * FROM alias") == []


def test_a_plan_longer_than_the_longest_statement_is_carried_out(
    served: Callable[[str], Served], packets: Callable[[int], None]
) -> None:
    """Its document, its rows and what is looked up go in statements of a megabyte."""
    site = served("mariadb")
    site.prepared()
    targets = [f"{'m' * 60}{n}@extern-und-recht-lang.example" for n in range(600)]
    site.declare(aliases=[f"liste{n}: [{', '.join(targets)}]" for n in range(20)])
    packets(2**20)
    answer = site.run("apply", "--yes")
    assert answer.status == 0, answer
    assert rows(site.database, "SELECT count(*) AS n, sum(length(goto)) > 1048576 AS big FROM alias") == [
        {"n": 20, "big": 1}
    ]
