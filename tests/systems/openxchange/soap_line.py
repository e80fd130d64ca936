"""A server in front of the stand-in's SOAP service that may spoil an answer, and that remembers what came in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from reconciler.model.secrets import Passwords
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.outbox import OutboxMailer
from reconciler.sandbox.openxchange.soap import PATH, UserService
from reconciler.settings import OpenXchange, Settings, Ssh
from reconciler.systems.openxchange.system import OpenXchangeSystem, build
from reconciler.systems.system_context import SystemContext
from tests.systems.openxchange.web_server import QuietHandler, served

ENV, PASSWORD = "RECONCILER_OX_PASSWORD", "admin <geheim> & mehr"


class Answer(NamedTuple):
    """What goes out."""

    body: bytes
    status: int = 200
    whole: bool = True
    """Whether it ends where its head said."""
    location: str = ""


Spoiled = Callable[[bytes], Answer]
"""Makes another answer of the right one."""


class Line:
    """The service of one stand-in, and its clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.spoiled: dict[str, list[Spoiled]] = {}
        """By operation: for the next answers."""
        self.asked: list[tuple[str, bytes]] = []
        self.paths: list[str] = []
        self.connections = 0
        self._service = UserService(folder)

    def operations(self) -> list[str]:
        """What was asked, in order."""
        return [operation for operation, _ in self.asked]

    def answer(self, operation: str, body: bytes) -> Answer | None:
        """None: the connection ends."""
        self.asked.append((operation, body))
        reply = self._service.reply(body)
        if reply is None:
            return None
        if waiting := self.spoiled.get(operation):
            return waiting.pop(0)(reply.body)
        return Answer(reply.body, reply.status, whole=not reply.is_cut)

    def system(self, passwords: Passwords | None = None) -> OpenXchangeSystem:
        """The system under test, which has no tools."""
        return self.of(OpenXchange(sbin="no-tools", soap_url=self.url, admin_password_env=ENV), passwords)

    def by_tools(self) -> OpenXchangeSystem:
        """The same context by its tools."""
        return self.of(OpenXchange(sbin=str(self.folder / "sbin"), admin_password_env=ENV))

    def of(
        self, section: OpenXchange, passwords: Passwords | None = None, ssh: Mapping[str, Ssh] = {}
    ) -> OpenXchangeSystem:
        """The system of a site file with this section."""
        settings = Settings(site="nrw", openxchange=section, folder=self.folder, ssh=dict(ssh))
        made = build(SystemContext(settings, SiteHosts({}), OutboxMailer(self.folder), passwords or Passwords()))
        assert isinstance(made, OpenXchangeSystem)
        return made


@contextmanager
def serving(folder: Path, certificate: Path | None = None) -> Iterator[Line]:
    """Serves a stand-in while the block runs."""
    line = Line(folder)

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            line.connections += 1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            line.paths.append(self.path)
            answer = line.answer(self.headers["SOAPAction"].strip('"').removeprefix("urn:"), body)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer.status)
            if answer.location:
                self.send_header("Location", answer.location)
            self.send_header("Content-Length", str(len(answer.body) + (not answer.whole)))
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = self.close_connection or not answer.whole

    with served(Handler, certificate) as url:
        line.url = f"{url}{PATH}"
        yield line
