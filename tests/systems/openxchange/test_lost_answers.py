"""Writing when something goes wrong: answers that are lost, false or refusals. The list decides what is true."""

from __future__ import annotations

import pytest

from reconciler.errors import Unreadable
from reconciler.planning.changes import Result
from reconciler.remote.host import Completed
from tests.systems.openxchange.canned import (
    ANNA,
    Call,
    CannedHost,
    Fault,
    creation,
    csv_of,
    found,
    new_password,
    one,
    refusal,
    system_on,
    update,
    user,
    wanted,
)
from tests.systems.plans import NO_PLAN

OLD = "muster@pirat.example"
SILENT = Completed(-9, b"", b"")
LOST = Unreadable("the line to mail.example broke", hint="try again")


async def test_a_list_of_nobody_is_no_reason_to_create_everybody() -> None:
    host = CannedHost(faults={"listuser": [Fault(Completed(0, csv_of([]), b""))]})
    steps = [creation(wanted("anna", ANNA)), creation(wanted("klaus", "klaus@pirat.example", display_name="Klaus"))]
    with pytest.raises(Unreadable, match="not even the context admin"):
        await system_on(host).perform(NO_PLAN, steps)
    assert host.of("createuser") == []


async def test_nobody_is_named_as_the_holder_of_their_own_display_name() -> None:
    host = CannedHost([user(3, "anna", ANNA, Display_name="anna beispiel")])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    host.faults["changeuser"] = [Fault(refusal("The displayname is already used"))]
    assert "user 3" not in (await one(system, step)).hint


@pytest.mark.parametrize("answer", [SILENT, Completed(1, b"", b""), Completed(0, b"", b""), LOST])
async def test_a_createuser_that_died_after_its_effect_is_done_and_the_password_is_ours(
    answer: Completed | Unreadable,
) -> None:
    host = CannedHost(faults={"createuser": [Fault(answer, effect=True)]})
    system = system_on(host)
    assert (await one(system, creation(wanted("anna", ANNA)))).result is Result.DONE
    (call,) = host.of("changeuser")
    assert call.secrets["NEW_USER_PASSWORD"] == system._passwords.of(ANNA)
    assert len(host.of("createuser")) == 1


@pytest.mark.parametrize("answer", [SILENT, Completed(107, b"", b"Error: read timed out"), LOST])
async def test_a_createuser_that_died_before_its_effect_may_be_tried_again(answer: Completed | Unreadable) -> None:
    host = CannedHost(faults={"createuser": [Fault(answer)]})
    system = system_on(host)
    outcome = await one(system, creation(wanted("anna", ANNA)))
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)
    assert (await one(system, creation(wanted("anna", ANNA)))).result is Result.DONE


async def test_a_createuser_whose_second_try_meets_its_own_user_is_done() -> None:
    host = CannedHost(faults={"createuser": [Fault(refusal("User anna already exists in this context"), effect=True)]})
    assert (await one(system_on(host), creation(wanted("anna", ANNA)))).result is Result.DONE


async def test_a_created_user_whose_password_cannot_be_set_is_not_done() -> None:
    host = CannedHost(
        faults={"createuser": [Fault(SILENT, effect=True)], "changeuser": [Fault(refusal("no", status=106))]}
    )
    outcome = await one(system_on(host), creation(wanted("anna", ANNA)))
    assert outcome.result is Result.FAILED
    assert "no" in outcome.message


@pytest.mark.parametrize("answer", [SILENT, LOST, refusal("a plugin", status=106)])
async def test_a_changeuser_that_failed_after_its_effect_is_done(answer: Completed | Unreadable) -> None:
    host = CannedHost([user(3, "anna", OLD)], faults={"changeuser": [Fault(answer, effect=True)]})
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    assert (await one(system, step)).result is Result.DONE


async def test_a_password_whose_answer_was_lost_is_tried_again() -> None:
    host = CannedHost([user(3, "anna", ANNA)], faults={"changeuser": [Fault(LOST, effect=True)]})
    outcome = await one(system_on(host), new_password(ANNA, "3"))
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)


