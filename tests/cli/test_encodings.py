"""Names in databases that are not UTF-8: stored and read right, or refused before the first effect; never garbled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.served import Served
from tests.cli.site import DOMAIN
from tests.services.databases import PASSWORD_ENV
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminDatabase, PostfixAdminTree
from tests.systems.postfixadmin.support import by_hand, rows

JUERGEN = "juergen.gross: {given_name: Jürgen, surname: Groß}"
LUKASZ = "lukasz.nowak: {given_name: Łukasz, surname: Nowak}"
RAW = "SELECT encode(convert_to(name, getdatabaseencoding()), 'hex') FROM mailbox WHERE username LIKE 'juergen%'"


@pytest.fixture
def encoded(
    tmp_path: Path, postgresql_server: Server, postfixadmin_tree: PostfixAdminTree, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Served]:
    """Makes a site whose PostgreSQL database has this encoding, with the tables of PostfixAdmin's own installer."""

    def make(encoding: str) -> Served:
        name = f"in_{encoding.lower()}"
        with postgresql_server.admin.connect() as admin:
            admin.exec_driver_sql(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        url = postgresql_server.database(name).update_query_dict({"client_encoding": "utf8"})
        monkeypatch.setenv(PASSWORD_ENV, str(url.password))
        postfixadmin_tree.install(url)
        site = Served(tmp_path, PostfixAdminDatabase(url, PASSWORD_ENV, postfixadmin_tree), postgresql_server)
        site.write(postfixadmin={**site.sections["postfixadmin"], "welcome_mail": False})
        return site

    return make


def raw(site: Served) -> str:
    """Jürgen's name as bytes."""
    return bytes.fromhex(str(rows(site.database, RAW)[0]["encode"])).decode("utf-8")


def test_in_sql_ascii_names_are_utf8_and_other_bytes_are_refused(encoded: Callable[[str], Served]) -> None:
    site = encoded("SQL_ASCII")
    site.prepared()
    site.declare(JUERGEN, LUKASZ)
    answer = site.run("apply", "--yes")
    assert answer.status == 0, answer
    assert site.run("plan").status == 0
    assert raw(site) == "Jürgen Groß"
    # what a program of another encoding stored
    by_hand(site.database, r"UPDATE mailbox SET name = convert_from('J\374rgen'::bytea, 'SQL_ASCII')")
    for command in (("plan",), ("apply", "--yes")):
        answer = site.run(*command)
        assert answer.status == 9, answer
        assert "the database holds text that is not UTF-8" in answer.words
        assert "SET client_encoding = SQL_ASCII" in answer.words


def test_in_latin1_what_has_no_place_is_refused_before_the_first_effect(encoded: Callable[[str], Served]) -> None:
    """The ledger, whose plans hold every character, has its place elsewhere."""
    site = encoded("LATIN1")
    refused = site.run("ledger", "init")
    assert refused.status == 9, refused
    assert "has the encoding LATIN1, which cannot hold every plan" in refused.words
    assert "ledger.url" in refused.words
    site.write(ledger={"url": "sqlite:///ledger.sqlite"})
    site.prepared()
    site.declare(JUERGEN, LUKASZ)
    answer = site.run("apply", "--yes")
    assert answer.status == 5, answer
    assert "the name 'Łukasz Nowak' of lukasz.nowak@pirat.alt cannot be stored" in answer.words
    assert "its encoding LATIN1 has no Ł" in answer.words
    assert rows(site.database, "SELECT username, name FROM mailbox") == [
        {"username": f"juergen.gross@{DOMAIN}", "name": "Jürgen Groß"}
    ]
    assert rows(site.database, "SELECT address FROM alias") == [{"address": f"juergen.gross@{DOMAIN}"}]
    site.declare(JUERGEN)
    assert site.run("plan").status == 0


def test_in_a_latin1_column_of_mariadb_it_is_the_same(
    tmp_path: Path, new_mariadb: Callable[[], PostfixAdminDatabase], mariadb_server: Server
) -> None:
    """PostfixAdmin makes `mailbox.name` utf8mb3; an old installation, or a hand, made it Latin-1."""
    site = Served(tmp_path, new_mariadb(), mariadb_server)
    site.write(postfixadmin={**site.sections["postfixadmin"], "welcome_mail": False})
    site.prepared()
    by_hand(site.database, "ALTER TABLE mailbox MODIFY name varchar(255) CHARACTER SET latin1 NOT NULL")
    site.declare(JUERGEN, LUKASZ)
    answer = site.run("apply", "--yes")
    assert answer.status == 5, answer
    assert "its encoding latin1 has no Ł" in answer.words
    assert rows(site.database, "SELECT name FROM mailbox") == [{"name": "Jürgen Groß"}]
