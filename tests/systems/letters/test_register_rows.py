"""Lines of a register are kept as texts, and rows made when asked for: they say what rows made at once would say."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import Unreadable
from reconciler.model.addresses import BadAddress, parse_address
from reconciler.model.declared import Mailbox
from reconciler.model.name_folding import folded
from reconciler.model.records import MemberRow
from reconciler.planning.ports import Observation
from reconciler.settings import Register
from reconciler.systems.letters.register import csv_lines
from reconciler.systems.letters.register_rows import members
from reconciler.systems.letters.system import LetterSystem
from tests.systems.letters.support import desired, mailbox, system
from tests.systems.plans import review_of

_NUMBERS = ("10042", " 10042", "10042 ", "10043", "0123", "123", "10043x", "10043.0", "10044")
_EMAILS = ("anna@gmx.example", " Anna@GMX.example", "anna@gmx.example.", "none", "", "a\x1fb@gmx.example", "a@b@c")
_NAMES = (
    "Anna",
    "Anna",
    "Anna",
    "Anna",
    " anna",
    "Zoe\u0308",
    "Zo\u00eb",
    "A\x1fnna",
    "Anna\nMaria",
    "Anna  Maria",
    "",
)
_LANGUAGES = ("", "de", " en", "EN_gb", "xx", "d\x1fe", "anna@gmx.example")
_LINES = st.tuples(
    st.sampled_from(_NUMBERS),
    st.sampled_from(("active", " active", "left", "\x1factive", "")),
    st.sampled_from(_EMAILS),
    st.sampled_from(_NAMES),
    st.sampled_from(_NAMES),
    st.sampled_from(_LANGUAGES),
)
_COLUMNS: dict[str, Any] = {"csv": "members.csv", "columns": {"language": "language"}}
_HEADER = ("member", "status", "email", "given_name", "surname", "language")


def _at_once(lines: Sequence[Sequence[str]]) -> dict[str, MemberRow]:
    """What the lines say, but for what is wrong with them: then `problem` is `?`."""
    found: dict[str, MemberRow] = {}
    begun: list[str] = []
    for number, status, email, given_name, surname, language in lines:
        key = number.strip()
        if not key.isdigit():
            begun.append(key[:5])
            continue
        try:
            address = str(parse_address(email.strip()))
        except BadAddress:
            address = email.strip()
        active, names = status.strip() == "active", (folded(given_name), folded(surname))
        row = MemberRow(key, active, address, *names, language=language.strip())
        if found.setdefault(key, row) != row:
            found[key] = MemberRow(key, False, "", "", "", "?")
    for key in begun:
        found.setdefault(key, MemberRow(key, False, "", "", "", "?"))
    return found


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> LetterSystem:
    return system(tmp_path_factory.mktemp("letters"), register=_COLUMNS)


@settings(max_examples=300)
@given(lines=st.lists(_LINES, max_size=5))
def test_rows_made_on_demand_are_those_made_at_once(letters: LetterSystem, lines: list[tuple[str, ...]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_HEADER, *lines])
    register = Register.model_validate(_COLUMNS)
    wanted = _at_once(lines)
    usable = [row for key, row in wanted.items() if key in {line[0].strip() for line in lines}]
    try:
        found = members(csv_lines(text.getvalue().encode(), register), register, "line {number}").rows
    except Unreadable:
        assert all(row.problem for row in usable)
        return
    assert not all(row.problem for row in usable)
    assert {number: row._replace(problem=row.problem and "?") for number, row in found.items()} == wanted
    assert len(found) == len(wanted)
    assert [number in found for number in _NUMBERS] == [number in wanted for number in _NUMBERS]
    state = desired(*_boxes())
    remarks = review_of(letters, state, Observation({"member": found}, ()))
    assert remarks == review_of(letters, state, Observation({"member": dict(found)}, ()))


def _boxes() -> Iterator[Mailbox]:
    """Mailboxes of members who are there and of some who are not; with the names of some."""
    for at, number in enumerate(("10042", "10043", "0123", "123", "00123", "10045")):
        given_name, surname = ((None, "Anna"), ("Anna", "Zo\u00eb"))[at % 2]
        yield mailbox(f"a{at}@pirat.alt", number, given_name=given_name, surname=surname)
