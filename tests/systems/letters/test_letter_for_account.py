"""Which letter a rename, a move and a new password get, and that only the valid password is ever in one."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.declared import DesiredState, OldMailbox, Rename
from reconciler.model.records import (
    LetterRow,
    MailboxRow,
    Owner,
    OxUserRow,
    PasswordRow,
    Records,
    Scope,
    SubscriptionsRow,
)
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Action, Change, Stage, Step
from reconciler.planning.finding import Severity
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.planning.plan_context import PlanContext
from reconciler.systems.letters.system import LetterSystem
from tests.systems.letters.support import (
    ANNA,
    MUSTER,
    TODAY,
    Outbox,
    alias,
    desired,
    mailbox,
    new_mailbox,
    register,
    rename,
    system,
)
from tests.systems.plans import effects_of

OWNER = Owner(Scope.ACCOUNT, ANNA)
GROUPWARE = {
    "web_url": "https://mail.example/ajax/",
    "imap": {"host": "mail.example", "port": 993},
    "smtp": {"host": "mail.example", "port": 465},
}


def ox_user(address: str, login: str) -> OxUserRow:
    return OxUserRow(
        address, address, login, "Anna Beispiel", "Anna", "Beispiel", address, address, address, address, (address,)
    )


RE_KEYED = Change(
    "openxchange",
    "ox_user",
    Action.RENAME,
    ANNA,
    ox_user(MUSTER, "anna.muster"),
    ox_user(ANNA, "anna.beispiel"),
    OWNER,
)
BOX = MailboxRow(MUSTER, "", "Anna Muster", 10240, True)
MOVED = Change("postfixadmin", "mailbox", Action.RENAME, ANNA, BOX, BOX._replace(key=ANNA, account=ANNA), OWNER)
RESET = Change("postfixadmin", "password", Action.CREATE, ANNA, None, PasswordRow(ANNA, ANNA), OWNER)
UNSUBSCRIBED = Change(
    "openxchange", "subscriptions", Action.CREATE, ANNA, None, SubscriptionsRow(ANNA, ANNA, "4100"), OWNER
)


def planned(
    letters: LetterSystem,
    state: DesiredState,
    *changes: Change,
    renew: bool = False,
    moved: bool = False,
    unsubscribe: bool = False,
    found: Records | None = None,
) -> list[LetterRow]:
    events = CredentialEvents(renew=renew, moved=moved, unsubscribe=unsubscribe)
    made = effects_of(letters, state, OWNER, changes, register() if found is None else found, events)
    return [change.after for change in made.changes if isinstance(change.after, LetterRow)]


def template(
    folder: Path, *changes: Change, renames: tuple[Rename, ...] = (), renew: bool = False, moved: bool = False
) -> str:
    state = desired(mailbox(), renames=renames)
    (letter,) = planned(system(folder), state, *changes, renew=renew, moved=moved)
    return letter.template


LONG_AGO = TODAY - timedelta(days=61)


@pytest.mark.parametrize(
    ("changes", "renames", "expected"),
    [
        ((new_mailbox(),), (), "account"),
        ((new_mailbox(),), (rename(),), "renamed"),
        ((new_mailbox(), RE_KEYED), (rename(day=LONG_AGO),), "renamed"),
        ((RE_KEYED,), (rename(day=LONG_AGO),), "renamed"),
        ((RESET,), (), "password"),
        ((new_mailbox(kind="ox_user"), RESET), (), "password"),
        ((RESET,), (rename(day=LONG_AGO),), "password"),
        ((RESET,), (rename(day=TODAY + timedelta(days=1)),), "password"),
    ],
    ids=["new", "renamed", "long declared", "the rest of it", "reset", "groupware added", "renamed once", "future"],
)
def test_a_new_password_comes_with_what_is_to_be_said_of_it(
    tmp_path: Path, changes: tuple[Change, ...], renames: tuple[Rename, ...], expected: str
) -> None:
    assert template(tmp_path, *changes, renames=renames, renew=True) == expected


def test_a_rename_whose_run_died_before_its_letter_is_still_told_as_a_rename(tmp_path: Path) -> None:
    """docs/rename-invariants.md, invariant 5: the next run makes a new password and sends that. Nothing that
    can be read is left to change by then, the ledger alone says that they are due one."""
    for day in (TODAY, TODAY - timedelta(days=60)):
        assert template(tmp_path, RESET, renames=(rename(day=day),), renew=True) == "renamed"
    assert template(tmp_path, renames=(rename(),), renew=True) == "renamed"


def test_a_move_gets_a_letter_without_a_password(tmp_path: Path) -> None:
    renames = (rename(old_mailbox=OldMailbox.MOVE),)
    assert template(tmp_path, MOVED, RE_KEYED, renames=renames, moved=True) == "moved"
    assert template(tmp_path, renames=renames, moved=True) == "moved"  # its run died before the letter


def test_a_move_with_a_new_password_is_one_letter_with_it(tmp_path: Path) -> None:
    """Groupware is added with the move: the OX user needs a password, so all of them are new."""
    renames = (rename(old_mailbox=OldMailbox.MOVE),)
    changes = (MOVED, new_mailbox(kind="ox_user"), RESET)
    assert template(tmp_path, *changes, renames=renames, renew=True, moved=True) == "renamed"


def test_removed_subscriptions_alone_are_no_occasion(tmp_path: Path) -> None:
    assert planned(system(tmp_path), desired(mailbox()), UNSUBSCRIBED, unsubscribe=True) == []


@pytest.mark.parametrize(
    ("renew", "said", "hint"),
    [(True, "no letter with the password", "set the password"), (False, "no letter with the new address", "tell the")],
)
def test_who_gets_no_letter_is_said_with_what_they_are_not_told(
    tmp_path: Path, renew: bool, said: str, hint: str
) -> None:
    letters, state = system(tmp_path), desired(mailbox(), renames=(rename(),))
    events = CredentialEvents(renew=renew, moved=not renew)
    made, (remark,) = effects_of(letters, state, OWNER, (RE_KEYED,), register(active=False), events)
    assert list(made) == []
    assert (remark.severity, remark.owner) == (Severity.NOTE, OWNER)
    assert said in remark.message
    assert remark.hint.startswith(hint)


@pytest.mark.parametrize(
    "recipient", [MUSTER, "10042@alt.example", "vorstand@verein.example", "anna.frueher@alt.example"]
)
@pytest.mark.parametrize("renew", [True, False], ids=["new password", "moved"])
def test_a_register_address_that_ends_in_a_former_one_gets_no_letter(
    tmp_path: Path, recipient: str, renew: bool
) -> None:
    """They would have to log in with what is in the letter to read it. Former domains lead to them as well."""
    renames = (rename("anna.frueher@alt.example", MUSTER, date(2026, 1, 1)), rename())
    state = desired(mailbox(), aliases=(alias("vorstand@verein.example", MUSTER),), renames=renames)
    letters = system(tmp_path)
    events = CredentialEvents(renew=renew, moved=not renew)
    made, remarks = effects_of(letters, state, OWNER, (RE_KEYED,), register(recipient), events)
    assert list(made) == []
    assert [(r.rule, r.severity) for r in remarks] == [("register-email", Severity.WARNING)]
    assert recipient not in remarks[0].message


async def sent(folder: Path, template: str, state: DesiredState, **sections: Any) -> tuple[str, str]:
    """The text of a letter, and the password of the run."""
    outbox, passwords = Outbox(), Passwords()
    letters = system(folder, outbox, passwords, **{"openxchange": GROUPWARE, **sections})
    row = LetterRow(ANNA, ANNA, "10042", "anna@gmx.example", template)
    await letters.perform(
        PlanContext.of(state), [Step(Change("letters", "letter", Action.CREATE, ANNA, None, row, OWNER), Stage.LETTER)]
    )
    text = " ".join(outbox.sent[0].get_content().split())
    return text, passwords.of(ANNA).get_secret_value()


async def test_the_letter_of_a_chain_names_every_address_that_reaches_them(tmp_path: Path) -> None:
    renames = (rename("anna.erste@alt.example", MUSTER, date(2026, 1, 1)), rename())
    text, secret = await sent(tmp_path, "renamed", desired(mailbox(), renames=renames))
    assert f"{ANNA} {MUSTER} anna.erste@alt.example 10042@pirat.alt" in text
    assert f"von {MUSTER} auf" in text
    assert secret in text


async def test_a_moved_letter_never_holds_a_password(tmp_path: Path) -> None:
    """The stationery is not even given one: a password made here would be set nowhere."""
    renames = (rename(old_mailbox=OldMailbox.MOVE),)
    text, secret = await sent(tmp_path, "moved", desired(mailbox(), renames=renames))
    assert secret not in text
    assert "bleibt, wie es war" in text


@pytest.mark.parametrize(
    ("box", "sections", "said"),
    [
        ({}, {}, "als eigenes Konto"),
        ({"groupware": False}, {}, "mit der alten Adresse als Benutzername"),
        ({}, {"openxchange": {}}, "mit der alten Adresse als Benutzername"),
        ({}, {"openxchange": {**GROUPWARE, "smtp": None}}, "mit der alten Adresse als Benutzername"),
    ],
    ids=["attached", "no groupware", "no web interface to attach it through", "no mail server for OX"],
)
async def test_the_letter_says_where_the_old_mail_really_is(
    tmp_path: Path, box: dict[str, Any], sections: dict[str, Any], said: str
) -> None:
    text, _ = await sent(tmp_path, "renamed", desired(mailbox(**box), renames=(rename(),)), **sections)
    assert said in text


@pytest.mark.parametrize(
    ("username", "rule", "said"),
    [
        (None, "local_part", ""),
        ("anna.beispiel", "local_part", ""),
        (ANNA, "local_part", ""),
        ("anna.b", "local_part", "anna.b"),
        ("anna.beispiel", "address", "anna.beispiel"),
    ],
)
async def test_a_login_of_the_groupware_of_its_own_is_said_beside_the_other(
    tmp_path: Path, username: str | None, rule: str, said: str
) -> None:
    state = desired(mailbox(username=username), renames=(rename(),))
    text, _ = await sent(tmp_path, "renamed", state, openxchange={**GROUPWARE, "username": rule})
    assert (f"Anmeldename im Browser: {said} " in text) is bool(said)
    assert ("Anmeldename im Browser" in text) is bool(said)
    assert f"Anmeldename: {ANNA}" in text
