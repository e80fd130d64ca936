"""Who is in a site of a given size: its domains, mailboxes, aliases and blocked senders, file by file.

Everything follows from a number, so that a site looks the same in every run. `state` and `live` write it down.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

QUOTA, NEW_QUOTA = 10240, 20480
"""MB as PostfixAdmin counts them: what is declared and live, and what `state.write_changed` wants."""
ALIAS_DOMAIN = "alt.pirat.example"
"""Leads to the first of the domains."""
ONE = "konto.beispiel0@kreis1.pirat.alt"
"""A mailbox of every site."""
_PER_FILE = 460
"""Mailboxes in a state file, on the average: 217 files at 100,000."""
_NEWCOMERS = 2_000_000
_DOMAINS = ("pirat.alt", *(f"kreis{number}.pirat.alt" for number in range(1, 13)))
_GIVEN = ("Anna", "Jörg", "Zoë", "Bernd", "Käthe", "Klaus", "Inés", "Hans", "Ömer", "Lena", "Søren")


class Person(NamedTuple):
    """One account, a person's or, without `member`, a team's."""

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
    def member(self) -> str | None:
        return None if self.number % 20 == 7 else str(10_000 + self.number)

    @property
    def active(self) -> bool:
        return self.number % 50 != 13

    @property
    def quota(self) -> int | None:
        """Declared MB; None: not managed, so that anything may be live."""
        return None if self.number % 4 == 1 else QUOTA


class Alias(NamedTuple):
    """One declared alias: there are two for each mailbox."""

    address: str
    goto: tuple[str, ...]
    active: bool = True


class Part(NamedTuple):
    """What one state file declares: most of it in one domain."""

    domain: str
    people: list[Person]

    def aliases(self) -> Iterator[Alias]:
        """One to the mailbox alone, one to a few or, of every tenth, to many."""
        for index, person in enumerate(self.people):
            yield Alias(f"k.beispiel{person.number}@{person.domain}", (person.address,))
            near = self.people[max(0, index - 1) : index]
            if person.number % 10 == 3:
                near = [*self.people[max(0, index - 10) : index], self.people[-1]]
            goto = (person.address, *(other.address for other in near), "klaus@extern.example")
            address = f"kreis{person.number}@{person.domain}"
            yield Alias(address, tuple(dict.fromkeys(goto)), active=person.number % 100 != 30)


def parts(size: int) -> list[Part]:
    """The state files. They differ in size: the biggest has eight times as many people as the smallest."""
    weights = [1 + file * file * 7 % 9 for file in range(max(3, size // _PER_FILE))]
    found, done = [], 0
    for file in range(len(weights)):
        start, end = (size * sum_ // sum(weights) for sum_ in (done, done + weights[file]))
        done += weights[file]
        if start < end:
            found.append(Part(_domain(file), [_person(number, file) for number in range(start, end)]))
    return found


def newcomers(count: int) -> Part:
    """People whom no site has yet: all of them members with all systems."""
    numbers = range(_NEWCOMERS, _NEWCOMERS + 20 * count, 20)
    return Part(_DOMAINS[0], [_person(number, 1, _DOMAINS[0]) for number in numbers])


def unmanaged(size: int) -> list[Person]:
    """People who are live and whom nobody declares: one for every two hundred."""
    count = max(1, size // 200)
    return [Person(n, f"alt.konto{n}", _domain(n), "Alt", f"Konto {n}") for n in range(count)]


def domains() -> tuple[str, ...]:
    """All mail domains of the site."""
    return _DOMAINS


def changed(size: int) -> int:
    """How many mailboxes are 1 % of the site: those with the smallest numbers."""
    return max(1, size // 100)


def blocked(size: int) -> list[str]:
    """Blocked senders and, every third, domains: one for every hundred mailboxes."""
    return [f"{'' if n % 3 == 2 else 'spam@'}werbung{n}.example" for n in range(max(1, size // 100))]


def _domain(file: int) -> str:
    return _DOMAINS[file % len(_DOMAINS)]


def _person(number: int, file: int, domain: str = "") -> Person:
    # in every third file some people have their address in another domain than the file
    elsewhere = file % 3 == 0 and number % 11 == 0
    domain = domain or _domain(file + elsewhere)
    return Person(number, f"konto.beispiel{number}", domain, _GIVEN[number % len(_GIVEN)], f"Beispiel {number}")
