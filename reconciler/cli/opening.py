"""Opens a site for a command: settings, declared state, systems, the clock. Closes the lines afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.declared.load import Declaration, load_state
from reconciler.declared.site import load_site
from reconciler.model.secrets import Passwords
from reconciler.planning.ports import System
from reconciler.remote.host import Login
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.mail import Mailer
from reconciler.remote.smtp import OutboxMailer, SmtpMailer
from reconciler.settings import Letters, Settings, Smtp
from reconciler.systems.context import Context
from reconciler.systems.registry import build_systems
from reconciler.workflow import Clock


@dataclass(frozen=True, slots=True)
class OpenSite:
    """A site with its declared state and its live systems, for the length of one command."""

    site: Settings
    declaration: Declaration
    systems: list[System]
    clock: Clock


def read_site(path: Path | None) -> tuple[Settings, Declaration]:
    """The site file and the state that it points to. Raises UsageError and InvalidInput."""
    site = load_site(path)
    today = datetime.now(ZoneInfo(site.timezone)).date()
    return site, load_state(site.path(site.state), site, today=today)


@asynccontextmanager
async def open_site(path: Path | None) -> AsyncIterator[OpenSite]:
    """The site, ready to be asked. No connection is made before a system needs one."""
    site, declaration = read_site(path)
    hosts = SiteHosts({name: _login(site, name) for name in site.ssh})
    systems = build_systems(Context(site, hosts, _mailer(site), Passwords()))
    zone = ZoneInfo(site.timezone)
    try:
        yield OpenSite(site, declaration, systems, lambda: datetime.now(zone))
    finally:
        for system in systems:
            await system.close()
        await hosts.close()


def _login(site: Settings, name: str) -> Login:
    ssh = site.ssh[name]
    key_file, known_hosts = site.path(ssh.key_file), site.path(ssh.known_hosts)
    return Login(ssh.address or name, ssh.port, ssh.user, str(key_file), str(known_hosts))


def _mailer(site: Settings) -> Mailer:
    letters = site.letters
    if isinstance(letters, Letters) and letters.outbox is not None:
        return OutboxMailer(site.path(letters.outbox))
    smtp = letters.smtp if letters else Smtp()
    return SmtpMailer(smtp.host, smtp.port)
