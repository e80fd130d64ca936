"""What we manage, with the value last applied. Called by `Ledger` and, for steps that are done, by `run_statements`.

There may be a million entries: rows are written in lists, and read as a stream.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, literal, or_, select, union_all
from sqlalchemy.dialects import mysql, sqlite

from reconciler.apply.ledger.connect import SiteTables, chunks
from reconciler.apply.ledger.lock import OpenRun
from reconciler.model.addresses import domain_of
from reconciler.model.records import Owner, Records, Scope
from reconciler.planning.changes import RowId
from reconciler.planning.concern import Concern
from reconciler.planning.direction import Applied
from reconciler.planning.forgotten_people import PeopleNoted, is_hidden, is_same
from reconciler.planning.ledger_state import LEDGER, PERSON, InventoryEntry

CHUNK = 1000
"""Entries in one statement."""
_STREAM = 10_000
"""Rows in memory at a time while they are read."""
_END = "\n"
"""Of a key among others; it is in none (if it were, the number of the keys would say so)."""
_PIECE = 2**20
"""Characters of a text that are split at a time."""
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
    for (system, kind), there in keys_by_kind(db):
        if system == LEDGER:
            continue  # see `people`
        table = wanted.get(system, {}).get(kind, {})
        others = sorted(key for key in there if key not in table)
        if table:  # usually all of it is known: then nothing is copied
            all_known = len(there) - len(others) == len(table)
            known[system, kind] = table.keys() if all_known else {key for key in there if key in table}
        unwanted[system, kind] = others
    entries: dict[RowId, InventoryEntry] = {}
    for (system, kind), keys in unwanted.items():
        for chunk in chunks(keys, CHUNK):
            some = _read(db, c.system == system, c.kind == kind, c.key.in_(chunk))
            entries.update((entry.id, entry) for entry in some)
    return entries, known


def divided_part(
    db: SiteTables, wanted: Mapping[str, Records], about: Concern
) -> tuple[dict[RowId, InventoryEntry], Mapping[tuple[str, str], Set[str]], frozenset[str]]:
    """The same about a part of the site; and the keys of all mailboxes."""
    c, known = db.tables.inventory.c, dict[tuple[str, str], set[str]]()
    kinds = _kinds(db)
    boxes = _keys_of(db, [each for each in kinds if each[1] == "mailbox"])
    all_boxes = frozenset(key for _, keys in boxes for key in keys)
    ours = [each for each in kinds if each[0] != LEDGER]
    found = [entry for where in _about(c, about, ours) for entry in _read(db, c.system != LEDGER, where)]
    entries: dict[RowId, InventoryEntry] = {}
    for entry in found:
        if entry.key in wanted.get(entry.system, {}).get(entry.kind, {}):
            known.setdefault((entry.system, entry.kind), set()).add(entry.key)
        else:
            entries[entry.id] = entry
    return entries, known, all_boxes


def mailboxes(db: SiteTables, addresses: Collection[str]) -> dict[RowId, InventoryEntry]:
    """The entries of mailboxes at these addresses. One statement for a thousand of them, and a few."""
    c = db.tables.inventory.c
    systems = [system for system, kind in _kinds(db) if kind == "mailbox"]
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
        yield or_(*(and_(*_is(c, each), c.key.in_(some)) for each in kinds))
        yield c.subject.in_(some)
    for domain in sorted(about.domains):
        yield or_(*(column.endswith(f"@{domain}", autoescape=True) for column in (c.key, c.subject)))
    numbers = sorted({person.number for person in about.people if person.number is not None})
    aliases = [each for each in kinds if each[1] == "alias"]
    for some in chunks(numbers, 50) if aliases else ():
        yield or_(*(and_(*_is(c, each), c.key.startswith(f"{number}@")) for each in aliases for number in some))


def _is(c: Any, kind: tuple[str, str]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return c.system == kind[0], c.kind == kind[1]


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
    as one text where it fits, like keys. With `about` only what may be noted of that part: of OX users all, and what is
    hidden."""
    c = db.tables.inventory.c
    where = [c.site == db.site, c.system == LEDGER, c.kind == PERSON]
    if about is not None:
        mine = _about(c, about, [(LEDGER, PERSON)])
        where.append(or_(c.key.startswith("#"), c.key.startswith("openxchange/"), *mine))
    joined = func.aggregate_strings(c.key.concat(" ").concat(c.value).concat(_END), "")
    number, text = db.execute(select(func.count(), joined).where(*where)).one()
    lines = (text or "").split(_END)[:-1]
    if len(lines) == number:
        noted = [line.split(" ", 1) for line in lines]
    else:
        rows = db.execute(select(c.key, c.value).where(*where).execution_options(yield_per=_STREAM))
        noted = [[key, value] for key, value in rows]
    hidden = {address: member for address, member in noted if address.startswith("#") and is_hidden(address)}
    others = {address: member for address, member in noted if numbers.get(address) != member and address not in hidden}
    there = {address for address, _ in noted}
    # the declared strings themselves: they are in memory anyway
    declared = frozenset(address for address in numbers if address in there and address not in others)
    if not hidden:
        return others, declared
    people = PeopleNoted(others, hidden, declared)
    again = (a for a, number in numbers.items() if a not in there and is_same(people.get(a), number))
    return people, declared.union(again)


