"""Sending: one outcome a letter, the password to the register's address and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Unreadable
from reconciler.model.records import LetterRow, Owner, Scope
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Action, Change, Result, Stage, Step
from reconciler.planning.plan_context import PlanContext
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.mailer import LOST
from reconciler.remote.outbox import OutboxMailer
from reconciler.systems.letters.system import LetterSystem, build
from reconciler.systems.system_context import SystemContext
from reconciler.translation import speak
from tests.systems.letters.support import ANNA, LETTERS, REGISTER, Outbox, desired, mailbox, settings, system
from tests.systems.plans import NO_PLAN

BERND = "bernd.neu@pirat.alt"
GROUPWARE = {"web_url": "https://mail.example/ajax/"}


def step(account: str = ANNA, recipient: str = "anna@gmx.example", template: str = "account") -> Step:
    row = LetterRow(account, account, "10042", recipient, template)
    owner = Owner(Scope.ACCOUNT, account)
    return Step(Change("letters", "letter", Action.CREATE, account, None, row, owner), Stage.LETTER)


def declaring(**fields: Any) -> PlanContext:
    """A plan for two accounts."""
    second = mailbox(BERND, given_name="Bernd", surname="Neu", name="Bernd Neu")
    return PlanContext.of(desired(mailbox(**fields), second))


TWO = declaring()


def ready(folder: Path, outbox: Outbox, passwords: Passwords | None = None) -> LetterSystem:
    """The letters of a site with groupware."""
    return system(folder, outbox, passwords, openxchange=GROUPWARE)


async def test_each_letter_holds_the_password_of_its_own_account(tmp_path: Path) -> None:
    outbox, passwords = Outbox(), Passwords()
    letters = ready(tmp_path, outbox, passwords)
    outcomes = await letters.perform(TWO, [step(), step(BERND, "bernd@gmx.example")])
    assert [o.result for o in outcomes] == [Result.DONE] * 2
    for message, account, recipient in zip(
        outbox.sent, (ANNA, BERND), ("anna@gmx.example", "bernd@gmx.example"), strict=True
    ):
        others = {ANNA, BERND} - {account}
        assert message["To"] == recipient
        assert passwords.of(account).get_secret_value() in message.get_content()
        assert not any(passwords.of(other).get_secret_value() in message.get_content() for other in others)


async def test_the_letter_names_them_and_where_to_log_in(tmp_path: Path) -> None:
    outbox = Outbox()
    await ready(tmp_path, outbox).perform(TWO, [step()])
    text = outbox.sent[0].get_content()
    assert "Hallo Anna," in text
    assert "https://mail.example/\n" in text.replace("\r", "")
    assert "ajax" not in text


async def test_an_account_without_groupware_is_sent_to_no_web_page(tmp_path: Path) -> None:
    outbox = Outbox()
    await ready(tmp_path, outbox).perform(declaring(groupware=False), [step()])
    assert "http" not in outbox.sent[0].get_content()


async def test_one_letter_that_is_refused_stops_no_other(tmp_path: Path) -> None:
    outbox = Outbox()
    outbox.answers = ["550 5.1.1 no such user", None]
    refused, sent = await ready(tmp_path, outbox).perform(TWO, [step(), step(BERND, "bernd@gmx.example")])
    assert (refused.result, refused.temporary) == (Result.FAILED, False)
    assert refused.message == "the letter to the register address of member 10042 was not taken: 550 5.1.1 no such user"
    assert "reconciler resume makes a new password" in refused.hint
    assert sent.result is Result.DONE


async def test_what_the_ledger_keeps_of_a_letter_is_english(tmp_path: Path) -> None:
    """Whatever language the site's reports are in."""
    outbox = Outbox()
    outbox.answers = [f"{LOST}: x"]
    speak("de")
    try:
        (outcome,) = await ready(tmp_path, outbox).perform(TWO, [step()])
    finally:
        speak("en")
    assert outcome.result is Result.UNCERTAIN
    assert outcome.hint.startswith("ask the person whether it came; if not, write `password_reset: ")


@pytest.mark.parametrize("answer", ["450 4.2.0 greylisted", "the connection broke before the server's answer: x"])
async def test_what_may_work_in_a_moment_is_temporary(tmp_path: Path, answer: str) -> None:
    outbox = Outbox()
    outbox.answers = [answer]
    (outcome,) = await ready(tmp_path, outbox).perform(TWO, [step()])
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)


