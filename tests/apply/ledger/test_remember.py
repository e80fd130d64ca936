"""What planning is told of the past: half-done accounts, one-shot operations, the window of the limits, used plans."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from reconciler.apply.ledger import Lease, Ledger, open_engine
from reconciler.model.records import BlockRow, MailboxRow, Owner, Records, Scope
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.ledger_state import LEDGER, PERSON, InventoryEntry, OneShot, Remembered, RunState
from reconciler.planning.transitions import Effect
from tests.apply.ledger.house import (
    ANNA,
    DONE,
    FAILED,
    HANS,
    NOW,
    Clock,
    account,
    block,
    creation,
    make,
    new_run,
    opened,
    opened_with,
)
from tests.apply.ledger.test_run_statements import counted
from tests.services.postfixadmin import PostfixAdminDatabase

SHOT = OneShot(ANNA, "password_reset", date(2026, 11, 20))


async def test_an_empty_ledger_remembers_nothing(ledger: Ledger) -> None:
    assert await ledger.remember(24) == Remembered()


async def test_a_letter_that_was_not_sent_leaves_its_account_unfinished(ledger: Ledger) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    assert (await ledger.remember(24)).unfinished == frozenset()  # nothing of theirs was touched
    await ledger.before(run, steps[:1])
    remembered = await ledger.remember(24)
    assert remembered.unfinished == {account(ANNA)}
    assert remembered.unseen == {account(ANNA): {"password", "letter"}}
    await ledger.after(run, [(step, DONE) for step in steps[:3]])
    assert (await ledger.remember(24)).unseen == {account(ANNA): {"letter"}}
    await ledger.before(run, steps[3:])
    await ledger.after(run, [(steps[3], FAILED)])
    assert (await ledger.remember(24)).unfinished == {account(ANNA)}
    await ledger.before(run, steps[3:])
    await ledger.after(run, [(steps[3], DONE)])
    assert (await ledger.remember(24)).unseen == {}


async def test_a_later_run_finishes_what_an_earlier_one_left_and_can_leave_it_again(ledger: Ledger) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps)
    await ledger.finish(run, RunState.INTERRUPTED)
    second = await opened_with(ledger, run.lease, steps[2:], "second")
    assert (await ledger.remember(24)).unfinished == {account(ANNA)}
    await ledger.before(second, steps[2:3])
    await ledger.after(second, [(steps[2], DONE)])
    await ledger.finish(second, RunState.PARTLY)
    # the second run's password replaced the first one's, and its letter did not go out either
    assert (await ledger.remember(24)).unseen == {account(ANNA): {"letter"}}
    third = await opened_with(ledger, run.lease, steps[2:], "third")
    await ledger.after(third, [(step, DONE) for step in steps[2:]])
    assert (await ledger.remember(24)).unfinished == frozenset()


async def test_a_run_that_touched_nothing_of_an_account_leaves_it_as_it_was(ledger: Ledger) -> None:
    run = await opened(ledger, [*creation(ANNA), *creation(HANS)])
    await ledger.before(run, creation(ANNA)[:1])
    await ledger.after(run, [(step, Outcome(Result.SKIPPED)) for step in creation(HANS)[:1]])
    await ledger.finish(run, RunState.INTERRUPTED)
    assert (await ledger.remember(24)).unfinished == {account(ANNA)}


async def test_a_password_that_reached_one_system_of_two_is_unfinished(ledger: Ledger) -> None:
    groupware = creation(ANNA)[2]
    mail = make("postfixadmin", "password", groupware.change.row, account(ANNA), Stage.MAIL_FLOW)
    run = await opened(ledger, [mail, groupware])
    await ledger.before(run, [mail, groupware])
    await ledger.after(run, [(mail, DONE)])
    assert (await ledger.remember(24)).unfinished == {account(ANNA)}


async def test_a_later_password_alone_does_not_stand_for_the_letter(ledger: Ledger) -> None:
    steps = creation(ANNA)
    run = await opened(ledger, steps)
    await ledger.before(run, steps)
    later = await opened_with(ledger, run.lease, steps[2:3], "later")
    await ledger.after(later, [(steps[2], DONE)])
    assert (await ledger.remember(24)).unseen == {account(ANNA): {"letter"}}


async def test_a_former_address_is_superseded_by_the_account_under_its_new_one(ledger: Ledger) -> None:
    run = await opened(ledger, creation(ANNA))
    await ledger.before(run, creation(ANNA)[:1])
    later = await opened_with(ledger, run.lease, creation("neu@partei.example"), "rename")
    await ledger.after(later, [(step, DONE) for step in creation("neu@partei.example")])
    await ledger.supersede(later, {account(ANNA)})
    assert (await ledger.remember(24)).unfinished == frozenset()
    past = await ledger.run(run.id)
    assert past is not None
    # what is known of the mailbox stays as it was
    assert [step.state for step in past.steps] == ["begun", "pending", "superseded", "superseded"]


async def test_superseding_ends_only_what_earlier_runs_of_this_site_left(ledger: Ledger, engine: Engine) -> None:
    other = Ledger(engine, "nds", clock=Clock())
    theirs = await opened(other, creation(ANNA))
    await other.before(theirs, creation(ANNA))
    run = await opened(ledger, creation(ANNA))
    await ledger.before(run, creation(ANNA))
    await ledger.supersede(run, {account(ANNA)})
    assert (await ledger.remember(24)).unfinished == {account(ANNA)}
    assert (await other.remember(24)).unfinished == {account(ANNA)}


async def test_a_one_shot_is_done_when_all_its_steps_are(ledger: Ledger) -> None:
    steps = creation(ANNA)[2:]
    lease = await ledger.acquire("technik", "mail.example", 7)
    shots = {step.id: SHOT for step in steps}
    run = await ledger.begin(lease, new_run(steps, "d", one_shots=shots))
    await ledger.after(run, [(steps[0], DONE)])
    assert (await ledger.remember(24)).one_shots == frozenset()
    # half of it in each of two runs is no password that anybody knows
    run = await ledger.begin(lease, new_run(steps, "e", one_shots=shots))
    await ledger.after(run, [(steps[1], DONE)])
    assert (await ledger.remember(24)).one_shots == frozenset()
    await ledger.after(run, [(steps[0], DONE)])
    assert (await ledger.remember(24)).one_shots == {SHOT}


async def test_a_missed_one_shot_is_not_a_done_one(ledger: Ledger) -> None:
    run = await opened(ledger, [])
    await ledger.missed(run, {SHOT})
    remembered = await ledger.remember(24)
    assert remembered.one_shots == frozenset()
    assert remembered.missed == {SHOT}


async def test_of_what_is_wanted_only_the_keys_are_given(ledger: Ledger) -> None:
    steps = [*creation(ANNA)[:2], *creation(HANS)[:2]]
    run = await opened(ledger, steps)
    await ledger.after(run, [(step, DONE) for step in steps])
    row = steps[0].change.row
    wanted: dict[str, Records] = {"postfixadmin": {"mailbox": {ANNA: row, "new@partei.example": row}}, "other": {}}
    remembered = await ledger.remember(24, wanted)
    assert remembered.known == {("postfixadmin", "mailbox"): {ANNA}}
    assert set(remembered.inventory) == {
        ("postfixadmin", "alias", ANNA),
        ("postfixadmin", "mailbox", HANS),
        ("postfixadmin", "alias", HANS),
    }


@pytest.mark.parametrize("longest", [4, 19, 20, 21, 39, 40, 41])
async def test_keys_are_never_cut(new_mariadb: Callable[[], PostfixAdminDatabase], clock: Clock, longest: int) -> None:
    """They come as one text (here 40 characters), which MariaDB cuts silently, in the middle of a key or behind it."""
    engine = open_engine(new_mariadb().full_url)

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _record: object) -> None:
        connection.cursor().execute(f"SET SESSION group_concat_max_len = {longest}")

    steps = [*creation(ANNA)[:2], *creation(HANS)[:2]]
    ledger = Ledger(engine, "nrw", clock=clock)
    await ledger.init()
    run = await opened(ledger, steps)
    await ledger.after(run, [(step, DONE) for step in steps])
    wanted: dict[str, Records] = {"postfixadmin": {"mailbox": {s.change.key: s.change.row for s in steps}}}
    remembered = await ledger.remember(24, wanted)
    assert remembered.known == {("postfixadmin", "mailbox"): {ANNA, HANS}}
    assert set(remembered.inventory) == {("postfixadmin", "alias", ANNA), ("postfixadmin", "alias", HANS)}
    await ledger.close()


async def switched(ledger: Ledger, lease: Lease, active: bool, effect: Effect, end: Outcome = DONE) -> None:
    """A run that changes whether Anna's mailbox is active."""
    row = MailboxRow(ANNA, ANNA, "Anna", 10240, active)
    step = make("postfixadmin", "mailbox", row, account(ANNA), Stage.MAIL_FLOW, row._replace(active=not active))
    said = {account(ANNA): effect}
    run = await ledger.begin(lease, new_run([step], counted=said))
    await ledger.before(run, [step])
    await ledger.after(run, [(step, end)])


