"""Writing, call by call: what is passed, what is compared before, what is believed afterwards. On a canned host."""

from __future__ import annotations

import asyncio

import pytest

from reconciler.errors import Unreadable
from reconciler.model.records import OxUserRow
from reconciler.planning.changes import Outcome, Result, Step
from reconciler.remote.host import Completed
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
    system_on,
    update,
    user,
    wanted,
)

OLD = "muster@pirat.example"
SILENT = Completed(-9, b"", b"")
LOST = Unreadable("the line to mail.example broke", hint="try again")


def refusal(text: str, status: int = 103) -> Completed:
    return Completed(status, b"", f"user in context 1 could not be changed: Server response: {text}".encode())


async def perform(system: OpenXchangeSystem, *steps: Step) -> list[Outcome]:
    return await system.perform(steps)


async def one(system: OpenXchangeSystem, step: Step) -> Outcome:
    (outcome,) = await system.perform([step])
    return outcome


async def test_createuser_gets_everything_and_the_password_only_in_the_environment() -> None:
    host = CannedHost()
    system = system_on(host)
    assert await one(system, creation(wanted("anna", ANNA))) == Outcome(Result.DONE)
    (call,) = host.of("createuser")
    assert call.options == {
        "nonl": "",
        "contextid": "1",
        "adminuser": "oxadmin",
        "username": "anna",
        "displayname": "Anna Beispiel",
        "givenname": "Anna",
        "surname": "Beispiel",
        "email": ANNA,
        "defaultsenderaddress": ANNA,
        "aliases": ANNA,
        "imaplogin": ANNA,
        "language": "de_DE",
        "timezone": "Europe/Berlin",
    }
    password = call.secrets["NEW_USER_PASSWORD"].get_secret_value()
    assert password == system._passwords.of(ANNA).get_secret_value()
    assert call.secrets["ADMIN_PASSWORD"].get_secret_value() == "admin-secret"
    assert not any(secret in " ".join(call.argv) for secret in (password, "admin-secret"))
    assert not call.repeatable  # a creation must not be repeated blindly


async def test_one_step_is_looked_up_by_its_login_and_a_batch_by_one_list() -> None:
    host = CannedHost()
    await perform(system_on(host), creation(wanted("anna", ANNA)))
    assert [call.options.get("searchpattern") for call in host.of("listuser")] == ["anna", "anna"]
    host = CannedHost()
    steps = [creation(wanted(f"user{n}", f"user{n}@pirat.example", display_name=f"N {n}")) for n in range(20)]
    assert {o.result for o in await perform(system_on(host), *steps)} == {Result.DONE}
    assert [call.options.get("searchpattern") for call in host.of("listuser")] == [None, None]


@pytest.mark.parametrize("name", ["--config/com.x=1", "-Anna", "--remove-/a", 'A "B" C', "$(reboot); 'x'", "--", "a=b"])
async def test_no_value_can_be_taken_for_an_option(name: str) -> None:
    host = CannedHost()
    await one(system_on(host), creation(wanted("anna", ANNA, display_name=name)))
    assert f"--displayname={name}" in host.of("createuser")[0].argv


async def test_only_what_differs_is_changed() -> None:
    host = CannedHost([user(3, "anna", ANNA, Given_name="Anna", Sur_name="Beispiel")])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    assert (await one(system, step)).result is Result.DONE
    (call,) = host.of("changeuser")
    assert call.options.keys() == {"nonl", "contextid", "adminuser", "userid", "displayname"}
    # one that a login shell exports would become Anna's password (facts 1.3)
    assert "NEW_USER_PASSWORD" not in call.secrets
    assert call.env["NEW_USER_PASSWORD"] == ""


