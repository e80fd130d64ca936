"""Runs and steps: what is written when, what is refused, what is never kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, event

from reconciler.apply.ledger import Ledger
from reconciler.errors import PermanentFailure
from reconciler.model.records import BlockRow, MailboxRow, Owner, Scope
from reconciler.planning.changes import Action, Outcome, Result, Stage
from reconciler.planning.ledger_state import OneShot, RunState
from reconciler.planning.transitions import Effect
from tests.apply.ledger.house import (
    ANNA,
    DONE,
    FAILED,
    HANS,
    NOW,
    PRIVATE,
    Clock,
    account,
    all_text,
    block,
    creation,
    everything_ours,
    make,
    new_run,
    opened,
    opened_with,
    states,
)

SKIPPED = Outcome(Result.SKIPPED, "in place already")


@contextmanager
def counted(engine: Engine) -> Iterator[list[str]]:
    """The statements that reach the database meanwhile."""
    statements: list[str] = []

    def note(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


async def test_a_run_keeps_what_was_planned_and_how_it_went(ledger: Ledger, clock: Clock) -> None:
    steps = [*creation(ANNA), block("spam.example", Action.DELETE)]
    run = await opened(ledger, steps)
    clock.now += timedelta(seconds=1)
    await ledger.before(run, steps)
    clock.now += timedelta(seconds=1)
    await ledger.after(run, [(step, DONE) for step in steps])
    await ledger.finish(run, RunState.DONE)
    past = await ledger.run(run.id)
    assert past is not None
    assert (past.site, past.commit, past.who, past.host, past.pid) == ("nrw", "abc", "technik", "mail.example", 7)
    assert (past.started, past.finished, past.state) == (NOW, clock.now, "done")
    assert past.counts == {"done": 5}
    mailbox, *_, gone = past.steps
    assert mailbox.after is not None
    assert (mailbox.transition, mailbox.after["quota"], mailbox.before) == (f"account:{ANNA}", 10240, None)
    assert mailbox.origin == "nrw.yaml:12 (1a2b3c4, AG Technik)"
    assert (mailbox.began, mailbox.ended, mailbox.stage) == (NOW + timedelta(seconds=1), clock.now, Stage.MAIL_FLOW)
    assert (gone.action, gone.after, gone.counted) == (Action.DELETE, None, Effect.REMOVAL)
    assert [step.id for step in past.steps] == [step.id for step in steps]


async def test_outcomes_with_their_words(ledger: Ledger) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps[:2])
    await ledger.after(run, [(steps[0], FAILED), (steps[1], SKIPPED), (steps[2], Outcome(Result.NOT_TRIED))])
    await ledger.finish(run, RunState.PARTLY)
    past = await ledger.run(run.id)
    assert past is not None
    assert [(s.state, s.message, s.hint) for s in past.steps] == [
        ("failed", "refused", "look there"),
        ("skipped", "in place already", ""),
        ("not tried", "", ""),
        ("not tried", "", ""),
    ]
    assert past.counts == {"failed": 1, "skipped": 1, "not tried": 2}


async def test_a_failed_step_may_be_begun_again_and_a_done_one_may_not(ledger: Ledger) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps)
    await ledger.after(run, [(steps[0], FAILED), (steps[3], DONE)])
    await ledger.before(run, steps[:1])
    # a letter that was sent must not go out again with another password
    with pytest.raises(PermanentFailure, match=r"1 of 2 steps are not open in run 1") as caught:
        await ledger.before(run, [steps[0], steps[3]])
    assert caught.value.hint
    assert await states(ledger, run.id) == ["begun", "begun", "begun", "done"]


async def test_a_step_of_no_plan_is_refused_and_nothing_is_kept(ledger: Ledger) -> None:
    run = await opened(ledger, creation(ANNA))
    stranger = block("spam.example")
    with pytest.raises(PermanentFailure, match="not open in run"):
        await ledger.before(run, [*creation(ANNA), stranger])
    with pytest.raises(PermanentFailure, match="do not belong to run"):
        await ledger.after(run, [(step, DONE) for step in (*creation(ANNA), stranger)])
    assert await states(ledger, run.id) == ["pending"] * 4
    assert await everything_ours(ledger) == {}


async def test_success_that_does_not_read_back_may_still_become_a_failure(ledger: Ledger) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps)
    await ledger.after(run, [(steps[0], DONE)])
    await ledger.after(run, [(steps[0], FAILED)])
    assert (await states(ledger, run.id))[0] == "failed"


async def test_what_a_run_did_stays_done_when_it_is_found_in_place(ledger: Ledger, clock: Clock) -> None:
    """As when the answer to a commit was lost, and the step is tried again."""
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps[:1])
    await ledger.after(run, [(steps[0], Outcome(Result.DONE, "made"))])
    clock.now += timedelta(hours=1)
    await ledger.after(run, [(steps[0], SKIPPED), (steps[1], SKIPPED), (steps[2], Outcome(Result.NOT_TRIED))])
    past = await ledger.run(run.id)
    assert past is not None
    assert [(step.state, step.message, step.ended) for step in past.steps[:3]] == [
        ("done", "made", NOW),
        ("skipped", "in place already", clock.now),
        ("not tried", "", None),
    ]


async def test_a_used_plan_is_known(ledger: Ledger) -> None:
    assert await ledger.used("digest") is None
    run = await opened(ledger, creation(ANNA))
    used = await ledger.used("digest")
    assert used is not None
    assert (used.id, used.started, used.counts) == (run.id, NOW, {"pending": 4})


async def test_another_sites_runs_are_not_ours(ledger: Ledger, engine: Engine) -> None:
    other = Ledger(engine, "nds", clock=Clock())
    run = await opened(other, creation(ANNA))
    await other.release(run.lease)
    lease = await ledger.acquire("technik", "mail.example", 7)
    assert await ledger.used("digest") is None
    assert await ledger.run(run.id) is None
    assert await ledger.plan_document(run.id) == ""
    assert await ledger.history(9) == []
    await opened_with(ledger, lease, creation(HANS), "next")
    assert [(past.id, past.state) for past in await other.history(9)] == [(run.id, "running")]


async def test_history_is_newest_first(ledger: Ledger) -> None:
    lease = await ledger.acquire("technik", "mail.example", 7)
    for digest in "abc":
        run = await opened_with(ledger, lease, creation(ANNA), digest)
        await ledger.finish(run, RunState.DONE)
    assert [past.digest for past in await ledger.history(2)] == ["c", "b"]


async def test_ten_thousand_steps_take_few_statements(ledger: Ledger, engine: Engine) -> None:
    steps = [step for n in range(2500) for step in creation(f"p{n}@partei.example")]
    with counted(engine) as statements:
        run = await opened(ledger, steps)
        await ledger.before(run, steps)
        await ledger.after(run, [(step, Outcome(Result.DONE, step.id)) for step in steps])
        await ledger.remember(24)
        await ledger.finish(run, RunState.DONE)
    past = await ledger.run(run.id)
    assert past is not None
    assert past.counts == {"done": 10_000}
    assert past.steps[-1].message == steps[-1].id
    assert len(statements) < 125, statements[:20]


async def test_a_plan_bigger_than_a_packet(ledger: Ledger) -> None:
    lease = await ledger.acquire("technik", "mail.example", 7)
    document = "".join(f"Zeile {n} ü€\n" for n in range(1_500_000))  # 22 MB
    run = await ledger.begin(lease, new_run([], document=document))
    assert await ledger.plan_document(run.id) == document


async def test_no_private_address_is_kept(ledger: Ledger, engine: Engine) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps)
    refused = Outcome(Result.FAILED, f"550 <{PRIVATE.lower()}>: no such user", f"ask {PRIVATE}")
    await ledger.after(run, [(steps[3], refused), *((step, DONE) for step in steps[:3])])
    await ledger.missed(run, [OneShot(ANNA, "password_reset", NOW.date())])
    kept = all_text(engine, ledger)
    assert "550 <the register address>: no such user" in kept
    assert PRIVATE.lower() not in kept.lower()
    assert PRIVATE.partition("@")[2].lower() not in kept.lower()


async def test_a_secret_in_a_record_is_an_error_and_not_a_row(ledger: Ledger, engine: Engine) -> None:
    row = BlockRow("spam.example", SecretStr("geheim"))  # type: ignore[arg-type]  # what must never happen
    step = make("postfix", "block", row, Owner(Scope.BLOCK, "spam.example"), Stage.FILTER)
    with pytest.raises(TypeError):
        await opened(ledger, [step])
    assert "geheim" not in all_text(engine, ledger)
    assert await ledger.history(1) == []


async def test_words_that_a_database_refuses(ledger: Ledger) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps[:1])
    await ledger.after(run, [(steps[0], Outcome(Result.FAILED, f"a\0b\udcff {'x' * 10_000}"))])
    past = await ledger.run(run.id)
    assert past is not None
    assert past.steps[0].message.startswith("a\N{REPLACEMENT CHARACTER}b? xxx")
    assert len(past.steps[0].message) == 4000


async def test_what_a_transition_counts_as_can_be_said(ledger: Ledger) -> None:
    lease = await ledger.acquire("technik", "mail.example", 7)
    steps = [*creation(ANNA), *creation(HANS)]
    said = {account(ANNA): Effect.REMOVAL, account(HANS): Effect.CREATION}
    run = await ledger.begin(lease, new_run(steps, counted=said))
    past = await ledger.run(run.id)
    assert past is not None
    assert [step.counted for step in past.steps] == [Effect.REMOVAL] * 4 + [Effect.CREATION] * 4


async def test_the_runs_that_touched_an_address_with_their_steps_about_it(ledger: Ledger) -> None:
    """Through a rename, whose old mailbox has the old address; a local part in every domain; no wildcards."""
    lease = await ledger.acquire("technik", "mail.example", 7)
    first = await opened_with(ledger, lease, [*creation(ANNA), *creation(HANS)], "1")
    row, new = MailboxRow(ANNA, ANNA, "x", 1, True), account("neu@partei.example")
    old = make("postfixadmin", "mailbox", row, new, Stage.MAIL_FLOW, row)
    second = await opened_with(ledger, lease, [*creation("neu@partei.example"), old], "2")
    third = await opened_with(ledger, lease, creation(HANS), "3")
    local = ANNA.partition("@")[0]
    for asked in (ANNA, local, "neu@partei.example"):
        found = await ledger.of_address(asked, 20)
        assert [run.id for run in found] == [second.id, first.id]
        assert {step.owner.subject for run in found for step in run.steps} == {ANNA, "neu@partei.example"}
    assert [run.id for run in await ledger.of_address(HANS, 1)] == [third.id]
    assert await ledger.of_address("%", 20) == await ledger.of_address(f"{local[:-1]}_", 20) == []
