"""The people of a site of a given size, and the state files and the member register that speak of them.

Everything follows from a number, so that a site looks the same in every run. Used by `site` and `live`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

FILES = 100
"""State files of a site; a merge request that touches one of them changes about 1 % of it."""
QUOTA, NEW_QUOTA = 10240, 20480
"""MB as PostfixAdmin counts them: what is live, and what the change of one file wants."""
NEW_FILE = "new.yaml"
_DOMAINS = ("pirat.alt", "nord.pirat.alt", "sued.pirat.alt", "ost.pirat.alt", "west.pirat.alt")
_GIVEN = ("Anna", "Jörg", "Zoë", "Bernd", "Käthe", "Klaus", "Inés", "Hans", "Ömer", "Lena", "Søren")
_MAILBOX = """\
  {local}:
    given_name: {given}
    surname: {surname}
    name: {name}
    member: {member}
    quota: {quota} MB
    active: true
"""


class Person(NamedTuple):
    """One account."""

    number: int
    local: str
    domain: str
    given: str
    surname: str

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def name(self) -> str:
        return f"{self.given} {self.surname}"

    @property
    def member(self) -> str:
        return str(10_000 + self.number)


class Team(NamedTuple):
    """One alias: there is one for every five mailboxes."""

    address: str
    goto: tuple[str, ...]


def parts(size: int) -> list[list[Person]]:
    """The people of each state file; a file has one domain."""
    files = min(FILES, size)
    return [
        [_person(number, _DOMAINS[file % len(_DOMAINS)]) for number in range(file, size, files)]
        for file in range(files)
    ]


def newcomers(size: int, count: int) -> list[Person]:
    """People whom a site of this size does not have yet."""
    return [_person(number, _DOMAINS[0]) for number in range(size, size + count)]


def domains() -> tuple[str, ...]:
    """All mail domains of the site."""
    return _DOMAINS


def teams(part: list[Person]) -> Iterator[Team]:
    """The aliases of one state file."""
    for person in part:
        if person.number % 5 == 0:
            goto = (person.address, part[0].address, "klaus@extern.example")
            yield Team(f"team{person.number}@{person.domain}", tuple(dict.fromkeys(goto)))


def blocked(size: int) -> list[str]:
    """Blocked senders: one for every hundred mailboxes."""
    return [f"spam{number}@werbung.example" for number in range(max(1, size // 100))]


def write_state(folder: Path, size: int) -> None:
    """The state files of the whole site."""
    folder.mkdir()
    for file, part in enumerate(parts(size)):
        write_part(folder, file, part, QUOTA)
    lines = (f"  - sender: {sender}\n    reason: sells addresses\n    added: 2026-11-22\n" for sender in blocked(size))
    (folder / "blocks.yaml").write_text(f"sender_blocks:\n{''.join(lines)}", encoding="utf-8")


def write_part(folder: Path, file: int, part: list[Person], quota: int) -> None:
    """One state file; with another quota it is the change of 1 %."""
    aliases = "".join(f"  {team.address}: [{', '.join(team.goto)}]\n" for team in teams(part))
    content = _mailboxes(part, quota) + (f"aliases:\n{aliases}" if aliases else "")
    (folder / f"{file:03}.yaml").write_text(content, encoding="utf-8")


def write_newcomers(folder: Path, people: list[Person]) -> None:
    """The state file with new accounts."""
    (folder / NEW_FILE).write_text(_mailboxes(people, QUOTA), encoding="utf-8")


def write_register(file: Path, people: Iterable[Person]) -> None:
    """The member register."""
    lines = (f"{p.member},active,member{p.number}@extern.example,{p.given},{p.surname}\n" for p in people)
    file.write_text(f"member,status,email,given_name,surname\n{''.join(lines)}", encoding="utf-8")


def _mailboxes(people: list[Person], quota: int) -> str:
    entries = (
        _MAILBOX.format(local=p.local, given=p.given, surname=p.surname, name=p.name, member=p.member, quota=quota)
        for p in people
    )
    return f"domain: {people[0].domain}\nmailboxes:\n{''.join(entries)}"


def _person(number: int, domain: str) -> Person:
    return Person(number, f"konto.beispiel{number}", domain, _GIVEN[number % len(_GIVEN)], f"Beispiel {number}")
