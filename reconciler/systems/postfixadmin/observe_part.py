"""What PostfixAdmin holds of a part of the site: the rows of some addresses, what leads to them and where they lead.

The number of statements grows with how many aliases stand behind each other, not with the site: the database searches
the targets of all aliases, and hands over those that lead here. Domains are few, and read whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, and_, case, cast, func, or_, select

from reconciler.model.addresses import CATCH_ALL, domain_of, local_part
from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, Row
from reconciler.planning.concern import MOST, Concern, Person
from reconciler.planning.ports import Observation
from reconciler.planning.snapshot import DomainNumbers, SiteNumbers
from reconciler.remote.table_json import rows_of, stream
from reconciler.systems.postfixadmin.observe import (
    Reading,
    Twice,
    details_of,
    in_parts,
    readings,
    stored_keys,
    table_of,
    vacations,
)
from reconciler.systems.postfixadmin.stored_values import Read, address_key, mark, odd_spellings, take_hidden
from reconciler.systems.postfixadmin.table_checks import check_tables
from reconciler.systems.postfixadmin.tables import PostfixAdminTables

_END = "\n"
"""Between the keys of one text; in no address (if it were, their number would say so)."""
_NOT_PLAIN = re.compile(r"[^a-z0-9.-]+|ss")
"""What collations, spaces, Unicode forms and case folding may write in another way."""


def observe_part(connection: Connection, tables: PostfixAdminTables, multiplier: int, about: Concern) -> Observation:
    """Reads these rows inside the caller's snapshot. Raises Unreadable when the tables are not what they should be."""
    check_tables(connection, tables)
    by_kind = readings(tables, multiplier)
    twice: list[Twice] = []

    def whole(kind: str) -> Read:
        return table_of(rows_of(connection, by_kind[kind].query), kind, by_kind[kind], twice)

    domains, linked = whole("domain"), whole("alias_domain")
    hidden = take_hidden(connection, tables, domains, linked)
    search = _Search(connection, tables, by_kind, linked.rows)
    narrow = search.run(about)
    found = {
        kind: table_of(search.found[kind].values(), kind, by_kind[kind], twice) if narrow else whole(kind)
        for kind in ("alias", "mailbox")
    }
    mark(connection, tables.mailbox.c.username, found["mailbox"])
    mark(connection, tables.alias.c.address, found["alias"])
    records = {kind: read.rows for kind, read in (*found.items(), ("domain", domains), ("alias_domain", linked))}
    keys = sorted(key for key in found["mailbox"].rows if about.covers(key) and key.isascii())
    records["vacation"] = vacations(search.rows_with("vacation", keys), by_kind)
    there = {domain_of(name) for name in about.addresses} | about.domains
    limited = {key for key, row in domains.rows.items() if isinstance(row, DomainRow) and row.has_limits}
    numbers = {domain: _numbers(connection, tables, domain, multiplier) for domain in sorted(there & limited)}
    site = SiteNumbers(_mailboxes(connection, tables), numbers)
    return Observation(records, details_of(connection, tables, twice, hidden), site)


