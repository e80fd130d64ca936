"""One rule decides when an account gets a new password."""

from __future__ import annotations

import pytest

from reconciler.model.records import AliasRow, MailboxRow, Owner, OxUserRow, Row, Scope
from reconciler.planning.changes import Action, Change
from reconciler.planning.credentials import renews

A = "anna@mail.example"
ANNA = Owner(Scope.ACCOUNT, A)
MAILBOX = MailboxRow(A, A, "", 1, True)
USER = OxUserRow(A, A, "anna", "", "", "", A, A, A, A, (A,))


def change(kind: str, row: Row, action: Action) -> Change:
    return Change("x", kind, action, A, None if action is Action.CREATE else row, row, ANNA)


@pytest.mark.parametrize(("kind", "row"), [("mailbox", MAILBOX), ("ox_user", USER)])
def test_a_new_login_in_any_system_renews(kind: str, row: Row) -> None:
    assert renews(ANNA, [change(kind, row, Action.CREATE)], frozenset())
    assert not renews(ANNA, [change(kind, row, Action.UPDATE)], frozenset())


def test_aliases_have_no_password() -> None:
    assert not renews(ANNA, [change("alias", AliasRow(A, A, (A,), True), Action.CREATE)], frozenset())


def test_who_is_due_gets_one_whatever_changes() -> None:
    assert renews(ANNA, [], frozenset({ANNA}))
    assert not renews(Owner(Scope.ALIAS, A), [], frozenset({Owner(Scope.ALIAS, A)}))
