"""Attaching the old mailbox, against the stand-in's HTTP interface with a real Dovecot behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.model.records import AttachmentRow, MailboxRow, Owner, PasswordRow, Scope
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.remote.local_host import LocalHost
from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.bulk import import_users
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.openxchange.switches import Fault
from reconciler.sandbox.openxchange.web import running
from reconciler.settings import MailServer, OpenXchange, Settings
from reconciler.systems.openxchange.system import OpenXchangeSystem
from reconciler.systems.openxchange.tool_answers import Words
from reconciler.systems.openxchange.tools import Tools
from tests.sandbox.openxchange.test_web_6 import Browser
from tests.services.mail import Dovecot, password_file, running_dovecot
from tests.systems.openxchange.test_renamed import ALT, NEU, rename, state
from tests.systems.plans import NO_PLAN, effects_of, step_of

OTHER = "pirat.fremd@pirat.example"
OWNER = Owner(Scope.ACCOUNT, NEU)
PASSWORDS = Passwords()
PASSWORD = PASSWORDS.of(NEU).get_secret_value()


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    """The old mailbox has the new password, the other one has not."""
    with running_dovecot(password_file({ALT: f"{{PLAIN}}{PASSWORD}", OTHER: "{PLAIN}something-else"})) as instance:
        yield instance


class Site:
    """A stand-in whose person is renamed already, and a system on it."""

    def __init__(self, folder: Path, url: str | None, imap: int) -> None:
        self.folder = folder
        self.section = OpenXchange(
            sbin=str(folder / "sbin"),
            web_url=url,
            imap=MailServer(host="127.0.0.1", port=imap, security="none"),
            smtp=MailServer(host="127.0.0.1", port=25, security="none"),
        )
        settings = Settings(site="nrw", openxchange=self.section, folder=folder)
        words = Words("oxadmin", "context 1 on this machine", "the variable X", self.section.sbin)
        tools = Tools(LocalHost(), self.section, self.section.sbin, SecretStr("of-the-admin"), words)
        self.system = OpenXchangeSystem(settings, self.section, tools, PASSWORDS)

    async def attach(self, old: str = ALT, name: str = "Pirat Alt") -> Outcome:
        (outcome,) = await self.system.perform(NO_PLAN, [step(old, name)])
        assert PASSWORD not in f"{outcome.message} {outcome.hint}"
        return outcome

    def accounts(self) -> list[dict[str, Any]]:
        return control.accounts(self.folder, "pirat.neu")

    def there(self, **fields: object) -> None:
        """Attached by its user, long ago."""
        url = f"imap://127.0.0.1:{self.section.imap.port if self.section.imap else 0}"
        body = {"primary_address": ALT, "login": ALT, "password": "of-long-ago", "mail_url": url, **fields}
        assert self.section.web_url is not None
        browser = Browser(self.section.web_url)
        browser.log_in("pirat.neu", PASSWORD)
        assert "id" in browser.put("account", "new", body)["data"]


def step(old: str = ALT, name: str = "Pirat Alt") -> Step:
    row = AttachmentRow(old, NEU, name)
    return Step(Change("openxchange", "attachment", Action.CREATE, old, None, row, OWNER), Stage.ATTACH)


@contextmanager
def made(folder: Path, imap: int) -> Iterator[Site]:
    install(folder, admin_password="of-the-admin")
    names = {"Display_name": "Pirat Neu", "Given_name": "Pirat", "Sur_name": "Neu"}
    login = {"Name": "pirat.neu", "PrimaryEmail": NEU, "Aliases": f"{NEU},{ALT}", "ImapLogin": NEU}
    import_users(folder, [{**names, **login, "Password": PASSWORD}])
    with running(folder) as url:
        yield Site(folder, url, imap)


@pytest.fixture
def site(tmp_path: Path, dovecot: Dovecot) -> Iterator[Site]:
    with made(tmp_path, dovecot.port) as site:
        yield site


async def test_the_old_mailbox_is_attached_once_with_the_new_password(site: Site, dovecot: Dovecot) -> None:
    for _ in range(2):
        assert await site.attach() == Outcome(Result.DONE)
    (account,) = site.accounts()
    assert (account["name"], account["primary_address"], account["login"]) == ("Pirat Alt", ALT, ALT)
    assert (account["mail_server"], account["mail_port"], account["mail_protocol"]) == (
        "127.0.0.1",
        dovecot.port,
        "imap",
    )
    assert (account["transport_port"], account["transport_auth"]) == (25, "mail")
    assert dovecot.lets_in(account["login"], account["password"])


@pytest.mark.parametrize("fields", [{}, {"mail_url": "imap://mail.old.example:143"}, {"login": "pirat"}])
async def test_one_that_they_have_already_gets_the_password_that_is_valid_now(
    site: Site, dovecot: Dovecot, fields: dict[str, str]
) -> None:
    control.set_switches(site.folder, trial="off")
    site.there(name="My old mail", **fields)
    control.set_switches(site.folder, trial="warn")
    assert await site.attach() == Outcome(Result.DONE)
    (account,) = site.accounts()
    assert account["name"] == "My old mail"
    assert account["mail_server"] == "127.0.0.1"
    assert dovecot.lets_in(account["login"], account["password"])


async def test_their_other_accounts_are_left_alone(site: Site) -> None:
    control.set_switches(site.folder, trial="off")
    site.there(primary_address="info@extern.example", login="info", mail_url="imap://imap.extern.example:143")
    (before,) = site.accounts()
    assert (await site.attach()).result is Result.DONE
    assert len(site.accounts()) == 2
    assert before in site.accounts()


@pytest.mark.parametrize(("trial", "left"), [("warn", 1), ("warn_beside", 1), ("refuse", 0)])
async def test_a_password_that_the_mail_server_does_not_take_is_seen(site: Site, trial: str, left: int) -> None:
    control.set_switches(site.folder, trial=trial)
    outcome = await site.attach(OTHER)
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)
    assert OTHER in outcome.message
    assert "does not accept the credentials" in outcome.message
    assert len(site.accounts()) == left


async def test_what_a_refused_trial_left_is_finished_later(tmp_path: Path, dovecot: Dovecot) -> None:
    with made(tmp_path, imap=1) as site:  # nobody listens there
        assert (await site.attach()).result is Result.FAILED
        assert len(site.accounts()) == 1
        assert site.section.web_url is not None
        later = Site(site.folder, site.section.web_url, dovecot.port)
        assert await later.attach() == Outcome(Result.DONE)
        (account,) = later.accounts()
        assert account["mail_port"] == dovecot.port


async def test_a_user_who_may_not_have_more_accounts_is_told_the_switch(site: Site) -> None:
    user = control.user(site.folder, "pirat.neu")
    await _by_hand(site, "--access-multiple-mail-accounts", "off")
    outcome = await site.attach()
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
    assert f"changeuser -i {user.id} --access-multiple-mail-accounts on" in outcome.hint
    await _by_hand(site, "--access-multiple-mail-accounts", "on")
    assert await site.attach() == Outcome(Result.DONE)


async def _by_hand(site: Site, *options: str) -> None:
    argv = [f"{site.folder}/sbin/changeuser", "-c", "1", "-A", "oxadmin", "-u", "pirat.neu", *options]
    done = await LocalHost().run(argv, secrets={"ADMIN_PASSWORD": SecretStr("of-the-admin")})
    assert done.status == 0


async def test_a_login_that_ox_refuses_is_explained(site: Site) -> None:
    argv = [f"{site.folder}/sbin/changeuser", "-c", "1", "-A", "oxadmin", "-u", "pirat.neu"]
    secrets = {"ADMIN_PASSWORD": SecretStr("of-the-admin"), "NEW_USER_PASSWORD": SecretStr("changed-by-hand")}
    assert (await LocalHost().run(argv, secrets=secrets)).status == 0
    outcome = await site.attach()
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
    assert "does not let pirat.neu in" in outcome.message
    assert site.accounts() == []


async def test_a_user_who_is_shut_out_is_explained(site: Site) -> None:
    await _by_hand(site, "--mailenabled", "false")
    outcome = await site.attach()
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
    assert "--mailenabled true" in outcome.hint


@pytest.mark.parametrize("action", ["login", "all", "new", "validate", "update"])
@pytest.mark.parametrize("kind", ["dies_after_effect", "down"])
async def test_whatever_answer_is_lost_the_next_try_finishes_it(site: Site, action: str, kind: str) -> None:
    if action == "update":
        control.set_switches(site.folder, trial="off")
        site.there()
    control.set_switches(site.folder, faults=[Fault(kind, tool=f"web.{action}", first=1)])
    outcome = await site.attach()
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)
    assert outcome.hint
    assert await site.attach() == Outcome(Result.DONE)
    (account,) = site.accounts()
    assert account["password"] == PASSWORD


async def test_a_logout_that_fails_undoes_nothing(site: Site) -> None:
    control.set_switches(site.folder, faults=[Fault("down", tool="web.logout")])
    assert await site.attach() == Outcome(Result.DONE)


async def test_without_a_user_of_the_new_address_nobody_is_asked(site: Site) -> None:
    row = AttachmentRow(ALT, "klaus@pirat.example", "x")
    change = Change("openxchange", "attachment", Action.CREATE, ALT, None, row, Owner(Scope.ACCOUNT, row.account))
    control.set_switches(site.folder, faults=[Fault("dies_after_effect", tool="web.login")])
    (outcome,) = await site.system.perform(NO_PLAN, [Step(change, Stage.ATTACH)])
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
    assert "no OX user has the primary address klaus@pirat.example" in outcome.message


async def test_a_site_without_the_web_interface_fails_with_what_to_do(site: Site) -> None:
    outcome = await Site(site.folder, None, 143).attach()
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
    assert "openxchange.web_url" in outcome.hint


async def test_users_that_cannot_be_listed_are_unknown(site: Site) -> None:
    control.set_switches(site.folder, faults=[Fault("down", tool="listuser")])
    with pytest.raises(Unreadable):
        await site.attach()


async def test_it_cannot_be_seen_from_outside(site: Site) -> None:
    assert not step().readable
    assert await site.system.is_applied([step()]) == [False]


# ------------------------------------------------------------------ when it is planned


def password(system: str, key: str) -> Change:
    row = PasswordRow(key, NEU)
    return Change(system, "password", Action.UPDATE, key, row, row, OWNER)


def followed(
    system: OpenXchangeSystem, *changes: Change, renew: bool = True, surname: str | None = "Alt"
) -> list[Change]:
    desired, events = state(rename(former_surname=surname)), CredentialEvents(renew=renew)
    made = effects_of(system, desired, OWNER, changes, {"ox_user": {}}, events).changes
    return [change for change in made if change.kind == "attachment"]


async def test_an_old_mailbox_that_gets_the_password_is_attached_after_the_users(site: Site) -> None:
    (change,) = followed(site.system, password("postfixadmin", ALT), password("postfixadmin", NEU))
    assert change.after == AttachmentRow(ALT, NEU, "Pirat Alt")
    assert (change.action, change.owner) == (Action.CREATE, OWNER)
    assert [s.stage for s in [step_of(site.system, change)]] == [Stage.ATTACH]


async def test_without_a_former_surname_it_is_called_by_its_address(site: Site) -> None:
    (change,) = followed(site.system, password("postfixadmin", ALT), surname=None)
    assert change.after == AttachmentRow(ALT, NEU, ALT)


async def test_nothing_is_attached_that_has_no_mailbox_or_keeps_its_password(site: Site) -> None:
    mailbox = MailboxRow(ALT, NEU, "x", 0, True)
    update = Change("postfixadmin", "mailbox", Action.UPDATE, ALT, mailbox, mailbox, OWNER)
    assert followed(site.system, update, password("postfixadmin", NEU), password("openxchange", ALT)) == []
    assert followed(site.system, password("postfixadmin", ALT), renew=False) == []
    assert followed(Site(site.folder, None, 143).system, password("postfixadmin", ALT)) == []