class _Search:
    """Rows of `mailbox` and `alias` as they are stored, by their stored key."""

    def __init__(
        self,
        connection: Connection,
        tables: PostfixAdminTables,
        readings: Mapping[str, Reading],
        linked: Mapping[str, Row],
    ) -> None:
        self.found: dict[str, dict[str, Any]] = {"mailbox": {}, "alias": {}}
        self._connection = connection
        self._tables = tables
        self._readings = readings
        self._spellings = odd_spellings(connection, tables)
        self._leads: dict[str, str] = {}
        self._led: dict[str, list[str]] = {}
        for row in linked.values():
            if isinstance(row, AliasDomainRow):
                self._leads[row.key] = row.target
                self._led.setdefault(row.target, []).append(row.key)

    def run(self, about: Concern) -> bool:
        """Everything about these: their rows, who may be the same person, what leads to them over any number of
        aliases, and where all of those lead. False when that is too much to look for one by one."""
        domains = {*about.domains, *(d for domain in about.domains for d in self._led.get(domain, ()))}
        a, m = self._tables.alias.c, self._tables.mailbox.c
        for domain in sorted(domains):
            self._take("mailbox", func.lower(func.trim(m.username)).endswith(f"@{domain}", autoescape=True))
            self._take("alias", func.lower(func.trim(a.address)).endswith(f"@{domain}", autoescape=True))
        single = {name for name in about.addresses if domain_of(name) not in domains}
        self._take_keys(single)
        for some in in_parts(sorted({person.number for person in about.people if person.number}), 50):
            self._take("alias", or_(*(a.address.startswith(f"{number}@", autoescape=True) for number in some)))
        names = sorted(self._names(about.people))
        if len(names) > MOST:
            return False
        for name in names:
            self._take("mailbox", func.lower(m.name).like(_like(name), escape="\\"))
        leading = {*(single - about.targets), *(f"@{domain}" for domain in domains)}
        asked, led = set(single), set[str]()
        while True:
            todo = {form for target in self._targets() for form in self._forms(target)} - asked
            if not todo and not leading:
                return True
            if len(leading) + len(led) > 2 * MOST:
                return False
            self._take_keys(todo)
            asked |= todo
            led |= leading
            leading = {key for key in self._take_leading(leading) if domain_of(key) not in domains} - led

    def rows_with(self, kind: str, keys: Collection[str]) -> Iterator[Any]:
        """The rows of one kind with these stored keys."""
        query = self._readings[kind].query
        for part in in_parts(sorted(keys)):
            yield from self._connection.execute(query.where(query.selected_columns[0].in_(part)))

    def _names(self, people: Iterable[Person]) -> set[str]:
        """What those are called who have no mailbox so far, or whose number leads to somebody else."""
        boxes = set(map(address_key, self.found["mailbox"]))
        aliases = map(self._readings["alias"].normal, self.found["alias"].values())
        led = {(local_part(alias.key), target) for alias in aliases for target in alias.goto}
        elsewhere = {number for number, _ in led}
        return {
            name
            for person in people
            if person.address not in boxes
            or (person.number in elsewhere and (person.number, person.address) not in led)
            for name in person.names
        }

    def _take_keys(self, keys: Collection[str]) -> None:
        for kind, rows in self.found.items():
            pairs = [(kind, key) for key in keys]
            stored = stored_keys(kind, pairs, self._spellings, self._readings[kind].stored)
            rows.update((row[0], row) for row in self.rows_with(kind, stored))

    def _take_leading(self, keys: Set[str]) -> set[str]:
        """Those of the aliases that lead to these addresses; `@domain` is every address there."""
        taken, goto, normal = set[str](), func.lower(self._tables.alias.c.goto), self._readings["alias"].normal
        for some in in_parts(sorted({pair for key in keys for pair in self._led_by(key)}), MOST):
            by_domain: dict[str, list[str]] = {}
            for domain, local in some:
                by_domain.setdefault(domain, []).append(f"%{_escaped(local)}%@{_escaped(domain)}%")
            # what leads to the domain at all is found in one look at each alias, and all else in that
            where = (
                and_(
                    goto.like(f"%@{_escaped(domain)}%", escape="\\"),
                    or_(*(goto.like(p, escape="\\") for p in patterns)),
                )
                for domain, patterns in by_domain.items()
            )
            for row in self._connection.execute(self._readings["alias"].query.where(or_(*where))):
                alias = normal(row)
                # a pattern finds more: `%anna%@a.example%` somebody at another domain, too
                if any(not keys.isdisjoint(self._answering(target)) for target in alias.goto):
                    self.found["alias"][row[0]] = row
                    taken.add(alias.key)
        return taken

    def _take(self, kind: str, where: ColumnElement[bool]) -> None:
        """Takes the rows of which this is true."""
        self.found[kind].update(
            (row[0], row) for row in self._connection.execute(self._readings[kind].query.where(where))
        )

    def _led_by(self, key: str) -> Iterator[tuple[str, str]]:
        """What the targets have by which mail comes to an address, whatever extension is between: its domain or one
        that leads there, and its local part."""
        local, _, domain = key.rpartition("@")
        return ((each, local) for each in (domain, *self._led.get(domain, ())))

    def _answering(self, target: str) -> Iterator[str]:
        """What mail for a target may come to: addresses, and whole domains."""
        yield from self._forms(target)
        domain = domain_of(target)
        yield from (f"@{each}" for each in (domain, self._leads.get(domain, domain)))

    def _targets(self) -> Iterator[str]:
        normal = self._readings["alias"].normal
        for row in self.found["alias"].values():
            alias = normal(row)
            if isinstance(alias, AliasRow) and alias.goto != (alias.key,):
                yield from alias.goto
            yield alias.key  # that may be a mailbox

    def _forms(self, target: str) -> Iterator[str]:
        """The keys that may answer for a target: without what may be its extension, the catch-all, and those of the
        domain that its own leads to."""
        local, _, domain = target.rpartition("@")
        locals_ = [local, *(local[:at] for at, sign in enumerate(local) if at and not sign.isalnum()), CATCH_ALL]
        for each in (domain, *([self._leads[domain]] if domain in self._leads else ())):
            yield from (f"{name}@{each}" for name in locals_)


def _like(name: str) -> str:
    """A pattern for a name in whichever way it is written; more than that may match."""
    return f"%{_escaped(_NOT_PLAIN.sub('%', name.casefold())).strip('%')}%"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("_", "\\_")


def _mailboxes(connection: Connection, tables: PostfixAdminTables) -> frozenset[str]:
    """The keys of all mailboxes, which the database joins to one text; row by row where it cut that."""
    column = tables.mailbox.c.username
    joined = select(func.count(), func.aggregate_strings(column.concat(_END), ""))
    number, text = connection.execute(joined).one()
    keys = (text or "").split(_END)[:-1]
    if len(keys) != number:
        keys = [key for (key,) in stream(connection, select(column))]
    return frozenset(map(address_key, keys))


def _numbers(connection: Connection, tables: PostfixAdminTables, domain: str, multiplier: int) -> DomainNumbers:
    """What of a domain its limits count."""

    def inside(column: Column[Any]) -> ColumnElement[bool]:
        return func.lower(func.trim(column)).endswith(f"@{domain}", autoescape=True)

    m, half = tables.mailbox.c, multiplier // 2
    rounded = m.quota + half
    # as `stored_values.megabytes`
    megabytes = case((m.quota <= 0, 0), (rounded < multiplier, 1), else_=(rounded - rounded % multiplier) / multiplier)
    boxes = select(func.count(), cast(func.coalesce(func.sum(megabytes), 0), BigInteger)).where(inside(m.username))
    number, size = connection.execute(boxes).one()
    aliases = select(func.count()).select_from(tables.alias).where(inside(tables.alias.c.address))
    return DomainNumbers(number, connection.execute(aliases).scalar_one() - number, int(size))
