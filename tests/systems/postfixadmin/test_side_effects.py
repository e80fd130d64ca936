"""What follows from other changes: the welcome mail of a new mailbox, and one password in every system."""

from __future__ import annotations

import pytest

from reconciler.model.records import Owner, OxUserRow, PasswordRow, Scope
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.settings import Settings
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN, effects_of, records_of, step_of, steps_of
from tests.systems.postfixadmin.support import (
    ANNA,
    DOMAIN,
    Outbox,
    alias,
    apply,
    by_hand,
    closing,
    mailbox,
    make_system,
    rows,
    settings,
    state,
    system_of,
)

OWNER = Owner(Scope.ACCOUNT, ANNA)
USER = OxUserRow(ANNA, ANNA, "anna.beispiel", "", "", "", ANNA, ANNA, ANNA, ANNA, ())
OX_CREATED = Change("openxchange", "ox_user", Action.CREATE, ANNA, None, USER, OWNER)
OX_CHANGED = Change("openxchange", "ox_user", Action.UPDATE, ANNA, USER, USER._replace(surname="B"), OWNER)


@pytest.fixture
def database(mariadb: PostfixAdminDatabase) -> PostfixAdminDatabase:
    """One domain."""
    mariadb.add_domain(DOMAIN)
    return mariadb


async def test_a_new_mailbox_gets_one_mail_after_everything_else(database: PostfixAdminDatabase) -> None:
    outbox = Outbox()
    system = make_system(database, outbox)
    with closing(system):
        planned = await steps_of(system, state(mailbox(), alias("vorstand@pirat.alt", ANNA)))
        assert [s.id for s in planned if s.stage is Stage.WELCOME] == [f"postfixadmin/welcome_mail/create/{ANNA}"]
        assert planned[-1].stage is Stage.WELCOME
        assert await system.is_applied(planned[-1:]) == [False]
        await system.perform(NO_PLAN, planned)
        await apply(system, state(mailbox(quota=5)))
    (message,) = outbox.messages
    assert (message["To"], message["From"]) == (ANNA, "postmaster@pirat.alt")
    assert message["Auto-Submitted"] == "auto-generated"
    assert ANNA in message.get_content()
    assert "abcd" not in message.as_string()


async def test_the_welcome_mail_comes_from_the_letters_sender(database: PostfixAdminDatabase) -> None:
    outbox = Outbox()
    site = settings(database)
    letters = {"from": "AG Technik <technik@mail.example>", "language": "en"}
    written = {
        "site": "t",
        "folder": site.folder,
        "letters": letters,
        "postfixadmin": site.postfixadmin.model_dump() if site.postfixadmin else None,
    }
    system = system_of(Settings.model_validate(written), outbox)
    with closing(system):
        await apply(system, state(mailbox()))
    (message,) = outbox.messages
    assert (message["From"], message["Subject"]) == ("AG Technik <technik@mail.example>", "Welcome")


async def test_a_refused_welcome_mail_is_a_failed_step_and_nothing_else(database: PostfixAdminDatabase) -> None:
    system = make_system(database, Outbox(refusals={ANNA: "550 no such user"}))
    with closing(system):
        planned = await steps_of(system, state(mailbox()))
        outcomes = await system.perform(NO_PLAN, planned)
    assert [o.result for o in outcomes] == [Result.DONE, Result.DONE, Result.FAILED]
    assert "550 no such user" in outcomes[-1].message
    assert outcomes[-1].hint


@pytest.mark.parametrize(("declared", "section"), [(mailbox(active=False), {}), (mailbox(), {"welcome_mail": False})])
async def test_no_welcome_mail(database: PostfixAdminDatabase, declared: object, section: dict[str, object]) -> None:
    """To a mailbox that takes none, or where the site does not want it."""
    outbox = Outbox()
    system = make_system(database, outbox, **section)
    with closing(system):
        await apply(system, state(declared))  # type: ignore[arg-type]  # a Mailbox from the parameters above
    assert outbox.messages == []


