"""The register as CSV: every awkward file that a spreadsheet makes, and none that is read by halves."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import Unreadable
from reconciler.model.records import MemberRow
from reconciler.planning.ports import System
from reconciler.planning.snapshot import rows_of
from reconciler.settings import Register
from reconciler.systems.letters.register import read_csv
from tests.systems.letters.support import HEADER, system
from tests.systems.plans import records_of

ANNA = MemberRow("10042", True, "anna@gmx.example", "Anna", "Beispiel")
ROW = "10042,active,anna@gmx.example,Anna,Beispiel\n"


async def read(folder: Path, content: str | bytes, **register: object) -> dict[str, MemberRow]:
    (folder / "members.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    observed = await system(folder, register={"csv": "members.csv", **register}).observe()
    return dict(rows_of(observed.records, MemberRow))


@pytest.mark.parametrize(
    "content",
    [
        HEADER + ROW,
        "\ufeff" + HEADER + ROW,
        (HEADER + ROW).replace(",", ";"),
        (HEADER + ROW).replace("\n", "\r\n"),
        (HEADER + ROW).rstrip("\n"),
        "\n\n" + HEADER + "\n" + ROW + "\n\n",
        "surname,more,given_name,email,status,member\nBeispiel,x;y,Anna,anna@gmx.example,active,10042\n",
        'member;"a,b,c,d,e,f";status;email;given_name;surname\n10042;;active;anna@gmx.example;Anna;Beispiel\n',
        '"member","status","email","given_name","surname"\n"10042","active","anna@gmx.example","Anna","Beispiel"\n',
        " member , status,email,given_name,surname\n 10042 , active , Anna@GMX.example , Anna ,  Beispiel \n",
    ],
    ids=["plain", "bom", "semicolon", "crlf", "no last newline", "blank lines", "order", "both", "quoted", "spaces"],
)
async def test_all_usual_forms_are_the_same_register(tmp_path: Path, content: str) -> None:
    assert await read(tmp_path, content) == {"10042": ANNA}


async def test_quoted_fields_may_hold_anything(tmp_path: Path) -> None:
    content = HEADER + '10042,active,anna@gmx.example,"Anna\n""die"" Ä","Beispiel, geb. Muster"\n'
    (row,) = (await read(tmp_path, content)).values()
    assert isinstance(row, MemberRow)
    assert (row.given_name, row.surname) == ('Anna "die" Ä', "Beispiel, geb. Muster")


async def test_our_words_are_mapped_to_the_registers_columns(tmp_path: Path) -> None:
    columns = {"member": "number", "status": "state", "email": "mail", "given_name": "given", "surname": "family"}
    content = "number;state;mail;given;family\n10042;Mitglied;anna@gmx.example;Anna;Beispiel\n"
    assert await read(tmp_path, content, columns=columns, active=["Mitglied"]) == {"10042": ANNA}


async def test_only_the_named_states_are_active(tmp_path: Path) -> None:
    rows = await read(tmp_path, HEADER + "1,active,,,\n2,Active,,,\n3,left,,,\n4,,,,\n", active=["active", "trial"])
    assert [row.active for row in rows.values()] == [True, False, False, False]


async def test_a_leading_zero_makes_another_member(tmp_path: Path) -> None:
    assert set(await read(tmp_path, HEADER + "0123,active,,,\n123,active,,,\n")) == {"0123", "123"}


async def test_names_are_compared_in_one_form(tmp_path: Path) -> None:
    (row,) = (await read(tmp_path, HEADER + "1,active,,Zoe\u0308  Maria,x\n")).values()
    assert row.given_name == "Zo\u00eb Maria"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        (HEADER, "no member"),
        (ROW, "no column 'member' (for member)"),
        ("member,status,given_name,surname\n", "no column 'email' (for email)"),
        ("member,member,status,email,given_name,surname\n", "column 'member' twice"),
        (HEADER + ROW + "10043,active,b@gmx.example,Bernd\n", "line 3 is the last one, and it has 4 fields"),
        (HEADER + ROW + "10043,act", "line 3 is the last one, and it has 2 fields"),
        (HEADER + "10042,active,anna@gmx.example,An", "line 2 is the last one, and it has 4 fields"),
        (HEADER + "10042.0,active,,,\n", "line 2: a spreadsheet made '10042.0' of the member number"),
        (HEADER + ",active,,,\n", "line 2: the member number is missing"),
        (HEADER + "١٢٣,active,,,\n", "line 2: a text is where the member number should be"),
        (HEADER + ROW + "".join(f"{n}x,active,,,\n" for n in range(6)), "6 of 7 rows cannot be used: line 3: '0x'"),
        (HEADER + ROW + "10042,left,,,\n", "it has no member that can be used"),
        (HEADER + ROW + '10043,active,b@gmx.example,"Bernd,Neu\n', "line 3: unexpected end of data"),
        (HEADER + '10042,active,"a"b,c,d\n', "line 2: "),
        (HEADER.encode() + b"10042,active,,Anna,M\xfcller\n", "line 2 is not UTF-8"),
        ((HEADER + ROW).encode("utf-16"), "line 1 is not UTF-8"),
    ],
)
async def test_a_file_that_is_not_understood_makes_the_whole_register_unknown(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    """Half a register would look like members who left."""
    with pytest.raises(Unreadable) as caught:
        await read(tmp_path, content)
    assert said in caught.value.message
    assert caught.value.message.startswith("the member register cannot be read: members.csv: ")
    assert "register: columns:" in caught.value.hint


BERND = "10043,active,bernd@gmx.example,Bernd,Neu\n"
CLARA = "10044,active,clara@gmx.example,Clara,Probe\n"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("10043x,active,b@gmx.example,Bernd,Neu\n", "'10043x' is not a member number (digits only)"),
        ("10043.0,active,b@gmx.example,Bernd,Neu\n", "a spreadsheet made '10043.0' of the member number"),
        ("10043,active,b@gmx.example,Bernd,Neu,x\n", "it has 6 fields, and the header has 5"),
        ("10043,active,b@gmx.example\n", "it has 3 fields, and the header has 5"),
        (BERND + BERND.replace("bernd@", "b@"), "line 3 and line 4 contradict each other"),
    ],
    ids=["letter", "spreadsheet", "comma", "short", "contradiction"],
)
async def test_one_bad_row_is_nobodys_and_the_others_count(tmp_path: Path, row: str, problem: str) -> None:
    found = await read(tmp_path, HEADER + ROW + row + CLARA)
    assert [n for n, member in found.items() if member.active] == ["10042", "10044"]
    assert problem in found["10043"].problem
    assert "line 3" in found["10043"].problem


async def test_a_row_twice_is_one_member(tmp_path: Path) -> None:
    assert await read(tmp_path, HEADER + ROW + ROW.replace("Anna", " Anna ") + ROW) == {"10042": ANNA}


async def test_a_good_row_counts_whatever_a_bad_one_begins_with(tmp_path: Path) -> None:
    assert await read(tmp_path, HEADER + "10042x,active,,,\n" + ROW) == {"10042": ANNA}


@pytest.mark.parametrize("mark", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_excels_word_on_the_delimiter(tmp_path: Path, mark: str, end: str) -> None:
    content = f"\ufeffsep={mark}\n" + (HEADER + ROW).replace(",", mark)
    assert await read(tmp_path, content.replace("\n", end)) == {"10042": ANNA}
    with pytest.raises(Unreadable, match="line 4 is the last one"):  # of the file as an editor counts
        await read(tmp_path, content + "10043")


@pytest.mark.parametrize(
    "content", [ROW, HEADER + ROW.replace("10042", "anna@gmx.example"), "anna@gmx.example,Anna\n" + ROW]
)
async def test_no_message_holds_an_address_of_the_register(tmp_path: Path, content: str) -> None:
    """What could not be read stands in every plan."""
    with pytest.raises(Unreadable) as caught:
        await read(tmp_path, content)
    assert "gmx" not in caught.value.message + caught.value.hint


async def test_a_missing_file_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"members\.csv: No such file"):
        await system(tmp_path).observe()


async def test_a_folder_is_no_register(tmp_path: Path) -> None:
    (tmp_path / "members.csv").mkdir()
    with pytest.raises(Unreadable, match="Is a directory"):
        await system(tmp_path).observe()


async def test_without_a_register_section_nothing_is_known_of_members(tmp_path: Path) -> None:
    """The kind is absent, which is not the same as a register without members."""
    letters: System = system(tmp_path, register=None)
    assert await records_of(letters) == {}


@given(st.binary(max_size=200))
def test_no_bytes_give_anything_but_members_or_our_error(tmp_path_factory: pytest.TempPathFactory, tail: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "members.csv"
    path.write_bytes(HEADER.encode() + tail)
    try:
        found = read_csv(path, Register(csv="members.csv"))
    except Unreadable:
        return
    assert all(key.isdigit() for key in found.rows)
