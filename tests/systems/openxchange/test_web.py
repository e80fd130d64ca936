"""The HTTP client against servers that are not quite OX: what is sent where, what is believed, what is said."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import SecretStr, ValidationError

from reconciler.model.records import AttachmentRow
from reconciler.planning.changes import Outcome, Result
from reconciler.settings import MailServer, OpenXchange
from reconciler.systems.openxchange.attach import Target, WebUser, attach
from reconciler.systems.openxchange.web_client import KNOWN, Web
from tests.systems.openxchange.web_server import QuietHandler, served

ALT, NEU = "pirat.alt@pirat.example", "pirat.neu@pirat.example"
PASSWORD = "geheim-4711"
PERSON = WebUser("3", "pirat.neu", SecretStr(PASSWORD))
ROW = AttachmentRow(ALT, NEU, "Pirat Alt")
LOGIN = {"session": "s1", "user": "pirat.neu"}
MINE = [7, ALT, ALT, "mail.example"]


class Sent(NamedTuple):
    """One request as it came."""

    method: str
    path: str
    body: str
    agent: str


class Canned:
    """Answers by action: JSON, or a status with a body."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = {"login": LOGIN, "logout": {}, "all": {"data": []}, **answers}
        self.sent: list[Sent] = []
        self.url = ""

    def actions(self) -> list[str]:
        return [sent.path.partition("action=")[2].partition("&")[0] for sent in self.sent]

    def of(self, action: str) -> Any:
        (sent,) = (s for s in self.sent if f"action={action}&" in s.path)
        return json.loads(sent.body)

    def attach(self, security: str = "tls") -> Outcome:
        # a parameter as text
        imap = MailServer(host="mail.example", port=993, security=security)  # type: ignore[arg-type]  # a Literal
        smtp = MailServer(host="mail.example", port=587, security="starttls")
        outcome = attach(Web(self.url), Target(self.url, imap, smtp), PERSON, ROW)
        assert PASSWORD not in f"{outcome.message} {outcome.hint}"
        return outcome


@contextmanager
def serving(answers: dict[str, Any], certificate: Path | None = None) -> Iterator[Canned]:
    canned = Canned(answers)

    class Handler(QuietHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            canned.sent.append(Sent(self.command, self.path, body, self.headers["User-Agent"]))
            answer = canned.answers.get(canned.actions()[-1])
            if isinstance(answer, list):
                answer = answer.pop(0)
            status, content = answer if isinstance(answer, tuple) else (200, json.dumps(answer))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{canned.url}elsewhere")
            self.end_headers()
            self.wfile.write(content.encode())

        do_GET = do_POST = do_PUT = _handle

    with served(Handler, certificate) as url:
        canned.url = f"{url}/ajax/"
        yield canned


def error(code: str, said: str = "no") -> dict[str, Any]:
    return {"error": "Fehler", "error_desc": said, "code": code}


def works() -> dict[str, Any]:
    """An OX without the account, which makes it."""
    return {"all": [{"data": []}, {"data": [MINE]}], "new": {"data": {"id": 7}}, "validate": {"data": True}}


def test_what_is_sent_and_that_the_password_is_in_bodies_only() -> None:
    with serving(works()) as ox:
        assert ox.attach() == Outcome(Result.DONE)
    assert ox.actions() == ["login", "all", "new", "all", "validate", "logout"]
    assert [sent.method for sent in ox.sent] == ["POST", "GET", "PUT", "GET", "PUT", "GET"]
    assert not any(PASSWORD in sent.path for sent in ox.sent)
    assert {sent.agent for sent in ox.sent} == {"reconciler"}
    body = ox.of("new")
    assert body["password"] == PASSWORD
    assert (body["name"], body["primary_address"], body["login"]) == ("Pirat Alt", ALT, ALT)
    assert (body["mail_url"], body["mail_secure"], body["mail_starttls"]) == ("imap://mail.example:993", True, False)
    assert (body["transport_url"], body["transport_secure"]) == ("smtp://mail.example:587", False)
    assert (body["transport_starttls"], body["transport_auth"]) == (True, "mail")
    assert "transport_login" not in body


def test_the_columns_are_asked_for_by_number() -> None:
    with serving({"all": {"data": [[0, NEU, NEU, "localhost"], MINE]}, "update": {}, "validate": {"data": True}}) as ox:
        assert ox.attach() == Outcome(Result.DONE)
    assert "columns=1001%2C1002%2C1007%2C1015" in ox.sent[1].path
    assert ox.of("update")["id"] == 7


@pytest.mark.parametrize("code", ["ACC-0015", "ACC-0017"])
def test_a_duplicate_is_there_and_is_put_right(code: str) -> None:
    # somebody attached it between our list and our creation
    answers = {"all": [{"data": []}, {"data": [MINE]}], "new": error(code), "update": {}, "validate": {"data": True}}
    with serving(answers) as ox:
        assert ox.attach() == Outcome(Result.DONE)
    assert ox.of("update")["password"] == PASSWORD


def test_a_duplicate_that_is_not_in_the_list_is_a_failure() -> None:
    with serving({"all": {"data": [[0, NEU, ALT, "localhost"]]}, "new": error("ACC-0015", "there is one")}) as ox:
        outcome = ox.attach()
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
    assert "there is one" in outcome.message
    assert ox.actions()[-1] == "logout"


@pytest.mark.parametrize("beside", [True, False])
def test_a_lone_warning_is_no_refusal_when_the_account_was_made(beside: bool) -> None:
    warned = {"data": {"id": 7}} | (error("ACC-0020") if beside else {"warnings": error("ACC-0020")})
    with serving({**works(), "new": warned}) as ox:
        assert ox.attach() == Outcome(Result.DONE)


def test_sending_that_does_not_work_is_a_remark() -> None:
    tried = {"data": False, "warnings": [error("ACC-0021", "port 587 is closed")]}
    with serving({"all": {"data": [MINE]}, "update": {}, "validate": tried}) as ox:
        outcome = ox.attach()
    assert outcome.result is Result.DONE
    assert "port 587 is closed (ACC-0021)" in outcome.message


@pytest.mark.parametrize(
    "warnings", [{}, {"warnings": [error("ACC-0020")]}, {"warnings": [error("ACC-0021"), error("ACC-0020")]}]
)
def test_reading_that_does_not_work_is_a_failure(warnings: dict[str, Any]) -> None:
    with serving({"all": {"data": [MINE]}, "update": {}, "validate": {"data": False, **warnings}}) as ox:
        outcome = ox.attach()
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)
    assert ALT in outcome.message


