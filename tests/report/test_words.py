"""What each kind of change is called. Every case is a change that a system can plan (details.md, "What is managed")."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from reconciler.model.records import AliasRole, BlockRow, Owner, PasswordRow, Row, Scope, WelcomeMailRow
from reconciler.planning.changes import Action, Change, Stage, Step
from reconciler.planning.transitions import Transition
from reconciler.report.nouns import megabytes
from reconciler.report.words import closer, label, sentence
from tests.report.samples import (
    DOMAIN,
    account,
    alias,
    block,
    change,
    changed_account,
    lifted_block,
    mailbox,
    new_account,
    new_alias,
    new_groupware,
    ox_user,
    removed_alias,
    transition,
)

ANNA = f"anna@{DOMAIN}"
OWNER = account("anna")
BOARD = Owner(Scope.ALIAS, f"vorstand@{DOMAIN}")
BLOCK = Owner(Scope.BLOCK, "example.org")
TWIN = alias(ANNA, ANNA)
OLD = ox_user(f"anna.alt@{DOMAIN}")
MOVED_SAID = f'OX primary address, e-mail, sender address and IMAP login "{OLD.primary}" → "{ANNA}"'
MOVED = OLD._replace(primary=ANNA, email1=ANNA, default_sender=ANNA, imap_login=ANNA)


def _said(owner: Owner, *rows: tuple[Row | None, Row | None]) -> str:
    return sentence(transition(owner, *rows))


def test_a_new_account_is_one_line() -> None:
    assert sentence(new_account()) == "account: mailbox 10240 MB, alias 10077@, OX user, letter"


def test_a_new_account_without_letter_says_who_must_set_the_password() -> None:
    assert sentence(new_account(letter=False)).endswith("OX user, its password must be set by other means")


def test_a_new_account_may_be_unlimited_and_switched_off() -> None:
    said = _said(OWNER, (None, mailbox(ANNA, quota=0, active=False)))
    assert said == "account: mailbox unlimited, switched off, its password must be set by other means"


@pytest.mark.parametrize(("quota", "said"), [(0, "unlimited"), (-1, "quota disabled"), (1, "1 MB"), (5120, "5120 MB")])
def test_a_quota_is_what_postfixadmin_means_by_it(quota: int, said: str) -> None:
    """facts/postfixadmin.md 8: 0 is unlimited, -1 disabled."""
    assert megabytes(quota) == said


@pytest.mark.parametrize(
    ("owner", "before", "after", "said"),
    [
        (OWNER, mailbox(ANNA, quota=5120), mailbox(ANNA), "quota 5120 MB → 10240 MB"),
        (OWNER, mailbox(ANNA, "Anna Muster"), mailbox(ANNA), 'name "Anna Muster" → "Anna Beispiel"'),
        (OWNER, mailbox(ANNA), mailbox(ANNA, active=False), "switched off"),
        (OWNER, mailbox(ANNA, active=False), mailbox(ANNA), "switched on"),
        (OWNER, None, alias(ANNA, ANNA, role=AliasRole.TWIN), "own alias row added"),
        (OWNER, TWIN._replace(active=False), TWIN, "own alias row switched on"),
        (OWNER, TWIN._replace(goto=()), TWIN, f"own alias row leads to + {ANNA}"),
        (OWNER, None, alias(f"10042@{DOMAIN}", ANNA, role=AliasRole.MEMBER), "alias 10042@"),
        (OWNER, None, alias("10042@andere.example", ANNA, role=AliasRole.MEMBER), "alias 10042@andere.example"),
        (
            OWNER,
            alias(f"10042@{DOMAIN}", "x@a.test"),
            alias(f"10042@{DOMAIN}", ANNA),
            f"alias 10042@: + {ANNA}, − x@a.test",
        ),
        (OWNER, alias(f"10042@{DOMAIN}", ANNA), None, "alias 10042@ removed"),
        (OWNER, OLD, MOVED, MOVED_SAID),
        (OWNER, OLD, OLD._replace(login="anna"), 'OX login "anna.alt" → "anna"'),
        (OWNER, OLD, None, "OX user deleted"),
        (OWNER, None, WelcomeMailRow(ANNA, ANNA), "welcome mail"),
        (BOARD, None, alias(BOARD.subject, ANNA, active=False), f"alias → {ANNA}, switched off"),
        (BOARD, alias(BOARD.subject, ANNA, active=False), alias(BOARD.subject, ANNA), "alias: switched on"),
        (BOARD, alias(BOARD.subject, ANNA), None, f"alias removed, it led to {ANNA}"),
        (Owner(Scope.ALIAS, f"*@{DOMAIN}"), None, alias(f"*@{DOMAIN}", ANNA), f"catch-all → {ANNA}"),
        (BLOCK, None, BlockRow("example.org", "REJECT"), "sender block (domain)"),
        (BLOCK, None, BlockRow("a@example.org", "DISCARD"), 'sender block (address), action "DISCARD"'),
        (
            BLOCK,
            BlockRow("example.org", "OK"),
            BlockRow("example.org", "REJECT"),
            'sender block (domain), action "OK" → "REJECT"',
        ),
    ],
)
def test_a_change_in_words(owner: Owner, before: Row | None, after: Row | None, said: str) -> None:
    assert _said(owner, (before, after)) == said


def test_a_twin_that_is_switched_with_its_mailbox_is_not_said_twice() -> None:
    assert sentence(changed_account()).count("switched off") == 1


def test_a_new_password_for_an_old_account_is_said_once_with_its_letter() -> None:
    assert sentence(new_groupware()) == "OX user, new password, letter to her register address"


def test_a_new_password_without_letter_says_so() -> None:
    said = _said(OWNER, (None, PasswordRow(ANNA, ANNA)))
    assert said == "new password, its password must be set by other means"


def test_a_block_that_needs_two_keys_is_said_once() -> None:
    rows = [BlockRow(key, "REJECT", "spam", "example.org") for key in ("example.org", "xn--exmple-cua.org")]
    assert _said(BLOCK, *((None, row) for row in rows)) == "sender block (domain)"


def test_a_block_says_why_and_until_when() -> None:
    assert sentence(block()) == "sender block (domain): phishing wave, until 2027-02-22"
    assert sentence(lifted_block()) == "sender block lifted: expired on 2026-11-01"


def test_many_targets_are_counted_and_not_all_listed() -> None:
    targets = [f"a{n:04}@{DOMAIN}" for n in range(1000)]
    assert _said(BOARD, (None, alias(BOARD.subject, *targets))).endswith(f"a0007@{DOMAIN} and 992 more")


def test_a_kind_of_a_fourth_system_is_called_by_its_own_name() -> None:
    class RoomRow(NamedTuple):
        key: str

        @property
        def owner(self) -> Owner:
            return OWNER

        def over(self, found: RoomRow) -> RoomRow:
            return found

    made = Change("calendar", "room", Action.CREATE, "r1", None, RoomRow("r1"), OWNER)
    assert sentence(Transition(OWNER, (made,), (Step(made, Stage.GROUPWARE),))) == "room created"


def test_step_labels_name_the_thing() -> None:
    labels = [label(step.change) for step in new_account().steps]
    assert labels == ["mailbox", "alias", "alias 10077@", "OX user", "letter to her register address", "welcome mail"]
    assert label(change(OWNER, None, PasswordRow(ANNA, ANNA))) == "new password (postfixadmin)"
    assert label(change(BLOCK, None, BlockRow("xn--exmple-cua.org", "REJECT"))) == "sender block xn--exmple-cua.org"


def test_what_a_reviewer_must_not_overlook() -> None:
    assert list(closer(removed_alias())) == ["removal"]
    assert list(closer(changed_account())) == ["switch-off"]
    assert list(closer(new_groupware())) == ["new password for an existing account"]
    for harmless in (new_account(), new_alias(), block(), lifted_block()):
        assert not list(closer(harmless))
