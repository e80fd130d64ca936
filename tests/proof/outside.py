"""The lines of a process to the world, in the process itself: the database, OX' tools and web interface, map, mail.

Real effects on real parts (SQLite, the stand-in's own code, files), each of them a touch that can go wrong. `world`
puts them in the place of the lines that a command would open.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from functools import cached_property
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request as HttpRequest

import httpx
from pydantic import SecretStr
from sqlalchemy import Engine, event

from reconciler.errors import TemporaryFailure, Unreadable
from reconciler.remote.host import Completed, Host
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.mailer import LOST, NOT_SENT
from reconciler.remote.outbox import OutboxMailer
from reconciler.sandbox.openxchange.soap import UserService
from reconciler.sandbox.openxchange.web import BASES, Interface, Request
from reconciler.systems.openxchange.soap_client import SoapClient
from reconciler.systems.openxchange.web_client import Web
from tests.proof.touches import Touches
from tests.services.quick import called

DATABASE, OX, WEB, MAP, MAIL = "database", "openxchange", "web", "map", "mail"

_ONLY_LOOKS = frozenset({"listuser", "existsuser", "cat", "ls", "sh", "test", "postconf", "postmap"})
_POSTCONF: dict[tuple[str, ...], Completed] = {}
"""What postconf says of a configuration that never changes."""


def hook(engine: Engine, touches: Touches) -> None:
    """Every commit that wrote something is a touch. PostfixAdmin's tables and the ledger are one database: one line."""
    begin, commit = engine.dialect.do_begin, engine.dialect.do_commit

    def lost() -> sqlite3.OperationalError:
        return sqlite3.OperationalError("the server has gone away")

    def do_begin(connection: Any) -> None:
        touches.read(DATABASE, lost)
        begin(connection)

    def do_commit(connection: Any) -> None:
        if connection.total_changes:  # since it was opened, and each lives for one transaction
            touches.write(DATABASE, "commit", lambda: commit(connection), lost)
        else:
            commit(connection)

    setattr(engine.dialect, "do_begin", do_begin)  # noqa: B010  # of this one engine
    setattr(engine.dialect, "do_commit", do_commit)  # noqa: B010  # mypy allows no assignment

    @event.listens_for(engine, "connect")
    def hurry(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA synchronous = OFF")  # the tests kill processes, not machines


class InProcessHosts(SiteHosts):
    """This machine, whatever it is called."""

    def __init__(self, touches: Touches, ox: Path) -> None:
        self._host = InProcessHost(touches, ox)

    def get(self, name: str | None) -> Host:
        return self._host

    async def close(self) -> None:
        """Nothing is open."""


class InProcessHost(Host):
    """OX' tools are calls of the stand-in's own code; the few commands that the map needs are the real ones."""

    name = "this machine"

    def __init__(self, touches: Touches, ox: Path) -> None:
        self._touches = touches
        self._ox = ox

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, SecretStr] | None = None,
        timeout: float = 60.0,
        repeatable: bool = False,
    ) -> Completed:
        """See Host."""
        program = Path(argv[0])
        if program.parent == self._ox / "sbin":
            clear = {name: value.get_secret_value() for name, value in (secrets or {}).items()}
            return self._tool(program.name, list(argv[1:]), {**(env or {}), **clear})
        return self._command(tuple(argv), stdin)

    def _tool(self, name: str, arguments: list[str], environ: Mapping[str, str]) -> Completed:
        def call() -> Completed:
            return called(name, self._ox, arguments, environ)

        if name in _ONLY_LOOKS or "--help" in arguments:
            self._touches.read(OX, _line_down)
            return call()
        return self._touches.write(OX, name, call, _line_down)

    def _command(self, argv: tuple[str, ...], stdin: bytes) -> Completed:
        name = Path(argv[0]).name
        if name in _ONLY_LOOKS or "-printf" in argv:
            self._touches.read(MAP, _line_down)
            if name == "postconf":
                asked = tuple(argument.replace(str(self._ox.parent), "") for argument in argv)  # each world has a copy
                if asked not in _POSTCONF:
                    _POSTCONF[asked] = _started(argv, b"")
                return _POSTCONF[asked]
            return _started(argv, stdin)
        half = (lambda: _started(argv, stdin[: len(stdin) // 2])) if stdin else None
        return self._touches.write(MAP, name, lambda: _started(argv, stdin), _line_down, half)

    async def close(self) -> None:
        """See Host."""


def _started(argv: Sequence[str], stdin: bytes) -> Completed:
    done = subprocess.run(argv, input=stdin, capture_output=True, env={"LC_ALL": "C"}, check=False)
    return Completed(done.returncode, done.stdout, done.stderr)


def _line_down() -> Unreadable:
    return Unreadable("this machine: the connection was lost", hint="run the same command again")


class InProcessWeb(Web):
    """OX' web interface without the wire."""

    def __init__(self, url: str, touches: Touches, ox: Path) -> None:
        # not the real one's, which loads the machine's certificates for a wire that is not there
        self._url, self._session = url, ""
        self._touches = touches
        self._interface = Interface(ox)
        self._cookies: dict[str, str] = {}

    def _send(self, request: HttpRequest) -> bytes:
        url, body = urlsplit(request.full_url), request.data or b""
        assert isinstance(body, bytes)
        base = next(base for base in BASES if url.path.startswith(base))
        query = dict(parse_qsl(url.query))
        asked = Request(
            url.path.removeprefix(base), query["action"], query, body.decode(), "reconciler", dict(self._cookies)
        )
        if asked.action in ("all", "logout", "login", "validate"):
            self._touches.read(WEB, _unreached)
            return self._answer(asked)
        return self._touches.write(WEB, f"web {asked.action}", lambda: self._answer(asked), _unreached)

    def _answer(self, asked: Request) -> bytes:
        reply = self._interface.reply(asked)
        assert reply is not None
        self._cookies |= {name: SimpleCookie({name: value})[name].value for name, value in reply.cookies.items()}
        return json.dumps(reply.answer).encode()


class InProcessSoap(SoapClient):
    """OX' SOAP service without the wire: all else of the client is the real one."""

    def __init__(self, url: str, touches: Touches, ox: Path) -> None:
        super().__init__(url)
        self._touches = touches
        self._service = UserService(ox)

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self._exchange), trust_env=False)

    def _exchange(self, request: httpx.Request) -> httpx.Response:
        operation = request.headers["SOAPAction"].strip('"').removeprefix("urn:")

        def call() -> httpx.Response:
            reply = self._service.reply(request.content)
            assert reply is not None
            return httpx.Response(reply.status, content=reply.body)

        def lost() -> httpx.ReadError:
            return httpx.ReadError("the connection was reset")

        if operation in ("list", "getData", "getMultipleData"):
            self._touches.read(OX, lost)
            return call()
        return self._touches.write(OX, f"soap {operation}", call, lost)


def _unreached() -> TemporaryFailure:
    return TemporaryFailure("the web interface cannot be reached: timed out", hint="is the web server of OX running?")


class Outbox:
    """A mail server that takes one mail at a time."""

    def __init__(self, touches: Touches, folder: Path) -> None:
        self._touches = touches
        self._folder = folder
        self._inner = OutboxMailer(folder)

    async def send(self, messages: list[EmailMessage]) -> list[str | None]:
        """See Mailer."""
        return [self._one(message) for message in messages]

    async def close(self) -> None:
        """Nothing is held open."""

    async def check(self) -> None:
        """See Mailer."""
        self._touches.read(MAIL, _no_mail)
        await self._inner.check()

    def _one(self, message: EmailMessage) -> str | None:
        handed_over = False

        def send() -> str | None:
            nonlocal handed_over
            answer = self._inner._send([message])[0]
            handed_over = True
            return answer

        def half() -> None:
            (self._folder / ".half").write_bytes(message.as_bytes()[:100])

        try:
            return self._touches.write(MAIL, f"mail to {message['To']}", send, _no_mail, half)
        except Unreadable as error:
            return f"{LOST if handed_over else NOT_SENT}: {error.message}"


def _no_mail() -> Unreadable:
    return Unreadable("the mail server cannot be reached", hint="run the same command again")
