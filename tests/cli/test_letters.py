"""Letters and welcome mails from the site file to a real mail server, through the command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, StandInSite
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
