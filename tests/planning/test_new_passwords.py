"""One rule decides when an account gets a new password."""

from __future__ import annotations

import pytest

from reconciler.model.records import AliasRow, MailboxRow, Owner, OxUserRow, Row, Scope
from reconciler.planning.changes import Action, Change
from reconciler.planning.new_passwords import Due, credential_events

A = "anna@mail.example"
ANNA = Owner(Scope.ACCOUNT, A)
MAILBOX = MailboxRow(A, A, "", 1, True)
USER = OxUserRow(A, A, "anna", "", "", "", A, A, A, A, (A,))


def change(kind: str, row: Row, action: Action) -> Change:
    return Change("x", kind, action, A, None if action is Action.CREATE else row, row, ANNA)


@pytest.mark.parametrize(("kind", "row"), [("mailbox", MAILBOX), ("ox_user", USER)])
def test_a_new_login_in_any_system_renews(kind: str, row: Row) -> None:
    assert credential_events(ANNA, [change(kind, row, Action.CREATE)], Due()).renew
    assert not credential_events(ANNA, [change(kind, row, Action.UPDATE)], Due()).renew


def test_aliases_have_no_password() -> None:
    assert not credential_events(ANNA, [change("alias", AliasRow(A, A, (A,), True), Action.CREATE)], Due()).renew


def test_who_is_due_gets_one_whatever_changes() -> None:
    assert credential_events(ANNA, [], Due(password=frozenset({ANNA}))).renew
    board = Owner(Scope.ALIAS, A)
    assert not credential_events(board, [], Due(password=frozenset({board}))).renew


def test_a_renamed_ox_user_renews_unless_the_mailbox_moved_along() -> None:
    renamed = [change("ox_user", USER, Action.RENAME)]
    assert credential_events(ANNA, renamed, Due()).renew
    keeping = Due(keeping=frozenset({ANNA}))
    assert not credential_events(ANNA, renamed, keeping).renew
    assert credential_events(ANNA, renamed, keeping).moved
    assert not credential_events(ANNA, renamed, Due()).moved


def test_a_moved_account_that_was_not_told_is_told() -> None:
    assert credential_events(ANNA, [], Due(letter=frozenset({ANNA}))).moved
    assert not credential_events(ANNA, [], Due(letter=frozenset({ANNA}))).renew
