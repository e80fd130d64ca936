"""The queries behind `Remembered`, the list of runs and one run. Called by `Ledger` in read-only transactions.

The number of statements does not grow with the number of accounts or of runs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, exists, func, not_, or_, select
from sqlalchemy.engine import Row

from reconciler.apply.ledger import chain, inventory
from reconciler.apply.ledger.connect import SiteTables, chunks, json_object
from reconciler.model.record_kinds import give_password, unreadable_kinds
from reconciler.model.records import Owner, Records, Scope
from reconciler.planning.changes import Action, Stage
from reconciler.planning.concern import Concern
from reconciler.planning.ledger_state import (
    FINISHED,
    LEDGER,
    PERSON,
    OneShot,
    OpenLetter,
    PastRun,
    PastStep,
    Remembered,
    RunState,
    StepState,
)
from reconciler.planning.transitions import Effect

_TOUCHED = (StepState.BEGUN, StepState.DONE, StepState.FAILED, StepState.UNCERTAIN)
"""States of steps that changed something, or may have."""
GIVEN, TOLD = "given_password", ("password", "attachment", "letter")
"""The kind of a password that somebody types, and those of what a run owes somebody whose password it made."""


def remember(
    db: SiteTables,
    since: datetime,
    wanted: Mapping[str, Records],
    numbers: Mapping[str, str],
    aliases: Mapping[Any, object],
    about: Concern | None = None,
) -> Remembered:
    """Everything that planning asks of the past; `since` is where the window of the limits begins, `numbers` are the
    declared member numbers by address, `aliases` the declared aliases. Ten statements, one for each kind whose keys do
    not fit into one answer, one for every thousand entries of the inventory that nobody wants. With `about` only what
    concerns that part of the site, and the keys of all mailboxes: a statement for every thousand of its addresses."""
    part = inventory.part_of(db, about) if about is not None else None
    unwanted, known = part.divided(wanted) if part is not None else inventory.divided(db, wanted)
    people, as_declared = inventory.people(db, numbers, about)
    done, missed = _one_shots(db)
    return Remembered(
        inventory=unwanted,
        known={**known, (LEDGER, PERSON): as_declared} if as_declared else known,
        mailboxes=part.boxes if part is not None else frozenset(),
        removed=_removed(db),
        people=people,
        aliases=part.declared_aliases if part is not None else inventory.declared_aliases(db, wanted, aliases),
        former=part.former if part is not None else inventory.former(db),
        unseen=unseen(db),
        uncertain=_uncertain(db),
        one_shots=done,
        missed=missed,
        recent=_recent(db, since),
    )


class OpenFacts(NamedTuple):
    """What steps and one-shot dates of the past still mean for plans; taking out old ones must not change it."""

    removed: frozenset[str]
    unseen: Mapping[Owner, frozenset[str]]
    uncertain: Mapping[str, datetime]
    letters: tuple[OpenLetter, ...]
    done: frozenset[OneShot]
    missed: frozenset[OneShot]
    made: Mapping[str, datetime]

    @property
    def addresses(self) -> frozenset[str]:
        """About whom something is open."""
        return self.removed | {owner.subject for owner in self.unseen} | self.uncertain.keys()


def open_facts(db: SiteTables) -> OpenFacts:
    """See OpenFacts."""
    done, missed = _one_shots(db)
    return OpenFacts(_removed(db), unseen(db), _uncertain(db), tuple(open_letters(db)), done, missed, dict(_made(db)))


def made(db: SiteTables, addresses: Collection[str]) -> dict[str, datetime]:
    """When we made these mailboxes, of those that we did. One statement for each 500."""
    key = db.tables.steps.c.key
    return {address: when for some in chunks(addresses) for address, when in _made(db, key.in_(some))}


def touched(db: SiteTables, after: int, owners: Collection[Owner]) -> frozenset[Owner]:
    """Those of these owners of whom a later run did something, or may have. One statement for each 500."""
    step = db.tables.steps.c
    subjects = sorted({owner.subject for owner in owners})
    return frozenset(
        Owner(Scope(scope), subject)
        for some in chunks(subjects)
        for scope, subject in db.execute(
            db.steps(step.scope, step.subject)
            .where(step.run > after, step.subject.in_(some), step.state.in_(_TOUCHED))
            .distinct()
        )
    )


def makes_mailbox(step: Any) -> tuple[Any, ...]:
    """The conditions under which a step, columns or a row, is one by which we made a mailbox."""
    return step.kind == "mailbox", step.action == Action.CREATE, step.state == StepState.DONE


def _made(db: SiteTables, *where: ColumnElement[bool]) -> Iterator[tuple[str, datetime]]:
    step = db.tables.steps.c
    query = db.steps(step.key, func.max(step.ended)).where(*makes_mailbox(step), *where).group_by(step.key)
    for row in db.execute(query):
        yield row[0], row[1]


def _later(db: SiteTables, *same: str, where: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Whether a later run of the site has a step with the same values in these columns for which `where` is true."""
    step, later, runs = db.tables.steps.c, db.tables.steps.alias("later").c, db.tables.runs.alias("later_run").c
    equal = (later[name] == step[name] for name in same)
    return exists().where(*equal, where(later), later.run > step.run, runs.id == later.run, runs.site == db.site)


