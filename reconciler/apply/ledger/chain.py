"""The chain that what runs did is written into: one record after the other, each with a hash over the one before.

A record seals rows of one run: who began it and which plan of which commit (RUN), the plan's document (PLAN), its steps
with old and new values, digest and commit (STEPS), how far each came (STATES), one-shot dates (SHOTS), how it ended
(END). It holds hashes alone, each over a row and a salt of the record's own: when rows are pruned their salt goes with
them, and nobody can tell by trying what they were. Written in the transactions of `run_statements` and `prune`, with
the lock held; read by `verify`. What it proves and what not: docs/ledger.md, "History is a chain".
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from reconciler.apply.ledger.connect import LedgerUnusable, SiteTables, chunks

_LEAVES = 3000
"""Hashes in one record: a row of 210,000 characters (see `run_statements`, which keeps plans in parts as long)."""
_RECORDS = 50
"""Records in one statement of the driver, which splits what is longer than a packet."""
_FORMAT = "reconciler chain 1"
"""The first word in every hash, so that another way of hashing can follow."""


class Part(StrEnum):
    """What a record is about. START is the first one: runs up to its `run` are from before the chain. PRUNED says which
    rows were taken out."""

    START = "start"
    RUN = "run"
    PLAN = "plan"
    STEPS = "steps"
    STATES = "states"
    SHOTS = "shots"
    END = "end"
    PRUNED = "pruned"


class Sealed(NamedTuple):
    """Rows of one run to be sealed: each by its number among those of its kind, with the values that count."""

    part: Part
    run: int
    rows: Iterable[tuple[int, Sequence[Any]]]


class PrunedRows(NamedTuple):
    """Rows of one run that were taken out: part and number of each."""

    run: int
    rows: Iterable[tuple[Part, int]]


class Written(NamedTuple):
    """A record without its hash. `leaves` is `3:HASH 4:HASH …`, of PRUNED `plan:0-1 steps:3-4 …`."""

    site: str
    number: int
    part: str
    run: int
    at: datetime
    leaves: str

    def hash(self, previous: str) -> str:
        """The record's hash, behind one that has the hash `previous`; empty before the first."""
        return _digest([_FORMAT, *self, previous])


RUN_COLUMNS = ("site", "digest", "commit", "who", "host", "pid", "started")
STEP_COLUMNS = (
    *("scope", "subject", "step_id", "system", "kind", "action", "key"),
    *("stage", "before", "after", "origin", "counted"),
)
STATE_COLUMNS = ("state", "began", "ended", "message", "hint")
SHOT_COLUMNS = ("step_id", "address", "name", "date")
END_COLUMNS = ("state", "finished")


def values(row: Mapping[str, Any], columns: Sequence[str], *more: Any) -> tuple[Any, ...]:
    """What is sealed of a row."""
    return (*(row[name] for name in columns), *more)


def leaf(salt: str, part: str, run: int, index: int, sealed: Sequence[Any]) -> str:
    """The hash of one row."""
    return _digest([_FORMAT, salt, part, run, index, *sealed])


def append(db: SiteTables, sealed: Iterable[Sealed | PrunedRows]) -> None:
    """Writes records behind the last one; the first time also the one before all. Needs the lock of the site, or that
    nobody else writes the runs that these are about: the head's row lets one writer in at a time."""
    head = _head(db) or _started(db)
    rows: list[dict[str, Any]] = []
    for row in _records(db, sealed):
        number = head[0] + 1
        written = Written(db.site, number, row["part"], row["run"], row["at"], row["leaves"])
        head = (number, written.hash(head[1]))
        rows.append({**row, "site": db.site, "number": number, "hash": head[1]})
    try:
        for some in chunks(rows, _RECORDS):
            db.execute(insert(db.tables.chain), some)
    except IntegrityError:
        raise _broken(db, "is older than its last record") from None
    if rows:
        heads = db.tables.heads
        db.execute(update(heads).where(heads.c.site == db.site).values(number=head[0], hash=head[1]))


def start(db: SiteTables) -> None:
    """Begins the chain of a site that has none. The runs that are there are from before it."""
    if _head(db) is None:
        _started(db)


