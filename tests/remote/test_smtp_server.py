"""Handing letters to a real mail server: encrypted and logged in as the site file says, and never twice."""

from __future__ import annotations

import asyncio
import smtplib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.remote import smtp
from reconciler.remote.mailer import is_temporary, is_uncertain
from reconciler.remote.smtp import Server, SmtpMailer
from tests.remote.test_smtp import TO, mail
from tests.services.smtp import PASSWORD, USER, Fault, MailServer, make_certificate, running_server

Serve = Callable[..., MailServer]
OpenMailer = Callable[..., SmtpMailer]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(running_server(*args, **options))


@pytest.fixture
async def open_mailer(serve: Serve, certificate: Path) -> AsyncIterator[OpenMailer]:
    """A mailer for a server, which believes the tests' certificate and knows the password."""
    mailers: list[SmtpMailer] = []

    def open_one(server: MailServer, **more: Any) -> SmtpMailer:
        values = {"ca_file": certificate, "password": lambda: SecretStr(PASSWORD), **more}
        mailers.append(SmtpMailer(Server(server.host, server.port, **values)))
        return mailers[-1]

    yield open_one
    for each in mailers:
        await each.close()


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is on another machine, which a test cannot have."""
    monkeypatch.setattr("reconciler.remote.smtp._on_this_machine", lambda _session: False)


@pytest.mark.usefixtures("far_away")
async def test_a_far_server_without_tls_gets_no_letter(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve()
    mailer = open_mailer(server)
    for attempt in (mailer.check(), mailer.send([mail(TO[0])])):
        with pytest.raises(Unreadable, match="offers no STARTTLS") as caught:
            await attempt
        assert "`security: none` under letters: smtp: in the site file" in caught.value.hint
    assert server.mails == []


@pytest.mark.parametrize(
    ("peer", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("10.0.0.1", False),
        ("169.254.0.1", False),
        ("128.0.0.1", False),
        ("2001:db8::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:192.0.2.1", False),
    ],
)
def test_only_loopback_is_this_machine(peer: str, here: bool) -> None:
    """The address that the connection has, and not a name: every other test of a far server says that it is far."""

    class Socket:
        def getpeername(self) -> tuple[str, int]:
            return peer, 25

    session = smtplib.SMTP()
    session.sock = Socket()  # type: ignore[assignment]  # of a machine that a test cannot have
    assert smtp._on_this_machine(session) is here
    session.sock = None


@pytest.mark.usefixtures("far_away")
async def test_clear_text_to_a_far_server_must_be_written(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve()
    assert await open_mailer(server, security="none").send([mail(TO[0])]) == [None]
    assert server.encrypted == [False]


@pytest.mark.usefixtures("far_away")
async def test_starttls_is_what_a_far_server_gets(serve: Serve, open_mailer: OpenMailer, certificate: Path) -> None:
    server = serve(certificate)
    assert await open_mailer(server).send([mail(TO[0])]) == [None]
    assert server.encrypted == [True]


async def test_starttls_that_is_written_is_required_on_this_machine_too(serve: Serve, open_mailer: OpenMailer) -> None:
    with pytest.raises(Unreadable, match="offers no STARTTLS"):
        await open_mailer(serve(), security="starttls").check()


async def test_tls_from_the_first_byte_on(serve: Serve, open_mailer: OpenMailer, certificate: Path) -> None:
    server = serve(certificate, tls=True)
    assert await open_mailer(server, security="tls").send([mail(TO[0])]) == [None]
    assert server.encrypted == [True]


async def test_port_465_means_tls(
    serve: Serve, open_mailer: OpenMailer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(certificate, tls=True)
    monkeypatch.setattr("reconciler.remote.smtp.TLS_PORT", server.port)
    assert await open_mailer(server).send([mail(TO[0])]) == [None]


async def test_tls_with_a_server_that_wants_starttls_is_explained(
    serve: Serve, open_mailer: OpenMailer, certificate: Path
) -> None:
    with pytest.raises(Unreadable, match="does not speak TLS from the first byte on"):
        await open_mailer(serve(certificate), security="tls").check()


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_that_nobody_vouches_for_ends_it(
    serve: Serve, open_mailer: OpenMailer, certificate: Path, security: str
) -> None:
    """The system's own authorities count when the site file names none."""
    server = serve(certificate, tls=security == "tls")
    with pytest.raises(Unreadable, match="certificate is not valid"):
        await open_mailer(server, security=security, ca_file=None).send([mail(TO[0])])
    assert server.mails == []


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_file_of_authorities_that_cannot_be_read_is_named(
    serve: Serve, open_mailer: OpenMailer, certificate: Path, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "our-ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(Unreadable, match=r"our-ca\.pem cannot be read") as caught:
        await open_mailer(serve(certificate), security="starttls", ca_file=file).check()
    assert "`ca_file`" in caught.value.hint


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_it_logs_in_over_tls(serve: Serve, open_mailer: OpenMailer, certificate: Path, security: str) -> None:
    server = serve(certificate, tls=security == "tls", login=True)
    assert await open_mailer(server, security=security, user=USER).send([mail(TO[0])]) == [None]
    assert server.logins == [USER]


async def test_on_this_machine_it_logs_in_without_tls(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve(login_in_clear=True)
    assert await open_mailer(server, user=USER).send([mail(TO[0])]) == [None]


@pytest.mark.usefixtures("far_away")
async def test_a_password_never_travels_in_clear_text(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve(login_in_clear=True)
    with pytest.raises(Unreadable, match="would travel in clear text"):
        await open_mailer(server, security="none", user=USER).check()
    assert server.logins == []


async def test_a_refused_login_does_not_repeat_the_password(
    serve: Serve, open_mailer: OpenMailer, certificate: Path
) -> None:
    server = serve(certificate, login=True)
    mailer = open_mailer(server, security="starttls", user=USER, password=lambda: SecretStr("Sesame-shut-7"))
    with pytest.raises(Unreadable, match=r"does not let reconciler log in: 535 5\.7\.8 not with") as caught:
        await mailer.check()
    assert "Sesame" not in caught.value.message + caught.value.hint
    assert server.logins


async def test_a_server_without_logins_is_told_apart(serve: Serve, open_mailer: OpenMailer, certificate: Path) -> None:
    with pytest.raises(Unreadable, match="offers no login") as caught:
        await open_mailer(serve(certificate), security="starttls", user=USER).check()
    assert "587" in caught.value.hint


async def test_a_password_that_smtp_cannot_carry_is_not_shown(
    serve: Serve, open_mailer: OpenMailer, certificate: Path
) -> None:
    server = serve(certificate, login=True)
    with pytest.raises(Unreadable, match="other characters than ASCII") as caught:
        await open_mailer(server, security="starttls", user=USER, password=lambda: SecretStr("Zoë-7")).check()
    assert "Zo" not in caught.value.message + caught.value.hint


async def test_without_a_user_no_password_is_asked_for(serve: Serve, open_mailer: OpenMailer) -> None:
    def ask() -> SecretStr:
        raise AssertionError

    await open_mailer(serve(), password=ask).check()


async def test_one_connection_serves_one_call_after_the_other(serve: Serve, open_mailer: OpenMailer) -> None:
    """Letters leave one at a time, each remembered before the next."""
    server = serve()
    mailer = open_mailer(server)
    for to in TO:
        assert await mailer.send([mail(to)]) == [None]
    assert (server.connections, len(server.mails)) == (1, 3)


async def test_a_connection_that_was_idle_for_too_long_is_made_anew(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve()
    mailer = open_mailer(server)
    assert await mailer.send([mail(TO[0])]) == [None]
    server.faults = {Fault.CLOSES_AT_NOOP}
    assert await mailer.send([mail(TO[1])]) == [None]
    assert (server.connections, len(server.mails)) == (2, 2)


async def test_a_server_that_closes_at_noop_is_unreadable(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve()
    server.faults = {Fault.CLOSES_AT_NOOP}
    with pytest.raises(Unreadable, match="does not answer NOOP"):
        await open_mailer(server).check()


@pytest.mark.parametrize("fault", [Fault.DROPS_AFTER_DATA, Fault.GARBLES_AFTER_DATA])
async def test_a_lost_answer_is_uncertain_and_stops_no_other(
    serve: Serve, open_mailer: OpenMailer, fault: Fault
) -> None:
    server = serve()
    server.faults = {fault}
    mailer = open_mailer(server)
    (lost,) = await mailer.send([mail(TO[0])])
    assert lost is not None
    assert (is_uncertain(lost), is_temporary(lost)) == (True, False)
    assert len(server.mails) == 1
    server.faults = set()
    assert await mailer.send([mail(TO[1])]) == [None]


async def test_a_slow_answer_is_waited_for_and_the_letter_goes_once(
    serve: Serve, open_mailer: OpenMailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 5321, 4.5.3.2.6: ten minutes, however short the patience with other answers is."""
    assert smtp.AFTER_DATA >= 600
    monkeypatch.setattr("reconciler.remote.smtp.TIMEOUT", 0.2)
    server = serve()
    server.slow = 0.5
    assert await open_mailer(server).send([mail(TO[0])]) == [None]
    assert len(server.mails) == 1


async def test_an_answer_that_never_comes_is_uncertain(
    serve: Serve, open_mailer: OpenMailer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.remote.smtp.AFTER_DATA", 0.2)
    server = serve()
    server.slow = 5
    (lost,) = await open_mailer(server).send([mail(TO[0])])
    assert lost is not None
    assert is_uncertain(lost)
    assert lost.endswith("timed out")


async def test_a_message_that_is_refused_leaves_the_next_one_alone(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve()
    server.faults = {Fault.REFUSES_DATA}
    mailer = open_mailer(server)
    assert await mailer.send([mail(TO[0])]) == ["554 5.7.1 not this one"]
    server.faults = set()
    assert await mailer.send([mail(TO[1])]) == [None]
    assert server.connections == 1


async def test_who_stops_waiting_does_not_wait_for_the_server(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve()
    server.slow = 30
    sending = asyncio.create_task(open_mailer(server).send([mail(TO[0])]))
    while not server.mails:
        await asyncio.sleep(0.01)
    sending.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await asyncio.sleep(0)
    assert time.monotonic() - began < 5


async def test_a_line_that_begins_with_a_dot_arrives_as_it_was(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve()
    message: EmailMessage = mail(TO[0], "one\n.two\n..three\n")
    assert await open_mailer(server).send([message]) == [None]
    assert server.mails[0].get_content().split() == ["one", ".two", "..three"]