def _removed(db: SiteTables) -> frozenset[str]:
    """Mailboxes whose last change by us was an update that counts as a removal: they were switched off for one."""
    step = db.tables.steps.c
    query = db.steps(step.key).where(
        step.counted == Effect.REMOVAL,
        step.kind == "mailbox",
        step.action == Action.UPDATE,
        step.state == StepState.DONE,
        not_(_later(db, "key", "kind", where=lambda later: later.state == StepState.DONE)),
    )
    return frozenset(db.execute(query).scalars())


def unseen(db: SiteTables) -> Mapping[Owner, frozenset[str]]:
    """Left undone by a run that had touched the owner, and done by no later run. One that touched nothing of an owner
    left nothing half-way: whatever it planned is planned again, or is not needed any more."""
    step, touched = db.tables.steps.c, db.tables.steps.alias("touched").c
    same_run = (touched[name] == step[name] for name in ("run", "subject", "scope"))
    ended = (StepState.DONE, StepState.SKIPPED, StepState.UNCERTAIN)

    def done_later(later: Any) -> ColumnElement[bool]:
        same = later.kind == step.kind
        # a password that somebody types ends what was owed, and one that a letter tells ends what was typed
        given = and_(later.kind == GIVEN, step.kind.in_(TOLD))
        told = and_(later.kind.in_(("password", "letter")), step.kind == GIVEN)
        return and_(or_(same, given, told), later.state.in_(ended))

    typed = db.tables.steps.alias("typed").c
    of_typed = exists().where(*(typed[name] == step[name] for name in ("run", "subject", "scope")), typed.kind == GIVEN)
    query = db.steps(step.scope, step.subject, step.kind, of_typed).where(
        step.kind.in_(unreadable_kinds()),
        step.state.in_([state for state in StepState if state not in FINISHED]),
        exists().where(*same_run, touched.state.in_(_TOUCHED)),
        not_(_later(db, "subject", "scope", where=done_later)),
    )
    kinds: dict[Owner, set[str]] = {}
    for scope, subject, kind, given in db.execute(query.distinct()):
        # an old mailbox is attached with the password that was typed: no other run can do that
        kinds.setdefault(Owner(Scope(scope), subject), set()).add(GIVEN if given else kind)
    half_way = {owner for owner, theirs in kinds.items() if give_password(theirs)}
    for owner, address in _locked(db):
        if owner in half_way:
            kinds.setdefault(Owner(Scope.ACCOUNT, address), set()).add("password")
    return {owner: frozenset(theirs) for owner, theirs in kinds.items()}


def _locked(db: SiteTables) -> Iterator[tuple[Owner, str]]:
    """Mailboxes at other addresses of an account that were given its last new password. When its rename is taken back
    half-way, one of them is an account of its own again."""
    step = db.tables.steps.c

    def given_later(later: Any) -> ColumnElement[bool]:
        either = or_(later.subject == step.key, later.subject == step.subject)
        return and_(either, later.state.in_((StepState.DONE, StepState.SKIPPED)))

    query = db.steps(step.subject, step.key).where(
        step.scope == Scope.ACCOUNT,
        step.kind == "password",
        step.key != step.subject,
        step.state.in_(_TOUCHED),
        not_(_later(db, "scope", "kind", where=given_later)),
    )
    for subject, key in db.execute(query.distinct()):
        yield Owner(Scope.ACCOUNT, subject), key


def _uncertain(db: SiteTables) -> Mapping[str, datetime]:
    """Accounts whose last letter that left may not have arrived, and when it left."""
    step = db.tables.steps.c

    def sent_later(later: Any) -> ColumnElement[bool]:
        return and_(later.kind.in_(("letter", GIVEN)), later.state == StepState.DONE)

    uncertain = (step.kind == "letter", step.state == StepState.UNCERTAIN)
    query = (
        db.steps(step.key, step.ended).where(*uncertain, not_(_later(db, "key", where=sent_later))).order_by(step.run)
    )
    return {row[0]: row[1] for row in db.execute(query)}


def open_letters(db: SiteTables) -> list[OpenLetter]:
    """The letters that are owed, or may not have arrived: the last one of each account, by its address."""
    step, run = db.tables.steps.c, db.tables.runs.c
    owed = {owner.subject for owner, kinds in unseen(db).items() if "letter" in kinds}
    uncertain = _uncertain(db)
    over = (StepState.DONE, StepState.SKIPPED, StepState.SUPERSEDED)
    query = db.steps(step.subject, step.after, step.state, step.run, step.ended, run.started, step.message)
    found: dict[str, OpenLetter] = {}
    for row in db.execute(query.where(step.kind == "letter", step.state.not_in(over)).order_by(step.run)):
        unsure = row.state == StepState.UNCERTAIN
        if row.subject in (uncertain if unsure else owed):
            template, when = json_object(row.after).get("template", ""), row.ended or row.started
            found[row.subject] = OpenLetter(row.subject, template, unsure, row.run, when, row.message)
    return sorted(found.values())