async def test_addresses_change_together_and_the_alias_set_keeps_what_others_put_there() -> None:
    host = CannedHost([user(3, "anna", OLD, Aliases=f"{OLD}, Info@pirat.example")])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    host.users[0]["Aliases"] = f"{OLD}, Info@pirat.example, new@pirat.example"  # by hand, after the plan
    assert (await one(system, step)).result is Result.DONE
    options = host.of("changeuser")[0].options
    assert (options["email"], options["defaultsenderaddress"], options["imaplogin"]) == (ANNA, ANNA, ANNA)
    assert set(options["aliases"].split(",")) == {ANNA, OLD, "info@pirat.example", "new@pirat.example"}


async def test_a_missing_alias_alone_brings_the_three_address_options() -> None:
    host = CannedHost([user(3, "anna", ANNA, Aliases=OLD)])
    system = system_on(host)
    before = (await found(system))["3"]
    row = wanted("anna", ANNA, display_name="Name 3", given_name="Given", surname="Sur")
    assert (await one(system, update(before, row))).result is Result.DONE
    options = host.of("changeuser")[0].options
    assert (options["email"], options["defaultsenderaddress"]) == (ANNA, ANNA)
    assert set(options["aliases"].split(",")) == {ANNA, OLD}


async def test_a_change_of_the_name_repairs_a_stored_set_that_would_refuse_every_change() -> None:
    # equal for us, not for the server: it compares letter by letter (facts 3.3, 11)
    host = CannedHost([user(3, "anna", "Anna@pirat.example", Aliases=ANNA)])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    assert {name for name, _, _ in step.change.fields()} == {"display_name", "given_name", "surname"}
    assert (await one(system, step)).result is Result.DONE
    options = host.of("changeuser")[0].options
    assert (options["email"], options["defaultsenderaddress"], options["aliases"]) == (ANNA, ANNA, ANNA)


async def test_a_new_password_repairs_that_too_and_changes_nothing_else() -> None:
    host = CannedHost([user(3, "anna", "Anna@pirat.example", Aliases=f"{ANNA}, {OLD}")])
    assert (await one(system_on(host), new_password(ANNA, "3"))).result is Result.DONE
    (call,) = host.of("changeuser")
    assert call.options["aliases"] == f"{ANNA},{OLD}"
    assert call.options.keys() == {
        "nonl",
        "contextid",
        "adminuser",
        "userid",
        "email",
        "defaultsenderaddress",
        "aliases",
    }
    assert "NEW_USER_PASSWORD" in call.secrets


async def test_a_repair_without_a_stored_default_sender_takes_the_primary_address() -> None:
    host = CannedHost([user(3, "anna", ANNA, Aliases=OLD, DefaultSenderAddress=None)])
    assert (await one(system_on(host), new_password(ANNA, "3"))).result is Result.DONE
    assert host.of("changeuser")[0].options["defaultsenderaddress"] == ANNA


async def test_a_list_of_nobody_is_no_reason_to_create_everybody() -> None:
    host = CannedHost(faults={"listuser": [Fault(Completed(0, csv_of([]), b""))]})
    steps = [creation(wanted("anna", ANNA)), creation(wanted("klaus", "klaus@pirat.example", display_name="Klaus"))]
    with pytest.raises(Unreadable, match="not even the context admin"):
        await perform(system_on(host), *steps)
    assert host.of("createuser") == []


async def test_nobody_is_named_as_the_holder_of_her_own_display_name() -> None:
    host = CannedHost([user(3, "anna", ANNA, Display_name="anna beispiel")])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    host.faults["changeuser"] = [Fault(refusal("The displayname is already used"))]
    assert "user 3" not in (await one(system, step)).hint


async def test_a_new_password_goes_to_nobody_else() -> None:
    host = CannedHost([user(3, "klaus", "klaus@pirat.example")])
    outcome = await one(system_on(host), new_password(ANNA, "3"))
    assert outcome.result is Result.FAILED
    assert "klaus" in outcome.message
    assert host.of("changeuser") == []


