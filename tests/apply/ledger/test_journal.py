"""Runs and steps: what is written when, what is refused, and what a crash leaves."""

from __future__ import annotations

from sqlalchemy import Engine

from reconciler.apply.ledger import Ledger
from reconciler.planning.changes import Action
from reconciler.planning.remembered import RunState
from tests.apply.ledger.house import ANNA, DONE, NOW, block, creation, opened, states


async def test_a_run_keeps_what_was_planned_and_how_it_went(ledger: Ledger) -> None:
    steps = [*creation(ANNA), block("spam.example", Action.DELETE)]
    run = await opened(ledger, steps)
    await ledger.before(run, steps)
    await ledger.after(run, [(step, DONE) for step in steps])
    await ledger.finish(run, RunState.DONE)
    past = await ledger.run(run.id)
    assert past is not None
    assert (past.site, past.who, past.started, past.finished, past.state) == ("nrw", "technik", NOW, NOW, "done")
    mailbox, *_, gone = past.steps
    assert mailbox.after is not None
    assert (mailbox.transition, mailbox.after["quota"], mailbox.before) == (f"account:{ANNA}", 10240, None)
    assert mailbox.origin == "nrw.yaml:12 (1a2b3c4, AG Technik)"
    assert (mailbox.began, mailbox.ended, mailbox.state) == (NOW, NOW, "done")
    assert (gone.action, gone.after, gone.counted) == ("delete", None, "removal")
    assert await ledger.plan_document(run.id) == '{"site": "nrw"}'


async def test_dying_between_begun_and_done_is_seen(ledger: Ledger, engine: Engine) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps[:1])
    assert await states(ledger, run.id) == ["begun", "pending", "pending", "pending"]
    await ledger.release(run.lease)
    assert [past.id for past in await ledger.interrupted()] == [run.id]
