"""Who gets a letter: only a member whom the register knows, at the address that it knows, for a new login."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import UsageError
from reconciler.model.declared import Alias, DesiredState
from reconciler.model.record_kinds import OnUndeclared
from reconciler.model.records import LetterRow, MemberRow, Owner, Records, Scope
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Action, Change, Stage
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.new_passwords import CredentialEvents, Due, credential_events
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, SideEffects, System
from reconciler.planning.snapshot import Pair, rows_of
from reconciler.planning.transitions import group_by_owner
from reconciler.remote.hosts import SiteHosts
from reconciler.systems.letters.kinds import KINDS
from reconciler.systems.letters.system import LetterSystem, build
from reconciler.systems.system_context import SystemContext
from tests.apply.memory import Memory
from tests.systems.letters.support import (
    ANNA,
    LETTERS,
    REGISTER,
    Outbox,
    alias,
    desired,
    mailbox,
    new_mailbox,
    register,
    settings,
    system,
)
from tests.systems.plans import effects_of, matched, review_of, step_of

OWNER = Owner(Scope.ACCOUNT, ANNA)


def letters_of(
    letters: LetterSystem, state: DesiredState, found: Records, *changes: Change, owner: Owner = OWNER
) -> list[LetterRow]:
    made, remarks = planned(letters, state, found, *changes, owner=owner)
    assert all(c[:4] == ("letters", "letter", Action.CREATE, owner.subject) and c.owner == owner for c in made)
    assert not (made and remarks)
    return [c.after for c in made if isinstance(c.after, LetterRow)]


def planned(
    letters: LetterSystem, state: DesiredState, found: Records, *changes: Change, owner: Owner = OWNER
) -> SideEffects:
    changes = changes or (new_mailbox(),)
    renew = credential_events(owner, changes, Due()).renew
    return effects_of(letters, state, owner, changes, found, CredentialEvents(renew=renew))


def reviewed(letters: LetterSystem, state: DesiredState, found: Records) -> Sequence[Finding]:
    return review_of(letters, state, Observation(found, ()))


@pytest.mark.parametrize(("kind", "template"), [("mailbox", "account"), ("ox_user", "password")])
def test_a_new_login_of_a_member_makes_one_letter_to_their_register_address(
    tmp_path: Path, kind: str, template: str
) -> None:
    letters = system(tmp_path)
    expected = LetterRow(ANNA, ANNA, "10042", "anna@gmx.example", template)
    assert letters_of(letters, desired(mailbox()), register(), new_mailbox(kind=kind)) == [expected]


def test_two_new_logins_of_one_account_make_one_letter(tmp_path: Path) -> None:
    changes = (new_mailbox(), new_mailbox(kind="ox_user"))
    assert len(letters_of(system(tmp_path), desired(mailbox()), register(), *changes)) == 1


@pytest.mark.parametrize(
    "change",
    [new_mailbox(action=Action.UPDATE), new_mailbox(action=Action.DELETE), new_mailbox(kind="alias")],
    ids=["update", "delete", "alias"],
)
def test_what_makes_no_password_makes_no_letter_and_no_remark(tmp_path: Path, change: Change) -> None:
    letters = system(tmp_path)
    assert planned(letters, desired(mailbox()), register(), change) == ((), ())
    assert reviewed(letters, desired(mailbox()), register()) == []


def test_the_letter_comes_after_all_that_it_speaks_of(tmp_path: Path) -> None:
    letters: System = system(tmp_path)
    (change,), _ = effects_of(
        letters, desired(mailbox()), OWNER, (new_mailbox(),), register(), CredentialEvents(renew=True)
    )
    step = step_of(letters, change)
    assert (step.stage, step.readable) == (Stage.LETTER, False)


@pytest.mark.parametrize(
    ("member", "found", "rule", "severity"),
    [
        (None, register(), "no-letter", Severity.NOTE),
        ("10043", register(), "no-letter", Severity.NOTE),
        ("010042", register(), "no-letter", Severity.NOTE),
        ("10042", register(active=False), "no-letter", Severity.NOTE),
        ("10042", {}, "no-letter", Severity.NOTE),
        ("10042", register(""), "register-email", Severity.WARNING),
        ("10042", register("none"), "register-email", Severity.WARNING),
        ("10042", register("a@gmx.example, b@gmx.example"), "register-email", Severity.WARNING),
        ("10042", register("a@gmx.example\nBcc: eve@mail.test"), "register-email", Severity.WARNING),
        ("10042", register("Anna <anna@gmx.example>"), "register-email", Severity.WARNING),
        ("10042", register("änna@gmx.example"), "register-email", Severity.WARNING),
        ("10042", register(ANNA), "register-email", Severity.WARNING),
        ("10042", register("10042@pirat.alt"), "register-email", Severity.WARNING),
    ],
)
def test_whom_the_letter_cannot_reach_gets_none_and_the_plan_says_so(
    tmp_path: Path, member: str | None, found: Records, rule: str, severity: Severity
) -> None:
    letters, state = system(tmp_path), desired(mailbox(member=member))
    made, remarks = planned(letters, state, found)
    assert list(made) == []
    assert [(f.rule, f.severity, f.subject, f.owner) for f in remarks] == [(rule, severity, ANNA, OWNER)]
    assert remarks[0].hint


@pytest.mark.parametrize(
    ("aliases", "needs_itself"),
    [
        ((alias("anna@other.test", ANNA),), True),
        ((alias("anna@other.test", "x@other.test"), alias("x@other.test", "y@other.test", ANNA)), True),
        ((alias("anna@other.test", "anna@gmx.example"),), False),
        ((alias("anna@other.test", ANNA, active=False),), False),
        ((alias("anna@other.test", "x@other.test"), alias("x@other.test", "anna@other.test")), False),
    ],
    ids=["direct", "over two", "elsewhere", "switched off", "loop"],
)
def test_an_address_that_leads_into_the_new_mailbox_gets_no_letter(
    tmp_path: Path, aliases: tuple[Alias, ...], needs_itself: bool
) -> None:
    """They could read the password only after they had logged in with it."""
    state = desired(mailbox(), aliases=aliases)
    assert (letters_of(system(tmp_path), state, register("anna@other.test")) == []) is needs_itself


def test_an_account_that_git_does_not_declare_gets_no_letter(tmp_path: Path) -> None:
    assert letters_of(system(tmp_path), desired(), register()) == []


def test_an_alias_gets_no_letter(tmp_path: Path) -> None:
    owner = Owner(Scope.ALIAS, ANNA)
    assert letters_of(system(tmp_path), desired(mailbox()), register(), owner=owner) == []


def test_a_site_without_letters_sends_none_and_says_nothing(tmp_path: Path) -> None:
    letters = system(tmp_path, letters=None)
    assert planned(letters, desired(mailbox(member=None)), register()) == ((), ())
    assert reviewed(letters, desired(mailbox(member=None)), register()) == []


def test_a_site_without_a_register_sends_none_and_says_so(tmp_path: Path) -> None:
    letters, state = system(tmp_path, register=None), desired(mailbox())
    made, remarks = planned(letters, state, {})
    assert list(made) == []
    assert [f.rule for f in remarks] == ["no-letter"]


def test_what_was_said_of_one_plan_is_not_said_of_the_next(tmp_path: Path) -> None:
    letters, state = system(tmp_path), desired(mailbox(member=None))
    assert [f.rule for f in planned(letters, state, register()).findings] == ["no-letter"]
    assert reviewed(letters, state, register()) == []


def test_a_whole_plan_folds_the_letter_into_the_accounts_transition(tmp_path: Path) -> None:
    letters = system(tmp_path)
    pairs = {"letters": Pair({}, register()), "postfixadmin": Pair({}, {})}
    (transition,), findings = group_by_owner(
        PlanContext.of(desired(mailbox())), [new_mailbox()], [Memory("postfixadmin"), letters], pairs
    )
    assert findings == []
    assert [s.id for s in transition.steps] == [
        f"postfixadmin/mailbox/create/{ANNA}",
        f"letters/letter/create/{ANNA}",
    ]


@pytest.mark.parametrize(
    ("given_name", "surname", "said"),
    [
        ("Anna", "Beispiel", None),
        ("  anna", "BEISPIEL ", None),
        (None, None, None),
        ("Anne", "Beispiel", "given name Anne, in the register Anna"),
        ("Anna", "Muster", "surname Muster, in the register Beispiel"),
        (None, "Muster", "surname Muster, in the register Beispiel"),
    ],
)
def test_names_that_differ_from_the_register_are_a_note(
    tmp_path: Path, given_name: str | None, surname: str | None, said: str | None
) -> None:
    state = desired(mailbox(given_name=given_name, surname=surname, name=None))
    findings = reviewed(system(tmp_path), state, register())
    assert [(f.severity, f.rule) for f in findings] == ([(Severity.NOTE, "register-names")] if said else [])
    assert not said or said in findings[0].message


def test_names_in_another_unicode_form_are_the_same(tmp_path: Path) -> None:
    found = register()
    row = rows_of(found, MemberRow)["10042"]._replace(given_name="Zo\u00eb")
    state = desired(mailbox(given_name="Zoe\u0308"))
    assert reviewed(system(tmp_path), state, {"member": {"10042": row}}) == []


def test_an_address_that_is_none_is_a_warning_for_declared_mailboxes_only(tmp_path: Path) -> None:
    letters = system(tmp_path)
    findings = reviewed(letters, desired(mailbox()), register("none"))
    assert [(f.severity, f.rule, f.subject) for f in findings] == [(Severity.WARNING, "register-email", ANNA)]
    assert reviewed(letters, desired(mailbox(member=None)), register("none")) == []
    assert reviewed(letters, desired(), register("none")) == []


def test_nothing_is_held_and_nothing_owned(tmp_path: Path) -> None:
    """A register is never ours: nobody is removed from it."""
    letters: System = system(tmp_path)
    assert matched(letters, desired(mailbox()), register()) == ({}, register())
    assert {kind.on_undeclared for kind in KINDS} == {OnUndeclared.LEAVE}
    assert letters.needed_for_accounts


def test_a_site_without_both_sections_has_no_such_system(tmp_path: Path) -> None:
    assert build(SystemContext(settings(tmp_path), SiteHosts({}), Outbox(), Passwords())) is None


@pytest.mark.parametrize(
    ("sections", "target"),
    [
        ({}, "register members.csv, letters by smtp localhost:25"),
        ({"letters": None}, "register members.csv"),
        ({"register": None}, "letters by smtp localhost:25"),
        ({"letters": {**LETTERS, "outbox": "outbox"}}, "register members.csv, letters into outbox"),
        (
            {"register": {"database_url": "mysql+pymysql://reader@db.example/club", "query": "SELECT 1"}},
            "register mysql+pymysql://reader@db.example/club, letters by smtp localhost:25",
        ),
    ],
)
def test_the_target_says_what_is_read_and_how_letters_go(tmp_path: Path, sections: dict[str, Any], target: str) -> None:
    assert system(tmp_path, **sections).target == target


def test_the_sections_of_this_test_are_those_of_the_site_file(tmp_path: Path) -> None:
    assert settings(tmp_path, register=REGISTER, letters=LETTERS).letters is not None
    with pytest.raises(UsageError, match="letters: from:"):
        system(tmp_path, letters={"from": "nobody"})