async def test_success_is_not_believed_when_the_list_shows_otherwise() -> None:
    host = CannedHost([user(3, "anna", ANNA)])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    host.faults["changeuser"] = [Fault(Completed(0, b"user 3 in context 1 changed\n", b""))]
    outcome = await one(system, step)
    assert outcome.result is Result.FAILED
    assert "display name is 'Name 3', not 'Anna Beispiel'" in outcome.message
    host.faults["createuser"] = [Fault(Completed(0, b"user 9 in context 1 created\n", b""))]
    outcome = await one(system, creation(wanted("Klaus", "klaus@pirat.example")))
    assert outcome.result is Result.FAILED
    assert "AUTO_TO_LOWERCASE_UID" in outcome.hint


async def test_umlauts_that_the_host_lost_are_named() -> None:
    host = CannedHost([user(3, "anna", ANNA)])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA, display_name="Änne Müller"))
    host.users[0].update(Display_name="?nne M?ller", Given_name="Anna", Sur_name="Beispiel")
    step = step._replace(change=step.change._replace(before=(await found(system))["3"]))
    host.faults["changeuser"] = [Fault(Completed(0, b"user 3 in context 1 changed\n", b""))]
    assert "C.UTF-8" in (await one(system, step)).hint


async def test_what_cannot_be_read_back_is_tried_again_and_found_done() -> None:
    host = CannedHost()
    system = system_on(host)
    host.faults["listuser"] = [Fault(Completed(0, b"", b""), effect=True)]
    with pytest.raises(Unreadable):
        await one(system, creation(wanted("anna", ANNA)))
    assert host.of("createuser") == []  # nothing is written that was not looked at
    steps = [creation(wanted("anna", ANNA)), creation(wanted("klaus", "klaus@pirat.example", display_name="Klaus"))]
    host.faults["createuser"] = [Fault(refusal("Invalid email address")), Fault(SILENT, effect=True)]
    assert [o.result for o in await system.perform(NO_PLAN, steps)] == [Result.FAILED, Result.DONE]


async def test_a_read_back_that_fails_is_temporary() -> None:
    host = CannedHost()

    async def on_call(call: Call) -> None:
        if call.tool == "listuser" and host.of("createuser"):
            raise LOST

    host.on_call = on_call
    outcome = await one(system_on(host), creation(wanted("anna", ANNA)))
    assert (outcome.result, outcome.temporary) == (Result.FAILED, True)
    assert "cannot be read back" in outcome.message


async def test_when_ox_goes_down_in_the_middle_the_rest_is_not_tried_one_by_one() -> None:
    down = Completed(105, b"", b"Error: Connection refused to host: localhost; nested exception is: ")
    host = CannedHost()

    async def on_call(call: Call) -> Completed | None:
        return down if host.of("createuser") else None

    host.on_call = on_call
    system = system_on(host, parallel=1)
    steps = [creation(wanted(f"user{n}", f"user{n}@pirat.example")) for n in range(40)]
    outcomes = await system.perform(NO_PLAN, steps)
    assert {(o.result, o.temporary) for o in outcomes} == {(Result.FAILED, True)}
    assert len(host.calls) < 10
    assert "not tried" in outcomes[-1].message


async def test_one_failure_leaves_the_others_alone() -> None:
    host = CannedHost(faults={"createuser": [Fault(refusal("The displayname is already used"))]})
    host.users.append(user(7, "anna.b", "anna.b@pirat.example", Display_name="anna beispiel"))
    steps = [creation(wanted("anna", ANNA)), creation(wanted("klaus", "klaus@pirat.example", display_name="Klaus"))]
    failed, done = await system_on(host, parallel=1).perform(NO_PLAN, steps)
    assert (failed.result, failed.temporary, done.result) == (Result.FAILED, False, Result.DONE)
    assert "user 7 (anna.b) has it" in failed.hint
