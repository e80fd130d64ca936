"""The register as a query."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.errors import Unreadable
from reconciler.model.records import MemberRow, Records
from tests.systems.letters.support import system

QUERY = "SELECT nr AS member, status, mail AS email, given AS given_name, family AS surname FROM person"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "club.sqlite")) as database, database:
        database.execute("CREATE TABLE person (nr INTEGER, status TEXT, mail TEXT, given TEXT, family TEXT)")
        rows = [(10042, "active", "Anna@gmx.example", "Anna", "Beispiel"), (7, "left", None, "Bernd", None)]
        database.executemany("INSERT INTO person VALUES (?, ?, ?, ?, ?)", rows)
    return tmp_path


async def read(folder: Path, query: str = QUERY, file: str = "club.sqlite") -> Records:
    return await system(folder, register={"database_url": f"sqlite:///{file}", "query": query}).observe()


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
        ("SELECT * FROM absent", "no such table: absent"),
        ("SELEC", "syntax error"),
        (QUERY + " WHERE 0", "no member"),
        (QUERY.replace("nr AS", "nr * 1.0 AS"), "row 1: '10042.0' is not a member number"),
        (QUERY.replace("nr AS", "7 AS"), "row 2: member 7 was in row 1 already"),
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


async def test_a_server_that_is_down_is_unknown(folder: Path) -> None:
    url = "mysql+pymysql://reader@127.0.0.1:1/club"
    with pytest.raises(Unreadable, match=r"mysql\+pymysql://reader@127\.0\.0\.1:1/club: .*Can't connect"):
        await system(folder, register={"database_url": url, "query": QUERY}).observe()
