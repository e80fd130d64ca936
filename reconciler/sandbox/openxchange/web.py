"""The HTTP interface of the stand-in: `/ajax/` and `/appsuite/api/`, modules `login` and `account`, and the SOAP
service (`soap.py`), on loopback only.

`__main__.py` serves it as a program, tests with `running`. Sessions live in memory and end with the server, accounts
are in the store. `facts/open-xchange.md` 6, 8, 11.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from reconciler.sandbox.openxchange import passwords, store, users
from reconciler.sandbox.openxchange import switches as switch_file
from reconciler.sandbox.openxchange.faults import strikes
from reconciler.sandbox.openxchange.soap import PATH as SOAP_PATH
from reconciler.sandbox.openxchange.soap import UserService
from reconciler.sandbox.openxchange.users import User
from reconciler.sandbox.openxchange.web_accounts import Accounts
from reconciler.sandbox.openxchange.web_errors import WebFailure

BASES = ("/ajax/", "/appsuite/api/")
_LONGEST = 1024 * 1024


class Session(NamedTuple):
    """Who is logged in, and the secret that their cookie must hold."""

    user_id: int
    secret: str


class Request(NamedTuple):
    """One call of an action."""

    module: str
    action: str
    query: Mapping[str, str]
    body: str
    agent: str
    cookies: Mapping[str, str]


class Reply(NamedTuple):
    """Its answer, and cookies to keep."""

    answer: Mapping[str, Any]
    cookies: Mapping[str, str] = {}


class Interface:
    """The interface of one stand-in."""

    def __init__(self, folder: Path) -> None:
        switch_file.load(folder)  # there must be a stand-in
        store.create(folder)
        self._folder = folder
        self._sessions: dict[str, Session] = {}

    def reply(self, request: Request) -> Reply | None:
        """The answer; None when a fault loses it after the effect."""
        switches = switch_file.load(self._folder)
        mine = [fault for fault in switches.faults if fault.tool == f"web.{request.action}"]
        with closing(store.connect(self._folder)) as connection:
            kinds = {fault.kind for fault in mine if strikes(connection, fault)}
            try:
                if "down" in kinds:
                    raise WebFailure("LGI-0005", "A database is not reachable")
                reply = self._answer(request, connection, switches)
            except WebFailure as failure:
                return Reply(failure.answer())
        return None if "dies_after_effect" in kinds else reply

    def _answer(self, request: Request, connection: sqlite3.Connection, switches: switch_file.Switches) -> Reply:
        match request.module, request.action:
            case "login", "login":
                return self._log_in(request, connection)
            case "login", "logout":
                self._session(request)
                self._sessions.pop(request.query["session"], None)
                return Reply({})
            case "account", action:
                user = users.find(connection, _context(connection), user_id=self._session(request).user_id)
                if user is None:
                    raise _expired()
                return Reply(_account(action, request, Accounts(connection, _context(connection), user, switches)))
        raise WebFailure("STI-0003", f"No module {request.module}")

    def _log_in(self, request: Request, connection: sqlite3.Connection) -> Reply:
        if "password" in request.query:
            raise WebFailure("STI-0004", "A password in the URL ends up in logs")
        form = dict(parse_qsl(request.body))
        context = _context(connection)
        user = users.find_login(connection, context, form.get("name", ""))
        if user is None or not passwords.matches(form.get("password", ""), user.fields.get("Password")):
            raise WebFailure("LGI-0006", "The supplied credentials for access are invalid.")
        _refuse_shut_out(user)
        session, secret = secrets.token_hex(16), secrets.token_hex(16)
        self._sessions[session] = Session(user.id, secret)
        mark = _mark(request.agent)
        names = {f"open-xchange-secret-{mark}": secret, f"open-xchange-public-session-{mark}": secrets.token_hex(16)}
        facts = {"session": session, "user": user.ident, "user_id": user.id, "context_id": context}
        return Reply(facts | {"locale": user.fields.get("Language")}, names | {"JSESSIONID": secrets.token_hex(8)})

    def _session(self, request: Request) -> Session:
        session = self._sessions.get(request.query.get("session", ""))
        # the cookie's name depends on the User-Agent: another one has none
        if session is None or request.cookies.get(f"open-xchange-secret-{_mark(request.agent)}") != session.secret:
            raise _expired()
        return session


def _account(action: str, request: Request, accounts: Accounts) -> Mapping[str, Any]:
    if action == "all":
        return accounts.all([int(c) for c in request.query.get("columns", "").split(",") if c.isdigit()])
    if action == "get":
        number = request.query.get("id", "")
        return accounts.get(int(number) if number.isdecimal() else -1)
    try:
        body = json.loads(request.body)
    except ValueError:
        raise WebFailure("STI-0005", "The body is not JSON") from None
    match action, body:
        case "new", dict():
            return accounts.new(body)
        case "update", dict():
            return accounts.update(body)
        case "validate", dict():
            return accounts.validate(body)
        case "delete", list():
            return accounts.delete(body)
    raise WebFailure("STI-0003", f"No action {action} with such a body")


def _refuse_shut_out(user: User) -> None:
    if user.fields.get("Mailenabled") == "false":
        raise WebFailure("LGI-0013", f"User {user.ident} is not activated.")
    if user.fields.get("Password_expired") == "true":
        raise WebFailure("LGI-0011", "Your password is expired.")


def _expired() -> WebFailure:
    return WebFailure("SES-0203", "Your session expired. Please login again.")


def _mark(agent: str) -> str:
    return hashlib.sha256(agent.encode()).hexdigest()[:16]


def _context(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT min(cid) FROM context").fetchone()[0])


class _Handler(BaseHTTPRequestHandler):
    """HTTP around `Interface`."""

    interface: Interface
    service: UserService
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # an answer is sent in two parts

    def do_GET(self) -> None:
        self._handle("GET")

    def do_POST(self) -> None:
        self._handle("POST")

    def do_PUT(self) -> None:
        self._handle("PUT")

    def log_message(self, format: str, *_: object) -> None:
        """Silent: sessions are in the URLs."""

    def _handle(self, method: str) -> None:
        url = urlsplit(self.path)
        if url.path == SOAP_PATH:
            self._soap(method)
            return
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _LONGEST)).decode("utf-8", "replace")
        module = next((url.path.removeprefix(base) for base in BASES if url.path.startswith(base)), None)
        query = dict(parse_qsl(url.query))
        action = query.get("action", "")
        if module is None or method != _METHODS.get(action, "GET"):
            self.send_error(404)
            return
        cookies = {name: cookie.value for name, cookie in SimpleCookie(self.headers.get("Cookie", "")).items()}
        reply = self.interface.reply(Request(module, action, query, body, self.headers.get("User-Agent", ""), cookies))
        if reply is None:
            self.close_connection = True
            return
        content = json.dumps(reply.answer).encode("ascii")
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in reply.cookies.items():
            self.send_header("Set-Cookie", f"{name}={value}; path=/; HttpOnly")
        self.end_headers()
        self.wfile.write(content)

    def _soap(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        reply = self.service.reply(body) if method == "POST" else None
        if reply is None:
            self.close_connection = True
            if method != "POST":
                self.send_error(405)
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.is_cut else reply.body)
        self.close_connection = self.close_connection or reply.is_cut


_METHODS = {"login": "POST", "new": "PUT", "update": "PUT", "validate": "PUT", "delete": "PUT"}


def server(folder: Path, port: int = 0) -> ThreadingHTTPServer:
    """A server that is bound to loopback and not yet serving. `port` 0 takes a free one. Raises OSError, UsageError."""
    handler = type("Handler", (_Handler,), {"interface": Interface(folder), "service": UserService(folder)})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


@contextmanager
def running(folder: Path, path: str = "/ajax/") -> Iterator[str]:
    """Serves while the block runs; gives the URL of this path."""
    with server(folder) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}{path}"
        finally:
            serving.shutdown()
            thread.join()
