"""Which list of users is looked at twice, and what must not be believed of one."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from reconciler.errors import Unreadable
from reconciler.model.records import OxUserRow
from reconciler.planning.changes import Action, Change, Result, Stage, Step
from reconciler.remote.host import Completed
from reconciler.systems.openxchange.listuser_csv import Listed
from reconciler.systems.openxchange.perform import user_id_of
from reconciler.systems.openxchange.recent_list import ALL, One, RecentList, UserList
from reconciler.systems.openxchange.system import OpenXchangeSystem
from tests.systems.openxchange.canned import (
    ANNA,
    Call,
    CannedHost,
    Fault,
    creation,
    csv_of,
    found,
    new_password,
    refusal,
    system_on,
    update,
    user,
    wanted,
)
from tests.systems.plans import NO_PLAN


async def no_tool_at_work(call: Call) -> Completed | None:
    return Completed(1, b"", b"") if call.tool == "sh" else None


def host_with(*users: dict[str, str | None]) -> CannedHost:
    return CannedHost(list(users), on_call=no_tool_at_work)


def nobody() -> Iterator[Listed]:
    yield from ()


async def kept_by(system: OpenXchangeSystem) -> dict[str, OxUserRow]:
    """The users by id, as in the list that is kept from now on."""
    seen = await found(system)
    await system.observe(writing=True)
    return seen


def people(number: int) -> list[Step]:
    addresses = [f"u{n}@pirat.example" for n in range(number)]
    return [creation(wanted(a.partition("@")[0], a, display_name=f"Name of {a}")) for a in addresses]


async def test_a_wave_is_looked_at_before_and_after_it_by_one_new_list() -> None:
    host = host_with()
    system = system_on(host)
    await system.observe(writing=True)
    first, second = people(12)[:6], people(12)[6:]
    for wave in (first, second):
        assert not any(await system.is_applied(wave))
        assert {o.result for o in await system.perform(NO_PLAN, wave)} == {Result.DONE}
        assert all(await system.is_applied(wave))
    assert [call.options.get("searchpattern") for call in host.of("listuser")] == [None, None, None]


async def test_what_somebody_changed_after_the_list_that_was_kept_is_not_overwritten() -> None:
    host = host_with(*(user(n, f"u{n}", f"u{n}@pirat.example") for n in range(3, 10)))
    system = system_on(host)
    seen = await kept_by(system)
    steps = [
        update(seen[str(n)], wanted(f"u{n}", f"u{n}@pirat.example", display_name=f"New {n}")) for n in range(3, 10)
    ]
    for batch in (steps[:2], steps[2:]):
        assert not any(await system.is_applied(batch))
        number = user_id_of(batch[0].change)
        host.users[int(number) - 3]["Display_name"] = "By hand"
        outcomes = await system.perform(NO_PLAN, batch)
        assert [o.raced for o in outcomes] == [True] + [False] * (len(batch) - 1)
        assert host.users[int(number) - 3]["Display_name"] == "By hand"


async def test_what_cannot_be_undone_and_passwords_are_done_by_a_list_of_now() -> None:
    host = host_with(user(3, "anna", ANNA), user(4, "bernd", "bernd@pirat.example"))
    system = system_on(host)
    seen = await kept_by(system)
    gone = seen["4"]
    deletion = Step(Change("openxchange", "ox_user", Action.DELETE, gone.key, gone, None, gone.owner), Stage.GROUPWARE)
    host.users[0]["PrimaryEmail"] = host.users[0]["Aliases"] = host.users[0]["ImapLogin"] = "other@pirat.example"
    host.users[1]["Display_name"] = "By hand"
    outcomes = await system.perform(NO_PLAN, [new_password(ANNA, "3"), deletion])
    assert [outcome.raced for outcome in outcomes] == [True, True]
    assert not host.of("changeuser")
    assert not host.of("deleteuser")


async def test_passwords_of_a_long_batch_are_set_by_a_list_of_now() -> None:
    host = host_with(*(user(n, f"u{n}", f"u{n}@pirat.example") for n in range(3, 9)))
    system = system_on(host)
    await system.observe(writing=True)
    host.users[0].update(dict.fromkeys(("PrimaryEmail", "Email1", "Aliases", "ImapLogin"), "other@pirat.example"))
    outcomes = await system.perform(NO_PLAN, [new_password(f"u{n}@pirat.example", str(n)) for n in range(3, 9)])
    assert [outcome.raced for outcome in outcomes] == [True] + [False] * 5


async def test_a_list_that_could_not_be_read_is_not_kept() -> None:
    host = host_with(user(3, "anna", ANNA))
    system = system_on(host)
    host.faults["listuser"] = [Fault(Completed(0, csv_of(host.users)[:-9], b""))]
    with pytest.raises(Unreadable, match="not complete"):
        await system.is_applied(people(6))
    assert await system.is_applied(people(6)) == [False] * 6


@pytest.mark.parametrize("answer", [refusal("no"), Unreadable("the line broke")])
async def test_after_a_tool_that_failed_every_look_is_a_new_one(answer: Completed | Unreadable) -> None:
    """It may still be at work, and end after the next list."""
    host = host_with()
    host.faults["createuser"] = [Fault(answer)]
    system = system_on(host)
    await system.observe(writing=True)
    steps = people(6)
    outcomes = await system.perform(NO_PLAN, steps)
    assert [outcome.result for outcome in outcomes].count(Result.FAILED) == 1
    before = len(host.of("listuser"))
    for _ in range(2):
        assert sum(await system.is_applied(steps)) == 5
    assert len(host.of("listuser")) == before + 2


def test_what_was_listed_before_the_end_of_a_write_is_over() -> None:
    recent, users = RecentList(), UserList(ALL, nobody)
    recent.keep(users, time.monotonic(), recent.writes)
    assert recent.of(One("anna")) is users
    began = recent.writes
    with recent.written():
        assert recent.of(ALL) is None
        recent.keep(users, time.monotonic(), began)
        during = recent.writes
        recent.keep(users, time.monotonic(), during)
    assert recent.of(ALL) is None
    recent.keep(users, time.monotonic(), during)
    assert recent.of(ALL) is None
    recent.keep(users, time.monotonic() - 301, recent.writes)
    assert recent.of(ALL) is None
    recent.keep(UserList(One("anna"), nobody), time.monotonic(), recent.writes)
    assert recent.of(ALL) is None
    assert recent.of(One("bernd")) is None
    assert recent.of(One("anna")) is not None


async def test_a_plan_keeps_no_list() -> None:
    host = host_with(user(3, "anna", ANNA))
    system = system_on(host)
    await system.observe()
    await system.is_applied(people(6))
    assert len(host.of("listuser")) == 2