def former(db: SiteTables) -> dict[str, str]:
    """Mailboxes and aliases of accounts under other addresses than the account's own: what renames left there. Member
    numbers begin with a digit."""
    c = db.tables.inventory.c
    query = select(c.key, c.subject).where(
        c.site == db.site,
        c.kind.in_(("mailbox", "alias")),
        c.scope == Scope.ACCOUNT,
        c.key != c.subject,
        func.substr(c.key, 1, 1).not_in(list("0123456789")),
    )
    return {row.key: row.subject for row in db.execute(query)}


def declared_aliases(db: SiteTables, about: Concern | None = None) -> frozenset[str]:
    """Aliases that are ours by an entry of their own, and not as an account's; with `about` those of that part."""
    c = db.tables.inventory.c
    kinds = [each for each in _kinds(db) if each[1] == "alias"]
    conditions = [()] if about is None else [(where,) for where in _about(c, about, kinds)]
    found = (keys for where in conditions for _, keys in _keys_of(db, kinds, c.scope == Scope.ALIAS, *where))
    # the declared strings themselves, nearly always
    return frozenset(sys.intern(key) for keys in found for key in keys)


class _Keys(Collection[str]):
    """The keys in a text, made while one goes over them, and not kept: there may be a million."""

    def __init__(self, text: str, number: int) -> None:
        self._text = text
        self._number = number

    def __iter__(self) -> Iterator[str]:
        start, text = 0, self._text
        while start < len(text):
            end = text.find(_END, start + _PIECE)
            end = end if end >= 0 else len(text) - 1
            yield from text[start:end].split(_END)
            start = end + 1

    def __len__(self) -> int:
        return self._number

    def __contains__(self, key: object) -> bool:
        return f"{_END}{key}{_END}" in _END + self._text


def keys_by_kind(db: SiteTables, *only: ColumnElement[bool]) -> Iterator[tuple[tuple[str, str], Collection[str]]]:
    """The keys of each (system, kind)."""
    return _keys_of(db, _kinds(db), *only)


def _keys_of(
    db: SiteTables, kinds: Sequence[tuple[str, str]], *only: ColumnElement[bool]
) -> Iterator[tuple[tuple[str, str], Collection[str]]]:
    """The keys of each of these kinds.

    The database joins those of a kind to one text, which reaches us twenty times as fast as rows do: a SELECT each, in
    one statement, since MariaDB sorts for a GROUP BY when `only` is about a kind. A kind whose text it cut
    (`max_allowed_packet`: beyond a quarter of a million mailboxes) is read row by row.
    """
    if not kinds:
        return
    c = db.tables.inventory.c
    joined = func.aggregate_strings(c.key.concat(_END), "")
    wheres = [(c.site == db.site, *_is(c, kind), *only) for kind in kinds]
    texts = (select(literal(at), func.count(), joined).where(*where) for at, where in enumerate(wheres))
    cut = []
    for at, number, text in db.execute(union_all(*texts).execution_options(yield_per=1)):
        if text is not None and text.count(_END) == number and text.endswith(_END):
            yield kinds[at], _Keys(text, number)
        elif number:
            cut.append(at)
    for at in cut:
        rows = select(c.key).where(*wheres[at]).execution_options(yield_per=_STREAM)
        yield kinds[at], frozenset(db.execute(rows).scalars())


def _kinds(db: SiteTables) -> list[tuple[str, str]]:
    """System and kind of what there is, by steps from one to the next: DISTINCT would read every entry."""
    c, found = db.tables.inventory.c, list[tuple[str, str]]()
    first = select(c.system, c.kind).where(c.site == db.site).order_by(c.system, c.kind).limit(1)
    query = first
    while (row := db.execute(query).first()) is not None:
        system, kind = row
        found.append((system, kind))
        query = first.where(or_(c.system > system, and_(c.system == system, c.kind > kind)))
    return found


def _read(db: SiteTables, *where: ColumnElement[bool]) -> Iterator[InventoryEntry]:
    c = db.tables.inventory.c
    columns = (c.system, c.kind, c.key, c.scope, c.subject, c.value, c.commit, c.run, c.since, c.since_commit)
    query = select(*columns).where(c.site == db.site, *where).execution_options(yield_per=_STREAM)
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
