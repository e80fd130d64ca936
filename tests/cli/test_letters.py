"""Letters and welcome mails from the site file to a real mail server, through the command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite, password_in, today
from tests.services.smtp import PASSWORD, USER, Fault, MailServer, make_certificate, running_server

FROM = "AG Technik <technik@mail.example>"
SECRET = "RECONCILER_TEST_SMTP_PASSWORD"
LETTER = "anna@gmx.example"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def plain_server() -> Iterator[MailServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def strict_server(certificate: Path) -> Iterator[MailServer]:
    """It wants STARTTLS and a login."""
    with running_server(certificate, login=True) as server:
        yield server


def use(site: StandInSite, server: MailServer, **smtp: object) -> None:
    """The site's letters go to this server."""
    site.write(letters={"smtp": {"host": server.host, "port": server.port, **smtp}, "from": FROM})
    site.declare(ANNA_DECLARED)


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is on another machine, which a test cannot have."""
    monkeypatch.setattr("reconciler.remote.smtp._on_this_machine", lambda _session: False)


@pytest.mark.usefixtures("far_away")
def test_no_password_is_made_where_its_letter_would_travel_in_clear_text(
    site: StandInSite, command: Command, plain_server: MailServer
) -> None:
    use(site, plain_server)
    before = site.live()
    answer = command("apply", "--yes")
    assert answer.status == 9, answer.words
    assert "offers no STARTTLS, and letters hold passwords" in answer.words
    assert "`security: none` under letters: smtp: in the site file" in answer.words
    assert (site.mailbox(ANNA), plain_server.mails) == (None, [])
    assert site.live() == before
    use(site, plain_server, security="none")
    assert command("apply", "--yes").status == 0
    assert len(plain_server.to(LETTER)) == 1


def test_letter_and_welcome_mail_go_encrypted_and_logged_in(
    site: StandInSite, command: Command, strict_server: MailServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan needs no password of the mail server, and no output tells it."""
    login = {"user": USER, "password_env": SECRET, "ca_file": str(certificate)}
    use(site, strict_server, security="starttls", **login)
    assert command("plan").status == 4
    answer = command("apply", "--yes")
    assert (answer.status, site.mailbox(ANNA)) == (9, None)
    assert f"the variable {SECRET} is not set" in answer.words
    monkeypatch.setenv(SECRET, "not-this-one-7")
    answer = command("apply", "--yes")
    assert (answer.status, site.mailbox(ANNA)) == (9, None)
    assert "does not let reconciler log in: 535" in answer.words
    assert "not-this-one" not in answer.words
    monkeypatch.setenv(SECRET, PASSWORD)
    answer = command("apply", "--yes")
    assert answer.status == 0, answer.words
    assert PASSWORD not in answer.words + command("history", "1", "--format", "json").out
    assert [str(mail["To"]) for mail in strict_server.mails] == [LETTER, ANNA]
    assert strict_server.encrypted == [True, True]
    assert strict_server.connections == 3  # a login that failed, the check, and one for both mails


def test_the_password_of_the_mail_server_may_stand_in_a_file(
    site: StandInSite, command: Command, strict_server: MailServer, certificate: Path
) -> None:
    file = site.folder / "smtp-password"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    file.chmod(0o600)
    login = {"user": USER, "password_file": file.name, "ca_file": str(certificate)}
    use(site, strict_server, security="starttls", **login)
    answer = command("apply", "--yes")
    assert answer.status == 0, answer.words
    assert PASSWORD not in answer.words
    assert [str(mail["To"]) for mail in strict_server.mails] == [LETTER, ANNA]


def test_a_server_that_closes_at_noop_is_status_9_and_nothing_happens(
    site: StandInSite, command: Command, plain_server: MailServer
) -> None:
    plain_server.faults = {Fault.CLOSES_AT_NOOP}
    use(site, plain_server)
    before = site.live()
    answer = command("apply", "--yes")
    assert answer.status == 9, answer.words
    assert "does not answer NOOP" in answer.words
    assert site.live() == before


