"""The users of a part, asked for one by one: only where that settles whose they are, and saying what it leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import Unreadable
from reconciler.model.declared import DesiredState
from reconciler.model.records import OxUserRow, Records
from reconciler.planning.changes import diff
from reconciler.planning.concern import concern_of, narrowed
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation, System
from reconciler.planning.snapshot import Pair, rows_of
from reconciler.remote.host import Completed
from reconciler.sandbox.openxchange.bulk import import_users
from reconciler.settings import Settings
from reconciler.systems.openxchange.single_users import MOST
from tests.systems.openxchange.canned import ANNA, CannedHost, Fault, User, system_on, user
from tests.systems.openxchange.test_contract import BERND, KLAUS, WAYS, StandIn, _made
from tests.systems.openxchange.test_matching import box, declared

ADMIN = "oxadmin"
NAMED: dict[str, str] = {"Display_name": "Anna Beispiel", "Given_name": "Anna", "Sur_name": "Beispiel"}
SAID = "of OX only the users of these accounts were read"


async def part(system: System, state: DesiredState, *names: str, writing: bool = False) -> tuple[Observation, Pair]:
    """What is read of these accounts, and matched."""
    context = PlanContext.of(state)
    about = concern_of(names, (), [context])
    assert about is not None
    context = narrowed(context, about)
    wanted = system.expect(context)

    async def expected() -> Records:
        return wanted

    seen = await system.observe_part(about, expected, writing=writing)
    return seen, system.match(context, wanted, seen.records)


def said(system: System, seen: Observation, pair: Pair, state: DesiredState) -> list[str]:
    """What is remarkable."""
    return [finding.message for finding in system.review(PlanContext.of(state), pair, seen.details)]


def patterns(host: CannedHost) -> list[str | None]:
    """What was searched for; None: everybody."""
    return [call.options.get("searchpattern") for call in host.calls if call.tool == "listuser"]


async def test_who_is_there_as_wanted_is_asked_for_alone_and_the_admin() -> None:
    host = CannedHost([user(5, "anna", ANNA, **NAMED), user(6, "klaus", KLAUS)])
    system, state = system_on(host), declared(box(surname="Beispiel-Neu", name="Anna Beispiel"))
    seen, pair = await part(system, state, ANNA)
    assert sorted(map(str, patterns(host))) == ["anna", ADMIN]
    assert {row.id for row in rows_of(seen.records, OxUserRow).values()} == {"5"}
    (change,) = diff("openxchange", *pair)
    assert isinstance(change.after, OxUserRow)
    assert (change.key, change.after.surname) == (ANNA, "Beispiel-Neu")
    assert any(SAID in message for message in said(system, seen, pair, state))


@pytest.mark.parametrize(
    ("users", "state"),
    [
        pytest.param([], declared(box()), id="no user: one may have the address under another login"),
        pytest.param([user(5, "anna", KLAUS, **NAMED)], declared(box()), id="the login is somebody else's"),
        pytest.param([user(5, "Anna", ANNA, **NAMED)], declared(box()), id="a login in capitals is another one"),
        pytest.param([user(5, "anna", ANNA)], declared(box()), id="who has the new name?"),
        pytest.param([user(5, "anna_b", ANNA, **NAMED)], declared(box(username="anna_b")), id="a sign of the search"),
        pytest.param([user(5, "anna", ANNA, **NAMED)], declared(box(groupware=False)), id="no groupware"),
    ],
)
async def test_whatever_else_may_be_needs_the_whole_list(users: list[User], state: DesiredState) -> None:
    host = CannedHost([*users, user(6, "other", "other@pirat.example")])
    system = system_on(host)
    seen, pair = await part(system, state, ANNA)
    assert patterns(host)[-1] is None
    assert not any(SAID in message for message in said(system, seen, pair, state))
    whole = system.match(PlanContext.of(state), system.expect(PlanContext.of(state)), (await system.observe()).records)
    assert list(diff("openxchange", *pair)) == list(diff("openxchange", *whole))


async def test_who_is_named_and_not_declared_may_have_a_user_too() -> None:
    """Somebody left: no wanted login leads there."""
    host = CannedHost([user(5, "anna", ANNA, **NAMED), user(6, "bernd", BERND, **NAMED)])
    seen, _ = await part(system_on(host), declared(box()), ANNA, BERND)
    assert patterns(host) == [None]
    assert {row.id for row in rows_of(seen.records, OxUserRow).values()} == {"5", "6"}


async def test_a_member_number_is_nobodys_login() -> None:
    host = CannedHost([user(5, "anna", ANNA, **NAMED)])
    await part(system_on(host), declared(box(member="10042")), ANNA)
    assert sorted(map(str, patterns(host))) == ["anna", ADMIN]


async def test_of_many_accounts_the_whole_list_is_one_call() -> None:
    addresses = [f"u{number}@pirat.example" for number in range(MOST + 1)]
    host = CannedHost([user(n, a.partition("@")[0], a, **NAMED) for n, a in enumerate(addresses, 5)])
    state = declared(*(box(address) for address in addresses))
    await part(system_on(host), state, *addresses)
    assert patterns(host) == [None]
    await part(system_on(host), state, *addresses[:MOST])
    assert len(patterns(host)) == 1 + MOST + 1


async def test_a_login_that_only_reads_is_asked_for_the_list_which_is_all_that_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Settings, "reads_only", lambda _, host: host == "mail.example")
    host = CannedHost([user(5, "anna", ANNA, **NAMED)])
    await part(system_on(host), declared(box()), ANNA)
    assert patterns(host) == [None]


async def test_a_part_that_grows_asks_for_the_new_ones_only() -> None:
    host = CannedHost([user(5, "anna", ANNA, **NAMED), user(6, "bernd", BERND, **NAMED)])
    system, state = system_on(host), declared(box(), box(BERND))
    await part(system, state, ANNA)
    seen, _ = await part(system, state, ANNA, BERND)
    assert sorted(map(str, patterns(host))) == ["anna", "bernd", ADMIN]
    assert {row.id for row in rows_of(seen.records, OxUserRow).values()} == {"5", "6"}


async def test_who_is_about_to_write_looks_at_all() -> None:
    host = CannedHost([user(5, "anna", ANNA, **NAMED)], on_call=_nothing_at_work)
    seen, pair = await part(system_on(host), declared(box()), ANNA, writing=True)
    assert patterns(host) == [None]
    assert not any(SAID in message for message in said(system_on(host), seen, pair, declared(box())))


async def _nothing_at_work(call: Any) -> Completed | None:
    return Completed(1, b"", b"") if call.tool == "sh" else None


async def test_a_failed_search_is_unknown_and_never_nobody() -> None:
    for answer in (Unreadable("the connection broke"), Completed(0, b"", b""), Completed(104, b"", b"refused")):
        host = CannedHost([user(5, "anna", ANNA, **NAMED)], faults={"listuser": [Fault(answer)]})
        with pytest.raises(Unreadable):
            await part(system_on(host), declared(box()), ANNA)


@pytest.fixture(params=WAYS)
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    yield from _made(StandIn, request.param, tmp_path, monkeypatch)


async def test_a_part_is_planned_as_in_the_whole_context(world: StandIn) -> None:
    names = {"Given_name": "Klaus", "Sur_name": "Extern", "Display_name": "Klaus Extern", "Password": "by-hand-1"}
    import_users(world.folder, [{"Name": "klaus", "PrimaryEmail": KLAUS, "ImapLogin": "old@pirat.example", **names}])
    import_users(world.folder, [{"Name": "elsewhere", "PrimaryEmail": BERND, **names, "Display_name": "B."}])
    system, state = world.system(), world.states[0]
    context = PlanContext.of(state)
    whole = system.match(context, system.expect(context), (await system.observe()).records)
    changes = {change.key: change for change in diff("openxchange", *whole)}
    for address in state.mailboxes:
        _, pair = await part(system, state, address)
        assert {c.key: c for c in diff("openxchange", *pair)} == {k: c for k, c in changes.items() if k == address}
    await system.close()
