"""PostfixAdmin as a System."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy.exc import DBAPIError

from reconciler.model.records import Found, Owner, Records, Scope
from reconciler.planning.changes import Change, Outcome, Result, Stage, Step
from reconciler.planning.concern import Concern
from reconciler.planning.finding import Finding
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Closer, Observation, SideEffects, System, Wanted
from reconciler.planning.snapshot import Pair
from reconciler.settings import PostfixAdmin
from reconciler.systems.postfixadmin.connect import Database, unreadable
from reconciler.systems.postfixadmin.expect import expect
from reconciler.systems.postfixadmin.look_closer import look_closer
from reconciler.systems.postfixadmin.matching import match
from reconciler.systems.postfixadmin.observe import Details, made_on, mail_domains, observe
from reconciler.systems.postfixadmin.observe_part import observe_part
from reconciler.systems.postfixadmin.perform import Writer, is_applied
from reconciler.systems.postfixadmin.review import review
from reconciler.systems.postfixadmin.side_effects import side_effects
from reconciler.systems.postfixadmin.table_checks import check_tables, check_writable
from reconciler.systems.postfixadmin.welcome_mail import send_welcome
from reconciler.systems.system_context import SystemContext

_WELCOME = "welcome_mail"
_NO_MAILBOX = Outcome(Result.NOT_TRIED, "no welcome mail, because the mailbox was not made")


def build(context: SystemContext) -> System | None:
    """PostfixAdmin; None when the site file has no such section. Raises UsageError when its password is missing."""
    section = context.settings.postfixadmin
    return PostfixAdminSystem(context, section) if section is not None else None


class PostfixAdminSystem(System):
    """The database is synchronous; each verb that touches it runs in a thread of its own."""

    name = "postfixadmin"
    needed_for_accounts = True

    def __init__(self, context: SystemContext, section: PostfixAdmin) -> None:
        self._context = context
        self._section = section
        self._database = Database(section, context.settings)
        self.target = self._database.place

    def expect(self, context: PlanContext) -> Records:
        return expect(context, self._context.settings)

    async def observe(self, *, writing: bool = False) -> Observation:  # noqa: ARG002  # a transaction dies with its run
        return await asyncio.to_thread(self._observe)

    async def observe_beside(self, wanted: Wanted, *, writing: bool = False) -> Observation:  # noqa: ARG002  # as above
        return await asyncio.to_thread(self._observe, await wanted())

    async def observe_part(
        self,
        about: Concern,
        wanted: Wanted,  # noqa: ARG002  # its rows are few
        *,
        writing: bool = False,  # noqa: ARG002  # as above
    ) -> Observation:
        return await asyncio.to_thread(self._observe_part, about)

    async def made_on(self, addresses: Collection[str]) -> dict[str, date]:
        """When mailboxes were made, of those for which that is known. Raises Unreadable."""
        return await asyncio.to_thread(self._made_on, addresses) if addresses else {}

    async def mail_domains(self) -> list[str]:
        """Every domain that is active, as it is stored. Raises Unreadable."""
        return await asyncio.to_thread(self._mail_domains)

    def match(self, context: PlanContext, wanted: Records, found: Found) -> Pair:
        return match(context, wanted, found, self._context.settings.policy.retention_days)

    def side_effects(
        self, context: PlanContext, owner: Owner, changes: Sequence[Change], pair: Pair, events: CredentialEvents
    ) -> SideEffects:
        """The welcome mail of a new mailbox; the new password of live ones."""
        mail = self._section.welcome_mail
        return SideEffects(side_effects(self.name, context, owner, changes, pair, events=events, welcome_mail=mail))

    def stage(self, change: Change) -> Stage:
        """Domains first, the welcome mail last; aliases that lead to accounts after those."""
        if change.kind == _WELCOME:
            return Stage.WELCOME
        if change.kind == "domain":
            return Stage.DOMAIN
        return Stage.REFERENCES if change.owner.scope is Scope.ALIAS else Stage.MAIL_FLOW

    def review(self, context: PlanContext, pair: Pair, details: object) -> Sequence[Finding]:
        assert isinstance(details, Details)
        return list(review(context, pair, details))

    async def look_closer(self, mailboxes: Collection[str], changed: Mapping[str, datetime]) -> Closer:
        """Sizes and last logins, and what PostfixAdmin's log has of changes by hand."""
        prefix = self._section.table_prefix
        return await asyncio.to_thread(look_closer, self._database.snapshot, prefix, mailboxes, changed)

    async def check(self, kinds: Collection[str] = ()) -> None:
        await asyncio.to_thread(self._check, kinds)

    async def perform(self, context: PlanContext, batch: Sequence[Step]) -> list[Outcome]:  # noqa: ARG002  # see rows
        """Rows and passwords by account, then welcome mails. Raises Unreadable when nothing can be begun."""
        outcomes = await self._written([step for step in batch if step.change.kind != _WELCOME])
        halted = {s.change.owner for s in batch if s.id in outcomes and outcomes[s.id].result is not Result.DONE}
        mails = [step for step in batch if step.change.kind == _WELCOME and step.change.owner not in halted]
        if mails:
            sent = await send_welcome(self._context.mailer, self._context.settings.letters, mails, self._context.fence)
            outcomes |= zip((step.id for step in mails), sent, strict=True)
        return [outcomes.get(step.id, _NO_MAILBOX) for step in batch]

    async def is_applied(self, batch: Sequence[Step]) -> list[bool]:
        """By a fresh read of the database that is written to, not of a replica."""
        return await asyncio.to_thread(is_applied, self._database, self._section, batch)

    async def close(self) -> None:
        self._database.close()

    async def _written(self, rows: Sequence[Step]) -> dict[str, Outcome]:
        if not rows:
            return {}
        writer = Writer(self._database, self._section, self._context)
        written = await asyncio.to_thread(writer.perform, rows)
        return dict(zip((step.id for step in rows), written, strict=True))

    def _observe(self, wanted: Records | None = None) -> Observation:
        with self._database.snapshot() as connection:
            return observe(connection, self._database.tables, self._section.quota_multiplier, wanted)

    def _observe_part(self, about: Concern) -> Observation:
        with self._database.snapshot() as connection:
            return observe_part(connection, self._database.tables, self._section.quota_multiplier, about)

    def _mail_domains(self) -> list[str]:
        with self._database.snapshot() as connection:
            return mail_domains(connection, self._database.tables)

    def _made_on(self, addresses: Collection[str]) -> dict[str, date]:
        with self._database.snapshot() as connection:
            return made_on(connection, self._database.tables, addresses)

    def _check(self, kinds: Collection[str]) -> None:
        with self._database.transaction() as connection:
            try:
                check_tables(connection, self._database.tables)
                check_writable(connection, self._database.tables, kinds)
            except DBAPIError as error:
                raise unreadable(error, self._database.target) from None
