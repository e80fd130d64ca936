"""The engine: order, isolation, what is skipped, tried again, read back and left when somebody stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from reconciler.apply import engine
from reconciler.apply.journal import Journal
from reconciler.errors import PermanentFailure, Unreadable
from reconciler.planning.changes import Outcome, Result, Stage, Step
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.run_outcome import Run
from tests.apply.memory import NOW, Memory, alias, plan_with, step
from tests.systems.plans import NO_PLAN

FAILED = Outcome(Result.FAILED, "no")
LATER = Outcome(Result.FAILED, "busy", temporary=True)


class Pages(Journal):
    """A journal that keeps what is written into it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.lost_before: int | None = None

    async def before(self, steps: Sequence[Step]) -> None:
        if self.lost_before is not None and len(self.lines) >= self.lost_before:
            raise PermanentFailure("the lock is lost")
        self.lines.append(f"begun {' '.join(step.change.key for step in steps)}")

    async def after(self, ended: Sequence[tuple[Step, Outcome]]) -> None:
        self.lines += [f"{outcome.result} {step.change.key}" for step, outcome in ended]


async def run(
    systems: Sequence[Memory],
    *groups: Sequence[Step],
    stop: asyncio.Event | None = None,
    told: list[int] | None = None,
    pages: Pages | None = None,
) -> Run:
    def progress(what: str, done: int, total: int) -> None:
        if told is not None:
            told.append(done)

    def clock() -> datetime:
        return NOW

    plan = plan_with(*groups)
    return await engine.carry_out(
        plan,
        systems,
        pages or Pages(),
        context=NO_PLAN,
        clock=clock,
        progress=progress,
        stop=stop or asyncio.Event(),
        pause=0.0,
    )


def results(run: Run) -> list[list[str]]:
    return [[str(outcome.result) for _, outcome in t.outcomes] for t in run.transitions]


async def test_stages_order_steps_across_systems_and_a_system_gets_one_batch_a_stage() -> None:
    log: list[str] = []
    a, b = Memory("a", log), Memory("b", log)
    one = [step("a", "a1", owner="one"), step("b", "b1", Stage.GROUPWARE, owner="one")]
    two = [step("a", "a2", owner="two"), step("b", "b2", Stage.GROUPWARE, owner="two")]
    done = await run([b, a], one, two)
    assert log == ["a: a1 a2", "b: b1 b2"]
    assert done.complete


async def test_a_failed_step_stops_its_transition_and_no_other() -> None:
    a, b = Memory("a"), Memory("b")
    a.answers["a1"] = [FAILED]
    one = [step("a", "a1", owner="one"), step("b", "b1", Stage.GROUPWARE, owner="one")]
    two = [step("a", "a2", owner="two"), step("b", "b2", Stage.GROUPWARE, owner="two")]
    done = await run([a, b], one, two)
    assert results(done) == [["failed", "not tried"], ["done", "done"]]
    assert [str(t.result) for t in done.transitions] == ["failed", "done"]
    assert not done.complete
    assert "b1" not in b.rows


async def test_what_is_in_place_is_skipped() -> None:
    a = Memory("a")
    there = step("a", "a1")
    assert there.change.after is not None
    a.rows["a1"] = there.change.after
    done = await run([a], [there])
    assert (results(done), a.log, done.complete) == ([["skipped"]], [], True)


async def test_an_account_that_somebody_else_made_meanwhile_gets_no_letter() -> None:
    a, letters = Memory("a"), Memory("letters")
    made = step("a", "anna", kind="mailbox")
    assert made.change.after is not None
    a.rows["anna"] = made.change.after
    done = await run([a, letters], [made, step("letters", "letter", Stage.LETTER, owner="anna", kind="letter")])
    assert results(done) == [["failed", "not tried"]]
    assert done.transitions[0].outcomes[0][1].raced
    assert letters.log == []


async def test_an_alias_is_not_made_when_its_target_failed_and_comes_after_it_otherwise() -> None:
    a = Memory("a")
    a.answers["bad"] = [FAILED]
    good, bad = step("a", "good"), step("a", "bad")
    leading = [alias("a", "one", good.change.owner), alias("a", "two", bad.change.owner), alias("a", "three")]
    plan = plan_with([good], [bad])
    plan = replace(plan, transitions=(*leading, *plan.transitions))
    done = await engine.carry_out(
        plan,
        [a],
        Pages(),
        context=NO_PLAN,
        clock=lambda: NOW,
        progress=lambda *_: None,
        stop=asyncio.Event(),
        pause=0.0,
    )
    assert results(done) == [["done"], ["not tried"], ["done"], ["done"], ["failed"]]
    assert a.log == ["a: good bad", "a: three one"]


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        ("anna", ["not tried", "not tried", "not tried", "failed"]),
        ("vorstand", ["not tried", "not tried", "failed", "done"]),
    ],
)
async def test_what_leads_to_something_incomplete_is_not_tried_at_any_depth(failing: str, expected: list[str]) -> None:
    """Inside one batch of one system, too: an alias that leads to an alias that was not made would bounce."""
    a = Memory("a")
    a.answers[failing] = [FAILED]
    anna = step("a", "anna")
    vorstand = alias("a", "vorstand", anna.change.owner)
    info = alias("a", "info", vorstand.owner)
    outer = alias("a", "outer", info.owner)
    plan = plan_with([anna])
    plan = replace(plan, transitions=(outer, info, vorstand, *plan.transitions))
    done = await engine.carry_out(
        plan,
        [a],
        Pages(),
        context=NO_PLAN,
        clock=lambda: NOW,
        progress=lambda *_: None,
        stop=asyncio.Event(),
        pause=0.0,
    )
    assert results(done) == [[result] for result in expected]