async def test_a_rename_of_the_login_passes_the_id_as_key_and_the_wanted_login() -> None:
    host = CannedHost([user(3, "muster", ANNA)])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    assert (await one(system, step)).result is Result.DONE
    assert (host.of("changeuser")[0].options["userid"], host.of("changeuser")[0].options["username"]) == ("3", "anna")
    # no search by login: it has another one before than after
    assert {call.options.get("searchpattern") for call in host.of("listuser")} == {None}


async def test_a_field_that_somebody_changed_meanwhile_is_not_overwritten() -> None:
    host = CannedHost([user(3, "anna", ANNA)])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    host.users[0]["Display_name"] = "Anna B."
    outcome = await one(system, step)
    assert (outcome.result, outcome.temporary) == (Result.FAILED, False)
    assert "display name was 'Name 3' in the plan and is 'Anna B.'" in outcome.message
    assert "plan" in outcome.hint
    assert host.of("changeuser") == []


async def test_a_half_done_change_is_finished() -> None:
    host = CannedHost([user(3, "anna", OLD)])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    host.users[0].update(Display_name="Anna Beispiel", Given_name="Anna")
    assert (await one(system, step)).result is Result.DONE
    assert "displayname" not in host.of("changeuser")[0].options


async def test_what_is_in_place_already_is_done_without_a_call() -> None:
    host = CannedHost([user(3, "anna", OLD)])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    assert [(await one(system, step)).result for _ in range(2)] == [Result.DONE, Result.DONE]
    assert len(host.of("changeuser")) == 1


async def test_a_user_that_is_gone_is_a_failure() -> None:
    host = CannedHost([user(3, "anna", ANNA)])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    host.users.clear()
    for gone in (step, new_password(ANNA, "3")):
        outcome = await one(system, gone)
        assert outcome.result is Result.FAILED
        assert "gone" in outcome.message


async def test_a_creation_over_a_user_that_differs_fails_and_touches_nothing() -> None:
    host = CannedHost([user(3, "anna", "anna@extern.example")])
    outcome = await one(system_on(host), creation(wanted("anna", ANNA)))
    assert outcome.result is Result.FAILED
    assert "user 3" in outcome.message
    assert "'anna@extern.example', not 'anna@pirat.example'" in outcome.message
    assert [call.tool for call in host.calls] == ["listuser"]


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
    assert [o.result for o in await perform(system, *steps)] == [Result.FAILED, Result.DONE]


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
    outcomes = await perform(system, *steps)
    assert {(o.result, o.temporary) for o in outcomes} == {(Result.FAILED, True)}
    assert len(host.calls) < 10
    assert "not tried" in outcomes[-1].message


async def test_one_failure_leaves_the_others_alone() -> None:
    host = CannedHost(faults={"createuser": [Fault(refusal("The displayname is already used"))]})
    host.users.append(user(7, "anna.b", "anna.b@pirat.example", Display_name="anna beispiel"))
    steps = [creation(wanted("anna", ANNA)), creation(wanted("klaus", "klaus@pirat.example", display_name="Klaus"))]
    failed, done = await perform(system_on(host, parallel=1), *steps)
    assert (failed.result, failed.temporary, done.result) == (Result.FAILED, False, Result.DONE)
    assert "user 7 (anna.b) has it" in failed.hint


async def test_changes_come_before_creations_that_may_need_what_they_free() -> None:
    host = CannedHost([user(3, "klaus", "klaus@pirat.example", Display_name="Anna Beispiel")])
    system = system_on(host)
    freeing = update((await found(system))["3"], wanted("klaus", "klaus@pirat.example", display_name="Klaus Extern"))
    await perform(system, creation(wanted("anna", ANNA)), freeing)
    assert [call.tool for call in host.calls if call.tool != "listuser"] == ["changeuser", "createuser"]