async def test_a_mailbox_that_a_removal_switched_off_is_known_until_something_changes_it(
    ledger: Ledger, engine: Engine
) -> None:
    lease = await ledger.acquire("technik", "mail.example", 7)
    await switched(ledger, lease, False, Effect.CHANGE)  # `active: false` is no removal
    assert (await ledger.remember(24)).removed == frozenset()
    await switched(ledger, lease, False, Effect.REMOVAL, FAILED)
    assert (await ledger.remember(24)).removed == frozenset()
    await switched(ledger, lease, False, Effect.REMOVAL)
    assert (await ledger.remember(24)).removed == {ANNA}
    other = Ledger(engine, "nds", clock=Clock())
    await switched(other, await other.acquire("t", "mail.example", 7), True, Effect.CHANGE)
    await switched(ledger, lease, True, Effect.CHANGE, FAILED)
    assert (await ledger.remember(24)).removed == {ANNA}
    assert (await other.remember(24)).removed == frozenset()
    own_alias = creation(ANNA)[1:2]
    await ledger.after(await opened_with(ledger, lease, own_alias, "own_alias"), [(own_alias[0], DONE)])
    assert (await ledger.remember(24)).removed == {ANNA}
    await switched(ledger, lease, True, Effect.CHANGE)
    assert (await ledger.remember(24)).removed == frozenset()