async def test_a_login_made_elsewhere_gives_a_live_mailbox_its_password(database: PostfixAdminDatabase) -> None:
    """Else the two systems would have two passwords, and the letter only one of them."""
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox()))
        # as somebody else left it: an expiry far in the past, and a second account that must not change
        by_hand(database, "UPDATE mailbox SET password = 'theirs', password_expiry = '2001-01-01', modified = created")
        found = await records_of(system)
        (change,) = effects_of(system, state(), OWNER, [OX_CREATED], found, CredentialEvents(renew=True)).changes
        row = PasswordRow(ANNA, ANNA)
        assert change == Change("postfixadmin", "password", Action.UPDATE, ANNA, row, row, OWNER)
        assert [s.stage for s in [step_of(system, change)]] == [Stage.MAIL_FLOW]
        assert await system.is_applied([step_of(system, change)]) == [False]
        assert await system.perform(NO_PLAN, [step_of(system, change)]) == [Outcome(Result.DONE)]
        assert await system.is_applied([step_of(system, change)]) == [False]
    (stored,) = rows(database, "SELECT *, password_expiry > now() + INTERVAL 360 DAY AS lasts FROM mailbox")
    assert stored["password"].startswith("{SHA512-CRYPT}$6$")
    assert stored["lasts"]
    assert stored["modified"] >= stored["created"]
    (log,) = rows(database, "SELECT action, data FROM log ORDER BY id DESC LIMIT 1")
    assert log == {"action": "edit_mailbox", "data": ANNA}


async def test_a_new_password_and_an_edit_are_one_update(database: PostfixAdminDatabase) -> None:
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(quota=5)))
        found = await records_of(system)
        planned = await steps_of(system, state(mailbox(quota=6)))
        reset = [
            s
            for change in effects_of(system, state(), OWNER, [OX_CREATED], found, CredentialEvents(renew=True)).changes
            for s in [step_of(system, change)]
        ]
        outcomes = await system.perform(NO_PLAN, [*reset, *planned])
    assert outcomes == [Outcome(Result.DONE)] * 2
    assert rows(database, "SELECT quota FROM mailbox") == [{"quota": 6 * 1024000}]
    assert len(rows(database, "SELECT id FROM log WHERE action = 'edit_mailbox'")) == 1


async def test_a_password_for_a_mailbox_deleted_meanwhile_fails(database: PostfixAdminDatabase) -> None:
    row = PasswordRow(ANNA, ANNA)
    step = Step(Change("postfixadmin", "password", Action.UPDATE, ANNA, row, row, OWNER), Stage.MAIL_FLOW)
    system = make_system(database)
    with closing(system):
        (outcome,) = await system.perform(NO_PLAN, [step])
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
    assert "deleted" in outcome.message


async def test_no_password_changes_without_a_new_login(database: PostfixAdminDatabase) -> None:
    """It belongs to the user after creation (facts 10)."""
    system = make_system(database)
    with closing(system):
        created = [s.change for s in await steps_of(system, state(mailbox())) if s.change.kind == "mailbox"]
        assert [
            c.kind
            for c in effects_of(
                system, state(), OWNER, [*created, OX_CREATED], {}, CredentialEvents(renew=True)
            ).changes
        ] == ["welcome_mail"]
        await apply(system, state(mailbox()))
        found = await records_of(system)
        assert (
            list(effects_of(system, state(), OWNER, [OX_CHANGED], found, CredentialEvents(renew=False)).changes) == []
        )
        assert list(effects_of(system, state(), OWNER, [OX_CREATED], {}, CredentialEvents(renew=True)).changes) == []


async def test_a_welcome_mail_that_a_dead_run_owes_is_sent(database: PostfixAdminDatabase) -> None:
    """It makes the maildir; nothing live shows that it is missing, but the ledger knows."""
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox()))
        found = await records_of(system)
        (change,) = effects_of(system, state(), OWNER, [], found, CredentialEvents(welcome=True)).changes
        assert (change.kind, change.key, change.action) == ("welcome_mail", ANNA, Action.CREATE)
        assert list(effects_of(system, state(), OWNER, [], found, CredentialEvents()).changes) == []
