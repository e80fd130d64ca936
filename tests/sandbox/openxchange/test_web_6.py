"""The HTTP interface: login, accounts, errors, as facts 6, 8 and 11 have them."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from reconciler.sandbox.openxchange.control import accounts
from reconciler.sandbox.openxchange.web import running
from tests.sandbox.openxchange.conftest import ADMIN_PASSWORD, PASSWORD, Ox

BODY = {"primary_address": "a@x.example", "login": "a", "password": "secret", "mail_url": "imap://127.0.0.1:1"}


class Browser:
    """One person's browser."""

    def __init__(self, url: str, agent: str = "browser") -> None:
        self.url = url
        self.cookies = CookieJar()
        self.session = ""
        proxies = urllib.request.ProxyHandler({})
        self._opener = urllib.request.build_opener(proxies, urllib.request.HTTPCookieProcessor(self.cookies))
        self._opener.addheaders = [("User-Agent", agent)]

    def ask(self, method: str, module: str, query: dict[str, str], body: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}{module}?{urlencode(query)}", data=body, method=method)
        with self._opener.open(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def log_in(self, name: str, password: str) -> dict[str, Any]:
        form = urlencode({"name": name, "password": password}).encode()
        answer = self.ask("POST", "login", {"action": "login"}, form)
        self.session = answer.get("session", "")
        return answer

    def get(self, module: str, action: str, **query: str) -> dict[str, Any]:
        return self.ask("GET", module, {"action": action, "session": self.session, **query})

    def put(self, module: str, action: str, body: object) -> dict[str, Any]:
        query = {"action": action, "session": self.session}
        return self.ask("PUT", module, query, json.dumps(body).encode())


@pytest.fixture
def url(anna: Ox) -> Iterator[str]:
    anna.switch(trial="off")
    with running(anna.folder) as url:
        yield url


@pytest.fixture
def browser(url: str) -> Browser:
    browser = Browser(url)
    browser.log_in("anna", PASSWORD)
    return browser


def test_login_answers_at_the_top_level_and_sets_the_cookies(url: str) -> None:
    browser = Browser(url)
    answer = browser.log_in("anna", PASSWORD)
    assert (answer["user"], answer["user_id"], answer["context_id"]) == ("anna", 3, 1)
    assert "data" not in answer
    names = {cookie.name.rpartition("-")[0] or cookie.name for cookie in browser.cookies}
    assert names == {"open-xchange-secret", "open-xchange-public-session", "JSESSIONID"}


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("Anna", PASSWORD), ("", "")])
def test_whatever_is_wrong_with_a_login_is_one_error_with_status_200(url: str, name: str, password: str) -> None:
    answer = Browser(url).log_in(name, password)
    assert answer["code"] == "LGI-0006"
    assert answer.keys() == {"error", "error_params", "error_id", "error_desc", "code", "categories", "category"}


def test_both_bases_work_and_nothing_else(url: str) -> None:
    assert "session" in Browser(url.replace("/ajax/", "/appsuite/api/")).log_in("anna", PASSWORD)
    with pytest.raises(urllib.error.HTTPError) as missing:
        Browser(url.replace("/ajax/", "/other/")).log_in("anna", PASSWORD)
    missing.value.close()
    assert missing.value.code == 404


def test_a_password_in_the_url_is_refused(url: str) -> None:
    answer = Browser(url).ask("POST", "login", {"action": "login", "name": "anna", "password": PASSWORD}, b"")
    assert "error" in answer


def test_a_session_ends_with_logout_and_belongs_to_its_cookies_and_user_agent(browser: Browser, url: str) -> None:
    stranger = Browser(url)
    stranger.session = browser.session
    assert stranger.get("account", "all")["code"] == "SES-0203"
    other = Browser(url, agent="another browser")
    other.session, other.cookies = browser.session, browser.cookies
    assert other.get("account", "all")["code"] == "SES-0203"
    assert "data" in browser.get("account", "all")
    browser.get("login", "logout")
    assert browser.get("account", "all")["code"] == "SES-0203"


def test_the_columns_come_in_the_order_that_was_asked_for_and_never_a_password(browser: Browser) -> None:
    created = browser.put("account", "new", BODY)["data"]
    rows = browser.get("account", "all", columns="1007,1001,1003,1015,1016")["data"]
    assert rows == [
        ["anna@pirat.alt", 0, None, "localhost", 143],
        ["a@x.example", created["id"], None, "127.0.0.1", 1],
    ]
    assert created["password"] is None
    assert len(browser.get("account", "all")["data"][0]) == 24


def test_the_name_and_the_transport_login_follow_the_rules(browser: Browser, anna: Ox) -> None:
    browser.put("account", "new", {**BODY, "name": "null", "transport_login": "x", "transport_auth": "mail"})
    (account,) = accounts(anna.folder, "anna")
    assert account["name"] == "a@x.example"
    assert "transport_login" not in account
    assert account["password"] == "secret"