@pytest.mark.parametrize(
    ("code", "temporary"),
    [
        *[(code, False) for code in ("LGI-0006", "LGI-0011", "LGI-0013", "LGI-0028", "ACC-0014", "ACC-0019")],
        *[(code, False) for code in ("ACC-0005", "ACC-0025", "XYZ-0001")],
        *[(code, True) for code in ("LGI-0002", "LGI-0005", "LGI-0010", "SES-0203")],
    ],
)
def test_every_error_has_a_message_and_what_to_do_without_the_password(code: str, temporary: bool) -> None:
    # a server's text may repeat what it was given
    where = "login" if code.startswith("LGI") else "new"
    with serving({where: error(code, f"bad: {PASSWORD} for pirat")}) as ox:
        outcome = ox.attach()
    assert (outcome.result, outcome.temporary) == (Result.FAILED, temporary)
    assert outcome.message
    assert outcome.hint
    assert "{" not in f"{outcome.message}{outcome.hint}"
    assert (ox.actions()[-1] == "logout") is (where == "new")


def test_the_table_has_no_blank_hint() -> None:
    assert all(failure.message and failure.hint for failure in KNOWN.values())


@pytest.mark.parametrize(
    ("answer", "temporary", "word"),
    [
        ((503, "down"), True, "503"),
        ((404, "nothing here"), False, "404"),
        ((302, ""), False, "302"),
        ((307, ""), False, "307"),
        ((200, "<html>Log in</html>"), False, "does not answer"),
        ((200, "[1, 2]"), False, "does not answer"),
        ((200, ""), False, "does not answer"),
        ((200, '{"data": {}}'), False, "does not answer a login"),
    ],
)
def test_what_is_not_ox_is_said_and_no_redirect_is_followed(
    answer: tuple[int, str], temporary: bool, word: str
) -> None:
    with serving({"login": answer}) as ox:
        outcome = ox.attach()
    assert (outcome.result, outcome.temporary) == (Result.FAILED, temporary)
    assert word in outcome.message
    assert outcome.hint
    assert len(ox.sent) == 1


def test_nobody_there_is_temporary() -> None:
    with serving({}) as ox:
        pass
    outcome = ox.attach()
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)
    assert "cannot be reached" in outcome.message


def test_a_proxy_of_the_session_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving({}) as proxy, serving(works()) as ox:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert ox.attach() == Outcome(Result.DONE)
    assert proxy.sent == []


def test_a_certificate_that_nobody_vouches_for_gets_no_password(tmp_path: Path) -> None:
    pem = tmp_path / "server.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -keyout key -out cert"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    pem.write_text((tmp_path / "key").read_text() + (tmp_path / "cert").read_text())
    with serving(works(), pem) as ox:
        outcome = ox.attach()
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
    assert "certificate" in outcome.message
    assert ox.sent == []


@pytest.mark.parametrize(
    "url", ["http://mail.example/ajax/", "ftp://mail.example/", "mail.example/ajax/", "https://u:p@mail.example/ajax/"]
)
def test_a_site_file_with_an_open_line_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        OpenXchange(web_url=url)
    assert OpenXchange(web_url="https://mail.example/ajax/").web_url
    assert OpenXchange(web_url="http://127.0.0.1:8080/ajax/").web_url