def _one_shots(db: SiteTables) -> tuple[frozenset[OneShot], frozenset[OneShot]]:
    """Done: all its steps of one run are. Missed: noted without a step."""
    runs, shot, step = db.tables.runs.c, db.tables.one_shots.c, db.tables.steps.c
    left = func.sum(case((step.state.in_(FINISHED), 0), else_=1))
    query = (
        select(shot.address, shot.name, shot.date, func.max(shot.step_id), left)
        .join(db.tables.runs, runs.id == shot.run)
        .outerjoin(db.tables.steps, and_(step.run == shot.run, step.step_id == shot.step_id))
        .where(runs.site == db.site)
        .group_by(shot.run, shot.address, shot.name, shot.date)
    )
    done, missed = set(), set()
    for address, name, day, step_id, number in db.execute(query):
        if not step_id:
            missed.add(OneShot(address, name, day))
        elif number == 0:
            done.add(OneShot(address, name, day))
    return frozenset(done), frozenset(missed)


def _recent(db: SiteTables, since: datetime) -> Mapping[Effect, frozenset[Owner]]:
    """Owners of steps that were done since then, or begun: after a crash nobody knows whether those happened."""
    step = db.tables.steps.c
    query = db.steps(step.counted, step.scope, step.subject).where(
        or_(step.began >= since, step.ended >= since),
        # in place already and never begun by us: made by others
        step.began.is_not(None),
        step.state.in_((StepState.BEGUN, StepState.DONE, StepState.SKIPPED, StepState.UNCERTAIN)),
    )
    owners: dict[Effect, set[Owner]] = {}
    for counted, scope, subject in db.execute(query.distinct()):
        owners.setdefault(Effect(counted), set()).add(Owner(Scope(scope), subject))
    return {effect: frozenset(theirs) for effect, theirs in owners.items()}


def runs(db: SiteTables, limit: int, *where: ColumnElement[bool]) -> list[PastRun]:
    """The latest runs of which `where` is true, newest first, with the number of steps in each state."""
    run, step = db.tables.runs, db.tables.steps.c
    query = select(run).where(run.c.site == db.site, *where).order_by(run.c.id.desc()).limit(limit)
    rows = db.execute(query).all()
    number = select(step.run, step.state, func.count()).where(step.run.in_([row.id for row in rows]))
    counts: dict[int, dict[StepState, int]] = {}
    for id_, state, count in db.execute(number.group_by(step.run, step.state)):
        counts.setdefault(id_, {})[StepState(state)] = count
    pruned = chain.pruned_steps(db, [row.id for row in rows])
    return [
        PastRun(
            **{**row._asdict(), "state": RunState(row.state)},
            counts=counts.get(row.id, {}),
            pruned=pruned.get(row.id, 0),
        )
        for row in rows
    ]


def used(db: SiteTables, digest: str) -> PastRun | None:
    """The latest run that carried out this plan."""
    return next(iter(runs(db, 1, db.tables.runs.c.digest == digest)), None)


def first_of(db: SiteTables, commit: str) -> int:
    """The number of the first run of this commit; 0 when there was none."""
    run = db.tables.runs.c
    query = select(run.id).where(run.site == db.site, run.commit == commit).order_by(run.id).limit(1)
    return int(db.execute(query).scalar() or 0)


def one_run(db: SiteTables, number: int) -> PastRun | None:
    """A run with all its steps, in their order in the plan; None when the site has no such run."""
    found = runs(db, 1, db.tables.runs.c.id == number)
    if not found:
        return None
    step = db.tables.steps
    rows = db.execute(select(step).where(step.c.run == number).order_by(step.c.seq))
    return replace(found[0], steps=tuple(_step(row) for row in rows))


def document(db: SiteTables, number: int) -> str:
    """The plan that the run carried out, as it was saved; empty when there is none."""
    plan, run = db.tables.plans.c, db.tables.runs
    query = select(plan.text).join(run, run.c.id == plan.run).where(run.c.site == db.site, run.c.id == number)
    return "".join(db.execute(query.order_by(plan.part)).scalars())


def _step(row: Row[Any]) -> PastStep:
    fields = row._asdict()
    del fields["run"], fields["scope"], fields["subject"], fields["step_id"]
    fields |= {"action": Action(row.action), "stage": Stage(row.stage)}
    fields |= {"counted": Effect(row.counted), "state": StepState(row.state)}
    fields |= {side: json_object(text) for side in ("before", "after") if (text := fields[side]) is not None}
    return PastStep(id=row.step_id, owner=Owner(Scope(row.scope), row.subject), **fields)