async def test_a_letter_that_is_sent_again_holds_the_same_password(tmp_path: Path) -> None:
    outbox = Outbox()
    letters = ready(tmp_path, outbox)
    await letters.perform(TWO, [step()])
    await letters.perform(TWO, [step()])
    first, second = (message.get_content() for message in outbox.sent)
    assert first == second


async def test_a_server_that_is_down_fails_every_letter_for_now(tmp_path: Path) -> None:
    outbox = Outbox()
    outbox.error = Unreadable("the mail server localhost port 25 takes no mail: Connection refused")
    outcomes = await ready(tmp_path, outbox).perform(TWO, [step(), step(BERND)])
    assert [(o.result, o.temporary) for o in outcomes] == [(Result.FAILED, True)] * 2
    assert "Connection refused" in outcomes[0].message


async def test_a_server_that_quotes_the_letter_does_not_spread_the_password(tmp_path: Path) -> None:
    outbox, passwords = Outbox(), Passwords()
    secret = passwords.of(ANNA).get_secret_value()
    outbox.answers = [f"554 looks like spam: {secret}"]
    (outcome,) = await ready(tmp_path, outbox, passwords).perform(TWO, [step()])
    assert secret not in repr(outcome)
    assert "554 looks like spam: ********" in outcome.message


async def test_no_outcome_holds_their_private_address(tmp_path: Path) -> None:
    """It goes into the ledger and into reports; servers repeat it, in whatever case."""
    outbox = Outbox()
    outbox.answers = [None, "550 5.1.1 <ANNA@gmx.example>: no such user"]
    outcomes = await ready(tmp_path, outbox).perform(TWO, [step(), step()])
    assert "anna@gmx.example" not in repr(outcomes).lower()
    assert "<their register address>: no such user" in outcomes[1].message
    assert "member 10042" in outcomes[0].message


async def test_no_outcome_holds_a_password(tmp_path: Path) -> None:
    outbox, passwords = Outbox(), Passwords()
    outcomes = await ready(tmp_path, outbox, passwords).perform(TWO, [step(), step(BERND)])
    assert not any(passwords.of(a).get_secret_value() in repr(outcomes) for a in (ANNA, BERND))


async def test_a_letter_that_cannot_be_written_stops_no_other(tmp_path: Path) -> None:
    outbox = Outbox()
    letters, hostile = ready(tmp_path, outbox), declaring(given_name="Anna\nBcc: eve@mail.test")
    evil, fine = await letters.perform(hostile, [step(), step(BERND, "bernd@gmx.example")])
    assert (evil.result, evil.temporary) == (Result.FAILED, False)
    assert "line break" in evil.message
    assert fine.result is Result.DONE
    assert [message["To"] for message in outbox.sent] == ["bernd@gmx.example"]


async def test_an_account_that_git_does_not_declare_is_greeted_without_a_name(tmp_path: Path) -> None:
    outbox = Outbox()
    (outcome,) = await system(tmp_path, outbox).perform(NO_PLAN, [step()])
    assert outcome.result is Result.DONE
    assert "Hallo," in outbox.sent[0].get_content()


async def test_nothing_to_do_sends_nothing(tmp_path: Path) -> None:
    assert await ready(tmp_path, Outbox()).perform(TWO, []) == []


async def test_a_letter_is_never_known_to_be_there(tmp_path: Path) -> None:
    letters = ready(tmp_path, Outbox())
    await letters.perform(TWO, [step()])
    assert await letters.is_applied([step(), step(BERND)]) == [False, False]


async def test_the_mail_server_is_asked_before_the_first_effect(tmp_path: Path) -> None:
    outbox = Outbox()
    await ready(tmp_path, outbox).check()
    assert (outbox.checked, outbox.sent) == (1, [])
    outbox.error = Unreadable("down")
    with pytest.raises(Unreadable):
        await ready(tmp_path, outbox).check()


async def test_a_site_without_letters_needs_no_mail_server(tmp_path: Path) -> None:
    outbox = Outbox()
    outbox.error = Unreadable("down")
    await system(tmp_path, outbox, letters=None).check()
    assert outbox.checked == 0


async def test_with_an_outbox_the_letter_is_a_file_for_its_owner_only(tmp_path: Path) -> None:
    site = settings(tmp_path, register=REGISTER, letters={**LETTERS, "outbox": "outbox"})
    letters = build(SystemContext(site, SiteHosts({}), OutboxMailer(tmp_path / "outbox"), Passwords()))
    assert letters is not None
    await letters.check()
    (outcome,) = await letters.perform(TWO, [step()])
    await letters.close()
    assert outcome.result is Result.DONE
    (file,) = (tmp_path / "outbox").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("0001-anna@gmx.example.eml", 0o600)
