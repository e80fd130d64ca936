"""One-shot dates: due, missed, waiting (docs/state-language.md, "What is managed")."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from reconciler.planning.finding import Severity
from reconciler.planning.ledger_state import OneShot
from reconciler.policy.dated_resets import Missed, OneShots, due
from reconciler.policy.gate_context import GateContext
from reconciler.policy.gates import run_gates
from tests.policy.drafts import ALT, NEU, TODAY, account, box, context, domain, mailbox_row, remembered, rename


def day(offset: int) -> date:
    return TODAY + timedelta(days=offset)


def one(offset: int = 0, name: str = "password_reset", address: str = ALT, **more: Any) -> GateContext:
    values: dict[str, Any] = {
        "mailboxes": [box(address, **{name: day(offset)})],
        "live": [domain(), mailbox_row(ALT)],
        **more,
    }
    return context(**values)


def asked(looked_at: GateContext) -> OneShots:
    c = looked_at
    return due(c.plan, c.remembered, c.site, c.snapshot)


def owners(shots: OneShots) -> tuple[list[str], list[str]]:
    """Who gets a new password, and whose subscriptions are removed."""
    return [owner.subject for owner in shots.password], [owner.subject for owner in shots.unsubscribe]


def notes(looked_at: GateContext) -> list[str]:
    return [f.message for f in run_gates(looked_at) if f.severity is Severity.NOTE]


@pytest.mark.parametrize("offset", [0, -1, -14])
def test_due_today_and_for_fourteen_days(offset: int) -> None:
    shots = asked(one(offset))
    assert shots.due == (OneShot(ALT, "password_reset", day(offset)),)
    assert owners(shots) == ([ALT], [])
    assert (shots.missed, shots.waiting) == ((), ())
    assert notes(one(offset)) == []


def test_subscriptions_are_another_operation() -> None:
    shots = asked(one(name="subscriptions_reset"))
    assert owners(shots) == ([], [ALT])
    # under this name the ledger knows it and a step finds it (planning/plan_draft.py)
    assert [shot.name for shot in shots.due] == ["subscriptions_reset"]
    both = one(mailboxes=[box(ALT, password_reset=day(0), subscriptions_reset=day(-1))])
    assert owners(asked(both)) == ([ALT], [ALT])


def test_older_ones_are_missed_and_said() -> None:
    shots = asked(one(-15))
    assert (shots.due, [missed.shot for missed in shots.missed]) == ((), [OneShot(ALT, "password_reset", day(-15))])
    (finding,) = run_gates(one(-15))
    assert (finding.severity, finding.rule, finding.subject) == (Severity.WARNING, "missed", ALT)
    assert finding.message == (
        f"password_reset of {ALT} on 2026-11-09 is not done: the date was over before any apply saw it, "
        "and dates before 2026-11-10 are not made up for"
    )
    assert finding.hint == "write `password_reset: 2026-11-24` to have it done now, or remove it"
    assert finding.place is not None
    assert finding.place.file.startswith("state.yaml/mailboxes/")


def test_the_site_says_for_how_many_days() -> None:
    assert asked(one(-3, policy={"one_shot_days": 3})).due
    assert asked(one(-4, policy={"one_shot_days": 3})).missed


def test_a_future_date_waits_and_is_said() -> None:
    shots = asked(one(1))
    assert (shots.due, shots.missed, shots.waiting) == ((), (), (OneShot(ALT, "password_reset", day(1)),))
    (finding,) = run_gates(one(1))
    assert (finding.severity, finding.rule, finding.subject) == (Severity.NOTE, "one-shot", ALT)
    assert finding.message == f"password_reset of {ALT} waits for 2026-11-25"


@pytest.mark.parametrize("offset", [0, -20])
def test_what_the_ledger_has_seen_is_over(offset: int) -> None:
    seen = remembered(one_shots=frozenset({OneShot(ALT, "password_reset", day(offset))}))
    assert asked(one(offset, remembered=seen)) == OneShots()
    assert notes(one(offset, remembered=seen)) == []
    other_day = remembered(one_shots=frozenset({OneShot(ALT, "password_reset", day(-1))}))
    assert asked(one(remembered=other_day)).due
    other_name = remembered(one_shots=frozenset({OneShot(ALT, "subscriptions_reset", day(0))}))
    assert asked(one(remembered=other_name)).due


def test_it_stays_over_when_the_account_is_renamed() -> None:
    """The entry moves to the new address with the old date in it: no second password for it."""
    seen = remembered(one_shots=frozenset({OneShot(ALT, "password_reset", day(-2))}))
    assert asked(one(-2, address=NEU, renames=[rename(ALT, NEU)], remembered=seen)) == OneShots()
    assert asked(one(-2, address=NEU, renames=[rename(ALT, NEU)])).password == {account(NEU)}


def test_a_rename_that_is_to_come_makes_it_wait() -> None:
    shots = asked(one(-2, address=NEU, renames=[rename(ALT, NEU, day(1))]))
    assert (shots.due, shots.missed, len(shots.waiting)) == ((), (), 1)


def test_not_before_the_account_was_made() -> None:
    (missed,) = asked(one(-2, made={ALT: day(-1)})).missed
    assert missed.why == "the account was made on 2026-11-23"
    assert asked(one(-2, made={ALT: day(-2)})).due
    assert asked(one(-2, made={NEU: day(-1)})).due, "another account"


@pytest.mark.parametrize("offset", [0, -20])
@pytest.mark.parametrize("before", [False, True])
def test_nothing_is_said_of_an_account_that_is_only_being_made(offset: int, before: bool) -> None:
    """It is made in this plan, with a new password and a letter already; the ledger notes that the date is over."""
    shot = OneShot(NEU, "password_reset", day(offset))
    past = remembered(missed=frozenset({shot} if before else ()))
    looked_at = one(offset, address=NEU, remembered=past)
    assert asked(looked_at) == OneShots(missed=(Missed(shot),))
    assert notes(looked_at) == []


def hint(looked_at: GateContext) -> str:
    (finding,) = [f for f in run_gates(looked_at) if f.rule == "missed"]
    return finding.hint


def missed_before(offset: int, made: int | None = None) -> GateContext:
    past = remembered(missed=frozenset({OneShot(ALT, "password_reset", day(offset))}))
    return one(offset, remembered=past, made={} if made is None else {ALT: day(made)})


@pytest.mark.parametrize(
    ("offset", "made", "why", "advice"),
    [
        (0, 0, "the account was made on 2026-11-24", "2026-11-25` to have it done then"),
        (-2, 0, "the account was made on 2026-11-24", "2026-11-25` to have it done then"),
        (-2, -2, "the account was made on 2026-11-22", "2026-11-24` to have it done now"),
        (-2, -5, "it was missed before", "2026-11-24` to have it done now"),
        (0, None, "it was missed before", "2026-11-25` to have it done then"),
    ],
)
def test_the_advice_for_a_missed_one_is_a_date_that_works(offset: int, made: int | None, why: str, advice: str) -> None:
    """A date that was missed stays missed, and one before the account was made is none."""
    looked_at = missed_before(offset, made)
    (missed,) = asked(looked_at).missed
    assert missed.why == why
    assert hint(looked_at) == f"write `password_reset: {advice}, or remove it"
    assert missed.again is not None
    for_then = one((missed.again - TODAY).days, remembered=looked_at.remembered)
    assert asked(for_then).due or asked(for_then).waiting


def test_a_date_without_an_object_can_only_be_taken_out() -> None:
    without = box(ALT, groupware=False, subscriptions_reset=day(-20))
    assert hint(one(mailboxes=[without])) == "remove it"


def test_the_first_address_of_an_account_says_when_it_was_made() -> None:
    made = {ALT: day(-100), NEU: day(-1)}
    assert asked(one(-2, address=NEU, renames=[rename(ALT, NEU)], made=made)).due


def test_nothing_is_known_while_the_mailboxes_are_unknown() -> None:
    assert asked(one(unread=True)) == OneShots()
    assert asked(one(-20, unread=True)) == OneShots()


def test_subscriptions_need_groupware() -> None:
    without = one(mailboxes=[box(ALT, groupware=False, password_reset=day(0), subscriptions_reset=day(0))])
    assert [missed.why for missed in asked(without).missed] == ["the account has no groupware"]
    assert asked(without).password == {account(ALT)}
