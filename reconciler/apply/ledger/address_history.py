"""The runs that touched one address: what `history ADDRESS` asks. Called by `Ledger` in read-only transactions.

An account keeps its history through a rename: the runs under its other addresses are found through the old mailboxes
that its steps name.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from sqlalchemy import Column, ColumnElement, or_

from reconciler.apply.ledger import run_queries
from reconciler.apply.ledger.connect import CHUNK, SiteTables, chunks
from reconciler.planning.ledger_state import PastRun

_RENAMES = 20
"""How many turns of a chain are followed."""


def of_address(db: SiteTables, asked: str, limit: int) -> list[PastRun]:
    """The latest runs that touched an address (or a local part in every domain, or a block), newest first, each with
    its steps about whoever has it."""
    step = db.tables.steps.c
    subjects = _subjects(db, asked)
    touched = db.steps(step.run).where(or_(_is(step.subject, asked), _is(step.key, asked), step.subject.in_(subjects)))
    numbers = db.execute(touched.distinct().order_by(step.run.desc()).limit(limit)).scalars().all()
    found = [run for number in numbers if (run := run_queries.one_run(db, number)) is not None]
    return [_cut(run, asked, subjects) for run in found]


def _cut(run: PastRun, asked: str, subjects: frozenset[str]) -> PastRun:
    owners = {
        step.owner
        for step in run.steps
        if step.owner.subject in subjects or _same(step.owner.subject, asked) or _same(step.key, asked)
    }
    return replace(run, steps=tuple(step for step in run.steps if step.owner in owners))


def _subjects(db: SiteTables, asked: str) -> frozenset[str]:
    """The addresses under which the account stands in the ledger, now and before its renames."""
    step = db.tables.steps.c
    mailboxes = db.steps(step.subject, step.key).where(step.kind == "mailbox").distinct()
    known: set[str] = set()
    new: set[str] = {asked}
    for turn in range(_RENAMES):
        found: set[str] = set()
        for chunk in chunks(sorted(new)):
            # a local part is asked for in every domain; from then on addresses are whole
            whole = or_(step.subject.in_(chunk), step.key.in_(chunk))
            here = whole if turn else or_(_is(step.subject, asked), _is(step.key, asked))
            found.update(address for pair in islice(db.execute(mailboxes.where(here)), CHUNK) for address in pair)
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
