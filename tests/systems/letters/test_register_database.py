"""The register as a query."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from reconciler.errors import Unreadable, UsageError
from reconciler.model.records import MemberRow, Records
from reconciler.settings import Register
from reconciler.systems.letters import register_database
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


CLUB: dict[str, object] = {"database_url": "mysql+pymysql://reader@127.0.0.1:1/club", "query": QUERY}


async def test_the_password_of_the_register_goes_to_the_server_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    def connect(url: URL, **_: object) -> Engine:
        seen.append(url.password)
        raise OperationalError("SELECT", {}, Exception("Access denied (using password: YES)"))

    monkeypatch.setenv("CLUB_PASSWORD", "tiger-9-im-tank")
    monkeypatch.setattr(register_database, "create_engine", connect)
    letters = system(tmp_path, register={**CLUB, "password_env": "CLUB_PASSWORD"})
    with pytest.raises(Unreadable) as caught:
        await letters.observe()
    assert seen == ["tiger-9-im-tank"]
    assert "tiger" not in caught.value.message + caught.value.hint + letters.target


async def test_the_password_may_be_in_a_file_beside_the_site_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    def connect(url: URL, **_: object) -> Engine:
        seen.append(url.password)
        raise OperationalError("SELECT", {}, Exception("down"))

    (tmp_path / "club-password").write_text("tiger-9-im-tank\n", encoding="utf-8")
    monkeypatch.setattr(register_database, "create_engine", connect)
    with pytest.raises(Unreadable):
        await system(tmp_path, register={**CLUB, "password_file": "club-password"}).observe()
    assert seen == ["tiger-9-im-tank"]


@pytest.mark.parametrize("where", [{"password_env": "NOT_SET_ANYWHERE"}, {"password_file": "nowhere"}])
def test_a_password_that_is_not_to_be_found_is_said_before_anything_is_read(
    tmp_path: Path, where: dict[str, str]
) -> None:
    with pytest.raises(UsageError, match="the member register: "):
        system(tmp_path, register={**CLUB, **where})


@pytest.mark.parametrize("where", [{"password_env": "CLUB_PASSWORD"}, {"password_file": "club-password"}])
def test_a_file_of_members_has_no_password(where: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="a CSV file needs no password"):
        Register.model_validate({"csv": "members.csv", **where})


async def test_a_server_that_is_down_is_unknown(folder: Path) -> None:
    url = "mysql+pymysql://reader@127.0.0.1:1/club"
    with pytest.raises(Unreadable, match=r"mysql\+pymysql://reader@127\.0\.0\.1:1/club: .*Can't connect"):
        await system(folder, register={"database_url": url, "query": QUERY}).observe()