async def test_a_temporary_failure_is_tried_again_and_a_permanent_one_is_not() -> None:
    a = Memory("a")
    a.answers |= {"soon": [LATER, LATER], "never": [LATER, LATER, LATER], "broken": [FAILED]}
    done = await run([a], [step("a", "soon")], [step("a", "never")], [step("a", "broken")])
    assert results(done) == [["done"], ["failed"], ["failed"]]
    assert a.log == ["a: soon never broken", "a: soon never", "a: soon never"]


async def test_success_that_does_not_read_back_is_a_failure() -> None:
    a = Memory("a")
    a.lies.add("a1")
    done = await run([a], [step("a", "a1"), step("a", "a2", Stage.LETTER, owner="a1")])
    assert results(done) == [["failed", "not tried"]]
    assert "read back" in done.transitions[0].outcomes[0][1].message


async def test_a_letter_is_not_read_back() -> None:
    letters = Memory("letters")
    letters.lies.add("anna")
    done = await run([letters], [step("letters", "anna", Stage.LETTER, kind="letter")])
    assert done.complete


async def test_a_system_that_cannot_be_read_fails_its_steps_with_the_reason() -> None:
    a = Memory("a")
    a.blind = True
    done = await run([a], [step("a", "a1")])
    assert results(done) == [["failed"]]
    assert done.transitions[0].outcomes[0][1].message == "the line is down"
    assert a.log == []


async def test_a_line_that_breaks_while_writing_is_tried_again() -> None:
    a = Memory("a")
    a.answers["a1"] = [Unreadable("the line broke")]
    done = await run([a], [step("a", "a1")])
    assert done.complete
    assert a.log == ["a: a1", "a: a1"]


async def test_stop_ends_the_run_at_the_next_boundary() -> None:
    stop = asyncio.Event()

    class Stopping(Memory):
        async def perform(self, context: PlanContext, batch: Sequence[Step]) -> list[Outcome]:
            stop.set()
            return await super().perform(context, batch)

    a, b = Stopping("a"), Memory("b")
    done = await run([a, b], [step("a", "a1", owner="o"), step("b", "b1", Stage.GROUPWARE, owner="o")], stop=stop)
    assert results(done) == [["done", "not tried"]]
    assert done.interrupted
    assert not done.complete


async def test_a_wave_is_finished_before_the_next_begins() -> None:
    log: list[str] = []
    a, b = Memory("a", log), Memory("b", log)
    count = engine.WAVE + 1
    groups = [
        [step("a", f"a{i}", owner=f"o{i}"), step("b", f"b{i}", Stage.GROUPWARE, owner=f"o{i}")] for i in range(count)
    ]
    told: list[int] = []
    done = await run([a, b], *groups, told=told)
    assert done.complete
    assert [line.split()[0] for line in log] == ["a:", "b:", "a:", "b:"]
    assert told[-1] == 2 * count


async def test_the_journal_is_written_before_and_after_every_batch() -> None:
    a, b, pages = Memory("a"), Memory("b"), Pages()
    a.answers["a2"] = [FAILED]
    there = step("a", "a3")
    assert there.change.after is not None
    a.rows["a3"] = there.change.after
    one = [step("a", "a1", owner="one"), step("b", "b1", Stage.GROUPWARE, owner="one")]
    await run([a, b], one, [step("a", "a2")], [there], pages=pages)
    assert pages.lines == ["begun a1 a2", "done a1", "failed a2", "skipped a3", "begun b1", "done b1"]


async def test_a_run_that_lost_its_lock_writes_nothing_more() -> None:
    a, b, pages = Memory("a"), Memory("b"), Pages()
    pages.lost_before = 2
    one = [step("a", "a1", owner="one"), step("b", "b1", Stage.GROUPWARE, owner="one")]
    with pytest.raises(PermanentFailure, match="lock is lost"):
        await run([a, b], one, pages=pages)
    assert b.rows == {}
