"""Handing messages to a mail server that answers what each test says."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Unreadable
from reconciler.remote.mailer import Mailer, is_temporary
from reconciler.remote.smtp import Server as Where
from reconciler.remote.smtp import SmtpMailer
from tests.services.needs import require

HANG_UP = ""


class Server:
    """Speaks just enough SMTP. `answers` maps the beginning of a line to the answer; HANG_UP closes the connection."""

    def __init__(self, answers: Mapping[str, str], tls: ssl.SSLContext | None = None) -> None:
        self._answers = {"BANNER": "220 mail.example", **{key.upper(): answer for key, answer in answers.items()}}
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port: int = self._socket.getsockname()[1]
        self.connections = 0
        self.lines: list[str] = []
        self.mails: list[bytes] = []
        self._thread.start()

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:  # stopped
                return
            self.connections += 1
            with suppress(OSError), client:
                self._talk(client)

    def _talk(self, client: socket.socket) -> None:
        file = client.makefile("rwb")
        with file:
            if not self._say(file.write, file.flush, "BANNER"):
                return
            while line := file.readline().decode().strip():
                self.lines.append(line)
                if line.upper() == "DATA" and self._answer(line).startswith("354"):
                    self._say(file.write, file.flush, line)
                    self.mails.append(self._mail(iter(file.readline, b"")))
                    line = "END"
                if not self._say(file.write, file.flush, line) or line.upper() == "QUIT":
                    return
                if line.upper() == "STARTTLS" and self._tls is not None:
                    self._talk_secretly(client)
                    return

    def _talk_secretly(self, client: socket.socket) -> None:
        assert self._tls is not None
        with self._tls.wrap_socket(client, server_side=True) as secret, secret.makefile("rwb") as file:
            while line := file.readline().decode().strip():
                self.lines.append(f"tls:{line}")
                self._say(file.write, file.flush, "QUIT" if line.upper() == "QUIT" else "EHLO")

    @staticmethod
    def _mail(lines: Iterator[bytes]) -> bytes:
        return b"".join(iter(lambda: next(lines), b".\r\n"))

    def _answer(self, line: str) -> str:
        matching = [key for key in self._answers if line.upper().startswith(key)]
        usual = {"DATA": "354 go on", "QUIT": "221 bye"}.get(line.upper(), "250 ok")
        return self._answers[max(matching, key=len)] if matching else usual

    def _say(self, write: Callable[[bytes], object], flush: Callable[[], object], line: str) -> bool:
        answer = self._answer(line)
        if answer != HANG_UP:
            write(answer.replace("\n", "\r\n").encode() + b"\r\n")
            flush()
        return answer != HANG_UP


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def start(answers: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(answers or {}, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


OpenMailer = Callable[..., SmtpMailer]


@pytest.fixture
async def open_mailer(serve: Serve) -> AsyncIterator[OpenMailer]:
    """Mailers that let go of their servers at the end."""
    mailers: list[SmtpMailer] = []

    def open_one(host: str, port: int, **more: Any) -> SmtpMailer:
        mailers.append(SmtpMailer(Where(host, port, **more)))
        return mailers[-1]

    yield open_one
    for each in mailers:
        await each.close()


def mail(to: str, text: str = "Grüße\n") -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "technik@mail.example", to, "Ein Konto für dich"
    message.set_content(text, cte="quoted-printable")
    return message


TO = [f"pirat{n}@gmx.example" for n in range(3)]


async def test_many_messages_go_through_one_connection_each_to_its_recipient(
    serve: Serve, open_mailer: OpenMailer
) -> None:
    server = serve()
    mailer: Mailer = open_mailer("127.0.0.1", server.port)
    assert await mailer.send([mail(to) for to in TO]) == [None, None, None]
    assert server.connections == 1
    # smtplib writes its commands in small letters, from Python 3.13 on in capitals
    named = [line[len("RCPT TO:") :] for line in server.lines if line.upper().startswith("RCPT TO:")]
    assert named == [f"<{to}>" for to in TO]
    assert all(f"To: {to}".encode() in sent for to, sent in zip(TO, server.mails, strict=True))


async def test_nothing_to_send_opens_no_connection(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve()
    assert await open_mailer("127.0.0.1", server.port).send([]) == []
    assert server.connections == 0


@pytest.mark.parametrize(
    ("answer", "temporary"),
    [("550 5.1.1 no such user", False), ("450 4.2.0 greylisted, come again", True), ("452 4.2.2 full", True)],
)
async def test_one_refused_recipient_stops_no_other(
    serve: Serve, answer: str, temporary: bool, open_mailer: OpenMailer
) -> None:
    server = serve({f"rcpt TO:<{TO[1]}>": answer})
    answers = await open_mailer("127.0.0.1", server.port).send([mail(to) for to in TO])
    assert answers == [None, answer, None]
    assert is_temporary(answer) is temporary


@pytest.mark.parametrize("where", ["mail FROM", "DATA", "END"])
async def test_a_refusal_at_any_point_is_the_answer(serve: Serve, where: str, open_mailer: OpenMailer) -> None:
    answer = "554 5.7.1 not from you"
    server = serve({where: answer})
    assert await open_mailer("127.0.0.1", server.port).send([mail(TO[0]), mail(TO[1])]) == [answer, answer]


async def test_an_answer_of_many_lines_becomes_one(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve({"rcpt TO": "550-we do not\n550 take this"})
    assert await open_mailer("127.0.0.1", server.port).send([mail(TO[0])]) == ["550 we do not take this"]


async def test_a_connection_that_breaks_leaves_it_open_and_the_next_message_gets_a_new_one(
    serve: Serve, open_mailer: OpenMailer
) -> None:
    server = serve({f"rcpt TO:<{TO[1]}>": HANG_UP})
    first, second, third = await open_mailer("127.0.0.1", server.port).send([mail(to) for to in TO])
    assert (first, third) == (None, None)
    assert second is not None
    assert second.startswith("the connection broke before the server's answer")
    assert is_temporary(second)
    assert server.connections == 2


async def test_a_server_that_shuts_down_in_between_is_asked_again(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve({f"rcpt TO:<{TO[1]}>": "421 4.3.2 shutting down"})
    answers = await open_mailer("127.0.0.1", server.port).send([mail(to) for to in TO])
    assert answers == [None, "421 4.3.2 shutting down", None]
    assert server.connections == 2


async def test_a_server_that_does_not_come_back_is_not_asked_for_every_message(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, open_mailer: OpenMailer
) -> None:
    server = serve({f"rcpt TO:<{TO[0]}>": HANG_UP})
    mailer = open_mailer("127.0.0.1", server.port)
    connect, calls = mailer._connect, []

    def once() -> object:
        calls.append(1)
        if len(calls) > 1:
            raise Unreadable("it is gone")
        return connect()

    monkeypatch.setattr(mailer, "_connect", once)
    answers = await mailer.send([mail(to) for to in TO])
    assert answers[1:] == ["not sent: it is gone"] * 2
    assert all(answer is not None and is_temporary(answer) for answer in answers)
    assert len(calls) == 2


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_server_that_is_down_is_unreadable_before_the_first_message(open_mailer: OpenMailer) -> None:
    mailer = open_mailer("127.0.0.1", closed_port())
    for attempt in (mailer.check(), mailer.send([mail(TO[0])])):
        with pytest.raises(Unreadable, match="Connection refused") as caught:
            await attempt
        assert "letters: smtp:" in caught.value.hint


@pytest.mark.parametrize("answers", [{"banner": "554 no service for you"}, {"banner": HANG_UP}, {"EHLO": HANG_UP}])
async def test_a_server_that_does_not_greet_is_unreadable(serve: Serve, answers: dict[str, str]) -> None:
    with pytest.raises(Unreadable, match="takes no mail"):
        await SmtpMailer(Where("127.0.0.1", serve(answers).port)).check()


async def test_the_check_sends_nothing(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve()
    await open_mailer("127.0.0.1", server.port).check()
    assert not [line for line in server.lines if line.lower().startswith(("mail", "rcpt", "data"))]


async def test_on_this_machine_plain_is_fine(serve: Serve, open_mailer: OpenMailer) -> None:
    server = serve({"EHLO": "250-mail.example\n250 STARTTLS"})
    await open_mailer("127.0.0.1", server.port).check()
    assert "STARTTLS" not in [line.upper() for line in server.lines]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for localhost, with its key."""
    (program,) = require("openssl", "openssl")
    path = tmp_path / "server.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    key, signed = ["-keyout", f"{tmp_path}/key.pem"], ["-out", f"{tmp_path}/cert.pem"]
    argv = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *key, *signed]
    subprocess.run(argv, check=True, capture_output=True)
    path.write_bytes((tmp_path / "key.pem").read_bytes() + (tmp_path / "cert.pem").read_bytes())
    return path


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the server's address one of another machine, which a test cannot have."""
    monkeypatch.setattr("reconciler.remote.smtp._on_this_machine", lambda _connection: False)


