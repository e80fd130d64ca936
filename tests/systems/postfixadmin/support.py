"""A site on one test database, and the few states and hand-made changes that these tests are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from reconciler.model.addresses import Address
from reconciler.model.declared import Alias, DesiredState, Mailbox
from reconciler.model.records import AliasRow, Found, MailboxRow
from reconciler.model.secrets import Passwords
from reconciler.model.source_places import Origin
from reconciler.planning.changes import Change, Outcome, Result, Step
from reconciler.remote.hosts import SiteHosts
from reconciler.settings import Settings
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from reconciler.systems.system_context import SystemContext
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN, steps_of

ANNA = Address("anna.beispiel@pirat.alt")
VORSTAND = Address("vorstand@pirat.alt")
MEMBER = Address("10042@pirat.alt")
DOMAIN = "pirat.alt"
ORIGIN = Origin("mailboxes.yaml", "mailboxes", "anna.beispiel")
PASSWORD = "abcd-2345"


@dataclass
class Outbox:
    """Keeps what it is to send; `refusals` are its answers by recipient."""

    messages: list[EmailMessage] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)

    async def send(self, messages: list[EmailMessage]) -> list[str | None]:
        self.messages += messages
        return [self.refusals.get(str(message["To"])) for message in messages]

    async def close(self) -> None:
        """Nothing is held open."""

    async def check(self) -> None:
        """Always ready."""


class KnownPasswords(Passwords):
    """One password for everybody, so that a test can try it."""

    def of(self, account: str) -> SecretStr:
        del account
        return SecretStr(PASSWORD)


def settings(database: PostfixAdminDatabase, **section: object) -> Settings:
    """A site file with this database."""
    written = {"url": database.url, "password_env": database.password_env, **section}
    return Settings.model_validate({"site": "test", "folder": Path("/"), "postfixadmin": written})


def make_system(database: PostfixAdminDatabase, outbox: Outbox | None = None, **section: object) -> PostfixAdminSystem:
    """The system under test on this database."""
    return system_of(settings(database, **section), outbox)


def system_of(site: Settings, outbox: Outbox | None = None) -> PostfixAdminSystem:
    """The system under test on a site."""
    context = SystemContext(site, SiteHosts({}), outbox or Outbox(), KnownPasswords())
    assert site.postfixadmin is not None
    return PostfixAdminSystem(context, site.postfixadmin)


def mailbox(address: str = ANNA, **written: Any) -> Mailbox:
    """A declared mailbox."""
    return Mailbox(Address(address), ORIGIN, **written)


def alias(address: str, *goto: str, active: bool = True) -> Alias:
    """A declared alias."""
    return Alias(Address(address), tuple(map(Address, goto)), ORIGIN, active)


def state(*declared: Mailbox | Alias) -> DesiredState:
    """Everything that git declares."""
    mailboxes = {d.address: d for d in declared if isinstance(d, Mailbox)}
    aliases = {d.address: d for d in declared if isinstance(d, Alias)}
    return DesiredState(date(2026, 11, 22), mailboxes, aliases)


async def readable_steps(system: PostfixAdminSystem, *declared: Mailbox | Alias) -> list[Step]:
    """The steps that change rows."""
    return [step for step in await steps_of(system, state(*declared)) if step.readable]


async def apply(system: PostfixAdminSystem, desired: DesiredState) -> list[Outcome]:
    """Plans and carries out; every step is done."""
    outcomes = await system.perform(NO_PLAN, await steps_of(system, desired))
    assert {o.result for o in outcomes} <= {Result.DONE}, outcomes
    return outcomes


def mailbox_in(records: Found, key: str = ANNA) -> MailboxRow:
    """A mailbox that was found."""
    row = records["mailbox"][key]
    assert isinstance(row, MailboxRow)
    return row


def alias_in(records: Found, key: str) -> AliasRow:
    """An alias that was found."""
    row = records["alias"][key]
    assert isinstance(row, AliasRow)
    return row


def by_hand(database: PostfixAdminDatabase, *statements: str, **parameters: object) -> int:
    """Somebody's own SQL; the rows that the last statement changed. On PostgreSQL `active = 0` becomes `false`."""
    engine = database.engine()
    try:
        with engine.begin() as connection:
            for statement in statements:
                if database.backend == "postgresql":
                    statement = statement.replace("active = 0", "active = false")
                changed = connection.execute(text(statement), parameters).rowcount
    finally:
        engine.dispose()
    return int(changed)


def rows(database: PostfixAdminDatabase, query: str, **parameters: object) -> list[dict[str, Any]]:
    """What a query finds."""
    engine = database.engine()
    try:
        with engine.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query), parameters)]
    finally:
        engine.dispose()


def insert_alias(database: PostfixAdminDatabase, address: str, goto: str) -> None:
    """An alias row that PostfixAdmin did not check."""
    domain = address.rpartition("@")[2].strip().lower()
    query = "INSERT INTO alias (address, goto, domain) VALUES (:address, :goto, :domain)"
    by_hand(database, query, address=address, goto=goto, domain=domain)


def insert_mailbox(database: PostfixAdminDatabase, address: str, name: str = "", quota: int = 0) -> None:
    """A mailbox row that PostfixAdmin did not check, without its own alias."""
    local, _, domain = address.strip().lower().rpartition("@")
    query = (
        "INSERT INTO mailbox (username, password, name, maildir, quota, local_part, domain) "
        "VALUES (:address, '', :name, '', :quota, :local, :domain)"
    )
    by_hand(database, query, address=address, name=name, quota=quota, local=local, domain=domain)


@contextmanager
def closing(*systems: PostfixAdminSystem) -> Iterator[None]:
    """Lets the systems' connections go at the end of the block."""
    try:
        yield
    finally:
        for system in systems:
            system._database.close()


def results(outcomes: Iterable[Outcome]) -> list[Result]:
    """How steps ended."""
    return [outcome.result for outcome in outcomes]


def kinds(found: Sequence[Change]) -> list[str]:
    """`create mailbox ADDRESS`, … in order."""
    return [f"{c.action} {c.kind} {c.key}" for c in found]