def forget_salts(db: SiteTables, runs: Sequence[int], parts: Sequence[Part]) -> None:
    """Nobody can tell by trying any more what the rows were that these records are about; what is left of them has to
    be sealed anew. The records stay, and follow each other as before."""
    table = db.tables.chain
    where = (table.c.site == db.site, table.c.run.in_(runs), table.c.part.in_(parts))
    db.execute(update(table).where(*where).values(salt=""))


def leaves_of(text: str) -> Iterator[tuple[int, str]]:
    """The rows' numbers and hashes in a record; of one that somebody changed what can be read."""
    for index, found in re.findall(r"(?a)(?<!\S)(\d{1,10}):([0-9a-f]{64})(?!\S)", text):
        yield int(index), found


def pruned_in(text: str) -> Iterator[tuple[str, int, int]]:
    """What a record of PRUNED says is gone: part, first and last number. Its text is `steps:0-4 steps:6-6 …`."""
    for part, first, last in re.findall(r"(?a)(?<!\S)([a-z]+):(\d{1,10})-(\d{1,10})(?!\S)", text):
        yield part, int(first), int(last)


def pruned_steps(db: SiteTables, runs: Sequence[int]) -> dict[int, int]:
    """Run → how many of its steps were pruned, of these runs."""
    c = db.tables.chain.c
    query = select(c.run, c.leaves).where(c.site == db.site, c.part == Part.PRUNED, c.run.in_(runs))
    found: dict[int, int] = {}
    for row in db.execute(query):
        spans = ((first, last) for part, first, last in pruned_in(row.leaves) if part == Part.STEPS)
        found[row.run] = found.get(row.run, 0) + sum(1 + last - first for first, last in spans)
    return found


def _head(db: SiteTables) -> tuple[int, str] | None:
    heads = db.tables.heads
    query = select(heads.c.number, heads.c.hash).where(heads.c.site == db.site).with_for_update()
    row = db.execute(query).one_or_none()
    return None if row is None else (row.number, row.hash)


def _started(db: SiteTables) -> tuple[int, str]:
    runs, at, c = db.tables.runs, db.clock(), db.tables.chain.c
    if db.execute(select(func.count()).where(c.site == db.site)).scalar_one():
        # a second beginning would hide that somebody cut the chain
        raise _broken(db, "is gone")
    query = select(func.coalesce(func.max(runs.c.id), 0)).where(runs.c.site == db.site)
    first = Written(db.site, 0, Part.START, db.execute(query).scalar_one(), at, "")
    made = first.hash("")
    db.execute(insert(db.tables.chain).values(**first._asdict(), salt="", hash=made))
    db.execute(insert(db.tables.heads).values(site=db.site, number=0, hash=made))
    return 0, made


def _broken(db: SiteTables, how: str) -> LedgerUnusable:
    return LedgerUnusable(
        f"the head of the ledger's chain {how}: somebody wrote into {db.tables.heads.name}, or took its row out",
        hint="run `reconciler history verify`, and bring that row back from the ledger's backup",
    )


def _records(db: SiteTables, sealed: Iterable[Sealed | PrunedRows]) -> Iterator[dict[str, Any]]:
    at = db.clock()
    for each in sealed:
        if isinstance(each, PrunedRows):
            for spans in chunks(_spans(each.rows), _LEAVES):
                text = " ".join(f"{part}:{first}-{last}" for part, first, last in spans)
                yield {"part": Part.PRUNED, "run": each.run, "at": at, "salt": "", "leaves": text}
            continue
        for some in chunks(each.rows, _LEAVES):
            salt = secrets.token_hex(16)
            leaves = " ".join(f"{index}:{leaf(salt, each.part, each.run, index, row)}" for index, row in some)
            yield {"part": each.part, "run": each.run, "at": at, "salt": salt, "leaves": leaves}


def _spans(rows: Iterable[tuple[Part, int]]) -> Iterator[tuple[Part, int, int]]:
    """Numbers that follow each other as one."""
    by_distance = groupby(enumerate(sorted(rows)), key=lambda each: (each[1][0], each[1][1] - each[0]))
    for (part, _), span in by_distance:
        numbers = [number for _, (_, number) in span]
        yield part, numbers[0], numbers[-1]


def _digest(of: Sequence[Any]) -> str:
    # JSON of a list is one text for one list: nothing that a value holds can look like the next value
    return hashlib.sha256(json.dumps(of, default=_text).encode("ascii")).hexdigest()


def _text(value: object) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case date():
            return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no one way to be hashed")
