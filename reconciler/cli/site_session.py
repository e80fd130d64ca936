"""One site for one command, assembled here and nowhere else, each part from those before it: settings and declared
state, hosts, ledger, mailer, systems.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from reconciler.apply.fence import Fence
from reconciler.apply.ledger import Ledger
from reconciler.apply.session import Session, session
from reconciler.cli.invoker import operator
from reconciler.cli.process_tuning import keep
from reconciler.cli.read_site import read_site
from reconciler.cli.reading_line import ReadingLine
from reconciler.cli.site_ledger import build_ledger
from reconciler.cli.unattended import so_far
from reconciler.declared.load import Declaration
from reconciler.errors import Unreadable, UsageError
from reconciler.model.records import Records
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import RowId
from reconciler.planning.identity import declared_numbers
from reconciler.planning.ledger_state import InventoryEntry, Remembered
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.plan_draft import EVERYTHING, Draft, Selection
from reconciler.planning.ports import Observation
from reconciler.remote.host import ConfigFile, Login
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.mailer import Mailer
from reconciler.remote.outbox import OutboxMailer
from reconciler.remote.smtp import Server, SmtpMailer
from reconciler.secret_sources import secret
from reconciler.settings import Letters, Settings, Smtp
from reconciler.systems.registry import build_systems
from reconciler.systems.system_context import SystemContext
from reconciler.workflow import draft
from reconciler.workflow_reading import read, wanting
from reconciler.workflow_values import AtBase, Reading, Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSession(Sources):
    """A site with its declared state, its live systems and its ledger."""

    ledger: Ledger | None
    fence: Fence
    passwords: Passwords
    line: ReadingLine

    async def recall(self, wanted: Mapping[str, Records]) -> Remembered:
        """See Sources; nothing before `ledger init`."""
        if self.ledger is None or not await self.ledger.exists():
            return Remembered()
        await self.ledger.check()
        hours, numbers = self.site.policy.limits.window_hours, declared_numbers(self.context)
        remembered = await self.ledger.remember(hours, wanted, numbers, self.context.desired.aliases, self.about)
        boxes = self.context.desired.mailboxes.values()
        made = await self.ledger.made([b.address for b in boxes if b.password_reset or b.subscriptions_reset])
        zone = ZoneInfo(self.site.timezone)
        return replace(remembered, made={address: moment.astimezone(zone).date() for address, moment in made.items()})

    async def noted(self, mailboxes: Collection[str]) -> Mapping[RowId, InventoryEntry]:
        """See Sources; nothing before `ledger init`."""
        return await self.ledger.mailboxes(mailboxes) if self.ledger is not None else {}

    async def draft(
        self,
        selection: Selection = EVERYTHING,
        *,
        writing: bool = False,
        with_tables: bool = False,
        reading: Reading | None = None,
    ) -> Draft:
        """The plan as of now, or the part of it that is asked for; `writing` inside of `session`; `reading` where the
        systems were read already."""
        with self.line.shown():
            return await draft(self, selection, writing=writing, with_tables=with_tables, reading=reading)

    async def read(self) -> Reading:
        """What several plans are to be made from, inside of `session`."""
        with self.line.shown():
            return await read(self, writing=True)

    async def draft_as_of(self, day: date, reading: Reading) -> Draft:
        """What the plan would be if it were that day, from what was read already."""
        context = PlanContext.of(replace(self.context.desired, today=day))
        then = replace(self, context=context, base=None, asks_git=False)
        return await draft(then, reading=await wanting(then, reading))

    def session(self) -> AbstractAsyncContextManager[Session]:
        """The ledger with its lock. Raises UsageError, Locked, LedgerUnusable."""
        refuse_read_only(self.site)
        return session(self.needed_ledger(), self.fence, operator())

    def needed_ledger(self) -> Ledger:
        """The ledger. Raises UsageError when the site has none."""
        if self.ledger is None:
            hint = "write `ledger: {url: sqlite:///ledger.sqlite}` in the site file, then: reconciler ledger init"
            raise UsageError("this site has no ledger, and nothing is applied without one", hint=hint)
        return self.ledger


def refuse_read_only(site: Settings) -> None:
    """Nothing is begun with a login that only reads. Raises UsageError."""
    if site.as_planner:
        hint = "run it with the credentials that apply, and without RECONCILER_ROLE"
        raise UsageError("the planner reads and changes nothing (RECONCILER_ROLE=planner)", hint=hint)
    hosts = [section.host for section in (site.openxchange, site.postfix) if section and site.reads_only(section.host)]
    if hosts:
        hint = f"name one that applies under `ssh: {hosts[0]}:`, and this one under `planner` (docs/remote.md)"
        raise UsageError(f"{hosts[0]}: the login of the site file only reads (`read_only`)", hint=hint)


@asynccontextmanager
async def open_site(
    path: Path | None, state: Path | None = None, base: str | None = None, *, lazily: bool = False
) -> AsyncIterator[SiteSession]:
    """Assembles the site, with `base` as that commit has it. No connection is made before a system needs one.
    `lazily` is for who asks for a part and writes nothing: of a big state only files are read that are needed, and
    Unsound is raised at any moment where something is wrong with them."""
    async with AsyncExitStack() as closing:  # all are closed, also when closing one of them fails
        at_base = None
        if base is None:
            site, declaration = read_site(path, state, lazily=lazily)
        else:
            from reconciler.cli.read_base import own_folder, read_site_at

            store = Path(closing.enter_context(own_folder()))
            site, declaration, at_base = read_site_at(path, state, base, store, lazily=lazily)
        so_far.site = site.site
        opened = _assembled(site, declaration, at_base, closing)
        keep(opened)
        yield opened


def _assembled(
    site: Settings, declaration: Declaration, at_base: AtBase | None, closing: AsyncExitStack
) -> SiteSession:
    zone = ZoneInfo(site.timezone)
    hosts = site_hosts(site)
    ledger = build_ledger(site)
    fence = Fence(ledger, same_database=site.ledger.url is None)
    mailer, passwords = mailer_of(site), Passwords()
    line = ReadingLine()
    systems = build_systems(SystemContext(settings=site, hosts=hosts, mailer=mailer, passwords=passwords, fence=fence))
    opened = SiteSession(
        site=site,
        declaration=declaration,
        context=PlanContext.of(declaration.state),
        systems=systems,
        clock=lambda: datetime.now(zone),
        ledger=ledger,
        fence=fence,
        passwords=passwords,
        line=line,
        watch=partial(_watched, line),
        base=at_base,
    )
    for part in (ledger, hosts, mailer, *systems):
        if part is not None:
            closing.push_async_callback(part.close)
    return opened


def _watched(line: ReadingLine, name: str, came: Observation | Unreadable | None) -> None:
    """What the terminal shows of a system that is read."""
    match came:
        case None:
            line.began(name)
        case Unreadable():
            line.ended(name, "✗")
        case Observation(records=records):
            line.ended(name, "✓", sum(map(len, records.values())))


def site_hosts(site: Settings) -> SiteHosts:
    """The machines of the site; none is asked before a command runs there."""
    return SiteHosts({name: _login(site, name) for name in site.ssh}, site.secret_variables)


def _login(site: Settings, name: str) -> Login:
    ssh = site.ssh[name]
    key_file, known_hosts = site.path(ssh.key_file), site.path(ssh.known_hosts)
    written = frozenset(ssh.model_fields_set)
    config = ConfigFile(str(site.path(ssh.ssh_config)), name, written) if ssh.ssh_config is not None else None
    return Login(
        address=ssh.address or name,
        port=ssh.port,
        user=ssh.user,
        key_file=str(key_file),
        known_hosts=str(known_hosts),
        timezone=site.timezone,
        config=config,
        read_only=ssh.read_only,
    )


def mailer_of(site: Settings) -> Mailer:
    """What sends the site's letters."""
    letters = site.letters
    if isinstance(letters, Letters) and letters.outbox is not None:
        return OutboxMailer(site.path(letters.outbox))
    smtp = letters.smtp if letters else Smtp()
    file = site.path(smtp.password_file) if smtp.password_file else None
    return SmtpMailer(
        Server(
            host=smtp.host,
            port=smtp.port,
            security=smtp.security,
            user=smtp.user,
            password=lambda: secret(smtp.password_env, file, "letters.smtp.password"),
            ca_file=site.path(smtp.ca_file) if smtp.ca_file else None,
        )
    )
