"""Rows of the member register that cannot be used: named, refused for who needs them, harmless for everybody else."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, StandInSite, today

HEADER = "member,status,email,given_name,surname\n"
ROW_ANNA = "10042,active,anna@gmx.example,Anna,Beispiel\n"
ROW_BERND = "10077,active,bernd@gmx.example,Bernd,Muster\n"
NOT_ANNA = "10042,active,eve@gmx.example,Eve,Other\n"


def register(site: StandInSite, *rows: str) -> None:
    (site.folder / "members.csv").write_text("".join(rows), encoding="utf-8")
    site.declare(ANNA_DECLARED, BERND_DECLARED)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["10042x,active,anna@gmx.example,Anna,Beispiel\n"], "line 2: '10042x' is not a member number"),
        ([ROW_ANNA, NOT_ANNA], "line 2 and line 3 contradict each other"),
        (["10042,active,anna@gmx.example,Anna,Beispiel,more\n"], "line 2: it has 6 fields"),
        (
            ["1.0042E+04,active,anna@gmx.example,Anna,Beispiel\n"],
            "a spreadsheet made '1.0042E+04' of the member number",
        ),
    ],
    ids=["letter", "contradiction", "comma", "spreadsheet"],
)
def test_who_needs_a_bad_row_is_refused_and_the_rest_goes_on(
    site: StandInSite, command: Command, rows: list[str], said: str
) -> None:
    register(site, HEADER, *rows, ROW_BERND)
    answer = command("apply", "--yes")
    assert answer.status == 5, answer.words
    assert said in answer.words
    assert f"{ANNA}: the register" in answer.words
    assert "refused" in answer.words
    assert "gmx" not in answer.words
    assert (site.mailbox(ANNA), site.mailbox(BERND) is not None) == (None, True)
    assert list(site.letters()) == ["bernd@gmx.example"]


def test_a_bad_row_that_nobody_needs_is_a_warning(site: StandInSite, command: Command) -> None:
    register(site, HEADER, ROW_ANNA, "20004x,active,x@gmx.example,Zoe,Other\n", ROW_BERND, ROW_BERND)
    answer = command("apply", "--yes")
    assert answer.status == 0, answer.words
    assert "the register members.csv, line 3: '20004x' is not a member number" in answer.words
    assert "line 5: member 10077 is in line 4 already, with the same data" in answer.words
    assert set(site.letters()) == {"anna@gmx.example", "bernd@gmx.example"}


def test_a_password_reset_that_needs_a_bad_row_is_refused(site: StandInSite, command: Command) -> None:
    register(site, HEADER, ROW_ANNA, ROW_BERND)
    assert command("apply", "--yes").status == 0
    register(site, HEADER, ROW_ANNA, NOT_ANNA, ROW_BERND)
    site.declare(ANNA_DECLARED.replace("}", f", password_reset: {today()}}}"), BERND_DECLARED)
    answer = command("apply", "--yes")
    assert answer.status == 5, answer.words
    assert "line 2 and line 3 contradict each other" in answer.words
    assert len(site.letters()) == 2


def test_too_many_bad_rows_make_the_register_unreadable(site: StandInSite, command: Command) -> None:
    """The wrong column, or half a file."""
    register(site, HEADER, ROW_ANNA, ROW_BERND, *(f"x{n},active,,,\n" for n in range(6)))
    before = site.live()
    answer = command("plan")
    assert answer.status == 9, answer.words
    assert "6 of 8 rows cannot be used: line 4: 'x0' is not a member number" in answer.words
    assert command("apply", "--yes").status == 9
    assert site.live() == before


def test_a_register_that_lost_leading_zeros_is_told(site: StandInSite, command: Command) -> None:
    register(site, HEADER, ROW_ANNA, ROW_BERND.replace("10077", "77"))
    site.declare(ANNA_DECLARED, BERND_DECLARED.replace("10077", "'00077'"))
    answer = command("apply", "--yes")
    assert answer.status == 5, answer.words
    assert "the register has no member 00077, but 77: leading zeros are lost in one of the two" in answer.words
    assert "the register members.csv lost leading zeros: 00077 is 77 there" in answer.words
    assert "give the column of member numbers the format Text" in answer.words
    assert site.mailbox(ANNA) is not None


def test_a_declaration_that_lost_leading_zeros_is_told(site: StandInSite, command: Command) -> None:
    register(site, HEADER, ROW_ANNA, ROW_BERND.replace("10077", "00077"))
    site.declare(ANNA_DECLARED, BERND_DECLARED.replace("10077", "77"))
    answer = command("plan")
    assert answer.status == 5, answer.words
    assert 'write `member: "00077"`, in quotes' in answer.words


@pytest.mark.parametrize("written", ["10707", "10078"], ids=["exchanged", "another digit"])
@pytest.mark.parametrize("rows", [[], ["10707,active,eve@gmx.example,Eve,Other\n", "10078,active,e@gmx.example,E,O\n"]])
def test_a_member_number_with_a_slip_is_told(
    site: StandInSite, command: Command, written: str, rows: list[str]
) -> None:
    register(site, HEADER, ROW_ANNA, ROW_BERND, *rows)
    site.declare(BERND_DECLARED.replace("10077", written))
    answer = command("plan")
    assert answer.status == 5
    assert "did you mean 10077, Bernd Muster?" in answer.words


def test_a_number_near_that_of_somebody_else_suggests_nothing(site: StandInSite, command: Command) -> None:
    register(site, HEADER, ROW_ANNA, "10077,active,eve@gmx.example,Eve,Other\n")
    site.declare(BERND_DECLARED.replace("10077", "10707"))
    answer = command("plan")
    assert answer.status == 5
    assert "check the number" in answer.words
    assert "did you mean" not in answer.words


def test_a_register_from_excel_is_read(site: StandInSite, command: Command) -> None:
    """Its byte order mark, its first line, its line ends."""
    register(site, ("\ufeffsep=;\n" + (HEADER + ROW_ANNA + ROW_BERND).replace(",", ";")).replace("\n", "\r\n"))
    answer = command("apply", "--yes")
    assert answer.status == 0, answer.words
    assert len(site.letters()) == 2


def test_a_database_has_bad_rows_too(site: StandInSite, command: Command) -> None:
    site.write(register={"database_url": "sqlite:///club.sqlite", "query": "SELECT * FROM person ORDER BY rowid"})
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    rows = [row.strip().split(",") for row in (ROW_ANNA, NOT_ANNA, ROW_BERND, ROW_BERND)]
    with closing(sqlite3.connect(site.folder / "club.sqlite")) as database, database:
        database.execute(f"CREATE TABLE person ({HEADER})")
        database.executemany("INSERT INTO person VALUES (?, ?, ?, ?, ?)", rows)
    answer = command("apply", "--yes")
    assert answer.status == 5, answer.words
    assert "row 1 and row 2 contradict each other" in answer.words
    assert "row 4: member 10077 is in row 3 already, with the same data" in answer.words
    assert (site.mailbox(ANNA), list(site.letters())) == (None, ["bernd@gmx.example"])


def test_show_says_that_a_member_cannot_be_read(site: StandInSite, command: Command) -> None:
    register(site, HEADER, ROW_ANNA, NOT_ANNA, ROW_BERND)
    assert "line 2 and line 3 contradict each other" in command("show", "10042").words


@pytest.mark.parametrize("email", ["anna@@gmx.example", "anna.gmx.example", "ännä@gmx.example", "anna@gmx"])
def test_an_address_that_is_none_is_not_shown_either(site: StandInSite, command: Command, email: str) -> None:
    register(site, HEADER, ROW_ANNA.replace("anna@gmx.example", email), ROW_BERND)
    for words in (("plan",), ("plan", "--format", "json"), ("apply", "--yes"), ("history", "1", "--format", "json")):
        answer = command(*words)
        assert email not in answer.words, words
    assert "is not one that mail can go to" in command("plan").words
