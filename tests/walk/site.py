"""What git says during a walk, and who the people are."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from tests.proof.world import DOMAIN


class Person(NamedTuple):
    """Somebody in the member register."""

    member: str
    given: str
    surname: str

    @property
    def register_email(self) -> str:
        """Where their letters go."""
        return f"{self.given.lower()}@gmx.example"


PEOPLE = (
    Person("10042", "Anna", "Beispiel"),
    Person("10077", "Bernd", "Muster"),
    Person("10103", "Clara", "Probe"),
    Person("10118", "Dora", "Wirt"),
)
REGISTER = "member,status,email,given_name,surname\n" + "".join(
    f"{p.member},active,{p.register_email},{p.given},{p.surname}\n" for p in PEOPLE
)
LOCALS = ("anna.a", "anna.b", "bernd.a", "bernd.b", "clara.a", "vorstand", "info", "technik")
"""Every address that a walk is about; who gets which is the walk's affair."""
OUTSIDE = "wirt@extern.example"
RETENTION = 90


def full(name: str) -> str:
    """A name or number of this site as an address; whole addresses stay."""
    return name if "@" in name else f"{name}@{DOMAIN}"


@dataclass(frozen=True)
class Entry:
    """One entry of `mailboxes`; without a person it is a role."""

    person: Person | None
    groupware: bool = True
    active: bool = True
    quota: int | None = None
    display: str | None = None
    reset: date | None = None

    @property
    def name(self) -> str:
        """What it is called where everybody sees it."""
        return self.display or (f"{self.person.given} {self.person.surname}" if self.person else "AG Technik")

    @property
    def names(self) -> tuple[str, str]:
        """Given name and surname in OX."""
        return (self.person.given, self.person.surname) if self.person else ("AG", "Technik")

    @property
    def named(self) -> bool:
        """Whether the entry says what the mailbox is called; else its name is its user's."""
        return bool(self.display or self.person or self.groupware)

    def written(self) -> dict[str, Any]:
        """As YAML has it."""
        entry: dict[str, Any] = {"groupware": self.groupware, "active": self.active}
        if self.person:
            entry |= {"given_name": self.person.given, "surname": self.person.surname, "member": self.person.member}
        elif self.groupware:
            entry |= {"given_name": "AG", "surname": "Technik"}
        if self.quota is not None:
            entry["quota"] = f"{self.quota} MB"
        if self.display is not None:
            entry["name"] = self.display
        if self.reset is not None:
            entry["password_reset"] = str(self.reset)
        return entry


@dataclass(frozen=True)
class State:
    """All that git declares; a merge request makes another one."""

    boxes: dict[str, Entry] = field(default_factory=dict)
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    renames: tuple[dict[str, Any], ...] = ()
    removals: tuple[dict[str, Any], ...] = ()
    blocks: frozenset[str] = frozenset()
    confirm: tuple[dict[str, Any], ...] = ()

    def written(self) -> dict[str, Any]:
        """As `World.declare` takes it."""
        return {
            "mailboxes": {local: entry.written() for local, entry in self.boxes.items()},
            "aliases": {local: list(targets) for local, targets in self.aliases.items()},
            "renames": list(self.renames),
            "removals": list(self.removals),
            "sender_blocks": [{"domain": key, "reason": "spam"} for key in sorted(self.blocks)],
            "confirm": list(self.confirm),
        }

    @property
    def text(self) -> str:
        """For messages."""
        return json.dumps({k: v for k, v in self.written().items() if v}, default=str)

    # merge requests

    def with_box(self, local: str, entry: Entry) -> State:
        """A mailbox declared, or its entry changed."""
        return replace(self, boxes={**self.boxes, local: entry}, aliases=_without(self.aliases, local))

    def without_box(self, local: str) -> State:
        """Its entry taken out; nobody names it as a target any more."""
        return replace(self._without_target(local), boxes=_without(self.boxes, local))

    def with_alias(self, local: str, *targets: str) -> State:
        """An alias declared or changed."""
        return replace(self, aliases={**self.aliases, local: targets}, boxes=_without(self.boxes, local))

    def without_alias(self, local: str) -> State:
        """Its entry taken out."""
        return replace(self._without_target(local), aliases=_without(self.aliases, local))

    def renamed(self, old: str, new: str, today: date, kind: str) -> State:
        """The entry under its new name, as docs/rename.md says; aliases follow."""
        entry = {"from": old, "to": new, "date": str(today), "old_mailbox": kind}
        boxes = {**_without(self.boxes, old), new: self.boxes[old]}
        aliases = {a: tuple(dict.fromkeys(new if t == old else t for t in ts)) for a, ts in self.aliases.items()}
        return replace(self, boxes=boxes, aliases=_without(aliases, new), renames=(*self.renames, entry))

    def removed(self, local: str, today: date, account: str) -> State:
        """A mailbox that goes, as docs/removals.md says."""
        entry = {"mailbox": local, "date": str(today), "reason": "left", "groupware_account": account}
        return replace(self.without_box(local), removals=(*self.removals, entry))

    def former(self, local: str) -> tuple[str, ...]:
        """The addresses that the mailbox had before, by the renames that stand."""
        found: list[str] = []
        ahead = [local]
        while ahead:
            at = ahead.pop()
            for rename in self.renames:
                if rename["to"] == at and rename["from"] not in (local, *found):
                    found.append(rename["from"])
                    ahead.append(rename["from"])
        return tuple(found)

    def _without_target(self, local: str) -> State:
        kept = {name: tuple(t for t in targets if t != local) for name, targets in self.aliases.items()}
        return replace(self, aliases={name: targets for name, targets in kept.items() if targets})


def _without(table: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != key}


def past_retention(today: date) -> date:
    """A day on which whatever was removed today is purged."""
    return today + timedelta(days=RETENTION + 1)
