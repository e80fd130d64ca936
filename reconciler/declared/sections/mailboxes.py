"""Mailboxes: people and roles. Among each other and under the policy: member numbers, naming, logins, dates."""

import re
import sys
from operator import attrgetter
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag

from reconciler.declared.fields.describe_input import Wrong, describe
from reconciler.declared.fields.field_types import MAX_NAME, Member, Name, OptionalDay, Quota, Text
from reconciler.declared.fields.state_file import StateFile
from reconciler.declared.problems import Problems, Spot
from reconciler.declared.section import Entry, Merged, Section, warn_of_far_date
from reconciler.model.addresses import CATCH_ALL, Address, local_part
from reconciler.model.declared import Mailbox
from reconciler.model.owners import Scope
from reconciler.model.source_places import Origin
from reconciler.settings import OpenXchange
from reconciler.translation import marked, tr

_LOGIN = re.compile(r"[$@%.+a-zA-Z0-9_-]+")  # CHECK_USER_UID_REGEXP as shipped


class Groupware(Entry):
    """The OX account of a mailbox."""

    username: Text = Field(
        description="OX login, where the one made from the address is taken or not allowed.",
        examples=["hans.sued"],
        json_schema_extra={"pattern": r"^[$@%.+a-zA-Z0-9_-]+$"},
    )


def _groupware_form(value: Any) -> str:
    return "switch" if isinstance(value, bool) else "mapping"


def _groupware(value: Any) -> Any:
    if isinstance(value, bool | dict):
        return value
    message = f"expected true, false or {{username: …}}, got {describe(value)}"
    raise Wrong(message, "write true or false; `no`, `yes` and `on` are texts in YAML 1.2")


_SwitchOrMapping = Annotated[
    Annotated[bool, Tag("switch")] | Annotated[Groupware, Tag("mapping")], Discriminator(_groupware_form)
]
GroupwareSwitch = Annotated[
    _SwitchOrMapping | None, BeforeValidator(_groupware, json_schema_input_type=bool | Groupware)
]


class MailboxEntry(Entry):
    """A mailbox: a person or a role. The key is its address. A field that is not written is not managed."""

    given_name: Name = Field(None, description="Given name. Required with groupware.", examples=["Anna"])
    surname: Name = Field(None, description="Surname. Required with groupware.", examples=["Beispiel"])
    name: Name = Field(
        None, description="Display name; given name and surname when left out.", examples=["Anna Beispiel"]
    )
    member: Member = Field(
        None,
        description="Member number: makes the alias NUMBER@, is checked against the register. 0… needs quotes.",
        examples=[10042, "00042"],
    )
    quota: Quota = Field(
        None,
        description="Whole megabytes as PostfixAdmin counts them, or unlimited.",
        examples=["10240 MB", "unlimited"],
    )
    active: bool = Field(True, description="false switches the mailbox and its own alias off.")
    groupware: GroupwareSwitch = Field(
        None,
        description="Whether it has an OX account (default where the site has OX). {username: …} sets the login.",
        examples=[False, {"username": "hans.sued"}],
    )
    password_reset: OptionalDay = Field(
        None, description="On this day, once: a new password goes to the register address.", examples=["2026-11-20"]
    )
    subscriptions_reset: OptionalDay = Field(
        None, description="On this day, once: the OX subscriptions are removed.", examples=["2026-11-20"]
    )


_EMPTY = MailboxEntry.model_construct()


def _convert(origin: Origin, entry: MailboxEntry | None, file: StateFile) -> Mailbox | None:
    entry = entry or _EMPTY
    address = file.own_usual(origin.key) or _address(origin, file)
    if address is None:
        return None
    name = entry.name
    if name is None and entry.given_name is not None and entry.surname is not None:
        name = sys.intern(f"{entry.given_name} {entry.surname}")
        if len(name) > MAX_NAME:
            message = f"given name and surname have {len(name)} characters together, {MAX_NAME} are allowed"
            file.problems.error("name", address, message, "write a shorter `name`", origin)
    return Mailbox(
        address,
        file.kept(origin, address),
        entry.given_name,
        entry.surname,
        name,
        entry.member,
        entry.quota,
        entry.active,
        _has_groupware(origin, address, entry, file),
        entry.groupware.username if isinstance(entry.groupware, Groupware) else None,
        entry.password_reset,
        entry.subscriptions_reset,
    )


def _address(origin: Origin, file: StateFile) -> Address | None:
    spot = Spot(origin, on_key=True)
    address = file.own(origin.key, spot)
    if address is None:
        return None
    local = local_part(address)
    if local == CATCH_ALL:
        file.say(address, "a catch-all cannot be a mailbox", "declare it in `aliases`", spot)
    elif local.isdigit():
        message = f"{address} has digits only: that is the alias of a member number"
        file.say(address, message, f"choose another name for the mailbox and write `member: {local}` in it", spot)
    elif "#" in local and file.vacation_domain:
        file.say(address, f"{address} looks like a vacation token", "leave the # out", spot)
    else:
        return address
    return None


