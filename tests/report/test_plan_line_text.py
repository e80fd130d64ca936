"""What each kind of change is called. Every case is a change that a system can plan
(docs/state-language.md, "What is managed").
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from reconciler.model import record_kinds
from reconciler.model.records import (
    AliasRole,
    AttachmentRow,
    BlockRow,
    LetterRow,
    Owner,
    PasswordRow,
    Row,
    Scope,
    SubscriptionsRow,
    VacationRow,
    WelcomeMailRow,
)
from reconciler.planning.changes import Action, Change, Stage, Step
from reconciler.planning.transitions import Effect, Transition
from reconciler.report.plan_line_text import attention, label, sentence, title
from reconciler.report.vocabulary import megabytes
from tests.report.samples import (
    DOMAIN,
    NEW,
    PRIVATE,
    account,
    alias,
    block,
    change,
    changed_account,
    lifted_block,
    mailbox,
    moved,
    new_account,
    new_alias,
    new_groupware,
    ox_rename,
    ox_user,
    purged,
    removed_alias,
    rename,
    reset,
    second_account,
    switched_off,
    transition,
)
from tests.report.samples import OLD as MUSTER

ANNA = f"anna@{DOMAIN}"
OWNER = account("anna")
BOARD = Owner(Scope.ALIAS, f"vorstand@{DOMAIN}")
BLOCK = Owner(Scope.BLOCK, "example.org")
OWN_ALIAS = alias(ANNA, ANNA)
OLD = ox_user(f"anna.alt@{DOMAIN}")
MOVED_SAID = f'OX primary address, e-mail, sender address and IMAP login "{OLD.primary}" → "{ANNA}"'
MOVED = OLD._replace(primary=ANNA, email1=ANNA, default_sender=ANNA, imap_login=ANNA)


def _said(owner: Owner, *rows: tuple[Row | None, Row | None]) -> str:
    return sentence(transition(owner, *rows))


def test_a_new_account_is_one_line() -> None:
    assert sentence(new_account()) == "account: mailbox 10240 MB, alias 10077@, OX user, letter"


def test_a_new_account_without_letter_says_who_must_set_the_password() -> None:
    assert sentence(new_account(letter=False)).endswith("OX user, its password must be set by other means")


def test_a_mailbox_made_anew_beside_a_living_ox_user_says_that_the_password_changes() -> None:
    said = _said(OWNER, (None, mailbox(ANNA)), (None, PasswordRow(ANNA, ANNA, "4100")))
    assert said.startswith("account: mailbox 10240 MB, the OX user that exists gets the new password")


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
        (OWNER, None, alias(ANNA, ANNA, role=AliasRole.OWN), "own alias row added"),
        (OWNER, OWN_ALIAS._replace(active=False), OWN_ALIAS, "own alias row switched on"),
        (OWNER, OWN_ALIAS._replace(goto=()), OWN_ALIAS, f"own alias row leads to + {ANNA}"),
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
        (OWNER, OLD, None, 'removal: OX user 4100 "anna.alt" DELETED with all its data'),
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


def test_an_own_alias_that_is_switched_with_its_mailbox_is_not_said_twice() -> None:
    assert sentence(changed_account()).count("switched off") == 1


def test_a_new_password_for_an_old_account_is_said_once_with_its_letter() -> None:
    assert sentence(new_groupware()) == "OX user, new password, letter to their register address"


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


def test_a_kind_of_a_fourth_system_is_called_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class RoomRow(NamedTuple):
        key: str

        @property
        def owner(self) -> Owner:
            return OWNER

        def merged_with(self, found: RoomRow) -> RoomRow:
            return found

    monkeypatch.setattr(record_kinds, "_BY_NAME", dict(record_kinds._BY_NAME))
    monkeypatch.setattr(record_kinds, "_BY_ROW", dict(record_kinds._BY_ROW))
    record_kinds.register([record_kinds.Kind("room", RoomRow, ("meeting room", "meeting rooms"))])
    made = Change("calendar", "room", Action.CREATE, "r1", None, RoomRow("r1"), OWNER)
    assert sentence(Transition(OWNER, (made,), (Step(made, Stage.GROUPWARE),), Effect.CHANGE)) == "meeting room created"


def test_step_labels_name_the_thing() -> None:
    labels = [label(step.change) for step in new_account().steps]
    assert labels == ["mailbox", "alias", "alias 10077@", "OX user", "letter to their register address", "welcome mail"]
    assert label(change(OWNER, None, PasswordRow(ANNA, ANNA))) == "new password (postfixadmin)"
    assert label(change(BLOCK, None, BlockRow("xn--exmple-cua.org", "REJECT"))) == "sender block xn--exmple-cua.org"


def test_what_a_reviewer_must_not_overlook() -> None:
    assert list(attention(removed_alias())) == ["removal"]
    assert list(attention(changed_account())) == ["switch-off"]
    assert list(attention(new_groupware())) == ["new password for an existing account"]
    assert list(attention(rename())) == ["rename"]
    assert list(attention(moved())) == ["rename"]
    assert list(attention(second_account())) == ["deletion of an OX account", "rename"]
    assert list(attention(switched_off())) == ["removal"]
    assert list(attention(purged(groupware=True))) == ["purge of a mailbox", "deletion of an OX account", "removal"]
    assert list(attention(reset())) == ["removal of OX subscriptions", "new password for an existing account"]
    for harmless in (new_account(), new_alias(), block(), lifted_block()):
        assert not list(attention(harmless))


RENAMED = account("anna.beispiel")


def test_a_rename_is_one_line_over_all_systems() -> None:
    """One line for all that somebody notices of it."""
    assert title(rename()) == f"anna.muster@ → {NEW}"
    assert sentence(rename()) == (
        "rename: new mailbox, 10042@ and the old address lead to it, forwards come along (1 address elsewhere), "
        "vacation comes along, OX user 4100 follows, old mailbox attached, new password, letter to their register "
        "address"
    )


def test_a_move_says_that_mail_and_password_stay() -> None:
    """docs/rename.md: no mail moves, nothing is attached, the password stays."""
    said = sentence(moved())
    assert said.startswith("rename: mailbox moves with its mail, password stays, 10042@ and the old address lead to it")
    assert "new password" not in said
    assert "attached" not in said


def test_a_move_without_a_letter_says_who_must_tell_them() -> None:
    rows = ((mailbox(MUSTER), mailbox(NEW)), ox_rename())
    assert _said(RENAMED, *rows).endswith("OX user 4100 follows, they must be told by other means")


def test_a_rename_without_a_letter_says_who_must_set_the_password() -> None:
    assert _said(RENAMED, ox_rename(), (None, PasswordRow(NEW, NEW))) == (
        "rename: OX user 4100 follows, new password, its password must be set by other means"
    )


def test_a_second_ox_account_is_the_first_thing_that_is_said() -> None:
    """docs/rename.md, "When something is in the way": nothing brings it back."""
    said = sentence(second_account())
    assert said.startswith('rename: second OX user 4200 "anna.beispiel" DELETED with all its data, new mailbox')
    assert "OX user 4100 follows" in said


def test_a_rename_without_groupware_is_a_rename_though_nothing_is_re_keyed() -> None:
    rows: list[tuple[Row | None, Row | None]] = [
        (None, mailbox(NEW)),
        (mailbox(MUSTER, "Anna Muster"), mailbox(MUSTER, "Anna Beispiel ehem. Muster")),
        (alias(MUSTER, MUSTER), alias(MUSTER, NEW)),
    ]
    made = transition(RENAMED, *rows)
    assert made.action is Action.RENAME
    assert title(made) == f"anna.muster@ → {NEW}"
    assert sentence(made).startswith("rename: new mailbox, the old address leads to it, new password")


def test_what_is_left_of_a_rename_is_still_a_rename() -> None:
    """After a crash between PostfixAdmin and OX the same transition is planned, only shorter."""
    rows = (ox_rename(), (None, AttachmentRow(MUSTER, NEW, "Anna Muster")), (None, PasswordRow(MUSTER, NEW)))
    made = transition(RENAMED, *rows, (None, LetterRow(NEW, NEW, "10042", PRIVATE, "renamed")))
    assert title(made) == f"anna.muster@ → {NEW}"
    assert sentence(made) == (
        "rename: OX user 4100 follows, old mailbox attached, new password, letter to their register address"
    )


def test_a_finished_rename_whose_old_mailbox_drifts_is_a_change_of_that_mailbox() -> None:
    off = mailbox(MUSTER, "Anna Beispiel ehem. Muster", active=False)
    made = transition(RENAMED, (off, off._replace(active=True)))
    assert (made.action, title(made)) == (Action.UPDATE, NEW)
    assert sentence(made) == "old mailbox anna.muster@: switched on"


def test_a_chain_names_the_mailbox_that_they_leave_and_all_old_addresses() -> None:
    first = f"anna.erste@{DOMAIN}"
    rows: list[tuple[Row | None, Row | None]] = [
        (None, mailbox(NEW)),
        (mailbox(first, "Anna Muster"), mailbox(first, "Anna Beispiel ehem. Muster")),
        (alias(first, first), alias(first, NEW)),
        (None, alias(MUSTER, NEW, role=AliasRole.FORMER)),
        ox_rename(first),
    ]
    made = transition(RENAMED, *rows)
    assert title(made) == f"anna.erste@ → {NEW}"
    assert "the old addresses (anna.erste@, anna.muster@) lead to it" in sentence(made)


def test_a_domain_move_shows_the_whole_old_address() -> None:
    old = "anna.beispiel@andere.example"
    made = transition(RENAMED, (mailbox(old), mailbox(NEW)), (None, alias(old, NEW, role=AliasRole.FORMER)))
    assert title(made) == f"{old} → {NEW}"


def test_a_forward_that_was_there_before_is_not_said_to_come_along() -> None:
    own_alias = alias(NEW, "x@extern.example", NEW)
    made = transition(RENAMED, (mailbox(MUSTER), mailbox(NEW)), (own_alias, own_alias._replace(active=True)))
    assert "come along" not in sentence(made)


@pytest.mark.parametrize(
    ("groupware", "said"),
    [
        (False, "mail files and anything in OX are kept: left the party, RT 4890"),
        (True, 'OX user 4100 "hans.weg" DELETED with all its data, mail files are kept: left the party, RT 4890'),
    ],
)
def test_a_purge_says_what_goes_and_what_is_kept(groupware: bool, said: str) -> None:
    """issue 3, part 5: the maildir is never touched, the OX account kept unless its deletion is declared."""
    text = sentence(purged(groupware=groupware))
    assert text.startswith("account removed for good: mailbox 10240 MB, alias 10050@ removed, vacation removed")
    assert text.endswith(said)


def test_a_removal_on_its_date_says_so_and_stands_with_what_goes() -> None:
    assert sentence(switched_off()) == "removal: switched off: left the party, RT 4890"


def test_switching_off_without_a_removal_is_no_removal() -> None:
    assert not sentence(changed_account()).startswith("removal")


def test_resets_are_said() -> None:
    assert sentence(reset()) == (
        "OX subscriptions removed, those still needed must be made anew, new password, letter to their register address"
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (*ox_rename(), "OX user 4100"),
        (ox_user(NEW)._replace(key="openxchange/4200", id="4200"), None, "OX user 4200 (deletion)"),
        (mailbox(MUSTER), mailbox(MUSTER, "x"), "old mailbox anna.muster@"),
        (None, PasswordRow(MUSTER, NEW), "new password of anna.muster@ (postfixadmin)"),
        (None, AttachmentRow(MUSTER, NEW, "Anna Muster"), "attaching of the old mailbox"),
        (None, SubscriptionsRow(NEW, NEW, "4100"), "removal of OX subscriptions"),
        (VacationRow(MUSTER, "", True), VacationRow(NEW, "", True), "vacation"),
    ],
)
def test_steps_of_renames_are_told_apart(before: Row | None, after: Row | None, said: str) -> None:
    assert label(change(RENAMED, before, after)) == said
