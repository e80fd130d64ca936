"""The server: one thread, one port of this machine's own, the API of one forge."""

from __future__ import annotations

import json
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.services.forges import gitea, gitlab
from tests.services.forges.state import HEAD, PROJECT, TOKEN, Asked, Reply, State

KINDS = ("gitlab", "github", "forgejo")
"""Gitea is Forgejo under another name."""


class FakeForge:
    """A forge at work: its state, and what a CI job of its would find in its environment."""

    def __init__(self, kind: str, port: int, scheme: str = "http") -> None:
        self.kind = kind
        self.root = f"{scheme}://127.0.0.1:{port}"
        self.state = State(kind)

    @property
    def url(self) -> str:
        """Of the API."""
        return self.root + {"gitlab": gitlab.BASE, "github": "/api/v3"}.get(self.kind, gitea.BASE)

    def environment(self, event: str = "", *, commit: str = HEAD, token: str = TOKEN) -> dict[str, str]:
        """A job's for merge request 3. `event` is the path of the event file, which GitHub and its kin have."""
        if self.kind == "gitlab":
            own = {
                "GITLAB_CI": "true",
                "CI_API_V4_URL": self.url,
                "CI_PROJECT_ID": "99",  # the fork: nothing may be written there
                "CI_MERGE_REQUEST_PROJECT_ID": "11",
                "CI_MERGE_REQUEST_IID": "3",
                "CI_COMMIT_SHA": commit,
                "CI_JOB_URL": "https://git.example/mail/state/-/jobs/7",
            }
        else:
            actions = {"forgejo": {"FORGEJO_ACTIONS": "true"}, "gitea": {"GITEA_ACTIONS": "true"}}.get(self.kind, {})
            own = {
                **actions,
                "GITHUB_ACTIONS": "true",
                "GITHUB_API_URL": self.url,
                "GITHUB_REPOSITORY": PROJECT,
                "GITHUB_SERVER_URL": self.root,
                "GITHUB_RUN_ID": "7",
                "GITHUB_RUN_NUMBER": "5",
                "GITHUB_SHA": "e5" * 20,
                "GITHUB_EVENT_PATH": event,
            }
        return own | {"RECONCILER_FORGE_TOKEN": token}

    def event(self, commit: str = HEAD) -> str:
        """What GitHub and its kin write into the event file of a pull request."""
        return json.dumps({"action": "synchronize", "pull_request": {"number": 3, "head": {"sha": commit}}})

    def reply(self, asked: Asked) -> Reply:
        parts = urlsplit(asked.path)
        query = dict(parse_qsl(parts.query))
        if self.kind == "github" and parts.path == "/api/graphql":
            return gitea.answer(self.state, asked, "/graphql", query)
        base = urlsplit(self.url).path
        if not parts.path.startswith(base):
            return Reply(404, {"message": "no API"})
        answer = gitlab.answer if self.kind == "gitlab" else gitea.answer
        return answer(self.state, asked, parts.path.removeprefix(base), query)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up waiting is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)


@contextmanager
def running(kind: str, tls: ssl.SSLContext | None = None) -> Iterator[FakeForge]:
    """One forge, until the end of the block."""
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: else the second waits for an acknowledgement

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            content = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, json.loads(content) if content else None)
            with lock:
                forge.state.asked.append(asked)
                fault = forge.state.hit(asked, after=False)
                reply = fault.reply if fault and fault.reply else Reply(200)
                if fault is None or ((fault.slow or fault.drip) and not fault.reply):
                    reply = forge.reply(asked)
                    fault = forge.state.hit(asked, after=True) or fault
                    reply = fault.reply if fault and fault.after and fault.reply else reply
            if fault and fault.drip:
                self._drip(fault.drip)
            if fault and fault.slow:
                Event().wait(fault.slow)
            raw = b"" if reply.data is None else json.dumps(reply.data).encode()
            self._send(reply, fault.raw if fault and fault.raw is not None else raw, cut=bool(fault and fault.cut))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def _send(self, reply: Reply, body: bytes, *, cut: bool) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            if cut:
                self.close_connection = True

        def _drip(self, seconds: float) -> None:
            """A head without end."""
            with suppress(ConnectionError):
                for byte in b"HTTP/1.1 200 OK\r\nx-nothing: " + b"x" * 100:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    Event().wait(seconds)

        def log_message(self, *_: Any) -> None:
            """Nothing on standard error: tests read it."""

    server = _Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    forge = FakeForge(kind, server.server_address[1], "https" if tls else "http")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