def _has_groupware(origin: Origin, address: Address, entry: MailboxEntry, file: StateFile) -> bool:
    there = file.site.groupware
    wanted = there if entry.groupware is None else entry.groupware is not False
    if wanted and not there:
        message = f"{address} wants groupware, but the site has none"
        hint = "remove `groupware`, or add a section `openxchange` to the site file"
        file.problems.error("groupware", address, message, hint, Spot(origin, ("groupware",)))
    elif wanted:
        for field, value in (("given_name", entry.given_name), ("surname", entry.surname)):
            if value is None:
                message = f"`{field}` is missing: {address} has groupware"
                hint = f"add `{field}:`, or `groupware: false` for a mailbox without it"
                file.problems.error("groupware", address, message, hint, Spot(origin, on_key=True))
    return wanted


def _check(merged: Merged, problems: Problems) -> None:
    """A member has one account; a name outside the pattern is a warning here and a gate (`naming`) in the plan."""
    pattern = re.compile(merged.site.policy.local_part)
    for address, mailbox in merged.state.mailboxes.items():
        if not pattern.fullmatch(local_part(address)):
            message = tr(
                "{address} does not follow the naming pattern {pattern}", address=address, pattern=pattern.pattern
            )
            hint = tr("rename it before it is created; a mailbox that is live already is left alone")
            problems.warn("naming", address, message, hint, mailbox.origin)
        if mailbox.member is None and mailbox.password_reset is not None:
            message = tr("{address} has no `member`, so no letter can tell the new password", address=address)
            hint = tr("write their member number, or remove `password_reset` and set the password by hand")
            problems.warn("password-reset", address, message, hint, Spot(mailbox.origin, ("password_reset",)))
        first = merged.members[mailbox.member] if mailbox.member is not None else mailbox
        if first is not mailbox:
            message = f"member {mailbox.member} has two accounts, {first.address} and {address}"
            hint = "leave `member` in one of them; a second address of a person is an alias"
            spot = Spot(mailbox.origin, ("member",))
            problems.error("member", address, message, hint, spot, other=first.origin)
        resets = (
            (marked("the password reset"), mailbox.password_reset),
            (marked("the subscriptions reset"), mailbox.subscriptions_reset),
        )
        for what, day in resets:
            if day is not None:
                warn_of_far_date(address, what, day, mailbox.origin, merged, problems)


def _check_groupware(merged: Merged, problems: Problems) -> None:
    """What OX refuses by its own rules (facts/open-xchange.md 4): a login that is not allowed or taken, and a display
    name that is taken, where the server wants that."""
    if (openxchange := merged.site.openxchange) is None:
        return
    logins: dict[str, Mailbox] = {}
    names: dict[str, Mailbox] = {}
    for mailbox in (box for box in merged.state.mailboxes.values() if box.groupware):
        _check_login(mailbox, openxchange, logins, problems)
        if mailbox.name is None or not openxchange.unique_display_names:
            continue
        # whether the server tells capitals apart is its collation's business: do not count on it
        first = names.setdefault(mailbox.name.casefold(), mailbox)
        if first is not mailbox:
            both = f"{first.address} and {mailbox.address}"
            message = f"{both} have the same display name, {mailbox.name}: OX refuses that"
            hint = "write a different `name` in one, or `unique_display_names: false` where the server allows it"
            spot = Spot(mailbox.origin, ("name",))
            problems.error("display-name", mailbox.address, message, hint, spot, other=first.origin)


def _check_login(mailbox: Mailbox, openxchange: OpenXchange, logins: dict[str, Mailbox], problems: Problems) -> None:
    made = mailbox.address if openxchange.username == "address" else local_part(mailbox.address)
    login = mailbox.username or made
    if not _LOGIN.fullmatch(login):
        message = f"OX refuses the login {login!r} of {mailbox.address}: letters, digits and $@%.+_- are allowed"
        _say_login(mailbox, message, problems)
    elif login.lower() == openxchange.admin.lower():
        _say_login(mailbox, f"{mailbox.address} would have the login of the OX administrator, {login}", problems)
    # OX compares exactly, but a server may turn logins into lower case first
    first = logins.setdefault(login.lower(), mailbox)
    if first is not mailbox:
        message = f"{first.address} and {mailbox.address} want the same OX login, {login}"
        _say_login(mailbox, message, problems, other=first)


def _say_login(mailbox: Mailbox, message: str, problems: Problems, other: Mailbox | None = None) -> None:
    """The hint shows a login that is probably free: local part and first label of the domain."""
    local, _, domain = mailbox.address.rpartition("@")
    login = re.sub(r"[^a-z0-9._+-]", "", f"{local}.{domain.partition('.')[0]}")
    hint = f"write `groupware: {{username: {login}}}`" + (" in one of them" if other else "")
    spot = Spot(mailbox.origin, ("groupware", "username"), on_key=mailbox.username is None)
    problems.error("login", mailbox.address, message, hint, spot, other=other.origin if other else None)


SECTION = Section(
    "mailboxes",
    ("mailbox", "mailboxes"),
    dict[str, MailboxEntry | None],
    "Mailboxes by address or local part.",
    _convert,
    key=attrgetter("address"),
    scope=Scope.ACCOUNT,
    value=Mailbox,
    checks=(_check, _check_groupware),
)