def encrypting(serve: Serve, certificate: Path) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return serve({"EHLO": "250-mail.example\n250 STARTTLS", "STARTTLS": "220 go on"}, tls=context)


@pytest.mark.usefixtures("far_away")
async def test_to_another_machine_starttls_is_used(
    serve: Serve, certificate: Path, monkeypatch: pytest.MonkeyPatch, open_mailer: OpenMailer
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = encrypting(serve, certificate)
    await open_mailer("localhost", server.port).check()
    assert [line for line in server.lines if line.startswith("tls:")][-1].lower() == "tls:quit"


@pytest.mark.usefixtures("far_away")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    serve: Serve, certificate: Path, host: str, open_mailer: OpenMailer
) -> None:
    server = encrypting(serve, certificate)
    with pytest.raises(Unreadable, match="certificate is not valid"):
        await open_mailer(host, server.port).send([mail(TO[0])])
    assert not [line for line in server.lines if line.lower().startswith(("tls:", "mail"))]


@pytest.mark.usefixtures("far_away")
async def test_a_certificate_for_another_name_is_refused(
    serve: Serve, certificate: Path, monkeypatch: pytest.MonkeyPatch, open_mailer: OpenMailer
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = encrypting(serve, certificate)
    with pytest.raises(Unreadable, match="certificate is not valid"):
        await open_mailer("127.0.0.1", server.port).check()
