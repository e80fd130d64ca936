"""Who is due what, after a run died: asked for under the account's present address."""

from __future__ import annotations

from datetime import date

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, Mailbox, OldMailbox, Rename
from reconciler.model.records import Owner, Scope
from reconciler.model.source_places import Origin
from reconciler.planning.annotations import due_accounts
from reconciler.planning.ledger_state import Remembered
from reconciler.planning.new_passwords import Due
from reconciler.planning.plan_context import PlanContext

HERE = Origin("a.yaml", "x", "0")
OLD, NEW = Address("alt@mail.example"), Address("neu@mail.example")
WAS, IS = Owner(Scope.ACCOUNT, OLD), Owner(Scope.ACCOUNT, NEW)


def due(*kinds: str, owner: Owner = IS, old_mailbox: OldMailbox | None = None) -> Due:
    renames = (Rename(OLD, NEW, date(2026, 11, 22), HERE, old_mailbox=old_mailbox),) if old_mailbox else ()
    state = DesiredState(date(2026, 11, 24), mailboxes={NEW: Mailbox(NEW, HERE)}, renames=renames)
    return due_accounts(Remembered(unseen={owner: frozenset(kinds)}), PlanContext.of(state))


def test_an_untold_password_is_renewed() -> None:
    for kind in ("password", "letter", "attachment"):
        assert due(kind).password == {IS}
    assert due("welcome_mail").password == frozenset()


def test_a_moved_account_is_told_without_a_new_password() -> None:
    moved = due("letter", old_mailbox=OldMailbox.MOVE)
    assert moved.password == frozenset()
    assert moved.letter == moved.keeping == {IS}
    assert due("password", old_mailbox=OldMailbox.MOVE).password == {IS}


def test_what_was_left_under_the_old_address_is_due_under_the_new_one() -> None:
    assert due("letter", owner=WAS, old_mailbox=OldMailbox.ATTACH).password == {IS}


def test_an_owed_welcome_mail_is_due() -> None:
    assert due("welcome_mail").welcome == {IS}


def test_an_account_that_is_not_declared_any_more_is_due_nothing() -> None:
    assert due("letter", owner=WAS).owners == frozenset()
