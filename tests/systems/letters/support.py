"""A site with a register and letters, and a mailer that keeps what it was given."""

from __future__ import annotations

from datetime import date
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from reconciler.model.addresses import Address
from reconciler.model.declared import Alias, DesiredState, Mailbox, OldMailbox, Rename
from reconciler.model.records import MailboxRow, MemberRow, Owner, Records, Scope
from reconciler.model.secrets import Passwords
from reconciler.model.source_places import Origin
from reconciler.planning.changes import Action, Change
from reconciler.remote.hosts import SiteHosts
from reconciler.settings import Settings
from reconciler.systems.letters.system import LetterSystem, build
from reconciler.systems.system_context import SystemContext

ANNA = "anna.beispiel@pirat.alt"
ORIGIN = Origin("mailboxes.yaml", "mailboxes", "anna.beispiel")
LETTERS = {"smtp": {"host": "localhost", "port": 25}, "from": "AG Technik <technik@mail.example>"}
REGISTER = {"csv": "members.csv"}
HEADER = "member,status,email,given_name,surname\n"


class Outbox:
    """A Mailer that keeps the messages; `answers` says what the server says, accepted when it is over."""

    def __init__(self) -> None:
        self.sent: list[EmailMessage] = []
        self.answers: list[str | None] = []
        self.error: Exception | None = None
        self.checked = 0

    async def send(self, messages: list[EmailMessage]) -> list[str | None]:
        if self.error:
            raise self.error
        self.sent += messages
        return [self.answers.pop(0) if self.answers else None for _ in messages]

    async def close(self) -> None:
        """Nothing is held open."""

    async def check(self) -> None:
        self.checked += 1
        if self.error:
            raise self.error


def settings(folder: Path, **sections: object) -> Settings:
    """The settings of a site with these sections."""
    return Settings.model_validate({"site": "nrw", "folder": folder, **sections})


def system(
    folder: Path, outbox: Outbox | None = None, passwords: Passwords | None = None, **sections: object
) -> LetterSystem:
    """The system of a site with a register and letters, unless `sections` say otherwise."""
    site = settings(folder, **{"register": REGISTER, "letters": LETTERS, **sections})
    built = build(SystemContext(site, SiteHosts({}), outbox or Outbox(), passwords or Passwords()))
    assert isinstance(built, LetterSystem)
    return built


def mailbox(address: str = ANNA, member: str | None = "10042", **fields: Any) -> Mailbox:
    """A declared mailbox."""
    names = {"given_name": "Anna", "surname": "Beispiel", "name": "Anna Beispiel"}
    return Mailbox(Address(address), ORIGIN, member=member, **{**names, **fields})


TODAY = date(2026, 11, 24)
MUSTER = "anna.muster@pirat.alt"


def rename(
    old: str = MUSTER, new: str = ANNA, day: date = TODAY, old_mailbox: OldMailbox = OldMailbox.ATTACH
) -> Rename:
    """A declared rename."""
    return Rename(Address(old), Address(new), day, ORIGIN, old_mailbox=old_mailbox)


def desired(*boxes: Mailbox, aliases: tuple[Alias, ...] = (), renames: tuple[Rename, ...] = ()) -> DesiredState:
    """What git declares."""
    return DesiredState(TODAY, {b.address: b for b in boxes}, {a.address: a for a in aliases}, renames)


def alias(address: str, *goto: str, active: bool = True) -> Alias:
    """A declared alias."""
    return Alias(Address(address), tuple(Address(a) for a in goto), ORIGIN, active)


def register(email: str = "anna@gmx.example", *, active: bool = True, member: str = "10042") -> Records:
    """What `observe` found: one member."""
    return {"member": {member: MemberRow(member, active, email, "Anna", "Beispiel")}}


def new_mailbox(address: str = ANNA, kind: str = "mailbox", action: Action = Action.CREATE) -> Change:
    """A change of another system that needs a password."""
    owner = Owner(Scope.ACCOUNT, address)
    row = MailboxRow(address, address, "Anna Beispiel", 10240, True)
    before = None if action is Action.CREATE else row
    return Change("postfixadmin", kind, action, address, before, row, owner)
