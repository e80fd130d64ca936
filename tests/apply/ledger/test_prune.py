"""Pruning on each database: a real kill inside it, many steps, other sites, and ledgers from before the chain."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Engine

from reconciler.apply import session
from reconciler.apply.ledger import Ledger
from reconciler.model.records import AliasRow, MailboxRow, Owner, Row, Scope
from reconciler.planning.changes import Action, Change, Stage, Step
from reconciler.planning.forgotten_people import hidden_address, hidden_note, is_hidden, is_same, salt_of
from reconciler.planning.ledger_pruning import Pruned
from reconciler.planning.ledger_state import LEDGER, PERSON, InventoryEntry, OneShot, RunState
from tests.apply.ledger.house import (
    ANNA,
    DONE,
    FAILED,
    HANS,
    NOW,
    Clock,
    account,
    all_text,
    block,
    creation,
    expire,
    new_run,
    opened,
    opened_with,
    states,
)
from tests.apply.ledger.test_crash import Start, kill, line, start
from tests.apply.ledger.test_migrations import PERSON as OPERATOR
from tests.apply.ledger.test_migrations import ledger_on, make_version
from tests.apply.ledger.test_run_statements import counted

__all__ = ["start"]
LATER = NOW + timedelta(days=100)


def purge(address: str) -> list[Step]:
    rows: tuple[Row, Row] = (
        MailboxRow(address, address, "Hans", 10240, False),
        AliasRow(address, address, (address,), False),
    )
    return [
        Step(Change("postfixadmin", kind, Action.DELETE, address, row, None, account(address)), Stage.MAIL_FLOW)
        for kind, row in zip(("mailbox", "alias"), rows, strict=True)
    ]


async def done(ledger: Ledger, steps: list[Step], digest: str = "d") -> int:
    """A run that did all of it."""
    run = await opened(ledger, steps, digest)
    await ledger.before(run, steps)
    await ledger.after(run, [(step, DONE) for step in steps])
    people = (step.change.owner for step in steps if step.change.kind == "mailbox" and step.change.after is not None)
    notes = [InventoryEntry(LEDGER, PERSON, owner.subject, owner, "10077") for owner in people]
    await ledger.record(notes, run)
    await ledger.finish(run, RunState.DONE)
    await ledger.release(run.lease)
    return run.id


async def pruned(ledger: Ledger) -> Pruned:
    lease = await ledger.acquire("technik", "mail.example", 7)
    gone = await ledger.prune(lease, LATER)
    await ledger.release(lease)
    assert (await ledger.verify()).faults == ()
    return gone


async def test_what_is_over_goes_and_what_is_open_stays(ledger: Ledger, engine: Engine, clock: Clock) -> None:
    await done(ledger, creation(HANS))
    await done(ledger, purge(HANS), "purge")
    left = await opened(ledger, [*creation(ANNA), block("spam.example")])
    await ledger.before(left, creation(ANNA))
    await ledger.after(left, [(creation(ANNA)[0], DONE), (creation(ANNA)[3], FAILED)])
    await ledger.finish(left, RunState.PARTLY)
    await ledger.release(left.lease)
    clock.now += timedelta(days=1)
    await done(ledger, [block("other.example")], "last")
    before = await ledger.remember(24)
    other = ledger_on(engine, "nds")
    await done(other, creation(HANS))
    theirs = await other.run(5)
    gone = await pruned(ledger)
    assert gone == Pruned(runs=4, steps=len(creation(HANS)) + len(purge(HANS)) + 2, plans=4, people=1)
    assert await states(ledger, left.id) == ["done", "begun", "begun", "failed"]
    after = await ledger.remember(24)
    assert (after.unseen, after.removed, after.inventory) == (before.unseen, before.removed, before.inventory)
    assert after.people[HANS] != "10077"
    assert is_same(after.people[HANS], "10077")
    # who is declared there with that number is known as that person, and nobody else is
    for number, known in (("10077", {HANS}), ("10078", set())):
        declared = await ledger.remember(24, numbers={HANS: number})
        assert declared.known.get((LEDGER, PERSON), set()) == known
    # another site's runs are as they were
    assert (await other.verify()).faults == ()
    assert await other.run(5) == theirs
    assert theirs is not None


async def test_killed_inside_it_is_as_if_it_had_not_begun(ledger: Ledger, engine: Engine, start: Start) -> None:
    await done(ledger, creation(HANS))
    await done(ledger, purge(HANS), "purge")
    before = all_text(engine, ledger)
    child = start("prune")
    assert line(child) == "ready"
    kill(child)
    expire(engine, ledger)  # waits for what the dead process held
    assert (await ledger.verify()).faults == ()
    for number in (1, 2):
        run = await ledger.run(number)
        assert run is not None
        assert run.steps
    assert all_text(engine, ledger).count(HANS) == before.count(HANS)
    assert (await pruned(ledger)).runs == 2
    assert HANS not in all_text(engine, ledger)


async def test_many_steps_go_in_few_statements(ledger: Ledger, engine: Engine) -> None:
    lease = await ledger.acquire("technik", "mail.example", 7)
    costs = []
    for number in (10, 10_000):
        steps = [block(f"{n}.example") for n in range(number)]
        run = await ledger.begin(lease, new_run(steps, f"of {number}", document="x"))
        await ledger.finish(run, RunState.DONE)
        with counted(engine) as statements:
            gone = await ledger.prune(lease, LATER)
        costs.append(len(statements))
        assert gone.steps == number
    assert costs[1] - costs[0] <= 2


async def test_runs_from_before_the_chain_are_pruned_too(engine: Engine) -> None:
    make_version(engine, 2)
    ledger = ledger_on(engine)
    await session.upgrade(ledger, OPERATOR)
    lease = await ledger.acquire("technik", "mail.example", 7)
    shot = OneShot(HANS, "password_reset", date(2026, 11, 1))
    run = await opened_with(ledger, lease, [], "next")
    await ledger.missed(run, [shot])
    await ledger.finish(run, RunState.DONE)
    await ledger.release(lease)
    before = await ledger.remember(24)
    gone = await pruned(ledger)
    # Anna's letter is owed; Hans' was sent
    assert (gone.steps, gone.one_shots) == (1, 1)
    after = await ledger.remember(24)
    assert after.unseen == before.unseen
    assert [shot.address for shot in after.missed] == [ANNA]
    assert HANS not in all_text(engine, ledger)


def test_what_is_hidden_can_be_compared_and_not_read() -> None:
    salt = "0123456789abcdef" * 2
    number, name = hidden_note(salt, "10077"), hidden_note(salt, "=Bernd  Muster")
    assert is_hidden(hidden_address(salt, ANNA))
    assert salt_of(number) == salt
    assert not {"10077", "Bernd", "anna"} & {number, name, hidden_address(salt, ANNA)}
    assert is_same(number, "10077")
    assert is_same("10077", number)
    assert not is_same(number, "10078")
    assert not is_same(number, "=10077")
    assert is_same(name, "=bernd muster")
    assert not is_same(name, "=Berta Muster")
    assert hidden_note(salt, "=") == "="
    assert not is_hidden(f"#{salt}@partei.example")
    assert Owner(Scope.ACCOUNT, "") != account(ANNA)
