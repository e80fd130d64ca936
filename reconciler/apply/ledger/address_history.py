"""The runs that touched one address: what `history ADDRESS` asks. Called by `Ledger` in read-only transactions.

An account keeps its history through a rename: the runs under its other addresses are found through the old mailboxes
that its steps name.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import islice

from sqlalchemy import Column, ColumnElement, Connection, or_, select

from reconciler.apply.ledger import run_queries
from reconciler.apply.ledger.run_statements import CHUNK, chunks
from reconciler.apply.ledger.tables import LedgerTables
from reconciler.planning.ledger_state import PastRun

_RENAMES = 20
"""How many turns of a chain are followed."""


def of_address(connection: Connection, tables: LedgerTables, site: str, asked: str, limit: int) -> list[PastRun]:
    """The latest runs that touched an address (or a local part in every domain, or a block), newest first, each with
    its steps about whoever has it."""
    runs, step = tables.runs, tables.steps
    subjects = _subjects(connection, tables, site, asked)
    about = (or_(_is(step.c.subject, asked), _is(step.c.key, asked), step.c.subject.in_(subjects)),)
    touched = select(step.c.run).join(runs, runs.c.id == step.c.run).where(runs.c.site == site, *about)
    query = touched.distinct().order_by(step.c.run.desc()).limit(limit)
    numbers = list(connection.execute(query).scalars())
    found = [run for number in numbers if (run := run_queries.one_run(connection, tables, site, number)) is not None]
    return [_cut(run, asked, subjects) for run in found]


def _cut(run: PastRun, asked: str, subjects: Collection[str]) -> PastRun:
    owners = {
        step.owner
        for step in run.steps
        if step.owner.subject in subjects or _same(step.owner.subject, asked) or _same(step.key, asked)
    }
    return replace(run, steps=tuple(step for step in run.steps if step.owner in owners))


def _subjects(connection: Connection, tables: LedgerTables, site: str, asked: str) -> frozenset[str]:
    """The addresses under which the account stands in the ledger, now and before its renames."""
    runs, step = tables.runs, tables.steps
    known: set[str] = set()
    new: set[str] = {asked}
    for turn in range(_RENAMES):
        found: set[str] = set()
        for chunk in chunks(sorted(new), CHUNK):
            # a local part is asked for in every domain; from then on addresses are whole
            here = (
                or_(_is(step.c.subject, asked), _is(step.c.key, asked))
                if turn == 0
                else or_(step.c.subject.in_(chunk), step.c.key.in_(chunk))
            )
            query = select(step.c.subject, step.c.key).distinct().join(runs, runs.c.id == step.c.run)
            pairs = connection.execute(query.where(runs.c.site == site, step.c.kind == "mailbox", here))
            found.update(address for pair in islice(pairs, CHUNK) for address in pair)
        new = found - known
        known |= new
        if not new:
            break
    return frozenset(known)


def _is(column: Column[str], asked: str) -> ColumnElement[bool]:
    if "@" in asked:
        return column == asked
    return or_(column == asked, column.startswith(f"{asked}@", autoescape=True))


def _same(value: str, asked: str) -> bool:
    return value == asked or ("@" not in asked and value.startswith(f"{asked}@"))
