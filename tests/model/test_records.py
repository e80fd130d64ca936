"""`merged_with`: what is managed is ours, everything else stays as it was found."""

from __future__ import annotations

import sys

from reconciler.model.records import AliasRole, AliasRow, BlockRow, MailboxRow, OxUserRow

A = "anna@mail.example"


def test_a_field_that_is_not_declared_is_not_managed() -> None:
    wanted = MailboxRow(A, A, "Anna", 10240, True)
    found = MailboxRow(A, "", "set by hand", 5, True)
    assert wanted.merged_with(found) is found
    assert wanted._replace(name_managed=True).merged_with(found) == found._replace(name="Anna")
    assert wanted._replace(quota_managed=True).merged_with(found) == found._replace(quota=10240)


def test_activity_is_always_managed() -> None:
    found = MailboxRow(A, "", "", 5, False)
    assert MailboxRow(A, A, "", 1, True).merged_with(found).active


def test_an_own_alias_belongs_to_its_user() -> None:
    own_alias = AliasRow(A, A, (A,), True, AliasRole.OWN)
    forward_only = AliasRow(A, "", ("x@extern.example",), True)
    assert own_alias.merged_with(forward_only) is forward_only
    assert own_alias.merged_with(forward_only._replace(goto=())).goto == (A,)
    assert not own_alias._replace(active=False).merged_with(forward_only).active


def test_a_declared_alias_owns_its_whole_goto() -> None:
    alias = AliasRow("info@mail.example", "info@mail.example", (A,), True, AliasRole.DECLARED)
    assert alias.merged_with(AliasRow("info@mail.example", "", (A, "x@extern.example"), True)).goto == (A,)


def test_ox_keeps_aliases_that_are_not_ours() -> None:
    wanted = OxUserRow(A, A, "anna", "Anna", "Anna", "B", A, A, A, A, (A,))
    found = wanted._replace(account="", id="3", aliases=("berg@mail.example",))
    assert wanted.merged_with(found).aliases == (A, "berg@mail.example")
    held = found._replace(aliases=(A, "berg@mail.example"))
    assert wanted.merged_with(held) is held


def test_comments_of_blocks_are_not_compared() -> None:
    found = BlockRow("bad.example", "REJECT", "old words")
    assert BlockRow("bad.example", "REJECT", "new words").merged_with(found) is found


def test_records_are_light() -> None:
    """A few hundred bytes each at the most, for a million of them."""
    row = OxUserRow(A, A, "anna", "Anna", "Anna", "B", A, A, A, A, (A,))
    assert sys.getsizeof(row) < 250
    assert not hasattr(row, "__dict__")
