"""The register as a query."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from reconciler.errors import Unreadable
from reconciler.model.records import Found, MemberRow
from reconciler.settings import Register
from tests.services.own_engine import Server
from tests.systems.letters.support import system
from tests.systems.plans import records_of

QUERY = "SELECT nr AS member, status, mail AS email, given AS given_name, family AS surname FROM person"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "club.sqlite")) as database, database:
        database.execute("CREATE TABLE person (nr INTEGER, status TEXT, mail TEXT, given TEXT, family TEXT)")
        rows = [(10042, "active", "Anna@gmx.example", "Anna", "Beispiel"), (7, "left", None, "Bernd", None)]
        database.executemany("INSERT INTO person VALUES (?, ?, ?, ?, ?)", rows)
    return tmp_path


async def read(folder: Path, query: str = QUERY, file: str = "club.sqlite") -> Found:
    return (await (system(folder, register={"database_url": f"sqlite:///{file}", "query": query})).observe()).records


async def test_the_query_gives_the_members(folder: Path) -> None:
    assert (await read(folder))["member"] == {
        "10042": MemberRow("10042", True, "anna@gmx.example", "Anna", "Beispiel"),
        "7": MemberRow("7", False, "", "Bernd", ""),
    }


async def test_a_percent_sign_in_the_query_is_only_that(folder: Path) -> None:
    assert set((await read(folder, QUERY + " WHERE family LIKE 'Bei%'"))["member"]) == {"10042"}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT nr AS member FROM person", "the query gives no column 'status'; it gives member"),
        (QUERY.replace("SELECT", "SELECT 'left' AS status,"), "the query gives the column 'status' twice"),
        ("SELECT * FROM absent", "no such table: absent"),
        ("SELEC", "syntax error"),
        (QUERY + " WHERE 0", "no member"),
        (QUERY.replace("nr AS", "nr * 1.0 AS"), "row 1: a spreadsheet made '10042.0' of the member number"),
        (QUERY.replace("nr AS", "7 AS"), "row 2: member 7 is in row 1 already, with other data"),
        ("DELETE FROM person", "readonly database"),
        (QUERY + " WHERE nr = :number", "number"),
    ],
)
async def test_a_query_that_does_not_fit_makes_the_register_unknown(folder: Path, query: str, said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        await read(folder, query)
    assert said in caught.value.message
    assert "club.sqlite" in caught.value.message


async def test_the_register_is_only_read(folder: Path) -> None:
    before = (folder / "club.sqlite").read_bytes()
    with pytest.raises(Unreadable):
        await read(folder, "UPDATE person SET mail = 'eve@mail.test' RETURNING nr")
    assert (folder / "club.sqlite").read_bytes() == before


async def test_a_missing_file_is_unknown_and_not_made(folder: Path) -> None:
    with pytest.raises(Unreadable, match="no such file"):
        await read(folder, file="other.sqlite")
    assert not (folder / "other.sqlite").exists()


CLUB: dict[str, object] = {"database_url": "mysql+pymysql://reader@127.0.0.1:1/club", "query": QUERY}


SECRET = "tiger-9-im-tank"


@pytest.fixture
def club(mariadb_server: Server) -> Iterator[dict[str, object]]:
    """A register on a real MariaDB, with a reader who needs a password."""
    with mariadb_server.admin.connect() as connection:
        connection.execute(text("CREATE USER reader@'127.0.0.1' IDENTIFIED BY :p"), {"p": SECRET})
        for statement in (
            "CREATE DATABASE club CHARACTER SET utf8mb4",
            "CREATE TABLE club.person (nr INT, status TEXT, mail TEXT, given TEXT, family TEXT)",
            "INSERT INTO club.person VALUES (10042, 'active', 'Zoe@gmx.example', 'Zoë', 'Beispiel')",
            "GRANT SELECT ON club.* TO reader@'127.0.0.1'",
        ):
            connection.execute(text(statement))
    url = f"mysql+pymysql://reader@127.0.0.1:{mariadb_server.url.port}/club"
    yield {"database_url": url, "query": QUERY}
    with mariadb_server.admin.connect() as connection:
        connection.execute(text("DROP USER reader@'127.0.0.1'"))
        connection.execute(text("DROP DATABASE club"))


@pytest.mark.parametrize("where", [{"password_env": "CLUB_PASSWORD"}, {"password_file": "club-password"}], ids=str)
async def test_a_register_behind_a_password_is_read(
    tmp_path: Path, club: dict[str, object], monkeypatch: pytest.MonkeyPatch, where: dict[str, str]
) -> None:
    monkeypatch.setenv("CLUB_PASSWORD", SECRET)
    (tmp_path / "club-password").write_text(f"{SECRET}\n", encoding="utf-8")
    letters = system(tmp_path, register={**club, **where})
    assert (await records_of(letters))["member"] == {
        "10042": MemberRow("10042", True, "zoe@gmx.example", "Zoë", "Beispiel")
    }
    assert SECRET not in letters.target


async def test_a_wrong_password_makes_the_register_unknown_and_is_not_repeated(
    tmp_path: Path, club: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUB_PASSWORD", "not-this-one-7")
    with pytest.raises(Unreadable, match="Access denied for user 'reader'") as caught:
        await system(tmp_path, register={**club, "password_env": "CLUB_PASSWORD"}).observe()
    assert "not-this-one" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("where", [{"password_env": "NOT_SET_ANYWHERE"}, {"password_file": "nowhere"}])
def test_a_password_that_is_not_to_be_found_is_said_before_anything_is_read(
    tmp_path: Path, where: dict[str, str]
) -> None:
    with pytest.raises(Unreadable, match=r"`register\.password_(env|file)`"):
        system(tmp_path, register={**CLUB, **where})


@pytest.mark.parametrize("where", [{"password_env": "CLUB_PASSWORD"}, {"password_file": "club-password"}])
def test_a_file_of_members_has_no_password(where: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="a CSV file needs no password"):
        Register.model_validate({"csv": "members.csv", **where})


async def test_a_server_that_is_down_is_unknown(folder: Path) -> None:
    url = "mysql+pymysql://reader@127.0.0.1:1/club"
    with pytest.raises(Unreadable, match=r"mysql\+pymysql://reader@127\.0\.0\.1:1/club: .*Can't connect"):
        await system(folder, register={"database_url": url, "query": QUERY}).observe()
