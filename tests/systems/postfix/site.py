"""One sender map to try: declared blocks, the system on a real Postfix, and a host on which things go wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from email.message import EmailMessage
from pathlib import Path

from pydantic import SecretStr

from reconciler.model.declared import DesiredState, SenderBlock
from reconciler.model.secrets import Passwords
from reconciler.model.source_places import Origin
from reconciler.planning.changes import Outcome, Step
from reconciler.planning.ports import System
from reconciler.remote.host import Completed, Host
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.local_host import LocalHost
from reconciler.settings import Postfix as Section
from reconciler.settings import Settings
from reconciler.systems.postfix.system import build
from reconciler.systems.system_context import SystemContext
from tests.services.mail import Postfix
from tests.systems.contract import readable_steps_of
from tests.systems.plans import NO_PLAN

TODAY = date(2026, 11, 24)
SITE = "nrw"
Before = Callable[[Sequence[str]], Awaitable[None]]


def blocks(*keys: str, expires: date | None = None) -> DesiredState:
    """These addresses and domains are blocked."""
    made = (
        SenderBlock(key, "@" not in key, "phishing wave", Origin("b.yaml", "", key), TODAY, expires) for key in keys
    )
    return DesiredState(TODAY, sender_blocks={block.key: block for block in made})


@dataclass
class WatchedHost(Host):
    """This machine; remembers every command and lets a test act before one runs, or after it."""

    inner: Host = field(default_factory=LocalHost)
    before: Before | None = None
    after: Before | None = None
    ran: list[tuple[str, ...]] = field(default_factory=list)
    name: str = "this machine"

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
        self.ran.append(tuple(argv))
        if self.before is not None:
            await self.before(argv)
        done = await self.inner.run(argv, stdin=stdin, env=env, secrets=secrets, timeout=timeout, repeatable=repeatable)
        if self.after is not None:
            await self.after(argv)
        return done

    async def read(self, path: str) -> bytes | None:
        return await self.inner.read(path)

    async def replace(self, path: str, content: bytes, mode: int = 0o644) -> None:
        await self.inner.replace(path, content, mode)

    async def close(self) -> None:
        await self.inner.close()


class OneHost(SiteHosts):
    """Every name is this host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def get(self, name: str | None) -> Host:  # the protocol's
        return self._host

    async def close(self) -> None:
        await self._host.close()


class NoMailer:
    """The sender map sends no mail."""

    async def send(self, messages: list[EmailMessage]) -> list[str | None]:
        raise AssertionError(messages)

    async def close(self) -> None:
        """Nothing is held open."""

    async def check(self) -> None:
        raise AssertionError


def section(instance: Postfix, **changed: object) -> Section:
    """The site file's section for this Postfix."""
    values = {
        "sender_access": instance.sender_access,
        "privilege": "direct",
        "config_directory": str(instance.config),
    }
    return Section.model_validate({**values, **changed})


def system_on(given: Section, host: Host | None = None) -> System:
    """A fresh instance, as another process would have it."""
    settings = Settings(site=SITE, postfix=given, folder=Path("/"))
    made = build(SystemContext(settings, OneHost(host or LocalHost()), NoMailer(), Passwords()))
    assert made is not None
    return made


async def converge(given: Section, state: DesiredState, host: Host | None = None) -> list[Outcome]:
    """Plans and performs everything, in one batch."""
    system = system_on(given, host)
    steps: list[Step] = await readable_steps_of(system, state)
    return await system.perform(NO_PLAN, steps)


def leftovers(instance: Postfix) -> list[str]:
    """Files beside the map that a finished rewrite must not leave."""
    return sorted(file.name for file in instance.map.parent.iterdir() if file.name.startswith("."))


def is_build(argv: Sequence[str]) -> bool:
    """Whether this is postmap making a map."""
    return argv[0].endswith("postmap") and "-s" not in argv and "-q" not in argv