@pytest.mark.parametrize(
    ("smtp", "said"),
    [
        ({"security": "ssl"}, "security"),
        ({"host": "mail.example", "port": 465, "security": "starttls"}, "port 465 speaks TLS from the first byte on"),
        ({"user": USER}, "`user` goes together with one of `password_env` and `password_file`"),
        ({"password_env": SECRET}, "`user` goes together with one of"),
        ({"user": USER, "password_env": SECRET, "password_file": "x"}, "`user` goes together with one of"),
        (
            {"host": "mail.example", "user": USER, "password_env": SECRET, "security": "none"},
            "the password would travel in clear text",
        ),
        ({"user": "zwei worte", "password_env": SECRET}, "user"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_what_cannot_be_right_is_said_at_its_place(
    site: StandInSite, command: Command, smtp: dict[str, object], said: str
) -> None:
    site.write(letters={"smtp": smtp, "from": FROM})
    site.declare(ANNA_DECLARED)
    answer = command("validate")
    assert answer.status == 3
    assert said in answer.words
    assert "reconciler.yaml:" in answer.words


DROPPED, RESET = Fault.DROPS_AFTER_DATA, "anna.beispiel: {{given_name: Anna, surname: Beispiel, member: 10042, {}}}"


def test_a_letter_whose_answer_was_lost_is_not_sent_again_and_said(
    site: StandInSite, command: Command, plain_server: MailServer
) -> None:
    """The password in it is the one that holds: another letter would make it a dead one."""
    use(site, plain_server)
    plain_server.faults = {DROPPED}
    answer = command("apply", "--yes")
    assert answer.status == 8, answer.words
    (letter,) = plain_server.to(LETTER)
    assert "may or may not have arrived" in answer.words
    assert f"write `password_reset: {today()}` at {ANNA}" in answer.words
    assert "next: ask whether the letter of" in answer.words
    plain_server.faults = set()
    assert "uncertain" in command("history", "1", "--format", "json").out
    for words in (("plan",), ("resume", "--yes"), ("apply", "--yes")):
        answer = command(*words)
        assert answer.status == 0, answer.words
        assert f"whether the letter of {today()} to the owner of {ANNA} arrived is not known" in answer.words
    late = f"{today() - timedelta(days=1)} 23:30:00"  # in UTC, when it is the next day in the site's time zone
    site.sql("UPDATE reconciler_steps SET ended = ? WHERE kind = 'letter'", late)
    assert f"whether the letter of {today()} to the owner" in command("plan").words
    long_ago = f"{today() - timedelta(days=20)} 12:00:00"  # more than policy.one_shot_days
    site.sql("UPDATE reconciler_steps SET ended = ? WHERE kind = 'letter'", long_ago)
    assert "arrived is not known" not in command("plan").words
    assert plain_server.to(LETTER) == [letter]
    assert control.check_password(site.ox, "anna.beispiel", password_in(letter))
    site.declare(RESET.format(f"password_reset: {today()}"))  # as the hint says
    answer = command("apply", "--yes")
    assert answer.status == 0, answer.words
    _, again = plain_server.to(LETTER)
    assert control.check_password(site.ox, "anna.beispiel", password_in(again))
    assert "arrived is not known" not in command("plan").words


def test_a_reset_whose_letter_may_have_arrived_is_done_again_on_a_later_date_only(
    site: StandInSite, command: Command, plain_server: MailServer
) -> None:
    use(site, plain_server)
    assert command("apply", "--yes").status == 0
    site.declare(RESET.format(f"password_reset: {today()}"))
    plain_server.faults = {DROPPED}
    answer = command("apply", "--yes")
    assert answer.status == 8, answer.words
    assert f"write `password_reset: {today() + timedelta(days=1)}` at {ANNA}" in answer.words
    plain_server.faults = set()
    assert command("apply", "--yes").status == 0
    assert len(plain_server.to(LETTER)) == 2


def test_the_rest_of_an_account_goes_on_after_a_lost_answer(
    site: StandInSite, command: Command, plain_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first mail makes the maildir; a slow server is waited for and gets each mail once."""
    monkeypatch.setattr("reconciler.remote.smtp.AFTER_DATA", 0.3)
    use(site, plain_server)
    plain_server.slow = 1
    answer = command("apply", "--yes")
    assert answer.status == 8, answer.words
    assert [str(mail["To"]) for mail in plain_server.mails] == [LETTER, ANNA]
    assert "the welcome mail to anna.beispiel@pirat.alt may or may not have arrived" in answer.words
    assert command("resume", "--yes").status == 0
    assert len(plain_server.mails) == 2


def test_resume_sends_what_an_earlier_run_could_not(
    site: StandInSite, command: Command, plain_server: MailServer
) -> None:
    """Another plan that was carried out in between leaves the letter owed."""
    use(site, plain_server)
    plain_server.refusal = "550 5.1.1 no such user"
    assert command("apply", "--yes").status == 8
    plain_server.refusal = ""
    site.declare("technik: {groupware: false}")
    assert command("apply", "--yes").status == 0  # while Anna is not declared
    site.declare(ANNA_DECLARED, "technik: {groupware: false}")
    answer = command("resume", "--yes")
    assert answer.status == 0, answer.words
    assert f"earlier runs left half-way, with passwords or letters: {ANNA}" in answer.words
    (letter,) = plain_server.to(LETTER)
    assert control.check_password(site.ox, "anna.beispiel", password_in(letter))
    assert "no run was left unfinished" in command("resume", "--yes").words
    nothing = command("resume", "--yes", "--format", "json")
    assert (nothing.status, nothing.json["$schema"], nothing.json["transitions"]) == (0, "plan.schema.json", [])


def test_resume_uses_up_no_saved_plan(site: StandInSite, command: Command, plain_server: MailServer) -> None:
    """What it does is another plan: the reviewed one, which holds more, is carried out after it."""
    use(site, plain_server)
    plain_server.refusal = "550 5.1.1 no such user"
    assert command("apply", "--yes").status == 8
    plain_server.refusal = ""
    site.declare(ANNA_DECLARED, "technik: {groupware: false}")
    saved = str(site.folder / "plan.json")
    assert command("plan", "--out", saved).status == 4
    assert command("resume", "--yes").status == 0
    assert site.mailbox(f"technik@{DOMAIN}") is None
    answer = command("apply", saved, "--yes")
    assert answer.status == 0, answer.words
    assert site.mailbox(f"technik@{DOMAIN}") is not None
    assert len(plain_server.to(LETTER)) == 1


def test_without_letters_no_live_account_gets_a_password_that_nobody_is_told(
    site: StandInSite, command: Command
) -> None:
    """Groupware for somebody who has a mailbox, or a rename, would lock them out; a new account locks out nobody."""
    site.write(letters=None, postfixadmin={**site.sections["postfixadmin"], "welcome_mail": False})
    site.add_mailbox(ANNA, name="Anna Beispiel")
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    answer = command("apply", "--yes")
    assert answer.status == 5, answer.words
    assert f"{ANNA} gets a new password that nobody is told, and the old one no longer works" in answer.words
    assert "the site file has no `letters`" in answer.words
    box = site.mailbox(ANNA)
    assert box is not None
    assert (box["password"], site.mailbox(BERND) is not None) == ("{x}y", True)
    confirm = {"gate": "no-letter", "subject": ANNA, "until": str(today() + timedelta(days=7)), "reason": "told"}
    site.declare(ANNA_DECLARED, BERND_DECLARED, more={"confirm": [confirm]})
    assert command("apply", "--yes").status == 0
    assert command("plan").status == 0


def test_a_live_account_that_no_letter_reaches_is_warned_of(site: StandInSite, command: Command) -> None:
    site.add_mailbox(ANNA, name="Anna Beispiel")
    site.declare(ANNA_DECLARED.replace(", member: 10042", ""))
    answer = command("plan")
    assert answer.status == 4, answer.words
    assert f"{ANNA} gets a new password that nobody is told" in answer.words


def test_a_broken_template_stops_a_command_before_anything_is_done(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    (site.folder / "mine").mkdir()
    (site.folder / "mine" / "account.de.txt.j2").write_text("Subject: hello\n\n{{ nothing_like_this }}\n")
    site.write(letters={**site.sections["letters"], "templates": "mine"})
    before = site.live()
    for words in (("plan",), ("apply", "--yes")):
        answer = command(*words)
        assert answer.status in (2, 3), answer
        assert "account.de.txt.j2" in answer.words
    assert site.live() == before
