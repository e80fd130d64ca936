"""Whether history is as it was written: `history verify`. Called by `Ledger` in one read-only transaction.

First the chain itself, record by record. Then the rows of the runs, some runs at a time, against what their records
say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, select
from sqlalchemy.engine import Row

from reconciler.apply.ledger import chain
from reconciler.apply.ledger.chain import Part, Written, leaf, leaves_of, values
from reconciler.apply.ledger.connect import CHUNK, SiteTables
from reconciler.planning.history_check import Fault, Head, HistoryCheck
from reconciler.planning.ledger_state import RunState

_STREAM = 100
"""Records in memory at a time; each may have 200,000 characters."""
_STEPS = 20_000
"""Steps of the runs that are looked at together, as long as it is more than one run."""
_TEXT = 10_000_000
"""Length of their plans, likewise: characters, or bytes on MariaDB."""
_WORDS: Mapping[str, str] = {
    Part.RUN: "who began it, when, and which plan of which commit",
    Part.PLAN: "its plan",
    Part.STEPS: "what it was to do (old and new value, origin)",
    Part.STATES: "how far it came",
    Part.SHOTS: "a one-shot date of it",
    Part.END: "how it ended",
}


def verify(db: SiteTables, noted: str | None = None) -> HistoryCheck:
    """The whole history of the site. `noted` is the hash of a head that was noted elsewhere. Raises LedgerUnusable."""
    walk = _Walk(db, noted)
    faults = [*walk.faults()]
    if walk.head is None:
        runs = db.execute(select(func.count()).where(db.tables.runs.c.site == db.site)).scalar_one()
        return HistoryCheck(db.site, before=runs, faults=tuple(faults))
    rows = _Rows(db, walk.first, walk.runs)
    faults += rows.faults()
    return HistoryCheck(
        db.site,
        Head(*walk.head),
        walk.since,
        runs=rows.runs,
        steps=rows.steps,
        before=rows.before,
        open_runs=tuple(rows.open_runs),
        pruned=rows.pruned,
        noted=walk.noted_at,
        faults=tuple(faults),
    )


class _Walk:
    """One walk over all records, oldest first."""

    def __init__(self, db: SiteTables, noted: str | None) -> None:
        self._db, self._noted = db, noted
        self.noted_at: int | None = None
        self.head: tuple[int, str] | None = None
        self.since: Any = None
        self.first = 0
        """Runs up to this one are from before the chain."""
        self.runs: set[int] = set()
        """Those that the chain knows."""

    def faults(self) -> Iterator[Fault]:
        db, c = self._db, self._db.tables.chain.c
        query = select(db.tables.chain).where(c.site == db.site).order_by(c.number)
        for row in db.execute(query.execution_options(yield_per=_STREAM)):
            yield from self._record(row)
        heads = db.tables.heads.c
        kept = db.execute(select(heads.number, heads.hash).where(heads.site == db.site)).one_or_none()
        yield from self._end(None if kept is None else (kept.number, kept.hash))

    def _record(self, row: Row[Any]) -> Iterator[Fault]:
        number, previous = (self.head[0] + 1, self.head[1]) if self.head else (0, "")
        if row.number != number:
            missing = f"{number}" if row.number == number + 1 else f"{number} to {row.number - 1}"
            yield Fault(f"record {missing} of the chain is missing", record=number)
        elif Written(row.site, row.number, row.part, row.run, row.at, row.leaves).hash(previous) != row.hash:
            run = row.run if row.part != Part.START else None
            what = f"record {number} of the chain ({row.part}) was changed, or does not follow the one before it"
            yield Fault(what, run=run, record=number)
        if row.part == Part.START:
            self.first, self.since = row.run, row.at
        else:
            self.runs.add(row.run)
        if self._noted == row.hash:
            self.noted_at = row.number
        self.head = (row.number, row.hash)

    def _end(self, kept: tuple[int, str] | None) -> Iterator[Fault]:
        if self.head is None and kept is not None:
            yield Fault("the chain is gone, but for its head", record=0)
        elif self.head is not None and kept is None:
            yield Fault("the chain's head is gone", record=self.head[0])
        elif self.head is not None and kept is not None and self.head != kept:
            if self.head[0] < kept[0]:
                yield Fault(f"the chain ends at record {self.head[0]}, and had {kept[0]}", record=self.head[0] + 1)
            else:
                yield Fault("the chain's head is not its last record", record=self.head[0])
        if self._noted is not None and self.noted_at is None:
            yield Fault(
                f"{self._noted} is no record of this chain: history was rewritten or cut since it was noted, or it is"
                " of another site"
            )


@dataclass(slots=True)
class _Expected:
    """What the records say of the rows of one run: (part, number) → the salt and the hash, and what was pruned."""

    hashes: dict[tuple[str, int], tuple[str, str]] = field(default_factory=dict)
    pruned: set[tuple[str, int]] = field(default_factory=set)

    def add(self, row: Row[Any]) -> None:
        """One more record; later ones count."""
        if row.part == Part.PRUNED:
            for part, first, last in chain.pruned_in(row.leaves):
                gone = {(part, index) for index in range(first, last + 1)}
                gone |= {(Part.STATES, index) for part, index in gone if part == Part.STEPS}
                self.pruned |= gone
                for each in gone:
                    self.hashes.pop(each, None)
        elif row.part in _WORDS:
            for index, hash_ in leaves_of(row.leaves):
                self.hashes[row.part, index] = row.salt, hash_


class _Rows:
    """The rows of all runs against their records."""

    def __init__(self, db: SiteTables, first: int, chained: set[int]) -> None:
        self._db, self._first, self._chained = db, first, chained
        self.runs = self.steps = self.before = 0
        self.open_runs: list[int] = []
        self.pruned: dict[int, int] = {}

    def faults(self) -> Iterator[Fault]:
        db, run = self._db, self._db.tables.runs.c
        there = db.execute(select(run.id).where(run.site == db.site)).scalars().all()
        for some in together(db, sorted({*there, *self._chained}), plans=True):
            yield from self._some(some)

    def _some(self, numbers: Sequence[int]) -> Iterator[Fault]:
        db, c = self._db, self._db.tables.chain.c
        expected: dict[int, _Expected] = defaultdict(_Expected)
        of_these = select(db.tables.chain).where(c.site == db.site, c.run.in_(numbers), c.part != Part.START)
        for row in db.execute(of_these.order_by(c.number).execution_options(yield_per=_STREAM)):
            expected[row.run].add(row)
        runs = {row["id"]: row for row in self._read("runs", "id", numbers)}
        rows = {name: _by_run(self._read(name, "run", numbers)) for name in ("plans", "steps", "one_shots")}
        for number in numbers:
            yield from self._run(number, runs.get(number), expected[number], {n: r[number] for n, r in rows.items()})

    def _read(self, table: str, column: str, numbers: Sequence[int]) -> list[dict[str, Any]]:
        of = getattr(self._db.tables, table)
        query: Select[Any] = select(of).where(of.c[column].in_(numbers))
        return [row._asdict() for row in self._db.execute(query)]

    def _run(
        self, number: int, run: dict[str, Any] | None, expected: _Expected, rows: Mapping[str, list[dict[str, Any]]]
    ) -> Iterator[Fault]:
        old = number <= self._first
        if run is None:
            yield Fault(f"run {number} is missing", run=number)
            return
        if not old and number not in self._chained:
            yield Fault(f"run {number} was never begun by reconciler: the chain does not know it", run=number)
            return
        self.runs, self.before = self.runs + (not old), self.before + old
        self.steps += len(rows["steps"])
        if gone := sum(part == Part.STEPS for part, _ in expected.pruned):
            self.pruned[number] = gone
        found = dict(_found(run, rows))
        if not old and (Part.END, 0) not in expected.hashes:
            self.open_runs.append(number)
            if run["state"] != RunState.RUNNING or run["finished"] is not None:
                yield Fault(f"run {number}: {_WORDS[Part.END]} was changed: it did not end", run=number)
            del found[Part.END, 0]
        yield from _differences(number, found, expected, old=old)


def together(db: SiteTables, runs: Sequence[int], *, plans: bool = False) -> Iterator[list[int]]:
    """Runs in groups, in their order: at most CHUNK, of at most _STEPS steps, and, where their `plans` are read too, of
    at most _TEXT length of them, unless it is one run."""
    tables = db.tables
    steps = _by_number(db, tables.steps, func.count())
    lengths = _by_number(db, tables.plans, func.sum(func.length(tables.plans.c.text))) if plans else {}
    group: list[int] = []
    size = text = 0
    for run in runs:
        size, text = size + steps.get(run, 0), text + lengths.get(run, 0)
        if group and (len(group) == CHUNK or size > _STEPS or text > _TEXT):
            yield group
            group, size, text = [], steps.get(run, 0), lengths.get(run, 0)
        group.append(run)
    if group:
        yield group


def _by_number(db: SiteTables, table: Table, value: ColumnElement[int]) -> dict[int, int]:
    """Run → this value over its rows in the table."""
    run = db.tables.runs.c
    query = select(table.c.run, value).join(db.tables.runs, run.id == table.c.run).where(run.site == db.site)
    return {row[0]: int(row[1]) for row in db.execute(query.group_by(table.c.run))}


def _by_run(rows: Iterable[dict[str, Any]]) -> defaultdict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["run"]].append(row)
    return found


def _found(
    run: Mapping[str, Any], rows: Mapping[str, list[dict[str, Any]]]
) -> Iterator[tuple[tuple[str, int], tuple[Any, ...]]]:
    """What is there of one run, as it would be sealed."""
    yield (Part.RUN, 0), values(run, chain.RUN_COLUMNS)
    yield (Part.END, 0), values(run, chain.END_COLUMNS)
    for row in rows["plans"]:
        yield (Part.PLAN, row["part"]), (row["text"],)
    for row in rows["steps"]:
        yield (Part.STEPS, row["seq"]), values(row, chain.STEP_COLUMNS, run["digest"], run["commit"])
        yield (Part.STATES, row["seq"]), values(row, chain.STATE_COLUMNS)
    for row in rows["one_shots"]:
        yield (Part.SHOTS, row["id"]), values(row, chain.SHOT_COLUMNS)


def _differences(
    run: int, found: Mapping[tuple[str, int], Sequence[Any]], expected: _Expected, *, old: bool
) -> Iterator[Fault]:
    """`old`: a run from before the chain, of which only what was sealed later is known."""
    sealed_states = any(part == Part.STATES for part, _ in expected.hashes) or (Part.END, 0) in expected.hashes
    for at, (salt, hash_) in sorted(expected.hashes.items()):
        part, index = at
        there = found.get(at)
        if there is None and part != Part.STATES:  # a step that is gone is said once
            yield _fault(run, part, index, "is missing")
        elif there is not None and leaf(salt, part, run, index, there) != hash_:
            yield _fault(run, part, index, "was changed")
    for part, index in sorted(found.keys() - expected.hashes.keys()):
        if (part, index) in expected.pruned:
            if part != Part.STATES:
                yield _fault(run, part, index, "is there again, though it was pruned")
        elif not old and (part != Part.STATES or (sealed_states and (Part.STEPS, index) in expected.hashes)):
            yield _fault(run, part, index, "was not written by reconciler")


def _fault(run: int, part: str, index: int, what: str) -> Fault:
    if part in (Part.STEPS, Part.STATES):
        of = "" if what != "was changed" else f": {_WORDS[part]}"
        return Fault(f"run {run}, step {index}{of} {what}", run=run, step=index)
    return Fault(f"run {run}: {_WORDS[part]} {what}", run=run)
