"""The inventory: what we manage, last applied value, since when; it follows steps in their own transaction."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from reconciler.apply.ledger import Ledger, OpenRun
from reconciler.model.records import AliasRole, AliasRow, BlockRow, MailboxRow, Owner, Scope
from reconciler.planning.changes import Action, Change, Outcome, Result, Stage, Step
from reconciler.planning.ledger_state import InventoryEntry
from tests.apply.ledger.house import (
    ANNA,
    DONE,
    FAILED,
    NOW,
    Clock,
    account,
    block,
    creation,
    everything_ours,
    make,
    opened,
    opened_with,
)
from tests.apply.ledger.test_run_statements import counted

VORSTAND = "vorstand@partei.example"
OWNER = Owner(Scope.ALIAS, VORSTAND)


def alias(*goto: str) -> AliasRow:
    return AliasRow(VORSTAND, VORSTAND, goto, True, AliasRole.DECLARED)


def entries(count: int) -> list[InventoryEntry]:
    return [
        InventoryEntry.of("postfix", "block", f"x{n}.example", BlockRow(f"x{n}.example", "REJECT"), account("x"))
        for n in range(count)
    ]


async def keys(ledger: Ledger) -> list[tuple[str, str, str]]:
    return sorted(await everything_ours(ledger))


async def test_only_what_was_done_or_is_in_place_is_ours(ledger: Ledger) -> None:
    steps = [block(f"{name}.example") for name in ("done", "skipped", "failed", "not-tried", "pending")]
    run = await opened(ledger, steps)
    results = (DONE, Outcome(Result.SKIPPED), FAILED, Outcome(Result.NOT_TRIED))
    await ledger.after(run, list(zip(steps, results, strict=False)))
    assert [key for _, _, key in await keys(ledger)] == ["done.example", "skipped.example"]


async def test_letters_and_passwords_are_no_property(ledger: Ledger) -> None:
    run = await opened(ledger, creation(ANNA))
    await ledger.after(run, [(step, DONE) for step in creation(ANNA)])
    assert [kind for _, kind, _ in await keys(ledger)] == ["alias", "mailbox"]


async def test_the_last_applied_value_and_since_which_commit(ledger: Ledger, clock: Clock) -> None:
    first = make("postfixadmin", "alias", alias("a@x.example"), OWNER, Stage.MAIL_FLOW)
    second = make("postfixadmin", "alias", alias("b@x.example"), OWNER, Stage.MAIL_FLOW, alias("a@x.example"))
    run = await opened(ledger, [first], commit="aaa")
    await ledger.after(run, [(first, DONE)])
    clock.now += timedelta(days=1)
    run = await opened_with(ledger, run.lease, [second], "other", commit="bbb")
    await ledger.after(run, [(second, DONE)])
    entry = (await everything_ours(ledger))["postfixadmin", "alias", VORSTAND]
    assert (entry.owner, entry.fields["goto"], entry.commit, entry.run) == (OWNER, ["b@x.example"], "bbb", run.id)
    assert (entry.since, entry.since_commit) == (NOW, "aaa")


async def test_what_is_deleted_is_not_ours_any_more(ledger: Ledger) -> None:
    come, go = block("spam.example"), block("spam.example", Action.DELETE)
    run = await opened(ledger, [come])
    await ledger.after(run, [(come, DONE)])
    run = await opened_with(ledger, run.lease, [go], "other")
    await ledger.before(run, [go])
    assert len(await keys(ledger)) == 1
    await ledger.after(run, [(go, DONE)])
    assert await keys(ledger) == []


async def test_a_renamed_record_is_ours_under_its_new_key_alone(ledger: Ledger) -> None:
    old = MailboxRow("alt@partei.example", "neu@partei.example", "Pirat Neu", 10240, True)
    new = old._replace(key="neu@partei.example")
    come = make("postfixadmin", "mailbox", old, account(old.key), Stage.MAIL_FLOW)
    change = Change("postfixadmin", "mailbox", Action.RENAME, new.key, old, new, account(new.key))
    run = await opened(ledger, [come])
    await ledger.after(run, [(come, DONE)])
    assert [key for _, _, key in await keys(ledger)] == [old.key]
    run = await opened_with(ledger, run.lease, [Step(change, Stage.MAIL_FLOW)], "rename")
    await ledger.after(run, [(Step(change, Stage.MAIL_FLOW), DONE)])
    assert [key for _, _, key in await keys(ledger)] == [new.key]
    past = await ledger.run(run.id)
    assert past is not None
    assert (past.steps[0].counted, past.steps[0].action) == ("change", "rename")


async def test_adopted_rows_are_recorded_twice_without_harm_and_forgotten(ledger: Ledger, clock: Clock) -> None:
    run = await opened(ledger, [])
    await ledger.record(entries(3), run)
    clock.now += timedelta(days=1)
    await ledger.record(entries(3), run)
    inventory = await everything_ours(ledger)
    assert {(e.commit, e.since) for e in inventory.values()} == {("abc", NOW)}
    await ledger.forget([*list(inventory)[:2], ("postfix", "block", "never.example")], run)
    assert await keys(ledger) == [("postfix", "block", "x2.example")]


async def test_keys_that_differ_in_case_alone_are_two(ledger: Ledger) -> None:
    run = await opened(ledger, [])
    both = [entry._replace(key=key) for entry, key in zip(entries(2), ("A.example", "a.example"), strict=True)]
    await ledger.record(both, run)
    assert len(await everything_ours(ledger)) == 2


async def test_another_sites_property_is_not_ours(ledger: Ledger, engine: Engine) -> None:
    other = Ledger(engine, "nds", clock=Clock())
    await other.record(entries(1), await opened(other, []))
    assert await everything_ours(ledger) == {}
    run = await opened(ledger, [], "mine")
    await ledger.forget([("postfix", "block", "x0.example")], run)
    assert len(await everything_ours(other)) == 1


async def statements(ledger: Ledger, engine: Engine, run: OpenRun, count: int) -> int:
    with counted(engine) as seen:
        await ledger.record(entries(count), run)
    return len(seen)


async def test_a_thousand_more_rows_take_one_statement_more(ledger: Ledger, engine: Engine) -> None:
    run = await opened(ledger, [])
    few, many = [await statements(ledger, engine, run, count) for count in (1000, 5000)]
    # the driver is given lists of a thousand; MariaDB's joins them into statements of up to a megabyte
    assert many - few == 4
    assert len(await everything_ours(ledger)) == 5000
