"""Open-Xchange as a System: one context, administered by its admin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.model.records import Found, Owner, OxUserRow, Records, Row
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Change, Outcome, Stage, Step
from reconciler.planning.concern import Concern
from reconciler.planning.finding import Finding
from reconciler.planning.live_users import addresses_of
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, SideEffects, System, Wanted
from reconciler.planning.snapshot import Pair, rows_of
from reconciler.secret_sources import secret
from reconciler.settings import OpenXchange, Settings
from reconciler.systems.openxchange import attach, matching, perform, review, side_effects
from reconciler.systems.openxchange.listuser_csv import Listed
from reconciler.systems.openxchange.provisioning import Provisioning
from reconciler.systems.openxchange.single_users import SingleUsers, asked_for
from reconciler.systems.openxchange.subscriptions import Subscriptions
from reconciler.systems.openxchange.tool_answers import Words
from reconciler.systems.openxchange.tools import Tools
from reconciler.systems.system_context import SystemContext


def build(context: SystemContext) -> System | None:
    """The OX context of the site; None when the site has none. Raises Unreadable when its password is missing."""
    section = context.settings.openxchange
    if section is None:
        return None
    return OpenXchangeSystem(context.settings, section, provisioning(context, section), context.passwords)


def provisioning(context: SystemContext, section: OpenXchange) -> Provisioning:
    """The way to the site's context: SOAP where the site file says where, else the tools. A login that only reads is
    answered by listuser alone: OX' password is on that host, and not here. Raises Unreadable when it is missing."""
    if section.soap_url is None or context.settings.reads_only(section.host):
        return tools_of(context, section)
    from reconciler.systems.openxchange.soap import Soap  # which brings httpx
    from reconciler.systems.openxchange.soap_client import SoapClient

    password, source = _password(context.settings, section)
    words = Words(section.admin, place(section), source, section.soap_url)
    return Soap(section, SoapClient(section.soap_url), password, words, context.fence)


def place(section: OpenXchange) -> str:
    """Where the context is: for people, and bound by the digest of a plan. The same for each login of the site."""
    return f"context {section.context} at {section.soap_url}" if section.soap_url else _on_host(section)


def _on_host(section: OpenXchange) -> str:
    return f"context {section.context} on {section.host or 'this machine'}"


def tools_of(context: SystemContext, section: OpenXchange) -> Tools:
    """The command-line tools of the site's context. Raises Unreadable when the password is missing."""
    settings = context.settings
    password, source = _password(settings, section)
    folder = sbin(settings, section)
    words = Words(section.admin, _on_host(section), source, folder)
    return Tools(context.hosts.get(section.host), section, folder, password, words, context.fence)


def sbin(settings: Settings, section: OpenXchange) -> str:
    """The folder of the tools: on another machine the path is that machine's; here it starts at the site file."""
    return section.sbin if section.host else str(settings.path(section.sbin))


def _password(settings: Settings, section: OpenXchange) -> tuple[SecretStr, str]:
    """The admin's password and where it comes from; empty where the far side has it and we need not."""
    if settings.reads_only(section.host):
        return SecretStr(""), f"the file openxchange-password of reconciler-remote on {section.host}"
    variable, file = section.admin_password_env, section.admin_password_file
    password = secret(variable, settings.path(file) if file else None, "openxchange.admin_password")
    source = f"the file {file}" if file else "`admin_password_env` (not set)"
    return password, f"the variable {variable}" if variable else source


class Details(NamedTuple):
    """What the list of users shows beside the records."""

    disabled: frozenset[str] = frozenset()
    """Ids of the users that are shut out; reported, not managed."""
    admin: OxUserRow | None = None
    """The context admin: no account, but its name and address are taken."""
    whole: bool = True
    """Whether it is a list of the whole context."""


