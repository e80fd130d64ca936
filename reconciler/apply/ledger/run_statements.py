"""The statements that write runs and steps. Called by `Ledger`, inside transactions that hold the lock.

A step that is DONE changes the inventory in the same transaction: no crash can separate what we did from what we
remember to own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Table, and_, case, func, insert, not_, or_, select, update

from reconciler.apply.ledger import inventory
from reconciler.apply.ledger.inventory import Source
from reconciler.apply.ledger.lock import Lease
from reconciler.apply.ledger.run_rows import LONGEST, NewRun, clean, step_rows, told
from reconciler.apply.ledger.tables import LedgerTables
from reconciler.errors import PermanentFailure
from reconciler.model.record_kinds import unreadable_kinds
from reconciler.model.records import Owner
from reconciler.planning.changes import Action, Outcome, Result, Step
from reconciler.planning.ledger_state import FINISHED, InventoryEntry, OneShot, RunState, StepState

CHUNK = 500
"""Steps in one statement: far below every database's limit of parameters."""
_PART = 250_000
"""Characters of a plan in one row, and of messages in one statement: at four bytes each still one packet (see
`remote.database.LEAST_PACKET`)."""

T = TypeVar("T")


class OpenRun(NamedTuple):
    """A run that this process carries out, with the lease by which it may write."""

    id: int
    lease: Lease
    commit: str


def leave_behind(connection: Connection, tables: LedgerTables, site: str, now: datetime) -> None:
    """Runs that still count as running, though another one holds the lock now, were interrupted."""
    runs = tables.runs
    connection.execute(
        update(runs)
        .where(runs.c.site == site, runs.c.state == RunState.RUNNING)
        .values(state=RunState.INTERRUPTED, finished=now)
    )


def insert_run(connection: Connection, tables: LedgerTables, site: str, new: NewRun, now: datetime) -> int:
    """The run with its plan and all steps pending; its number."""
    row = {"site": site, "digest": new.digest, "commit": new.commit, "who": new.who, "host": new.host, "pid": new.pid}
    made = connection.execute(insert(tables.runs).values(**row, started=now, state=RunState.RUNNING))
    run = int(made.inserted_primary_key[0])  # type: ignore[index]  # one row was inserted
    document = clean(new.plan_document)
    parts = [document[start : start + _PART] for start in range(0, len(document), _PART)]
    _insert(connection, tables.plans, ({"run": run, "part": i, "text": text} for i, text in enumerate(parts)))
    _insert(connection, tables.steps, step_rows(run, new))
    shots = ({"run": run, "step_id": step, **shot._asdict()} for step, shot in new.one_shots.items())
    _insert(connection, tables.one_shots, shots)
    return run


def insert_uncertain(
    connection: Connection, tables: LedgerTables, run: int, owners: Collection[Owner], now: datetime
) -> None:
    """A copy of a run that lost its lock, with what it began for these owners and nobody knows the end of."""
    runs, steps = tables.runs, tables.steps
    old = connection.execute(select(runs).where(runs.c.id == run)).one()._asdict()
    del old["id"]
    made = connection.execute(
        insert(runs).values({**old, "started": now, "finished": now, "state": RunState.INTERRUPTED})
    )
    number = int(made.inserted_primary_key[0])  # type: ignore[index]  # one row was inserted
    theirs = or_(*(and_(steps.c.scope == o.scope, steps.c.subject == o.subject) for o in owners))
    found = connection.execute(select(steps).where(steps.c.run == run, theirs)).all()
    begun = {"run": number, "state": StepState.BEGUN, "began": now, "ended": None, "message": "", "hint": ""}
    _insert(connection, steps, ({**row._asdict(), **begun} for row in found))


def insert_missed(connection: Connection, tables: LedgerTables, run: int, missed: Iterable[OneShot]) -> None:
    """One-shot operations whose date is over."""
    _insert(connection, tables.one_shots, ({"run": run, "step_id": "", **shot._asdict()} for shot in missed))


def begin_steps(connection: Connection, tables: LedgerTables, run: int, steps: Sequence[Step], now: datetime) -> None:
    """Steps begun. Raises PermanentFailure when one is done already: it must not happen twice."""
    open_states = (StepState.PENDING, StepState.BEGUN, StepState.FAILED, StepState.NOT_TRIED)
    table = tables.steps
    for chunk in chunks(steps, CHUNK):
        done = connection.execute(
            update(table)
            .where(table.c.run == run, table.c.step_id.in_([s.id for s in chunk]), table.c.state.in_(open_states))
            .values(state=StepState.BEGUN, began=now, ended=None, message="", hint="")
        )
        if done.rowcount != len(chunk):
            raise PermanentFailure(
                f"{len(chunk) - done.rowcount} of {len(chunk)} steps are not open in run {run}",
                hint=f"run `reconciler history {run}` to see what is done, then `reconciler plan`",
            )