async def test_a_mailbox_that_is_purged_is_not_one_that_could_come_back(ledger: Ledger) -> None:
    lease = await ledger.acquire("technik", "mail.example", 7)
    await switched(ledger, lease, False, Effect.REMOVAL)
    row = MailboxRow(ANNA, ANNA, "Anna", 10240, False)
    purge = Step(
        Change("postfixadmin", "mailbox", Action.DELETE, ANNA, row, None, account(ANNA)),
        Stage.MAIL_FLOW,
    )
    await ledger.after(await opened_with(ledger, lease, [purge], "purge"), [(purge, DONE)])
    assert (await ledger.remember(24)).removed == frozenset()


async def test_the_window_slides_and_an_account_counts_once(ledger: Ledger, clock: Clock) -> None:
    steps = [*creation(ANNA), block("spam.example", Action.DELETE)]
    run = await opened(ledger, steps)
    await ledger.before(run, steps)
    await ledger.after(run, [(step, DONE) for step in steps])
    clock.now = NOW + timedelta(hours=24)
    remembered = await ledger.remember(24)
    assert remembered.recent == {
        Effect.CREATION: {account(ANNA)},
        Effect.REMOVAL: {Owner(Scope.BLOCK, "spam.example")},
    }
    clock.now += timedelta(seconds=1)
    assert (await ledger.remember(24)).recent == {}


async def test_what_ended_within_the_window_counts_however_long_it_took(ledger: Ledger, clock: Clock) -> None:
    step = block("spam.example", Action.DELETE)
    run = await opened(ledger, [step])
    await ledger.before(run, [step])
    clock.now += timedelta(hours=2)
    await ledger.after(run, [(step, DONE)])
    clock.now = NOW + timedelta(hours=25)
    assert len((await ledger.remember(24)).recent[Effect.REMOVAL]) == 1


@pytest.mark.parametrize(
    ("begun", "outcome", "counts"),
    [
        (True, None, 1),  # died: it may have happened
        (True, DONE, 1),
        (True, Outcome(Result.SKIPPED), 1),  # died, and found done by the resume
        (True, FAILED, 0),
        (False, DONE, 1),
        (False, Outcome(Result.SKIPPED), 0),  # somebody else's doing
        (False, Outcome(Result.NOT_TRIED), 0),
        (False, None, 0),
    ],
)
async def test_what_counts_for_the_limits(ledger: Ledger, begun: bool, outcome: Outcome | None, counts: int) -> None:
    step = block("spam.example", Action.DELETE)
    run = await opened(ledger, [step])
    if begun:
        await ledger.before(run, [step])
    if outcome is not None:
        await ledger.after(run, [(step, outcome)])
    assert len((await ledger.remember(24)).recent.get(Effect.REMOVAL, ())) == counts


