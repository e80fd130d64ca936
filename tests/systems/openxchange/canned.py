"""A host with a few OX users in memory, for what the stand-in cannot be made to do: strange answers, exact calls.

It knows no rule of OX. The tests in `test_standin.py` and `test_contract.py` use the stand-in, which knows them all.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.model.records import Owner, OxUserRow, PasswordRow, Scope
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Action, Change, Outcome, Stage, Step
from reconciler.remote.host import Completed, Host
from reconciler.settings import OpenXchange, Settings
from reconciler.systems.openxchange.system import OpenXchangeSystem
from reconciler.systems.openxchange.tool_answers import Words
from reconciler.systems.openxchange.tools import Tools
from tests.systems.plans import NO_PLAN, records_of

ANNA = "anna@pirat.example"
User = dict[str, str | None]

_NUMBERS = ("Id", "MaxQuota")
_ALL = (
    *("Id", "Name", "Display_name", "Given_name", "Sur_name", "PrimaryEmail", "Email1", "Aliases"),
    *("DefaultSenderAddress", "ImapLogin", "Mailenabled", "Password", "MaxQuota", "Note"),
)
ADMIN: User = {
    "Id": "2",
    "Name": "oxadmin",
    "Display_name": "Context Admin",
    "PrimaryEmail": "oxadmin@pirat.example",
}


def user(number: int, login: str, address: str, **columns: str | None) -> User:
    """A user as OX stores one that is in order."""
    return {
        "Id": str(number),
        "Name": login,
        "Display_name": f"Name {number}",
        "Given_name": "Given",
        "Sur_name": "Sur",
        "PrimaryEmail": address,
        "Email1": address,
        "Aliases": address,
        "DefaultSenderAddress": address,
        "ImapLogin": address,
        "Mailenabled": "true",
        "Password": "{CRYPT}$2a$secret-hash",
        **columns,
    }


def csv_of(users: Sequence[User], columns: Sequence[str] | None = None) -> bytes:
    """The answer of listuser as Java writes it: nothing for null, all else quoted, columns in no order (facts 2.3)."""
    names = columns or random.sample(_ALL, len(_ALL))
    lines = [",".join(names)]
    lines += [",".join(_cell(name, one.get(name)) for name in names) for one in users]
    return "".join(f"{line}\n" for line in lines).encode()


def _cell(name: str, value: str | None) -> str:
    if value is None:
        return '"null"' if name in _NUMBERS else ""
    return '"' + value.replace('"', '""') + '"'


class Call(NamedTuple):
    """One call of a tool."""

    tool: str
    options: dict[str, str]
    argv: Sequence[str]
    env: Mapping[str, str]
    secrets: Mapping[str, SecretStr]
    repeatable: bool


class Fault(NamedTuple):
    """What the next call of a tool answers instead, with or without having taken effect."""

    answer: Completed | Unreadable
    effect: bool = False


@dataclass
class CannedHost(Host):
    """Implements `remote.host.Host`."""

    users: list[User] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    on_call: Callable[[Call], Awaitable[Completed | None]] | None = None
    """Asked at every call, before it takes effect; what it returns is the answer."""
    name: str = "mail.example"

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
        """Answers as the tool would, unless a fault is laid."""
        tool = argv[0].rpartition("/")[2]
        options = {name[2:]: value for name, _, value in (argument.partition("=") for argument in argv[1:])}
        call = Call(tool, options, argv, env or {}, secrets or {}, repeatable)
        self.calls.append(call)
        if self.on_call is not None and (said := await self.on_call(call)) is not None:
            return said
        fault = self.faults[tool].pop(0) if self.faults.get(tool) else None
        if fault is not None and not fault.effect:
            return self._fault(fault)
        answer = self._answer(tool, options)
        return answer if fault is None else self._fault(fault)

    def _fault(self, fault: Fault) -> Completed:
        if isinstance(fault.answer, Unreadable):
            raise fault.answer
        return fault.answer

    def _answer(self, tool: str, options: dict[str, str]) -> Completed:
        if "help" in options:
            return Completed(0, b"usage\n", b"")
        if tool == "listuser":
            pattern = options.get("searchpattern")
            shown = [u for u in (ADMIN, *self.users) if pattern in (None, u["Name"], u["Display_name"])]
            return Completed(0, csv_of(shown), b"")
        if tool == "createuser":
            number = max((int(u["Id"] or 0) for u in self.users), default=2) + 1
            self.users.append(_changed({"Id": str(number), "Mailenabled": "true"}, options))
            return Completed(0, f"user {number} in context 1 created\n".encode(), b"")
        (found,) = (u for u in self.users if u["Id"] == options["userid"])
        _changed(found, options)
        return Completed(0, f"user {options['userid']} in context 1 changed\n".encode(), b"")

    async def read(self, path: str) -> bytes | None:
        """No tool of OX reads a file."""
        raise AssertionError(path)

    async def replace(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """No tool of OX writes a file."""
        raise AssertionError(path)

    async def close(self) -> None:
        """Nothing to close."""

    def of(self, tool: str) -> list[Call]:
        """The calls of one tool, in order."""
        return [call for call in self.calls if call.tool == tool]


_COLUMN = {
    "username": "Name",
    "displayname": "Display_name",
    "givenname": "Given_name",
    "surname": "Sur_name",
    "aliases": "Aliases",
    "defaultsenderaddress": "DefaultSenderAddress",
    "imaplogin": "ImapLogin",
}


def _changed(found: User, options: Mapping[str, str]) -> User:
    found.update({column: options[name] for name, column in _COLUMN.items() if name in options})
    if "email" in options:
        found.update(PrimaryEmail=options["email"], Email1=options["email"])
    return found


def system_on(host: CannedHost, *, parallel: int = 4) -> OpenXchangeSystem:
    """The system under test, on this host."""
    section = OpenXchange(host="mail.example", admin_password_env="RECONCILER_OX_PASSWORD", parallel=parallel)
    target = "context 1 on mail.example"
    words = Words("oxadmin", target, "the variable RECONCILER_OX_PASSWORD", section.sbin)
    tools = Tools(host, section, section.sbin, SecretStr("admin-secret"), words)
    settings = Settings(site="nrw", openxchange=section, folder=Path("/"))
    return OpenXchangeSystem(settings, section, tools, Passwords())


def wanted(login: str, address: str, **fields: str) -> OxUserRow:
    """A declared user: the names of `user`, unless given."""
    names = {"display_name": "Anna Beispiel", "given_name": "Anna", "surname": "Beispiel", **fields}
    return OxUserRow(
        key=address,
        account=address,
        login=login,
        display_name=names["display_name"],
        given_name=names["given_name"],
        surname=names["surname"],
        primary=address,
        email1=address,
        default_sender=address,
        imap_login=address,
        aliases=(address,),
    )


def creation(row: OxUserRow) -> Step:
    """The step that creates it."""
    return Step(Change("openxchange", "ox_user", Action.CREATE, row.key, None, row, row.owner), Stage.GROUPWARE)


def update(before: OxUserRow, row: OxUserRow) -> Step:
    """The step from what was found to what is wanted."""
    before = before._replace(key=row.key)
    change = Change("openxchange", "ox_user", Action.UPDATE, row.key, before, row.merged_with(before), row.owner)
    return Step(change, Stage.GROUPWARE)


def new_password(address: str, target: str) -> Step:
    """The step that sets the account's password."""
    row = PasswordRow(address, address, target)
    owner = Owner(Scope.ACCOUNT, address)
    return Step(Change("openxchange", "password", Action.UPDATE, address, row, row, owner), Stage.GROUPWARE)


async def found(system: OpenXchangeSystem) -> dict[str, OxUserRow]:
    """What is observed, by id."""
    rows = (await records_of(system))["ox_user"].values()
    return {row.id: row for row in rows if isinstance(row, OxUserRow)}


async def one(system: OpenXchangeSystem, step: Step) -> Outcome:
    """Performs a batch of one."""
    (outcome,) = await system.perform(NO_PLAN, [step])
    return outcome


def refusal(text: str, status: int = 103) -> Completed:
    """The answer of a tool that the server refused."""
    return Completed(status, b"", f"user in context 1 could not be changed: Server response: {text}".encode())
