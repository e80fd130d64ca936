"""The statements that write runs and steps. Called by `Ledger`, inside transactions that hold the lock.

A step that is DONE changes the inventory in the same transaction: no crash can separate what we did from what we
remember to own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, func, insert, not_, or_, select, update

from reconciler.apply.ledger import chain, inventory
from reconciler.apply.ledger.chain import Part, Sealed, values
from reconciler.apply.ledger.connect import CHUNK, SiteTables, chunks
from reconciler.apply.ledger.lock import OpenRun
from reconciler.errors import PermanentFailure
from reconciler.model.record_kinds import unreadable_kinds
from reconciler.model.records import LetterRow, Owner
from reconciler.model.source_places import Place
from reconciler.planning.changes import Action, Outcome, Result, Step
from reconciler.planning.ledger_state import FINISHED, InventoryEntry, OneShot, RunState, StepState, value_text
from reconciler.planning.transitions import Effect

_LONGEST = 4000
"""Characters of a message that are kept; a Java stack trace has more."""
_PART = 250_000
"""Characters of a plan in one row, and of messages in one statement: at four bytes each still one packet (see
`remote.database.LEAST_PACKET`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What `begin` writes about a run. `document` is the saved plan's text; no secret exists when it is made."""

    digest: str
    commit: str
    who: str
    host: str
    pid: int
    document: str
    steps: Sequence[Step]
    places: Mapping[Owner, Place]
    counted: Mapping[Owner, Effect]
    """What the transition of each owner counts as."""
    one_shots: Mapping[str, OneShot]
    """Which steps, by id, carry out which operation."""


def interrupt_running(db: SiteTables) -> None:
    """Runs that still count as running, though another one holds the lock now, were interrupted."""
    runs = db.tables.runs
    running = select(runs.c.id).where(runs.c.site == db.site, runs.c.state == RunState.RUNNING)
    for run in db.execute(running.order_by(runs.c.id)).scalars().all():
        _close(db, run, RunState.INTERRUPTED)


def insert_run(db: SiteTables, new: NewRun) -> int:
    """The run with its plan and all steps pending, sealed in the chain; its number."""
    chain.start(db)
    row = {name: getattr(new, name) for name in ("digest", "commit", "who", "host", "pid")}
    row |= {"site": db.site, "started": db.clock()}
    run = _insert_one(db, db.tables.runs, {**row, "state": RunState.RUNNING})
    document = _clean(new.document)
    parts = list(enumerate(document[start : start + _PART] for start in range(0, len(document), _PART)))
    _insert(db, db.tables.plans, ({"run": run, "part": part, "text": text} for part, text in parts))
    steps: list[tuple[int, tuple[Any, ...]]] = []
    _insert(db, db.tables.steps, _noted(_step_rows(run, new), row, steps))
    shots = ({"run": run, "step_id": step, **shot._asdict()} for step, shot in new.one_shots.items())
    _insert(db, db.tables.one_shots, shots)
    sealed = [
        Sealed(Part.RUN, run, [(0, values(row, chain.RUN_COLUMNS))]),
        Sealed(Part.PLAN, run, [(part, (text,)) for part, text in parts]),
        Sealed(Part.STEPS, run, steps),
    ]
    chain.append(db, [*sealed, *_shots(db, run)])
    return run


def insert_uncertain(db: SiteTables, run: int, owners: Collection[Owner]) -> None:
    """A copy of a run that lost its lock, with what it began for these owners and nobody knows the end of."""
    runs, steps, now = db.tables.runs, db.tables.steps, db.clock()
    old = db.execute(select(runs).where(runs.c.id == run)).one()._asdict()
    del old["id"]
    row = {**old, "started": now, "finished": now, "state": RunState.INTERRUPTED}
    number = _insert_one(db, runs, row)
    found = db.execute(select(steps).where(steps.c.run == run, _of(steps, owners))).all()
    begun = {"run": number, "state": StepState.BEGUN, "began": now, "ended": None, "message": "", "hint": ""}
    copies = [{**step._asdict(), **begun} for step in found]
    _insert(db, steps, copies)
    sealed = [
        Sealed(Part.RUN, number, [(0, values(row, chain.RUN_COLUMNS))]),
        Sealed(Part.STEPS, number, [(copy["seq"], _sealed_step(copy, row)) for copy in copies]),
        Sealed(Part.STATES, number, [(copy["seq"], values(copy, chain.STATE_COLUMNS)) for copy in copies]),
        Sealed(Part.END, number, [(0, values(row, chain.END_COLUMNS))]),
    ]
    chain.append(db, sealed)


def insert_missed(db: SiteTables, run: int, missed: Collection[OneShot]) -> None:
    """One-shot operations whose date is over."""
    if missed:
        _insert(db, db.tables.one_shots, ({"run": run, "step_id": "", **shot._asdict()} for shot in missed))
        chain.append(db, _shots(db, run))


def begin_steps(db: SiteTables, run: int, steps: Sequence[Step]) -> None:
    """Steps begun. Raises PermanentFailure when one is done already: it must not happen twice."""
    table, now = db.tables.steps, db.clock()
    not_done = table.c.state.in_((StepState.PENDING, StepState.BEGUN, StepState.FAILED, StepState.NOT_TRIED))
    for chunk in chunks(steps):
        done = db.execute(
            update(table)
            .where(table.c.run == run, table.c.step_id.in_([s.id for s in chunk]), not_done)
            .values(state=StepState.BEGUN, began=now, ended=None, message="", hint="")
        )
        if done.rowcount != len(chunk):
            raise PermanentFailure(
                f"{len(chunk) - done.rowcount} of {len(chunk)} steps are not open in run {run}",
                hint=f"run `reconciler history {run}` to see what is done, then `reconciler plan`",
            )


def end_steps(db: SiteTables, run: OpenRun, ended: Sequence[tuple[Step, Outcome]]) -> None:
    """Outcomes of steps, with what they mean for the inventory. Safe to repeat."""
    for chunk in _by_length(ended):
        for result in Result:
            those = [(step, outcome) for step, outcome in chunk if outcome.result is result]
            if those:
                _end(db, run.id, result, those)
    in_place = (Result.DONE, Result.SKIPPED)
    changes = [s.change for s, o in ended if o.result in in_place and s.readable]
    # a deleted record, and the old key of a renamed one
    gone = [
        (c.system, c.kind, c.before.key if c.before is not None and c.after is not None else c.key)
        for c in changes
        if c.action in (Action.DELETE, Action.RENAME)
    ]
    inventory.forget(db, gone)
    applied = (InventoryEntry.of(c.system, c.kind, c.key, c.after, c.owner) for c in changes if c.after is not None)
    inventory.record(db, run, applied)


def _end(db: SiteTables, run: int, result: Result, ended: Sequence[tuple[Step, Outcome]]) -> None:
    """One statement for up to CHUNK steps of one result."""
    table, now = db.tables.steps, db.clock()
    ids = [step.id for step, _ in ended]
    values: dict[str, Any] = {"state": StepState(result), "ended": None if result is Result.NOT_TRIED else now}
    for field in ("message", "hint"):
        texts = {step.id: text for step, outcome in ended if (text := _kept_message(step, getattr(outcome, field)))}
        values[field] = case(texts, value=table.c.step_id, else_="") if texts else ""
    if result is Result.DONE:
        values["began"] = func.coalesce(table.c.began, now)
    elif result not in (Result.FAILED, Result.UNCERTAIN):
        # tried again after the answer to its commit was lost, and found in place: it stays done
        was_done = table.c.state == StepState.DONE
        values = {name: case((was_done, table.c[name]), else_=value) for name, value in values.items()}
    done = db.execute(update(table).where(table.c.run == run, table.c.step_id.in_(ids)).values(**values))
    if done.rowcount != len(ids):
        raise PermanentFailure(
            f"{len(ids) - done.rowcount} of {len(ids)} steps do not belong to run {run}", hint="run `reconciler plan`"
        )


def finish_run(db: SiteTables, run: int, state: RunState) -> None:
    """How the run ended; what was not begun was not tried."""
    steps = db.tables.steps
    pending = (steps.c.run == run, steps.c.state == StepState.PENDING)
    db.execute(update(steps).where(*pending).values(state=StepState.NOT_TRIED))
    _close(db, run, state)


def _close(db: SiteTables, run: int, state: RunState) -> None:
    """From here on nobody writes into its rows; how they are now is sealed."""
    steps, runs = db.tables.steps.c, db.tables.runs
    end = {"state": state, "finished": db.clock()}
    db.execute(update(runs).where(runs.c.id == run).values(**end))
    columns = [steps[name] for name in ("seq", *chain.STATE_COLUMNS)]
    rows = db.execute(select(*columns).where(steps.run == run).order_by(steps.seq)).all()
    sealed = [
        Sealed(Part.STATES, run, ((row[0], tuple(row[1:])) for row in rows)),
        Sealed(Part.END, run, [(0, values(end, chain.END_COLUMNS))]),
    ]
    chain.append(db, sealed)


def supersede(db: SiteTables, run: int, owners: Collection[Owner]) -> None:
    """What earlier runs left undone for these owners, and no system can show, is done under another address."""
    steps, runs = db.tables.steps, db.tables.runs
    earlier = select(runs.c.id).where(runs.c.site == db.site, runs.c.id < run)
    open_ = (steps.c.kind.in_(unreadable_kinds()), not_(steps.c.state.in_(FINISHED)), steps.c.run.in_(earlier))
    columns = [steps.c[name] for name in ("run", "seq", *chain.STATE_COLUMNS)]
    for chunk in chunks(sorted(owners)):
        found = db.execute(select(*columns).where(_of(steps, chunk), *open_).order_by(steps.c.run, steps.c.seq)).all()
        if found:
            db.execute(update(steps).where(_of(steps, chunk), *open_).values(state=StepState.SUPERSEDED))
            rows = [{**row._asdict(), "state": StepState.SUPERSEDED} for row in found]
            by_run = groupby(rows, key=itemgetter("run"))
            chain.append(db, [Sealed(Part.STATES, of, _states(theirs)) for of, theirs in by_run])


def _states(rows: Iterable[dict[str, Any]]) -> list[tuple[int, tuple[Any, ...]]]:
    return [(row["seq"], values(row, chain.STATE_COLUMNS)) for row in rows]


def _shots(db: SiteTables, run: int) -> list[Sealed]:
    """The one-shot dates of a run, to be sealed. Their numbers are known once they are written."""
    shots = db.tables.one_shots
    rows = db.execute(select(shots).where(shots.c.run == run).order_by(shots.c.id)).all()
    return [Sealed(Part.SHOTS, run, [(row.id, values(row._asdict(), chain.SHOT_COLUMNS)) for row in rows])]


def _sealed_step(step: Mapping[str, Any], run: Mapping[str, Any]) -> tuple[Any, ...]:
    return values(step, chain.STEP_COLUMNS, run["digest"], run["commit"])


def _noted(
    rows: Iterable[dict[str, Any]], run: Mapping[str, Any], sealed: list[tuple[int, tuple[Any, ...]]]
) -> Iterator[dict[str, Any]]:
    """The rows, each of which is put among `sealed` as it goes by."""
    for row in rows:
        sealed.append((row["seq"], _sealed_step(row, run)))
        yield row


def _of(steps: Table, owners: Iterable[Owner]) -> ColumnElement[bool]:
    return or_(*(and_(steps.c.scope == owner.scope, steps.c.subject == owner.subject) for owner in owners))


def _by_length(ended: Sequence[tuple[Step, Outcome]]) -> Iterator[list[tuple[Step, Outcome]]]:
    """Chunks of at most CHUNK steps, and of _PART characters of messages: one statement holds it all."""
    chunk: list[tuple[Step, Outcome]] = []
    characters = 0
    for step, outcome in ended:
        more = min(len(outcome.message), _LONGEST) + min(len(outcome.hint), _LONGEST)
        if chunk and (len(chunk) == CHUNK or characters + more > _PART):
            yield chunk
            chunk, characters = [], 0
        chunk.append((step, outcome))
        characters += more
    if chunk:
        yield chunk


def _insert_one(db: SiteTables, table: Table, row: dict[str, Any]) -> int:
    made = db.execute(insert(table).values(row))
    return int(made.inserted_primary_key[0])  # type: ignore[index]  # one row was inserted


def _insert(db: SiteTables, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    # lists of rows: drivers send them faster than one by one
    for chunk in chunks(rows, 1000):
        db.execute(insert(table), chunk)


def _step_rows(run: int, new: NewRun) -> Iterator[dict[str, Any]]:
    """The steps of a new run, all pending."""
    origins = {owner: _clean(_origin(place)) for owner, place in new.places.items()}
    pending = {"run": run, "state": StepState.PENDING, "message": "", "hint": ""}
    for seq, step in enumerate(new.steps):
        system, kind, action, key, before, after, owner = step.change
        about = {"scope": owner.scope, "subject": owner.subject, "counted": new.counted[owner]}
        what = {
            "step_id": step.id,
            "stage": int(step.stage),
            "system": system,
            "kind": kind,
            "action": action,
            "key": key,
        }
        texts = [None if row is None else value_text(kind, row) for row in (before, after)]
        rows = {"before": texts[0], "after": texts[1], "origin": origins.get(owner, "")}
        yield {**pending, **about, **what, **rows, "seq": seq}


def _origin(place: Place) -> str:
    known = [word for word in (place.commit, place.author) if word]
    return f"{place} ({', '.join(known)})" if known else str(place)


def _kept_message(step: Step, text: str) -> str:
    """A message as it is kept. A mail server repeats the address that it refuses, which is the member's own."""
    row = step.change.row
    if isinstance(row, LetterRow) and row.recipient:
        text = re.sub(re.escape(row.recipient), "the register address", text, flags=re.IGNORECASE)
    return _clean(text)[:_LONGEST]


def _clean(text: str) -> str:
    """Text without what a database refuses: NUL, and halves of characters from output that was not UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