def test_parts_beside_a_url_override_it(browser: Browser, anna: Ox) -> None:
    browser.put("account", "new", {**BODY, "mail_port": 993, "mail_secure": True})
    (account,) = accounts(anna.folder, "anna")
    assert (account["mail_server"], account["mail_port"]) == ("127.0.0.1", 993)


@pytest.mark.parametrize("missing", ["login", "password", "primary_address", "mail_url"])
def test_a_missing_field_is_an_error(browser: Browser, missing: str) -> None:
    body = {name: value for name, value in BODY.items() if name != missing}
    assert "data" not in browser.put("account", "new", body)


def test_imaps_is_no_protocol(browser: Browser) -> None:
    assert "data" not in browser.put("account", "new", {**BODY, "mail_url": "imaps://127.0.0.1:993"})


def test_the_same_address_comes_before_the_same_login(browser: Browser) -> None:
    browser.put("account", "new", BODY)
    assert browser.put("account", "new", BODY)["code"] == "ACC-0015"
    assert browser.put("account", "new", {**BODY, "primary_address": "b@x.example"})["code"] == "ACC-0017"
    assert browser.put("account", "new", {**BODY, "primary_address": "Anna@pirat.alt"})["code"] == "ACC-0015"


def test_without_the_right_there_is_one_account_only(browser: Browser, anna: Ox) -> None:
    anna.ok("changeuser", "-i", "3", "--access-multiple-mail-accounts", "off")
    answer = browser.put("account", "new", BODY)
    assert answer["code"] == "ACC-0014"
    assert answer["error_desc"] == "Multiple mail accounts not enabled for user 3 in context 1."


def test_update_get_and_delete(browser: Browser, anna: Ox) -> None:
    number = browser.put("account", "new", BODY)["data"]["id"]
    browser.put("account", "update", {"id": number, "password": "new", "mail_url": "imap://127.0.0.2:2"})
    (account,) = accounts(anna.folder, "anna")
    assert (account["password"], account["mail_server"], account["mail_port"]) == ("new", "127.0.0.2", 2)
    assert browser.get("account", "get", id=str(number))["data"]["login"] == "a"
    assert browser.put("account", "delete", [number])["data"] == [number]
    assert accounts(anna.folder, "anna") == []
    assert browser.get("account", "get", id=str(number))["code"] == "ACC-0002"
    assert browser.get("account", "get", id="x")["code"] == "ACC-0002"


def test_the_default_account_stays(browser: Browser) -> None:
    assert browser.put("account", "delete", [0])["code"] == "ACC-0006"
    assert browser.put("account", "update", {"id": 0, "password": "x"})["code"] == "ACC-0007"


def test_a_failed_trial_warns_beside_or_among_or_refuses(browser: Browser, anna: Ox) -> None:
    anna.switch(trial="warn")  # nobody listens on port 1
    among = browser.put("account", "new", BODY)
    assert [w["code"] for w in among["warnings"]] == ["ACC-0020"]
    assert among["data"]["id"] == 1
    anna.switch(trial="warn_beside")
    beside = browser.put("account", "new", {**BODY, "primary_address": "b@x.example", "login": "b"})
    assert (beside["code"], beside["data"]["id"]) == ("ACC-0020", 2)
    anna.switch(trial="refuse")
    refused = browser.put("account", "new", {**BODY, "primary_address": "c@x.example", "login": "c"})
    assert (refused["code"], "data" in refused) == ("ACC-0020", False)
    assert browser.put("account", "validate", BODY)["data"] is False
    assert len(accounts(anna.folder, "anna")) == 2


def test_accounts_go_with_their_user(browser: Browser, anna: Ox) -> None:
    browser.put("account", "new", BODY)
    anna.ok("deleteuser", "-i", "3")
    assert browser.get("account", "all")["code"] == "SES-0203"
    anna.create("-u", "anna", "-d", "Anna", "-g", "A", "-s", "B", "-e", "anna@pirat.alt")
    assert accounts(anna.folder, "anna") == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"id": true}'])
def test_nonsense_is_an_answer_and_no_crash(browser: Browser, body: bytes) -> None:
    for action in ("new", "update", "validate", "delete", "what"):
        query = {"action": action, "session": browser.session}
        method = "GET" if action == "what" else "PUT"
        assert {"error", "data"} & browser.ask(method, "account", query, body).keys()


def test_a_lost_answer_is_a_closed_connection(browser: Browser, anna: Ox) -> None:
    anna.fault("dies_after_effect", tool="web.new", first=1)
    with pytest.raises(http.client.RemoteDisconnected):
        browser.put("account", "new", BODY)
    assert len(accounts(anna.folder, "anna")) == 1


def test_serve_says_its_port_and_refuses_a_folder_without_a_stand_in(anna: Ox, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "reconciler.sandbox.openxchange", "serve"]
    with subprocess.Popen([*command, str(anna.folder), "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            assert "session" in Browser(f"http://127.0.0.1:{port}/ajax/").log_in("oxadmin", ADMIN_PASSWORD)
        finally:
            process.terminate()
    for arguments in ([str(tmp_path / "nothing")], [str(anna.folder), "--port", "99999"]):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False)
