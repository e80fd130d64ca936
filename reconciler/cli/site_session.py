"""Opens a site for a command: settings, declared state, systems, the clock. Closes the lines afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.engine import make_url

from reconciler.apply.fence import Fence
from reconciler.apply.ledger import Ledger, open_engine
from reconciler.apply.session import Session, session
from reconciler.apply.transaction_hook import TransactionHook
from reconciler.cli.operator import operator
from reconciler.cli.process_tuning import keep
from reconciler.declared.load import Declaration, load_state
from reconciler.declared.site_file.load import load_site
from reconciler.errors import UsageError
from reconciler.model.records import Owner, Records
from reconciler.model.rename_chains import rename_chains
from reconciler.model.secrets import Passwords
from reconciler.planning.identity import declared_numbers
from reconciler.planning.ledger_state import Remembered
from reconciler.planning.plan_draft import Draft, Reviewed
from reconciler.planning.ports import LeavesTools, System
from reconciler.remote.host import ConfigFile, Login
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.mailer import Mailer
from reconciler.remote.outbox import OutboxMailer
from reconciler.remote.smtp import Server, SmtpMailer
from reconciler.settings import Letters, Settings, Smtp, secret
from reconciler.systems.context import SystemContext
from reconciler.systems.registry import build_systems
from reconciler.workflow import Clock, draft


@dataclass(frozen=True, slots=True)
class OpenSite:
    """A site with its declared state and its live systems, for the length of one command."""

    site: Settings
    declaration: Declaration
    systems: list[System]
    clock: Clock
    ledger: Ledger | None
    transaction_hook: TransactionHook
    fence: Fence

    async def recall(self, wanted: Mapping[str, Records]) -> Remembered:
        """What the ledger remembers; nothing before `ledger init`. Raises LedgerUnusable."""
        if self.ledger is None or not await self.ledger.exists():
            return Remembered()
        await self.ledger.check()
        numbers = declared_numbers(self.declaration.state)
        remembered = await self.ledger.remember(self.site.policy.limits.window_hours, wanted, numbers)
        boxes = self.declaration.state.mailboxes.values()
        made = await self.ledger.made([b.address for b in boxes if b.password_reset or b.subscriptions_reset])
        zone = ZoneInfo(self.site.timezone)
        return replace(remembered, made={address: moment.astimezone(zone).date() for address, moment in made.items()})

    async def draft(self, reviewed: Reviewed | None = None, only: frozenset[Owner] | None = None) -> Draft:
        """The plan as of now; of a saved plan, what is left of it; of all that is pending, the part about `only`."""
        return await draft(self.site, self.declaration, self.systems, self.clock, self.recall, reviewed, only)

    def still_declared(self, owners: Iterable[Owner]) -> frozenset[Owner]:
        """Those whose account git declares, under whatever address it has by now."""
        chains = rename_chains(self.declaration.state)
        return frozenset(owner for owner in owners if chains.of(owner.subject) in self.declaration.state.mailboxes)

    def session(self) -> AbstractAsyncContextManager[Session]:
        """The ledger with its lock. Raises UsageError, Locked, LedgerUnusable."""
        for system in self.systems:
            if isinstance(system, LeavesTools):
                system.before_writing()
        return session(self.needed_ledger(), self.transaction_hook, self.fence, operator())

    def needed_ledger(self) -> Ledger:
        """The ledger; a site that has no place for one is told so."""
        if self.ledger is None:
            hint = "write `ledger: {url: sqlite:///ledger.sqlite}` in the site file, then: reconciler ledger init"
            raise UsageError("this site has no ledger, and nothing is applied without one", hint=hint)
        return self.ledger


def read_site(path: Path | None, state: Path | None = None) -> tuple[Settings, Declaration]:
    """The site file, and the state that it points to or that `--state` names. Raises UsageError and InvalidInput."""
    site = load_site(path, reads_state=state is None)
    if state is not None and not state.is_dir():
        hint = "correct --state: it names the folder with the declared state"
        raise UsageError(f"there is no folder {state}", hint=hint)
    today = datetime.now(ZoneInfo(site.timezone)).date()
    return site, load_state(state or site.path(site.state), site, today=today)


@asynccontextmanager
async def open_site(path: Path | None, state: Path | None = None) -> AsyncIterator[OpenSite]:
    """The site, ready to be asked. No connection is made before a system needs one."""
    site, declaration = read_site(path, state)
    hosts = SiteHosts({name: _login(site, name) for name in site.ssh}, site.secret_variables)
    ledger = _ledger(site)
    transaction_hook = TransactionHook(ledger, same_database=site.ledger.url is None)
    mailer = _mailer(site)
    fence = Fence(ledger)
    systems = build_systems(SystemContext(site, hosts, mailer, Passwords(), transaction_hook, fence))
    zone = ZoneInfo(site.timezone)
    opened = OpenSite(site, declaration, systems, lambda: datetime.now(zone), ledger, transaction_hook, fence)
    keep(opened)
    async with AsyncExitStack() as closing:  # one that cannot be closed keeps no other one open
        for line in (ledger, hosts, mailer, *systems):
            if line is not None:
                closing.push_async_callback(line.close)
        yield opened


@asynccontextmanager
async def opened_ledger(site: Settings, *, create: bool = False) -> AsyncIterator[Ledger]:
    """The ledger alone, for a command that asks no system. Raises UsageError when the site has no place for one."""
    ledger = _ledger(site, create=create)
    if ledger is None:
        hint = "write `ledger: {url: sqlite:///ledger.sqlite}` in the site file"
        raise UsageError("the site file names no database for a ledger", hint=hint)
    try:
        yield ledger
    finally:
        await ledger.close()


def _ledger(site: Settings, *, create: bool = False) -> Ledger | None:
    """The ledger of a site, not connected yet: at its own URL, else beside PostfixAdmin's tables; None without both.
    `create` lets a new SQLite file come to be."""
    own, beside = site.ledger, site.postfixadmin
    if own.url is not None:
        key, url, variable, file, prefix = "ledger", own.url, own.password_env, own.password_file, ""
    elif beside is not None:
        key, url, variable, file = "postfixadmin", beside.url, beside.password_env, beside.password_file
        prefix = beside.table_prefix
    else:
        return None
    full = make_url(url)
    password = secret(variable, site.path(file) if file else None, f"{key}.password").get_secret_value()
    if password:
        full = full.set(password=password)
    if full.get_backend_name() == "sqlite":
        full = full.set(database=str(site.path(full.database or "")))
    made = create and own.url is not None
    engine = open_engine(full, create=made, if_missing=_IF_MISSING[key], resolve=site.path)
    return Ledger(engine, site.site, clock=lambda: datetime.now(UTC), prefix=prefix)


# an empty ledger knows of no letter that was not sent, and takes nothing for ours
_IF_MISSING = {
    "ledger": "the first time: reconciler ledger init; later bring the file back from the backup, or correct"
    " `ledger.url` in the site file",
    "postfixadmin": "it is PostfixAdmin's database, which is never made here: correct `postfixadmin.url` in the site"
    " file, or bring the file back",
}


def _login(site: Settings, name: str) -> Login:
    ssh = site.ssh[name]
    key_file, known_hosts = site.path(ssh.key_file), site.path(ssh.known_hosts)
    said = frozenset(ssh.model_fields_set)
    config = ConfigFile(str(site.path(ssh.ssh_config)), name, said) if ssh.ssh_config is not None else None
    return Login(
        ssh.address or name,
        ssh.port,
        ssh.user,
        str(key_file),
        str(known_hosts),
        timezone=site.timezone,
        config=config,
    )


def _mailer(site: Settings) -> Mailer:
    letters = site.letters
    if isinstance(letters, Letters) and letters.outbox is not None:
        return OutboxMailer(site.path(letters.outbox))
    smtp = letters.smtp if letters else Smtp()
    file = site.path(smtp.password_file) if smtp.password_file else None
    return SmtpMailer(
        Server(
            smtp.host,
            smtp.port,
            smtp.security,
            smtp.user,
            lambda: secret(smtp.password_env, file, "letters.smtp.password"),
            site.path(smtp.ca_file) if smtp.ca_file else None,
        )
    )