async def test_another_sites_past_is_not_ours(ledger: Ledger, engine: Engine) -> None:
    other = Ledger(engine, "nds", clock=Clock())
    steps = creation(ANNA)
    run = await opened(other, steps)
    await other.before(run, steps)
    await other.after(run, [(steps[0], DONE)])
    await other.missed(run, {SHOT})
    assert await ledger.remember(24) == Remembered()
    # nor does what they finished finish ours
    mine = await opened(ledger, steps)
    await ledger.before(mine, steps)
    later = await opened_with(other, run.lease, steps, "later")
    await other.after(later, [(step, DONE) for step in steps])
    assert (await ledger.remember(24)).unfinished == {account(ANNA)}


async def test_a_constant_number_of_statements(ledger: Ledger, engine: Engine) -> None:
    """Of as many kinds."""
    wanted: dict[str, Records] = {"postfixadmin": {"mailbox": {}}}
    lease = await ledger.acquire("technik", "mail.example", 7)
    for digest, number in {"first": 1, "a": 300, "b": 300, "c": 299}.items():
        steps = [step for n in range(number) for step in creation(f"{digest}{n}@partei.example")]
        run = await opened_with(ledger, lease, steps, digest)
        await ledger.before(run, steps)
        boxes = [step for step in steps if step.change.kind == "mailbox"]
        await ledger.after(run, [(step, DONE) for step in boxes])
        wanted["postfixadmin"]["mailbox"].update((step.change.key, step.change.row) for step in boxes)
        if number == 1:
            with counted(engine) as few:
                await ledger.remember(24, wanted)
    with counted(engine) as many:
        remembered = await ledger.remember(24, wanted)
    assert (len(remembered.known["postfixadmin", "mailbox"]), len(remembered.unfinished)) == (900, 900)
    assert remembered.inventory == {}
    assert len(many) == len(few)
    assert not any(word in statement for statement in many for word in ("INSERT", "UPDATE", "DELETE"))


async def test_looking_back_needs_no_right_to_write(ledger: Ledger, engine: Engine) -> None:
    run = await opened(ledger, creation(ANNA))
    # a writer that holds everything, as an apply does, is no obstacle
    with engine.begin() as connection:
        ledger.done_in(connection, run, creation(ANNA)[:1])
        remembered = await ledger.remember(24)
        await ledger.check()
        assert await ledger.holder() is not None
    assert remembered.unfinished == frozenset()  # nothing of that was committed yet


def test_an_entry_gives_its_fields_back() -> None:
    entry = InventoryEntry.of("postfix", "block", "x.example", BlockRow("x.example", "REJECT"), account("x"))
    assert entry.fields == {"key": "x.example", "action": "REJECT", "comment": "", "block": ""}
    assert entry.id == ("postfix", "block", "x.example")


async def test_a_step_without_its_own_kind_counts_as_a_change(ledger: Ledger) -> None:
    step = make("openxchange", "password", creation(ANNA)[2].change.row, account(ANNA), Stage.GROUPWARE)
    run = await opened(ledger, [step])
    await ledger.after(run, [(step, DONE)])
    assert len((await ledger.remember(24)).recent[Effect.CHANGE]) == 1


async def test_it_knows_when_we_made_a_mailbox_and_of_no_other(ledger: Ledger) -> None:
    """A reset that is declared for a day before that has nothing to reset."""
    steps = creation(ANNA)
    run = await opened(ledger, [*steps, *creation(HANS)])
    await ledger.before(run, steps)
    await ledger.after(run, [(step, DONE) for step in steps])
    assert await ledger.made([ANNA, HANS, "other@mail.example"]) == {ANNA: NOW}
    assert await ledger.made([]) == {}


async def test_whose_accounts_they_are_is_remembered_apart(ledger: Ledger) -> None:
    """Those that are as declared by their addresses alone; of renames what is left at former addresses."""
    lease = await ledger.acquire("technik", "mail.example", 7)
    run = await opened_with(ledger, lease, creation(ANNA)[:1], "people")
    old = f"old@{ANNA.rpartition('@')[2]}"
    people = ((ANNA, "10042"), (old, "10077"), ("bernd@partei.example", "10078"))
    noted = [InventoryEntry(LEDGER, PERSON, address, account(address), number) for address, number in people]
    left = InventoryEntry.of("postfixadmin", "mailbox", old, MailboxRow(old, ANNA, "Anna", 1, True), account(ANNA))
    await ledger.record([*noted, left], run)
    remembered = await ledger.remember(24, {}, {ANNA: "10042", old: "10042"})
    assert remembered.people == {old: "10077", "bernd@partei.example": "10078"}
    assert remembered.known == {(LEDGER, PERSON): frozenset({ANNA})}
    assert remembered.former == {old: ANNA}
    assert LEDGER not in {system for system, _, _ in remembered.inventory}
