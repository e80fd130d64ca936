"""The queries behind `Remembered`, the list of runs and one run. Called by `Ledger` in read-only transactions.

The number of statements does not grow with the number of accounts or of runs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, case, exists, func, or_, select
from sqlalchemy.engine import Row

from reconciler.apply.ledger import inventory
from reconciler.apply.ledger.run_statements import CHUNK, chunks
from reconciler.apply.ledger.tables import LedgerTables
from reconciler.model.record_kinds import give_password, unreadable_kinds
from reconciler.model.records import Owner, Records, Scope
from reconciler.planning.changes import Action, Stage
from reconciler.planning.ledger_state import (
    FINISHED,
    LEDGER,
    PERSON,
    Effect,
    OneShot,
    PastRun,
    PastStep,
    Remembered,
    RunState,
    StepState,
)

_TOUCHED = (StepState.BEGUN, StepState.DONE, StepState.FAILED, StepState.UNCERTAIN)
"""States of steps that changed something, or may have."""


def remember(
    connection: Connection,
    tables: LedgerTables,
    site: str,
    since: datetime,
    wanted: Mapping[str, Records],
    numbers: Mapping[str, str],
) -> Remembered:
    """Everything that planning asks of the past; `since` is where the window of the limits begins, `numbers` are the
    declared member numbers by address.

    Ten statements, one for each kind whose keys do not fit into one answer, one for every thousand entries of the
    inventory that nobody wants.
    """
    unwanted, known = inventory.divided(connection, tables, site, wanted)
    people, as_declared = inventory.people(connection, tables, site, numbers)
    done, missed = _one_shots(connection, tables, site)
    return Remembered(
        inventory=unwanted,
        known={**known, (LEDGER, PERSON): as_declared} if as_declared else known,
        removed=_removed(connection, tables, site),
        people=people,
        aliases=inventory.declared_aliases(connection, tables, site),
        former=inventory.former(connection, tables, site),
        unseen=unseen(connection, tables, site),
        uncertain=_uncertain(connection, tables, site),
        one_shots=done,
        missed=missed,
        recent=_recent(connection, tables, site, since),
    )


def made(connection: Connection, tables: LedgerTables, site: str, addresses: Collection[str]) -> dict[str, datetime]:
    """When we made these mailboxes, of those that we did. One statement for each thousand."""
    runs, step = tables.runs, tables.steps
    found: dict[str, datetime] = {}
    for chunk in chunks(addresses, CHUNK):
        query = (
            select(step.c.key, func.max(step.c.ended))
            .join(runs, runs.c.id == step.c.run)
            .where(
                runs.c.site == site,
                step.c.kind == "mailbox",
                step.c.action == Action.CREATE,
                step.c.state == StepState.DONE,
                step.c.key.in_(chunk),
            )
            .group_by(step.c.key)
        )
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def _removed(connection: Connection, tables: LedgerTables, site: str) -> frozenset[str]:
    """Mailboxes whose last change by us was an update that counts as a removal: they were switched off for one."""
    runs, step = tables.runs, tables.steps
    later, later_run = step.alias("later"), runs.alias("later_run")
    changed_later = exists().where(
        later.c.key == step.c.key,
        later.c.kind == step.c.kind,
        later.c.run > step.c.run,
        later.c.state == StepState.DONE,
        later_run.c.id == later.c.run,
        later_run.c.site == site,
    )
    query = (
        select(step.c.key)
        .join(runs, runs.c.id == step.c.run)
        .where(
            runs.c.site == site,
            step.c.counted == Effect.REMOVAL,
            step.c.kind == "mailbox",
            step.c.action == Action.UPDATE,
            step.c.state == StepState.DONE,
            ~changed_later,
        )
    )
    return frozenset(connection.execute(query).scalars())


def unseen(connection: Connection, tables: LedgerTables, site: str) -> Mapping[Owner, frozenset[str]]:
    """Left undone by a run that had touched the owner, and done by no later run.

    A run that touched nothing of an owner left nothing half-way: whatever it planned is planned again, or is not
    needed any more.
    """
    runs, step = tables.runs, tables.steps
    touched, later, later_run = step.alias("touched"), step.alias("later"), runs.alias("later_run")
    same_run = exists().where(
        touched.c.run == step.c.run,
        touched.c.subject == step.c.subject,
        touched.c.scope == step.c.scope,
        touched.c.state.in_(_TOUCHED),
    )
    done_later = exists().where(
        later.c.subject == step.c.subject,
        later.c.scope == step.c.scope,
        later.c.kind == step.c.kind,
        later.c.run > step.c.run,
        later.c.state.in_((StepState.DONE, StepState.SKIPPED, StepState.UNCERTAIN)),
        later_run.c.id == later.c.run,
        later_run.c.site == site,
    )
    query = (
        select(step.c.scope, step.c.subject, step.c.kind)
        .distinct()
        .join(runs, runs.c.id == step.c.run)
        .where(
            runs.c.site == site,
            step.c.kind.in_(unreadable_kinds()),
            step.c.state.in_([state for state in StepState if state not in FINISHED]),
            same_run,
            ~done_later,
        )
    )
    kinds: dict[Owner, set[str]] = {}
    for scope, subject, kind in connection.execute(query):
        kinds.setdefault(Owner(Scope(scope), subject), set()).add(kind)
    half_way = {owner for owner, theirs in kinds.items() if give_password(theirs)}
    for owner, address in _locked(connection, tables, site):
        if owner in half_way:
            kinds.setdefault(Owner(Scope.ACCOUNT, address), set()).add("password")
    return {owner: frozenset(theirs) for owner, theirs in kinds.items()}


def _locked(connection: Connection, tables: LedgerTables, site: str) -> Iterator[tuple[Owner, str]]:
    """Mailboxes at other addresses of an account that got its last new password with it. When its rename is taken back
    half-way, one of them is an account of its own again."""
    runs, step = tables.runs, tables.steps
    later, later_run = step.alias("later"), runs.alias("later_run")
    told_later = exists().where(
        or_(later.c.subject == step.c.key, later.c.subject == step.c.subject),
        later.c.scope == step.c.scope,
        later.c.kind == "password",
        later.c.run > step.c.run,
        later.c.state.in_((StepState.DONE, StepState.SKIPPED)),
        later_run.c.id == later.c.run,
        later_run.c.site == site,
    )
    query = (
        select(step.c.subject, step.c.key)
        .distinct()
        .join(runs, runs.c.id == step.c.run)
        .where(
            runs.c.site == site,
            step.c.scope == Scope.ACCOUNT,
            step.c.kind == "password",
            step.c.key != step.c.subject,
            step.c.state.in_(_TOUCHED),
            ~told_later,
        )
    )
    for subject, key in connection.execute(query):
        yield Owner(Scope.ACCOUNT, subject), key


def _uncertain(connection: Connection, tables: LedgerTables, site: str) -> Mapping[str, datetime]:
    """Accounts whose last letter that left may not have arrived, and when it left."""
    runs, step = tables.runs, tables.steps
    later, later_run = step.alias("later"), runs.alias("later_run")
    sent_later = exists().where(
        later.c.kind == "letter",
        later.c.key == step.c.key,
        later.c.run > step.c.run,
        later.c.state == StepState.DONE,
        later_run.c.id == later.c.run,
        later_run.c.site == site,
    )
    query = (
        select(step.c.key, step.c.ended)
        .join(runs, runs.c.id == step.c.run)
        .where(runs.c.site == site, step.c.kind == "letter", step.c.state == StepState.UNCERTAIN, ~sent_later)
        .order_by(step.c.run)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _one_shots(
    connection: Connection, tables: LedgerTables, site: str
) -> tuple[frozenset[OneShot], frozenset[OneShot]]:
    """Done: all its steps of one run are. Missed: noted without a step."""
    runs, shot, step = tables.runs, tables.one_shots, tables.steps
    left = func.sum(case((step.c.state.in_(FINISHED), 0), else_=1))
    query = (
        select(shot.c.address, shot.c.name, shot.c.date, func.max(shot.c.step_id), left)
        .join(runs, runs.c.id == shot.c.run)
        .outerjoin(step, and_(step.c.run == shot.c.run, step.c.step_id == shot.c.step_id))
        .where(runs.c.site == site)
        .group_by(shot.c.run, shot.c.address, shot.c.name, shot.c.date)
    )
    done, missed = set(), set()
    for address, name, day, step_id, number in connection.execute(query):
        if not step_id:
            missed.add(OneShot(address, name, day))
        elif number == 0:
            done.add(OneShot(address, name, day))
    return frozenset(done), frozenset(missed)


def _recent(
    connection: Connection, tables: LedgerTables, site: str, since: datetime
) -> Mapping[Effect, frozenset[Owner]]:
    """Owners of steps that were done since then, or begun: after a crash nobody knows whether those happened."""
    runs, step = tables.runs, tables.steps
    query = (
        select(step.c.counted, step.c.scope, step.c.subject)
        .distinct()
        .join(runs, runs.c.id == step.c.run)
        .where(
            runs.c.site == site,
            or_(step.c.began >= since, step.c.ended >= since),
            # in place already, and never begun by us: somebody else's doing
            step.c.began.is_not(None),
            step.c.state.in_((StepState.BEGUN, StepState.DONE, StepState.SKIPPED, StepState.UNCERTAIN)),
        )
    )
    owners: dict[Effect, set[Owner]] = {}
    for counted, scope, subject in connection.execute(query):
        owners.setdefault(Effect(counted), set()).add(Owner(Scope(scope), subject))
    return {effect: frozenset(theirs) for effect, theirs in owners.items()}


def runs(connection: Connection, tables: LedgerTables, query: Select[Any]) -> list[PastRun]:
    """The runs that `query` selects, with the number of steps in each state. Two statements."""
    rows = connection.execute(query).all()
    step = tables.steps
    number = (
        select(step.c.run, step.c.state, func.count())
        .where(step.c.run.in_([row.id for row in rows]))
        .group_by(step.c.run, step.c.state)
    )
    counts: dict[int, dict[StepState, int]] = {}
    for run, state, count in connection.execute(number):
        counts.setdefault(run, {})[StepState(state)] = count
    return [_run(row, counts.get(row.id, {})) for row in rows]


def one_run(connection: Connection, tables: LedgerTables, site: str, number: int) -> PastRun | None:
    """A run with all its steps, in their order in the plan."""
    found = runs(connection, tables, select(tables.runs).where(tables.runs.c.site == site, tables.runs.c.id == number))
    if not found:
        return None
    step = tables.steps
    rows = connection.execute(select(step).where(step.c.run == number).order_by(step.c.seq))
    return replace(found[0], steps=tuple(_step(row) for row in rows))


def document(connection: Connection, tables: LedgerTables, site: str, number: int) -> str:
    """The plan that the run carried out, as it was saved."""
    plans, run = tables.plans, tables.runs
    query = select(plans.c.text).join(run, run.c.id == plans.c.run).where(run.c.site == site, run.c.id == number)
    return "".join(connection.execute(query.order_by(plans.c.part)).scalars())


def _run(row: Row[Any], counts: Mapping[StepState, int]) -> PastRun:
    fields = row._asdict()
    return PastRun(**{**fields, "state": RunState(row.state)}, counts=counts)


def _step(row: Row[Any]) -> PastStep:
    return PastStep(
        row.seq,
        Owner(Scope(row.scope), row.subject),
        row.step_id,
        row.system,
        row.kind,
        Action(row.action),
        row.key,
        Stage(row.stage),
        None if row.before is None else json.loads(row.before),
        None if row.after is None else json.loads(row.after),
        row.origin,
        Effect(row.counted),
        StepState(row.state),
        row.began,
        row.ended,
        row.message,
        row.hint,
    )