async def test_two_steps_of_one_user_come_one_after_the_other_and_the_second_looks_again() -> None:
    host = CannedHost([user(3, "anna", OLD, Aliases=f"{ANNA}, x@pirat.example")])  # breaks the alias rule
    system = system_on(host)
    steps = [update((await found(system))["3"], wanted("anna", ANNA)), new_password(ANNA, "3")]
    assert [o.result for o in await perform(system, *steps)] == [Result.DONE, Result.DONE]
    password, change = host.of("changeuser")
    assert "NEW_USER_PASSWORD" in password.secrets
    assert password.options["email"] == OLD
    assert change.options["email"] == ANNA
    assert set(change.options["aliases"].split(",")) == {ANNA, OLD, "x@pirat.example"}


async def test_in_a_long_batch_each_change_looks_at_its_own_user_once_more() -> None:
    host = CannedHost([user(n, f"user{n}", f"user{n}@pirat.example") for n in range(3, 8)])
    system = system_on(host, parallel=4)
    rows = await found(system)
    host.calls.clear()
    steps = [update(row, wanted(row.login, row.primary, display_name=f"New {row.id}")) for row in rows.values()]

    async def on_call(call: Call) -> None:
        if len(host.calls) == 2:  # right after the first list
            host.users[4]["Display_name"] = "by hand"

    host.on_call = on_call
    outcomes = await perform(system, *steps)
    assert [o.result for o in outcomes] == [Result.DONE] * 4 + [Result.FAILED]
    assert host.users[4]["Display_name"] == "by hand"
    assert [c.options.get("searchpattern") for c in host.of("listuser")].count(None) == 2


async def test_never_more_tools_at_once_than_the_section_says() -> None:
    host, running, most = CannedHost(), 0, 0

    async def on_call(call: Call) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    host.on_call = on_call
    steps = [creation(wanted(f"user{n}", f"user{n}@pirat.example", display_name=f"N {n}")) for n in range(30)]
    await perform(system_on(host, parallel=3), *steps)
    assert most == 3


async def test_holds_is_one_list_for_the_batch_and_cannot_see_passwords() -> None:
    host = CannedHost([user(3, "klaus", OLD), user(4, "anna", ANNA)])
    system = system_on(host)
    rows = await found(system)
    host.calls.clear()
    there = wanted("anna", ANNA, display_name="Name 4", given_name="Given", surname="Sur")
    steps = [update(rows["3"], wanted("klaus", "klaus@pirat.example")), creation(there), new_password(ANNA, "4")]
    assert await system.holds(steps) == [False, True, False]
    assert len(host.calls) == 1
    assert await system.holds([new_password(ANNA, "4")]) == [False]
    assert len(host.calls) == 1


async def test_an_alias_that_others_removed_meanwhile_is_not_brought_back() -> None:
    host = CannedHost([user(3, "anna", OLD, Aliases=f"{OLD}, info@pirat.example")])
    system = system_on(host)
    step = update((await found(system))["3"], wanted("anna", ANNA))
    assert isinstance(step.change.after, OxUserRow)
    assert "info@pirat.example" in step.change.after.aliases
    host.users[0]["Aliases"] = OLD
    assert (await one(system, step)).result is Result.DONE
    assert "info@pirat.example" not in host.of("changeuser")[0].options["aliases"]
    assert await system.holds([step]) == [True]


async def test_check_asks_whether_we_may_and_can() -> None:
    host = CannedHost()
    await system_on(host).check()
    assert [call.tool for call in host.calls] == ["listuser", "createuser", "changeuser"]
    assert not any("ADMIN_PASSWORD" in call.secrets for call in host.calls if call.tool != "listuser")
    host.faults["changeuser"] = [Fault(Completed(127, b"", b"sh: not found"))]
    with pytest.raises(Unreadable, match="changeuser cannot be used"):
        await system_on(host).check()
    host.faults["listuser"] = [Fault(refusal("Authentication failed", status=101))]
    with pytest.raises(Unreadable) as refused:
        await system_on(host).check()
    assert "RECONCILER_OX_PASSWORD" in refused.value.hint
