"""Rows that are made when somebody asks: what a plain table would have, and what is skipped is no difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.derived_rows import (
    AllKeys,
    DerivedRows,
    changeable,
    follows,
    others,
    otherwise,
    unlike,
    unwanted,
    with_rows,
    without,
)
from reconciler.model.records import Absent, AliasRole, AliasRow, MailboxRow, Owner, Row, Scope
from reconciler.planning.changes import diff

KEYS = [f"{letter}@mail.example" for letter in "abcdef"]
NAMES = st.sampled_from(["Anna", "Bernd", ""])
MAILBOXES = st.builds(
    lambda name, quota, active, *managed: MailboxRow("", "", name, quota, active, *managed),
    *(NAMES, st.sampled_from([0, 1024]), st.booleans(), st.booleans(), st.booleans()),
)
TABLES = st.dictionaries(st.sampled_from(KEYS), MAILBOXES)
OPERATIONS = st.lists(st.tuples(st.sampled_from(KEYS), st.none() | MAILBOXES | st.just("absent")), max_size=4)


def as_found(row: Any) -> Row:
    found: Row = row.as_found()
    return found


def wanted_rows(declared: Mapping[str, MailboxRow]) -> DerivedRows:
    return DerivedRows(declared, lambda key, row: row._replace(key=key, account=key))


def carried_out(table: Any, operations: list[tuple[str, Any]]) -> Any:
    for key, row in operations:
        if row is None:
            table.pop(key, None)
        elif row == "absent":
            table[key] = Absent(key, Owner(Scope.ACCOUNT, key))
        else:
            table[key] = row._replace(key=key, account=key)
    return table


@given(TABLES, OPERATIONS, OPERATIONS, TABLES)
def test_it_is_a_table_and_what_it_leaves_out_is_no_difference(
    declared: dict[str, MailboxRow],
    made: list[tuple[str, Any]],
    matched: list[tuple[str, Any]],
    live: dict[str, MailboxRow],
) -> None:
    first = carried_out(wanted_rows(declared), [pair for pair in made if pair[1] != "absent"])
    plain = dict(first)
    assert list(first.items()) == list(plain.items())
    assert (len(first), set(first)) == (len(plain), {key for key in KEYS if key in first})
    found = {key: as_found(row._replace(key=key)) for key, row in live.items()}
    there = {key for key in found.keys() & plain.keys() if found[key] == as_found(plain[key])}
    beside = DerivedRows.beside(
        first, without(first, there), {key: row for key, row in found.items() if key not in there}
    )
    assert dict(beside) == found
    assert all(follows(beside, key) is (key in there) for key in KEYS)
    assert otherwise(beside, set(KEYS)) == set(KEYS) - there
    assert others(beside).keys() == found.keys() - there
    wanted = carried_out(changeable(first), matched)
    assert dict(first) == plain, "a copy was changed"
    expected = list(diff("postfixadmin", {"mailbox": carried_out(dict(plain), matched)}, {"mailbox": found}))
    assert sorted(diff("postfixadmin", {"mailbox": wanted}, {"mailbox": beside}), key=str) == sorted(expected, key=str)
    for table in (wanted, dict(wanted)):
        assert list(unwanted(beside, table)) == [key for key in beside if key not in table]
    again = wanted_rows(dict(declared))  # made for itself, as that of another commit is
    assert list(diff("postfixadmin", {"mailbox": again}, {"mailbox": beside})) == list(
        diff("postfixadmin", {"mailbox": dict(again)}, {"mailbox": found})
    )


@given(TABLES, OPERATIONS)
def test_the_live_side_can_be_changed_too(declared: dict[str, MailboxRow], operations: list[tuple[str, Any]]) -> None:
    """A rename moves what is live under the new address."""
    wanted = wanted_rows(declared)
    beside = DerivedRows.beside(wanted, set(), {})
    plain = dict(beside)
    moved = carried_out(changeable(beside), operations)
    assert dict(moved) == carried_out(dict(plain), operations)
    assert dict(beside) == plain
    assert {key for key in otherwise(moved, set(KEYS)) if key in moved} == others(moved).keys()
    assert list(unwanted(moved, wanted)) == [key for key in moved if key not in wanted]
    assert set(unlike(wanted, moved)) >= {key for key in wanted if moved.get(key) != plain[key]}


def test_what_is_as_wanted_is_neither_kept_nor_compared() -> None:
    declared = {key: MailboxRow("", "", "Anna", 0, True, name_managed=True) for key in KEYS}
    wanted = wanted_rows(declared)
    found = DerivedRows.beside(wanted, without(wanted, KEYS[1:]), {})
    assert (list(unlike(wanted, found)), dict(others(found)), len(found)) == ([KEYS[0]], {}, 5)
    changed = with_rows(wanted, {KEYS[2]: declared[KEYS[2]]._replace(key=KEYS[2], active=False)})
    assert list(unlike(changed, found)) == [KEYS[0], KEYS[2]], "in the order of what is wanted"
    with pytest.raises(KeyError):
        found[KEYS[0]]
    with pytest.raises(KeyError):
        del found[KEYS[0]]


def test_what_was_wanted_when_it_was_read_may_be_wanted_no_more() -> None:
    declared = {key: MailboxRow("", "", "Anna", 0, True, name_managed=True) for key in KEYS[:3]}
    wanted = with_rows(wanted_rows(declared), {KEYS[4]: declared[KEYS[0]]._replace(key=KEYS[4])})
    found = DerivedRows.beside(wanted, set(), {KEYS[5]: as_found(declared[KEYS[0]])})
    assert list(unwanted(found, wanted)) == [KEYS[5]]
    later = changeable(wanted)
    del later[KEYS[4]]
    assert list(unwanted(found, later)) == KEYS[4:]
    del later[KEYS[1]]
    assert list(unwanted(found, later)) == [KEYS[1], *KEYS[4:]]


@pytest.mark.parametrize(
    "row",
    [
        MailboxRow("a@mail.example", "a@mail.example", "Anna", 5, False, True, True),
        *(AliasRow("a@mail.example", "b@mail.example", ("b@mail.example",), True, role) for role in AliasRole if role),
        AliasRow("a@mail.example", "b@mail.example", ("b@mail.example",), True, AliasRole.MEMBER, active_managed=False),
    ],
)
def test_a_live_row_that_needs_no_change(row: Any) -> None:
    found: Row = row.as_found()
    assert found.owner.subject == ""
    assert row.merged_with(found) is found


@given(TABLES, OPERATIONS, OPERATIONS)
def test_what_is_known_of_a_table_is_told_without_a_set_of_it(
    declared: dict[str, MailboxRow], made: list[tuple[str, Any]], then: list[tuple[str, Any]]
) -> None:
    known = carried_out(wanted_rows(declared), made)
    now = carried_out(changeable(known), then)
    for table in (known, now, dict(now)):
        assert without(table, AllKeys(known)) == without(table, set(known)) == set(table) - set(known)
    assert set(AllKeys(known)) == set(known)
