"""PostfixAdmin as the workflow sees it: the verbs of `planning.ports.System`. The registry builds it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from sqlalchemy.exc import DBAPIError

from reconciler.model.declared import DesiredState
from reconciler.model.records import Owner, Records, Scope
from reconciler.planning.changes import Change, Outcome, Result, Stage, Step
from reconciler.planning.credentials import CredentialEvents
from reconciler.planning.findings import Finding
from reconciler.planning.ports import System
from reconciler.settings import PostfixAdmin
from reconciler.systems.context import SystemContext
from reconciler.systems.postfixadmin.checks import check_tables, check_writable
from reconciler.systems.postfixadmin.connect import Database, unreadable
from reconciler.systems.postfixadmin.expect import expect
from reconciler.systems.postfixadmin.observe import Observation, observe
from reconciler.systems.postfixadmin.perform import Writer, is_applied
from reconciler.systems.postfixadmin.review import Seen, review
from reconciler.systems.postfixadmin.settle import pair, settle
from reconciler.systems.postfixadmin.side_effects import follow, former_mailboxes
from reconciler.systems.postfixadmin.welcome_mail import send_welcome

_WELCOME = "welcome_mail"
_NO_MAILBOX = Outcome(Result.NOT_TRIED, "no welcome mail, because the mailbox was not made")


def build(context: SystemContext) -> System | None:
    """PostfixAdmin; None when the site file has no such section. Raises UsageError when its password is missing."""
    section = context.settings.postfixadmin
    return PostfixAdminSystem(context, section) if section is not None else None


class PostfixAdminSystem:
    """The database is synchronous; each verb runs in a thread of its own."""

    name = "postfixadmin"
    owns: frozenset[str] = frozenset()
    needed_for_accounts = True

    def __init__(self, context: SystemContext, section: PostfixAdmin) -> None:
        self._context = context
        self._section = section
        self._database = Database(section, context.settings)
        self._seen = Observation({}, ())
        self._wanted: Records = {}
        self._former_of: tuple[Records, Mapping[str, Sequence[str]]] = ({}, {})
        self.target = self._database.target

    def expect(self, desired: DesiredState) -> Records:
        """Mailboxes, their own and member aliases, declared aliases, and what renames and removals leave of others."""
        self._wanted = expect(desired, self._context.settings)
        return self._wanted

    async def observe(self) -> Records:
        """One consistent snapshot. Raises Unreadable."""
        self._seen = await asyncio.to_thread(self._observe)
        return self._seen.records

    def pair(self, wanted: Records, found: Records) -> Records:
        """Addresses are the keys on both sides, but for what a rename moves."""
        return pair(wanted, found)

    def settle(self, wanted: Records, found: Records) -> Records:
        """What renames carry over, and what of a removed account is there."""
        return settle(wanted, found)

    def follow(
        self,
        owner: Owner,
        changes: Sequence[Change],
        wanted: Records,
        found: Records,
        news: CredentialEvents,
    ) -> Sequence[Change]:
        """The welcome mail of a new mailbox; the new password of live ones."""
        if self._former_of[0] is not wanted:  # asked for every account of a plan, found out once
            self._former_of = wanted, former_mailboxes(wanted)
        former = self._former_of[1].get(owner.subject, ())
        mail = self._section.welcome_mail
        return follow(self.name, owner, changes, found, former, welcome_mail=mail, news=news)

    def steps(self, change: Change) -> tuple[Step, ...]:
        """One step a change."""
        if change.kind == _WELCOME:
            return (Step(change, Stage.WELCOME),)
        return (Step(change, Stage.REFERENCES if change.owner.scope is Scope.ALIAS else Stage.MAIL_FLOW),)

    def review(self, desired: DesiredState, found: Records) -> Sequence[Finding]:
        """Remarks on what the last `observe` found, and what of the last `expect` it could not hold."""
        seen = self._seen
        return list(review(Seen(desired, found, seen.twice, seen.hidden, seen.admins, self._wanted, seen.charset)))

    async def check(self) -> None:
        """Whether rows could be written now. Raises Unreadable."""
        await asyncio.to_thread(self._check)

    async def perform(self, batch: Sequence[Step]) -> list[Outcome]:
        """Rows and passwords by account, then welcome mails. Raises Unreadable when nothing can be begun."""
        outcomes = await self._written([step for step in batch if step.change.kind != _WELCOME])
        halted = {s.change.owner for s in batch if s.id in outcomes and outcomes[s.id].result is not Result.DONE}
        mails = [step for step in batch if step.change.kind == _WELCOME and step.change.owner not in halted]
        if mails:
            sent = await send_welcome(self._context.mailer, self._context.settings.letters, mails, self._context.fence)
            outcomes |= zip((step.id for step in mails), sent, strict=True)
        return [outcomes.get(step.id, _NO_MAILBOX) for step in batch]

    async def is_applied(self, batch: Sequence[Step]) -> list[bool]:
        """By a fresh read where we write, not on a replica. Raises Unreadable."""
        return await asyncio.to_thread(is_applied, self._database, self._section, batch)

    async def close(self) -> None:
        """Lets connections go."""
        self._database.close()

    async def _written(self, rows: Sequence[Step]) -> dict[str, Outcome]:
        if not rows:
            return {}
        context = self._context
        writer = Writer(self._database, self._section, context.passwords, context.transaction_hook, context.fence)
        written = await asyncio.to_thread(writer.perform, rows)
        return dict(zip((step.id for step in rows), written, strict=True))

    def _observe(self) -> Observation:
        with self._database.snapshot() as connection:
            return observe(connection, self._database.tables, self._section.quota_multiplier)

    def _check(self) -> None:
        with self._database.transaction() as connection:
            try:
                check_tables(connection, self._database.tables)
                check_writable(connection, self._database.tables)
            except DBAPIError as error:
                raise unreadable(error, self.target) from None
