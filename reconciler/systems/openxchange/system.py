"""Open-Xchange as a System: one context, administered by the command-line tools on its host."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from reconciler.model.declared import DesiredState
from reconciler.model.records import Owner, OxUserRow, PasswordRow, Records, Row
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Action, Change, Outcome, Stage, Step
from reconciler.planning.findings import Finding
from reconciler.planning.ports import System
from reconciler.planning.snapshot import rows_of
from reconciler.settings import OpenXchange, secret
from reconciler.systems.context import Context
from reconciler.systems.openxchange import look, matching, perform, review
from reconciler.systems.openxchange.answers import Words
from reconciler.systems.openxchange.listing import read_users
from reconciler.systems.openxchange.tools import Tools


def build(context: Context) -> System | None:
    """The OX context of the site; None when the site has none. Raises UsageError when its password is not there."""
    section = context.settings.openxchange
    if section is None:
        return None
    file = context.settings.path(section.admin_password_file) if section.admin_password_file else None
    password = secret(section.admin_password_env, file, "the password of the OX context admin")
    where = f"context {section.context} on {section.host or 'this machine'}"
    # on another machine the path is that machine's; here it starts at the site file like every path
    sbin = section.sbin if section.host else str(context.settings.path(section.sbin))
    words = Words(section.admin, where, _password_source(section), sbin)
    tools = Tools(context.hosts.get(section.host), section, sbin, password, words)
    return OpenXchangeSystem(section, tools, context.passwords, where)


def _password_source(section: OpenXchange) -> str:
    if section.admin_password_env:
        return f"the variable {section.admin_password_env}"
    return (
        f"the file {section.admin_password_file}" if section.admin_password_file else "`admin_password_env` (not set)"
    )


class OpenXchangeSystem:
    """One OX context."""

    name = "openxchange"
    owns: frozenset[str] = frozenset()
    needed_for_accounts = True

    def __init__(self, section: OpenXchange, tools: Tools, passwords: Passwords, target: str) -> None:
        self.target = target
        self._section = section
        self._tools = tools
        self._passwords = passwords
        self._disabled: frozenset[str] = frozenset()
        """Ids of the users that the last `observe` found shut out; they are reported, not managed."""

    def expect(self, desired: DesiredState) -> Records:
        """A user for every mailbox with groupware."""
        return matching.wanted_users(desired, self._section.username)

    async def observe(self) -> Records:
        """All users of the context but its admin, by one call of listuser. Raises Unreadable."""
        stdout = await self._tools.listing()
        # seconds of work in a big context; the other systems read meanwhile
        table, self._disabled = await asyncio.to_thread(_table, stdout, self._tools.admin)
        return {matching.KIND: table}

    def pair(self, wanted: Records, found: Records) -> Records:
        """Users under the addresses of their accounts, by login and address."""
        return matching.pair(wanted, found)

    def settle(self, wanted: Records, found: Records) -> Records:  # noqa: ARG002  # nothing here depends on it
        """See System."""
        return wanted

    def follow(
        self,
        owner: Owner,
        changes: Sequence[Change],  # noqa: ARG002  # `renew` says it all
        wanted: Records,  # noqa: ARG002
        found: Records,
        *,
        renew: bool,
        moved: bool = False,  # noqa: ARG002
        unsubscribe: bool = False,  # noqa: ARG002
    ) -> Sequence[Change]:
        """The new password of a user that is there: one account has one everywhere, and the letter tells it."""
        user = rows_of(found, OxUserRow).get(owner.subject)
        if user is None or not renew:
            return ()
        row = PasswordRow(owner.subject, owner.subject, user.id)
        return (Change(self.name, "password", Action.UPDATE, row.key, row, row, owner),)

    def steps(self, change: Change) -> tuple[Step, ...]:
        """One call of createuser or changeuser."""
        return (Step(change, Stage.GROUPWARE),)

    def review(self, desired: DesiredState, found: Records) -> Sequence[Finding]:
        """Addresses that two users share, and users that are shut out although their mailbox is active."""
        # whose a user is matters for the shut-out ones only, and pairing a big context takes a while
        records = self.pair(self.expect(desired), found) if self._disabled else found
        return list(review.review(desired, records, self._disabled))

    async def check(self) -> None:
        """Whether the admin may log in and the writing tools are there. Raises Unreadable."""
        await self._tools.check()

    async def perform(self, batch: Sequence[Step]) -> list[Outcome]:
        """Creates and changes users, several at once, and reads them back. Raises Unreadable."""
        return await perform.perform(self._tools, self._section, self._passwords, batch)

    async def holds(self, batch: Sequence[Step]) -> list[bool]:
        """By one fresh list. Raises Unreadable."""
        return await look.holds(self._tools, batch)

    async def close(self) -> None:
        """Nothing: the line belongs to the site's hosts, and other systems may use it."""


def _table(stdout: bytes, admin: str) -> tuple[dict[str, Row], frozenset[str]]:
    table: dict[str, Row] = {}
    disabled = set()
    for user in read_users(stdout, admin, whole=True):
        table[user.row.key] = user.row
        if not user.enabled:
            disabled.add(user.row.id)
    return table, frozenset(disabled)