class OpenXchangeSystem(System):
    """One OX context."""

    name = "openxchange"
    needed_for_accounts = True

    def __init__(self, settings: Settings, section: OpenXchange, ox: Provisioning, passwords: Passwords) -> None:
        self.target = place(section)
        self._policy = settings.policy
        self._section = section
        self._attach_to = attach.target_of(section)
        self._subscriptions = Subscriptions(section, settings)
        self._ox = ox
        self._single = SingleUsers(ox)
        self._finds_users = not settings.reads_only(section.host)  # such a login lists the context and nothing else
        self._passwords = passwords

    def expect(self, context: PlanContext) -> Records:
        return matching.wanted_users(context, self._section.username, self._policy.retention_days)

    async def observe(self, *, writing: bool = False) -> Observation:
        """All users of the context but its admin, by one list."""
        return await self._read({}, writing=writing)

    async def observe_beside(self, wanted: Wanted, *, writing: bool = False) -> Observation:
        """The same list, of which nothing is kept about users who are as wanted but their ids."""
        return await self._read((await wanted()).get(matching.KIND, {}), writing=writing)

    async def _read(self, wanted: Mapping[str, Row], *, writing: bool) -> Observation:
        if not writing:
            return (await self._ox.stream(partial(_Seen, self._ox.admin, wanted))).observation()
        await self._ox.wait_for_others()
        return await self._ox.read(partial(_observation, self._ox.admin, wanted))

    async def observe_part(self, about: Concern, wanted: Wanted, *, writing: bool = False) -> Observation:
        """Those whom the part may be about: where that is enough, they alone are asked for (`single_users`). Who is
        about to write looks at all."""
        rows = asked_for((await wanted()).get(matching.KIND, {}), about) if self._finds_users else None
        if rows is not None and not writing:
            found = await self._single.find(rows, unique_names=self._section.unique_display_names)
            if found is not None:
                single = _observation(self._ox.admin, {}, found)
                assert isinstance(single.details, Details)
                return replace(single, details=single.details._replace(whole=False))
        seen = await self.observe(writing=writing)
        users: dict[str, Row] = {}
        users.update((key, user) for key, user in rows_of(seen.records, OxUserRow).items() if _concerns(user, about))
        return replace(seen, records={matching.KIND: users})

    def match(self, context: PlanContext, wanted: Records, found: Found) -> Pair:  # noqa: ARG002  # see wanted rows
        return matching.match(wanted, found)

    def side_effects(
        self, context: PlanContext, owner: Owner, changes: Sequence[Change], pair: Pair, events: CredentialEvents
    ) -> SideEffects:
        attaches = self._attach_to is not None
        return SideEffects(
            list(side_effects.side_effects(self.name, context, owner, changes, pair, events, attaches=attaches))
        )

    def stage(self, change: Change) -> Stage:
        return Stage.ATTACH if change.kind == side_effects.ATTACHMENT else Stage.GROUPWARE

    def review(self, context: PlanContext, pair: Pair, details: object) -> Sequence[Finding]:
        assert isinstance(details, Details)
        findings = list(review.review(context, pair.found, details.disabled, self._policy))
        if not details.whole:
            findings.append(review.single_users())
        if details.admin is not None:
            unique = self._section.unique_display_names
            findings += review.taken_by_admin(context.desired, pair.found, details.admin, unique_names=unique)
        if self._attach_to is None:
            findings += review.attach_by_hand(context, pair.found)
        if not self._subscriptions.reachable:
            findings += review.reset_without_database(context.desired, self._policy)
        return findings

    async def check(self, kinds: Collection[str] = ()) -> None:  # noqa: ARG002  # one login may all
        await self._ox.check()

    async def perform(self, context: PlanContext, batch: Sequence[Step]) -> list[Outcome]:  # noqa: ARG002  # see rows
        """Users first, several at once, with a look afterwards; then the rest. Raises Unreadable when nothing was
        begun."""
        apart = (side_effects.ATTACHMENT, side_effects.SUBSCRIPTIONS)
        users = [step for step in batch if step.change.kind not in apart]
        outcomes: dict[str, Outcome] = {}
        if users:
            done = await perform.perform(self._ox, self._section, self._passwords, users)
            outcomes = dict(zip((step.id for step in users), done, strict=True))
        for kind in apart:
            steps = [step for step in batch if step.change.kind == kind]
            if steps:
                done = await self._apart(kind, steps, begun=bool(users))
                outcomes |= zip((step.id for step in steps), done, strict=True)
        return [outcomes[step.id] for step in batch]

    async def _apart(self, kind: str, steps: Sequence[Step], *, begun: bool) -> list[Outcome]:
        try:
            if kind == side_effects.SUBSCRIPTIONS:
                return await self._subscriptions.perform(self._ox, steps)
            return await attach.perform(self._ox, self._attach_to, self._passwords, steps)
        except Unreadable as error:
            if not begun:
                raise
            # the users of this batch are written already: they must not be taken for failed
            return [Outcome.of(error)] * len(steps)

    async def is_applied(self, batch: Sequence[Step]) -> list[bool]:
        return await perform.is_applied(self._ox, batch)

    async def close(self) -> None:
        await self._ox.close()


def _concerns(user: OxUserRow, about: Concern) -> bool:
    """Whether it has one of the addresses, logins or names; with a number behind the login it takes one that a hint
    would propose."""
    names = {name.casefold() for person in about.people for name in person.names}
    return (
        user.login.rstrip("0123456789") in about.logins
        or user.login in about.logins
        or any(map(about.covers, addresses_of(user)))
        or user.display_name.casefold() in names
    )


class _Seen:
    """What a list of users shows, beside what is wanted."""

    def __init__(self, admin: str, wanted: Mapping[str, Row]) -> None:
        self._admin = admin
        self._wanted = wanted
        self._table, self._alike, self._disabled = dict[str, Row](), dict[str, str](), set[str]()
        self._admin_row: OxUserRow | None = None

    def add(self, user: Listed) -> None:
        if user.login == self._admin:
            self._admin_row = user.row
        elif not user.enabled:
            self._table[user.row.key] = user.row
            self._disabled.add(user.id)
        elif (address := matching.account_of(user, self._wanted)) is not None and address not in self._alike:
            self._alike[address] = user.id
        else:
            self._table[user.row.key] = user.row

    def observation(self) -> Observation:
        table = matching.beside(self._wanted, self._alike, self._table)
        return Observation({matching.KIND: table}, Details(frozenset(self._disabled), self._admin_row))


def _observation(admin: str, wanted: Mapping[str, Row], users: Iterable[Listed]) -> Observation:
    seen = _Seen(admin, wanted)
    for user in users:
        seen.add(user)
    return seen.observation()
