"""Random histories: what the ledger remembers agrees with a plain model that keeps everything in lists."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, make_url

from reconciler.apply.ledger import Ledger, open_engine
from reconciler.model.records import Owner, PasswordRow
from reconciler.planning.changes import Action, Outcome, Result, Stage, Step
from reconciler.planning.ledger_state import RunState
from reconciler.planning.transitions import Effect
from tests.apply.ledger.house import NOW, Clock, account, block, creation, expire, make, opened_with
from tests.proof.world import LONG

WINDOW = 24
_sites = count()
_TARGET = (PasswordRow("anna@b.example", "anna@b.example"), account("anna@b.example"))
_PLANS = [
    creation("anna@a.example"),
    creation("hans@a.example"),
    [*creation("anna@b.example")[2:], make("postfixadmin", "password", *_TARGET, Stage.MAIL_FLOW)],
    [block("spam.example")],
    [block("spam.example", Action.DELETE)],
]
_COUNTED = [Effect.CREATION, Effect.CREATION, Effect.CHANGE, Effect.CREATION, Effect.REMOVAL]
_FATES = ("untouched", "begun", *(str(result) for result in Result), "begun, done", "begun, failed", "begun, skipped")


@dataclass
class Kept:
    """One step of one run in the model."""

    run: int
    step: Step
    counted: Effect
    state: str = "pending"
    began: datetime | None = None
    ended: datetime | None = None


@dataclass
class Model:
    """The whole past in lists."""

    steps: list[Kept] = field(default_factory=list)
    owned: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def unfinished(self) -> set[Owner]:
        return {owner for owner in {k.step.change.owner for k in self.steps} if self._half_way(owner)}

    def _half_way(self, owner: Owner) -> bool:
        theirs = [kept for kept in self.steps if kept.step.change.owner == owner]
        touched = {kept.run for kept in theirs if kept.state in ("begun", "done", "failed", "uncertain")}
        for kind in ("password", "letter"):
            steps = [kept for kept in theirs if kept.step.change.kind == kind]
            left = [k.run for k in steps if k.state not in ("done", "skipped", "uncertain") and k.run in touched]
            told = [k.run for k in steps if k.state in ("done", "skipped", "uncertain")]
            if any(not any(later > run for later in told) for run in left):
                return True
        return False

    def recent(self, now: datetime) -> set[tuple[Effect, Owner]]:
        since = now - timedelta(hours=WINDOW)
        return {
            (kept.counted, kept.step.change.owner)
            for kept in self.steps
            if kept.began is not None
            and kept.state in ("begun", "done", "skipped", "uncertain")
            and max(kept.began, kept.ended or kept.began) >= since
        }


Fates = list[tuple[int, list[str]]]
histories = st.lists(
    st.tuples(
        st.lists(
            st.tuples(st.integers(0, len(_PLANS) - 1), st.lists(st.sampled_from(_FATES), min_size=4, max_size=4)),
            max_size=3,
            unique_by=lambda planned: min(planned[0], 3),  # no plan makes a block and lifts it
        ),
        st.sampled_from(["done", "crash", "interrupted"]),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=4,
)


HISTORIES = 300 if LONG else 25


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One SQLite file; every history is a site of its own in it."""
    engine = open_engine(make_url(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}"), create=True)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    asyncio.run(Ledger(engine, "first", clock=Clock()).init())
    yield engine
    engine.dispose()


@settings(max_examples=HISTORIES, deadline=None)
@given(history=histories)
def test_what_is_remembered_is_what_happened(engine: Engine, history: list[tuple[Fates, str, int]]) -> None:
    asyncio.run(_compare(engine, history))


@settings(max_examples=HISTORIES, deadline=None)
@given(history=histories, cut=st.integers(0, 60))
def test_pruning_changes_nothing_that_plans_are_told(
    engine: Engine, history: list[tuple[Fates, str, int]], cut: int
) -> None:
    asyncio.run(_prune(engine, history, cut))


async def _prune(engine: Engine, history: list[tuple[Fates, str, int]], cut: int) -> None:
    clock, model = Clock(), Model()
    ledger = Ledger(engine, f"site{next(_sites)}", clock=clock)
    for number, (planned, end, hours) in enumerate(history):
        await _run(engine, ledger, clock, model, planned, end, str(number))
        clock.now += timedelta(hours=hours)
    before, when = await ledger.remember(WINDOW), NOW + timedelta(hours=cut)
    letters, left = await ledger.open_letters(), await ledger.left_open()
    planned_to_go = (await ledger.look_for_old(when)).going
    lease = await ledger.acquire("technik", "mail.example", 7)
    gone = await ledger.prune(lease, when)
    assert gone == planned_to_go
    after = await ledger.remember(WINDOW)
    if when <= clock.now - timedelta(hours=WINDOW):
        assert after.recent == before.recent
    assert replace(after, recent={}) == replace(before, recent={})
    assert (await ledger.open_letters(), await ledger.left_open()) == (letters, left)
    assert (await ledger.verify()).faults == ()
    # what was told of once is told of again: nothing that is left has to be kept for the second time only
    assert not await ledger.prune(lease, when)
    # and the next run goes on from there
    clock.now += timedelta(hours=1)
    run = await opened_with(ledger, lease, creation("anna@a.example"), "last")
    await ledger.finish(run, RunState.DONE)
    assert (await ledger.verify()).faults == ()
    await ledger.release(lease)


async def _compare(engine: Engine, history: list[tuple[Fates, str, int]]) -> None:
    clock, model = Clock(), Model()
    ledger = Ledger(engine, f"site{next(_sites)}", clock=clock)
    for number, (planned, end, hours) in enumerate(history):
        await _run(engine, ledger, clock, model, planned, end, str(number))
        clock.now += timedelta(hours=hours)
    remembered = await ledger.remember(WINDOW)
    assert remembered.unfinished == model.unfinished()
    assert {(e, o) for e, owners in remembered.recent.items() for o in owners} == model.recent(clock.now)
    assert {key: entry.run for key, entry in remembered.inventory.items()} == model.owned
    assert (await ledger.verify()).faults == ()


async def _run(
    engine: Engine, ledger: Ledger, clock: Clock, model: Model, planned: Fates, end: str, digest: str
) -> None:
    steps = [step for which, _ in planned for step in _PLANS[which]]
    lease = await ledger.acquire("technik", "mail.example", 7)
    run = await opened_with(ledger, lease, _unique(steps), digest)
    for which, fates in planned:
        counted = _COUNTED[which]
        for step, fate in zip(_PLANS[which], fates, strict=False):
            kept = Kept(run.id, step, counted)
            model.steps.append(kept)
            if "begun" in fate:
                await ledger.before(run, [step])
                kept.state, kept.began = "begun", clock.now
            result = fate.removeprefix("begun, ")
            if result in set(Result):
                await ledger.after(run, [(step, Outcome(Result(result)))])
                _end(model, kept, result, clock.now)
    if end == "crash":
        expire(engine, ledger)
        return
    await ledger.finish(run, RunState(end))
    await ledger.release(lease)
    for kept in model.steps:
        if kept.run == run.id and kept.state == "pending":
            kept.state = "not tried"


def _end(model: Model, kept: Kept, result: str, now: datetime) -> None:
    change = kept.step.change
    kept.state, kept.ended = result, None if result == "not tried" else now
    if result == "done" and kept.began is None:
        kept.began = now
    if result in ("done", "skipped") and change.kind in ("mailbox", "alias", "block"):
        if change.after is None:
            model.owned.pop((change.system, change.kind, change.key), None)
        else:
            model.owned[change.system, change.kind, change.key] = kept.run


def _unique(steps: list[Step]) -> list[Step]:
    return list({step.id: step for step in steps}.values())
