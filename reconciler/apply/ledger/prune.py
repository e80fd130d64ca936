"""Takes out of old runs what nobody needs any more: `ledger prune`. Called by `Ledger`, some runs in one transaction.

The runs stay, without their plan, and of their steps and one-shot dates those stay that still mean something for plans.
What goes is said in the chain, so that `verify` tells it from what somebody took out. Each transaction looks at its end
whether plans are told the same as before.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Table, delete, exists, insert, or_, select

from reconciler.apply.ledger import chain, inventory, run_queries
from reconciler.apply.ledger.chain import Part, PrunedRows, Sealed, values
from reconciler.apply.ledger.connect import CHUNK, LedgerUnusable, SiteTables, chunks
from reconciler.apply.ledger.inventory_keys import keys_of, kinds_of
from reconciler.apply.ledger.run_queries import OpenFacts, open_facts
from reconciler.apply.ledger.verify import together
from reconciler.planning.forgotten_people import hidden_address, hidden_note, is_hidden, salt_of
from reconciler.planning.ledger_pruning import Pruned, PruningPlan
from reconciler.planning.ledger_state import LEDGER, PERSON, RunState

_TURNS = 20
"""How often the other addresses of an account are looked for."""


class _Needed(NamedTuple):
    """Whose steps stay, and of which accounts one-shot dates do."""

    facts: OpenFacts
    addresses: frozenset[str]
    mailboxes: frozenset[str]
    former: dict[str, str]

    def is_managed(self, address: str) -> bool:
        """Whether an account of ours is, or was, at the address: its entry may have a one-shot date."""
        return address in self.mailboxes or self.former.get(address) in self.mailboxes


@dataclass(slots=True)
class _OfRun:
    """What goes of one run, and what stays, by number."""

    steps: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    makes: int = 0
    """How many of those that stay do so only because they made a mailbox that is managed."""
    plans: list[int] = field(default_factory=list)
    shots: list[int] = field(default_factory=list)
    kept_shots: list[int] = field(default_factory=list)

    @property
    def gone(self) -> list[tuple[Part, int]]:
        """What the chain says of it."""
        named = ((Part.PLAN, self.plans), (Part.STEPS, self.steps), (Part.SHOTS, self.shots))
        return [(part, number) for part, numbers in named for number in numbers]


def batches(db: SiteTables, before: datetime) -> list[list[int]]:
    """The runs that ended before then, oldest first, as they are pruned together. The last run of the site stays whole
    unless it is done: `resume` asks for it."""
    run, tables = db.tables.runs.c, db.tables
    last = run_queries.runs(db, 1)
    open_ = last[0].id if last and last[0].state is not RunState.DONE else None
    has_rows = or_(*(exists().where(t.c.run == run.id) for t in (tables.steps, tables.plans, tables.one_shots)))
    query = select(run.id).where(run.site == db.site, run.finished < before, run.state != RunState.RUNNING, has_rows)
    numbers = [number for number in db.execute(query.order_by(run.id)).scalars() if number != open_]
    return list(together(db, numbers))


def look(db: SiteTables, before: datetime) -> PruningPlan:
    """What would go. Reads only."""
    needed, going, kept, makes, shots = _needed(db), Pruned(), 0, 0, 0
    for runs in batches(db, before):
        found = _of_runs(db, runs, needed)
        going += _counted(found)
        makes += sum(each.makes for each in found.values())
        kept += sum(len(each.kept) - each.makes for each in found.values())
        shots += sum(len(each.kept_shots) for each in found.values())
    going += Pruned(people=len(_forgettable(db, before, needed)))
    latest = run_queries.runs(db, 1)
    open_ = [run.id for run in latest if run.state is not RunState.DONE and run.finished and run.finished < before]
    return PruningPlan(before, going, kept, len(needed.facts.addresses), makes, shots, open_[0] if open_ else None)


def prune(db: SiteTables, runs: Sequence[int]) -> Pruned:
    """Takes out what goes of these runs. Raises LedgerUnusable, for a rollback, when plans would be told otherwise."""
    needed = _needed(db)
    found = {run: each for run, each in _of_runs(db, runs, needed).items() if each.gone}
    if found:
        chain.start(db)
        sealed = [entry for run, each in found.items() for entry in _left(db, run, each)]
        _delete(db, found)
        chain.forget_salts(db, list(found), (Part.PLAN, Part.STEPS, Part.STATES, Part.SHOTS))
        chain.append(db, [*(PrunedRows(run, each.gone) for run, each in found.items()), *sealed])
        _compare(db, runs, needed)
    return _counted(found)


def forget_people(db: SiteTables, before: datetime) -> Pruned:
    """Hides whose accounts addresses were that have none any more, as runs before then noted it."""
    table, c = db.tables.inventory, db.tables.inventory.c
    rows = _forgettable(db, before, _needed(db))
    notes = (c.site == db.site, c.system == LEDGER, c.kind == PERSON)
    known = db.execute(select(c.key).where(*notes, c.key.startswith("#"))).scalars()
    salt = next((salt_of(key) for key in known if is_hidden(key)), None) or secrets.token_hex(16)
    for some in chunks(rows, CHUNK):
        hidden = [
            {**row, "key": hidden_address(salt, row["key"]), "value": hidden_note(salt, row["value"]), "subject": ""}
            for row in some
        ]
        keys = [row["key"] for row in (*some, *hidden)]  # one that was hidden before, and was somebody's again
        db.execute(delete(table).where(*notes, c.key.in_(keys)))
        db.execute(insert(table), hidden)
    return Pruned(people=len(rows))


def _needed(db: SiteTables) -> _Needed:
    facts = open_facts(db)
    kinds = [kind for kind in kinds_of(db) if kind[1] == "mailbox"]
    mailboxes = frozenset(key for _, keys in keys_of(db, kinds) for key in keys)
    return _Needed(facts, _with_other_addresses(db, facts.addresses), mailboxes, inventory.former(db))


def _with_other_addresses(db: SiteTables, addresses: frozenset[str]) -> frozenset[str]:
    """All steps of an account stay while any of them is needed: a later one may say that an earlier one is over."""
    step, known, new = db.tables.steps.c, set[str](), set(addresses)
    for _ in range(_TURNS):
        known |= new
        found: set[str] = set()
        for some in chunks(sorted(new)):
            theirs = db.steps(step.subject, step.key).where(or_(step.subject.in_(some), step.key.in_(some)))
            found.update(address for pair in db.execute(theirs.distinct()) for address in pair)
        new = found - known
        if not new:
            break
    return frozenset(known)


def _of_runs(db: SiteTables, runs: Sequence[int], needed: _Needed) -> dict[int, _OfRun]:
    step, plan, shot = db.tables.steps.c, db.tables.plans.c, db.tables.one_shots.c
    found = {run: _OfRun() for run in runs}
    for row in db.execute(select(plan.run, plan.part).where(plan.run.in_(runs))):
        found[row.run].plans.append(row.part)
    of_shots: set[tuple[int, str]] = set()
    for row in db.execute(select(shot.id, shot.run, shot.step_id, shot.address).where(shot.run.in_(runs))):
        kept = needed.is_managed(row.address)
        (found[row.run].kept_shots if kept else found[row.run].shots).append(row.id)
        if kept:
            of_shots.add((row.run, row.step_id))  # done is what its steps say
    columns = (step.run, step.seq, step.step_id, step.subject, step.key, step.kind, step.action, step.state)
    for row in db.execute(select(*columns).where(step.run.in_(runs)).order_by(step.run, step.seq)):
        kept = row.subject in needed.addresses or row.key in needed.addresses or (row.run, row.step_id) in of_shots
        # a date from before its mailbox was made is none that was missed
        makes = not kept and all(run_queries.makes_mailbox(row)) and needed.is_managed(row.key)
        found[row.run].makes += makes
        (found[row.run].kept if kept or makes else found[row.run].steps).append(row.seq)
    return found


def _left(db: SiteTables, run: int, of: _OfRun) -> Iterator[Sealed]:
    """What stays of a run, to be sealed anew."""
    steps, shots, about = db.tables.steps, db.tables.one_shots, db.tables.runs.c
    digest, commit = db.execute(select(about.digest, about.commit).where(about.id == run)).one()
    for numbers in chunks(of.kept):
        query = select(steps).where(steps.c.run == run, steps.c.seq.in_(numbers)).order_by(steps.c.seq)
        rows = [row._asdict() for row in db.execute(query)]
        yield Sealed(Part.STEPS, run, [(r["seq"], values(r, chain.STEP_COLUMNS, digest, commit)) for r in rows])
        yield Sealed(Part.STATES, run, [(r["seq"], values(r, chain.STATE_COLUMNS)) for r in rows])
    for numbers in chunks(of.kept_shots):
        found = db.execute(select(shots).where(shots.c.id.in_(numbers)).order_by(shots.c.id))
        rows = [row._asdict() for row in found]
        yield Sealed(Part.SHOTS, run, [(row["id"], values(row, chain.SHOT_COLUMNS)) for row in rows])


def _delete(db: SiteTables, found: dict[int, _OfRun]) -> None:
    tables = db.tables
    whole = [run for run, each in found.items() if not each.kept]
    for table, runs in ((tables.plans, list(found)), (tables.steps, whole)):
        for some in chunks(runs):
            db.execute(delete(table).where(table.c.run.in_(some)))
    for run, each in found.items():
        for numbers in chunks(each.steps if each.kept else ()):
            db.execute(delete(tables.steps).where(tables.steps.c.run == run, tables.steps.c.seq.in_(numbers)))
    for numbers in chunks(number for each in found.values() for number in each.shots):
        db.execute(delete(tables.one_shots).where(tables.one_shots.c.id.in_(numbers)))


def _compare(db: SiteTables, runs: Sequence[int], needed: _Needed) -> None:
    """Plans are told the same as before, but for one-shot dates of accounts that are gone, and when those were made."""

    def told(facts: OpenFacts) -> tuple[Any, ...]:
        shots = (frozenset(s for s in of if needed.is_managed(s.address)) for of in (facts.done, facts.missed))
        made = {address: when for address, when in facts.made.items() if needed.is_managed(address)}
        return facts.removed, facts.unseen, facts.uncertain, facts.letters, made, *shots

    if told(open_facts(db)) != told(needed.facts):
        raise LedgerUnusable(
            f"without the old steps of runs {runs[0]} to {runs[-1]} plans would be told something else, so they were"
            " left: a bug of reconciler",
            hint="send this line to the maintainers; what was pruned of runs before these is as it should be",
        )


def _forgettable(db: SiteTables, before: datetime, needed: _Needed) -> list[dict[str, Any]]:
    """Rows of the inventory about persons whose accounts are gone, as they are."""
    table: Table = db.tables.inventory
    c, run = table.c, db.tables.runs.c
    query = (
        select(table)
        .join(db.tables.runs, run.id == c.run)
        .where(c.site == db.site, c.system == LEDGER, c.kind == PERSON, run.finished < before)
    )
    rows = (row._asdict() for row in db.execute(query))
    return [row for row in rows if not is_hidden(row["key"]) and _is_gone(row, needed)]


def _is_gone(row: dict[str, Any], needed: _Needed) -> bool:
    addresses = {row["key"], row["subject"]}
    there = any(needed.is_managed(address) for address in addresses)
    return not there and needed.addresses.isdisjoint(addresses)


def _counted(found: dict[int, _OfRun]) -> Pruned:
    going = [each for each in found.values() if each.gone]
    return Pruned(
        runs=len(going),
        steps=sum(len(each.steps) for each in going),
        plans=sum(bool(each.plans) for each in going),
        one_shots=sum(len(each.shots) for each in going),
    )
