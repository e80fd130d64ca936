"""One rule decides when an account gets a new password."""

from __future__ import annotations

import pytest

from reconciler.model.records import AliasRow, MailboxRow, Owner, OxUserRow, Row, Scope
from reconciler.planning.changes import Action, Change
from reconciler.planning.new_passwords import Due, moves, renews

A = "anna@mail.example"
ANNA = Owner(Scope.ACCOUNT, A)
MAILBOX = MailboxRow(A, A, "", 1, True)
USER = OxUserRow(A, A, "anna", "", "", "", A, A, A, A, (A,))


def change(kind: str, row: Row, action: Action) -> Change:
    return Change("x", kind, action, A, None if action is Action.CREATE else row, row, ANNA)


@pytest.mark.parametrize(("kind", "row"), [("mailbox", MAILBOX), ("ox_user", USER)])
def test_a_new_login_in_any_system_renews(kind: str, row: Row) -> None:
    assert renews(ANNA, [change(kind, row, Action.CREATE)], Due())
    assert not renews(ANNA, [change(kind, row, Action.UPDATE)], Due())


def test_aliases_have_no_password() -> None:
    assert not renews(ANNA, [change("alias", AliasRow(A, A, (A,), True), Action.CREATE)], Due())


def test_who_is_due_gets_one_whatever_changes() -> None:
    assert renews(ANNA, [], Due(password=frozenset({ANNA})))
    assert not renews(Owner(Scope.ALIAS, A), [], Due(password=frozenset({Owner(Scope.ALIAS, A)})))


def test_a_renamed_ox_user_renews_unless_the_mailbox_moved_along() -> None:
    renamed = [change("ox_user", USER, Action.RENAME)]
    assert renews(ANNA, renamed, Due())
    keeping = Due(keeping=frozenset({ANNA}))
    assert not renews(ANNA, renamed, keeping)
    assert moves(ANNA, renamed, keeping)
    assert not moves(ANNA, renamed, Due())


def test_a_moved_account_that_was_not_told_is_told() -> None:
    assert moves(ANNA, [], Due(letter=frozenset({ANNA})))
    assert not renews(ANNA, [], Due(letter=frozenset({ANNA})))