def end_steps(
    connection: Connection, tables: LedgerTables, source: Source, ended: Sequence[tuple[Step, Outcome]], now: datetime
) -> None:
    """Outcomes of steps, with what they mean for the inventory. Safe to repeat."""
    for chunk in _by_length(ended):
        for result in Result:
            those = [(step, outcome) for step, outcome in chunk if outcome.result is result]
            if those:
                _end(connection, tables, source.run, result, those, now)
    in_place = (Result.DONE, Result.SKIPPED)
    changes = [s.change for s, o in ended if o.result in in_place and s.readable]
    # a deleted record, and the old key of a renamed one
    gone = [
        (c.system, c.kind, c.before.key if c.before is not None and c.after is not None else c.key)
        for c in changes
        if c.action in (Action.DELETE, Action.RENAME)
    ]
    inventory.forget(connection, tables, source.site, gone)
    applied = (InventoryEntry.of(c.system, c.kind, c.key, c.after, c.owner) for c in changes if c.after is not None)
    inventory.record(connection, tables, source, applied, now)


def _end(
    connection: Connection,
    tables: LedgerTables,
    run: int,
    result: Result,
    ended: Sequence[tuple[Step, Outcome]],
    now: datetime,
) -> None:
    """One statement for up to CHUNK steps of one result."""
    table = tables.steps
    ids = [step.id for step, _ in ended]
    values: dict[str, Any] = {"state": StepState(result), "ended": None if result is Result.NOT_TRIED else now}
    for field in ("message", "hint"):
        texts = {step.id: text for step, outcome in ended if (text := told(step, getattr(outcome, field)))}
        values[field] = case(texts, value=table.c.step_id, else_="") if texts else ""
    if result is Result.DONE:
        values["began"] = func.coalesce(table.c.began, now)
    elif result not in (Result.FAILED, Result.UNCERTAIN):
        # it is tried again after the answer to its commit was lost, and found in place: it stays done
        was_done = table.c.state == StepState.DONE
        values = {name: case((was_done, table.c[name]), else_=value) for name, value in values.items()}
    done = connection.execute(update(table).where(table.c.run == run, table.c.step_id.in_(ids)).values(**values))
    if done.rowcount != len(ids):
        raise PermanentFailure(
            f"{len(ids) - done.rowcount} of {len(ids)} steps do not belong to run {run}", hint="run `reconciler plan`"
        )


def finish_run(connection: Connection, tables: LedgerTables, run: int, state: RunState, now: datetime) -> None:
    """How the run ended; what was not begun was not tried."""
    steps, runs = tables.steps, tables.runs
    connection.execute(
        update(steps).where(steps.c.run == run, steps.c.state == StepState.PENDING).values(state=StepState.NOT_TRIED)
    )
    connection.execute(update(runs).where(runs.c.id == run).values(state=state, finished=now))


def supersede(connection: Connection, tables: LedgerTables, site: str, run: int, owners: Collection[Owner]) -> None:
    """What earlier runs left undone for these owners, and no system can show, is done under another address."""
    steps, runs = tables.steps, tables.runs
    earlier = select(runs.c.id).where(runs.c.site == site, runs.c.id < run)
    for chunk in chunks(sorted(owners), CHUNK):
        theirs = or_(*(and_(steps.c.scope == o.scope, steps.c.subject == o.subject) for o in chunk))
        connection.execute(
            update(steps)
            .where(
                theirs,
                steps.c.kind.in_(unreadable_kinds()),
                not_(steps.c.state.in_(FINISHED)),
                steps.c.run.in_(earlier),
            )
            .values(state=StepState.SUPERSEDED)
        )


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of `size`, the last one shorter."""
    walk = iter(items)
    while chunk := list(islice(walk, size)):
        yield chunk


def _by_length(ended: Sequence[tuple[Step, Outcome]]) -> Iterator[list[tuple[Step, Outcome]]]:
    """Chunks of at most CHUNK steps, of what is told about them _PART characters: one statement holds it all."""
    chunk: list[tuple[Step, Outcome]] = []
    characters = 0
    for step, outcome in ended:
        more = min(len(outcome.message), LONGEST) + min(len(outcome.hint), LONGEST)
        if chunk and (len(chunk) == CHUNK or characters + more > _PART):
            yield chunk
            chunk, characters = [], 0
        chunk.append((step, outcome))
        characters += more
    if chunk:
        yield chunk


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    # lists of rows: every driver has its fast way for them
    for chunk in chunks(rows, 1000):
        connection.execute(insert(table), chunk)
