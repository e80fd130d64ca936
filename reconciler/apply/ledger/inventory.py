"""What we manage, with the value last applied. Called by `Ledger` and, for steps that are done, by `run_statements`.

There may be a million entries: rows are written in lists, and read as a stream.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.dialects import mysql, sqlite

from reconciler.apply.ledger.connect import SiteTables, chunks
from reconciler.apply.ledger.inventory_keys import (
    STREAM,
    Condition,
    Kind,
    is_kind,
    keys_of,
    kinds_of,
    lines_of,
    texts_of,
)
from reconciler.apply.ledger.lock import OpenRun
from reconciler.model.addresses import domain_of
from reconciler.model.derived_rows import AllKeys
from reconciler.model.records import Owner, Records, Scope
from reconciler.planning.changes import RowId
from reconciler.planning.concern import Concern
from reconciler.planning.direction import Applied
from reconciler.planning.forgotten_people import PeopleNoted, is_hidden, is_same
from reconciler.planning.ledger_state import LEDGER, PERSON, InventoryEntry

CHUNK = 1000
"""Entries in one statement."""
_DIGITS = tuple("0123456789")
"""A member alias begins with one."""
_FIRST = frozenset({"site", "system", "kind", "key", "since", "since_commit"})
"""Columns that keep what the first application wrote."""


def record(db: SiteTables, run: OpenRun, entries: Iterable[InventoryEntry]) -> None:
    """Entries as they are now; those that were there keep the time since when they are ours."""
    statement, now = _upsert(db), db.clock()
    for chunk in chunks(entries, CHUNK):
        db.execute(statement, [_row(db.site, entry, run, now) for entry in chunk])


def forget(db: SiteTables, keys: Iterable[RowId]) -> None:
    """These are not ours any more. Keys that are not there are no error."""
    c = db.tables.inventory.c
    by_kind: dict[tuple[str, str], list[str]] = {}
    for system, kind, key in keys:
        by_kind.setdefault((system, kind), []).append(key)
    for (system, kind), theirs in by_kind.items():
        for chunk in chunks(theirs, CHUNK):
            where = (c.site == db.site, c.system == system, c.kind == kind, c.key.in_(chunk))
            db.execute(delete(db.tables.inventory).where(*where))


def divided(
    db: SiteTables, wanted: Mapping[str, Records]
) -> tuple[dict[RowId, InventoryEntry], Mapping[tuple[str, str], Set[str]]]:
    """Entries that nobody wants any more, and the bare keys of those that are wanted (nearly all), by system and
    kind."""
    c = db.tables.inventory.c
    known: dict[tuple[str, str], Set[str]] = {}
    unwanted: dict[tuple[str, str], list[str]] = {}
    for (system, kind), there in keys_of(db, _of_systems(db), wanted):
        table = wanted.get(system, {}).get(kind, {})
        others = sorted(key for key in there if key not in table)
        if table:  # usually all of it is known: then nothing is copied
            all_known = len(there) - len(others) == len(table)
            known[system, kind] = AllKeys(table) if all_known else {key for key in there if key in table}
        unwanted[system, kind] = others
    entries: dict[RowId, InventoryEntry] = {}
    for (system, kind), keys in unwanted.items():
        for chunk in chunks(keys, CHUNK):
            some = _read(db, c.system == system, c.kind == kind, c.key.in_(chunk))
            entries.update((entry.id, entry) for entry in some)
    return entries, known


class PartOfInventory(NamedTuple):
    """What is ours of a part of the site, with the keys of all mailboxes."""

    entries: Mapping[RowId, InventoryEntry]
    boxes: frozenset[str]

    def divided(
        self, wanted: Mapping[str, Records]
    ) -> tuple[dict[RowId, InventoryEntry], Mapping[tuple[str, str], Set[str]]]:
        """See `divided`."""
        known, unwanted = dict[tuple[str, str], set[str]](), dict[RowId, InventoryEntry]()
        for entry in self.entries.values():
            if entry.key in wanted.get(entry.system, {}).get(entry.kind, {}):
                known.setdefault((entry.system, entry.kind), set()).add(entry.key)
            else:
                unwanted[entry.id] = entry
        return unwanted, known

    @property
    def former(self) -> dict[str, str]:
        """See `former`."""
        return {
            key: owner.subject
            for (_, kind, key), (_, _, _, owner, *_) in self.entries.items()
            if kind in ("mailbox", "alias") and owner.scope is Scope.ACCOUNT and key != owner.subject
            if key[:1] not in _DIGITS
        }

    @property
    def declared_aliases(self) -> frozenset[str]:
        """See `declared_aliases`."""
        return frozenset(
            entry.key for entry in self.entries.values() if entry.kind == "alias" and entry.owner.scope is Scope.ALIAS
        )


def part_of(db: SiteTables, about: Concern) -> PartOfInventory:
    """What there is of a part. A statement for every thousand of its addresses."""
    c, kinds = db.tables.inventory.c, _of_systems(db)
    boxes = keys_of(db, [each for each in kinds if each[1] == "mailbox"])
    found = (entry for where in _about(c, about, kinds) for entry in _read(db, c.system != LEDGER, where))
    return PartOfInventory({entry.id: entry for entry in found}, frozenset(key for _, keys in boxes for key in keys))


def _of_systems(db: SiteTables) -> list[Kind]:
    """Kinds of what systems hold; for the others see `people`."""
    return [kind for kind in kinds_of(db) if kind[0] != LEDGER]


def mailboxes(db: SiteTables, addresses: Collection[str]) -> dict[RowId, InventoryEntry]:
    """The entries of mailboxes at these addresses. One statement for a thousand of them, and a few."""
    c = db.tables.inventory.c
    systems = [system for system, kind in kinds_of(db) if kind == "mailbox"]
    found = (
        _read(db, c.system.in_(systems), c.kind == "mailbox", c.key.in_(chunk))
        for chunk in chunks(sorted(addresses), CHUNK)
    )
    return {entry.id: entry for some in found for entry in some}


def _about(c: Any, about: Concern, kinds: Sequence[tuple[str, str]]) -> Iterator[ColumnElement[bool]]:
    """Conditions that find what is kept of the part in these kinds (system and kind), by its key or by whose it is;
    member numbers in every domain. A key is found by the primary key, which begins with the kind."""
    single = sorted(name for name in about.addresses if domain_of(name) not in about.domains)
    for some in chunks(single, CHUNK) if kinds else ():
        yield or_(*(and_(*is_kind(c, each), c.key.in_(some)) for each in kinds))
        yield c.subject.in_(some)
    for domain in sorted(about.domains):
        yield or_(*(column.endswith(f"@{domain}", autoescape=True) for column in (c.key, c.subject)))
    numbers = sorted({person.number for person in about.people if person.number is not None})
    aliases = [each for each in kinds if each[1] == "alias"]
    for some in chunks(numbers, 50) if aliases else ():
        yield or_(*(and_(*is_kind(c, each), c.key.startswith(f"{number}@")) for each in aliases for number in some))


def applied(db: SiteTables, rows: Collection[RowId]) -> dict[RowId, Applied]:
    """What was last applied of these records, and when that run began. One statement for a thousand of a kind, one for
    the runs."""
    c, runs = db.tables.inventory.c, db.tables.runs.c
    by_kind: dict[tuple[str, str], list[str]] = {}
    for system, kind, key in sorted(rows):
        by_kind.setdefault((system, kind), []).append(key)
    found = [
        entry
        for (system, kind), keys in by_kind.items()
        for chunk in chunks(keys, CHUNK)
        for entry in _read(db, c.system == system, c.kind == kind, c.key.in_(chunk))
    ]
    numbers = sorted({entry.run for entry in found})
    begun = {
        run: started
        for chunk in chunks(numbers, CHUNK)
        for run, started in db.execute(select(runs.id, runs.started).where(runs.site == db.site, runs.id.in_(chunk)))
    }
    return {entry.id: Applied(entry, begun.get(entry.run)) for entry in found}


def people(
    db: SiteTables, numbers: Mapping[str, str], about: Concern | None = None
) -> tuple[Mapping[str, str], frozenset[str]]:
    """What is noted of persons by address, where it is not what `numbers` declares; and the addresses where it is. Read
    as texts, like keys. With `about` only what may be noted of that part: of OX users all, and what is hidden."""
    c, kind = db.tables.inventory.c, (LEDGER, PERSON)
    wheres = [(c.site == db.site, *is_kind(c, kind))]
    if about is not None:
        always = or_(c.key.startswith("#"), c.key.startswith("openxchange/"))
        wheres = [(*wheres[0], some) for some in (always, *_about(c, about, [kind]))]
    same, others, hidden = set[str](), dict[str, str](), dict[str, str]()
    for address, member in _persons(db, wheres, numbers if about is None else ()):
        if numbers.get(address) == member:
            same.add(sys.intern(address))  # the declared string itself, nearly always: it is in memory anyway
        elif address.startswith("#") and is_hidden(address):
            hidden[address] = member
        else:
            others[address] = member
    if not hidden:
        return others, frozenset(same)
    people = PeopleNoted(others, hidden, frozenset(same))
    unnoted = (address for address in numbers if address not in same and address not in others)
    return people, frozenset(same).union(a for a in unnoted if is_same(people.get(a), numbers[a]))


def _persons(db: SiteTables, wheres: Sequence[Condition], nearly: Collection[str]) -> Iterator[tuple[str, str]]:
    """Address and member of the entries of persons; one may come twice."""
    c = db.tables.inventory.c
    for at, texts in texts_of(db, wheres, c.key.concat(" ").concat(c.value), [nearly] * len(wheres)):
        if texts is not None:
            for address, _, member in (line.partition(" ") for text in texts for line in lines_of(text)):
                yield address, member
        else:
            query = select(c.key, c.value).where(*wheres[at]).execution_options(yield_per=STREAM)
            yield from ((row.key, row.value) for row in db.execute(query))


def former(db: SiteTables) -> dict[str, str]:
    """Mailboxes and aliases of accounts under other addresses than the account's own: what renames left there. Member
    numbers begin with a digit."""
    c = db.tables.inventory.c
    query = select(c.key, c.subject).where(
        c.site == db.site,
        c.kind.in_(("mailbox", "alias")),
        c.scope == Scope.ACCOUNT,
        c.key != c.subject,
        func.substr(c.key, 1, 1).not_in(_DIGITS),
    )
    return {row.key: row.subject for row in db.execute(query)}


def declared_aliases(db: SiteTables, wanted: Mapping[str, Records], declared: Mapping[Any, object]) -> Set[str]:
    """Aliases that are ours by an entry of their own, and not as an account's: usually just those that are `declared`,
    and then nothing is copied."""
    kinds = [each for each in kinds_of(db) if each[1] == "alias"]
    found = [keys for _, keys in keys_of(db, kinds, wanted, db.tables.inventory.c.scope == Scope.ALIAS)]
    if sum(map(len, found)) == len(declared) and all(map(declared.__contains__, chain.from_iterable(found))):
        return AllKeys(declared)
    # the declared strings themselves, nearly always
    return frozenset(map(sys.intern, chain.from_iterable(found)))


def _read(db: SiteTables, *where: ColumnElement[bool]) -> Iterator[InventoryEntry]:
    c = db.tables.inventory.c
    columns = (c.system, c.kind, c.key, c.scope, c.subject, c.value, c.commit, c.run, c.since, c.since_commit)
    query = select(*columns).where(c.site == db.site, *where).execution_options(yield_per=STREAM)
    for system, kind, key, scope, subject, value, commit, run, since, since_commit in db.execute(query):
        # a few systems, kinds and commits, each a million times
        system, kind, commit, since_commit = map(sys.intern, (system, kind, commit, since_commit))
        owner = Owner(Scope(scope), subject)
        yield InventoryEntry(system, kind, key, owner, value, commit, run, since, since_commit)


def _row(site: str, entry: InventoryEntry, run: OpenRun, now: datetime) -> dict[str, Any]:
    key = {"site": site, "system": entry.system, "kind": entry.kind, "key": entry.key}
    owner = {"scope": entry.owner.scope, "subject": entry.owner.subject}
    source = {"run": run.id, "commit": run.commit, "since": now, "since_commit": run.commit}
    return {**key, **owner, "value": entry.value, **source}


def _upsert(db: SiteTables) -> Any:
    table, dialect = db.tables.inventory, db.connection.dialect.name
    renewed = [column.name for column in table.columns if column.name not in _FIRST]
    if dialect == "mysql":
        of_mysql = mysql.insert(table)
        return of_mysql.on_duplicate_key_update({name: of_mysql.inserted[name] for name in renewed})
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # as slow to import as all our modules; most sites do not need it

        insert: Any = postgresql.insert(table)
    else:
        insert = sqlite.insert(table)
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_={name: insert.excluded[name] for name in renewed}
    )
