"""Writing, call by call: what is passed, what is compared before, what is believed afterwards. On a canned host."""

from __future__ import annotations

import asyncio

import pytest

from reconciler.errors import Unreadable
from reconciler.model.records import OxUserRow
from reconciler.planning.changes import Outcome, Result
from reconciler.remote.host import Completed
from tests.systems.openxchange.canned import (
    ANNA,
    Call,
    CannedHost,
    Fault,
    creation,
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
    await system_on(host).perform(NO_PLAN, [creation(wanted("anna", ANNA))])
    assert [call.options.get("searchpattern") for call in host.of("listuser")] == ["anna", "anna"]
    host = CannedHost()
    steps = [creation(wanted(f"user{n}", f"user{n}@pirat.example", display_name=f"N {n}")) for n in range(20)]
    assert {o.result for o in await system_on(host).perform(NO_PLAN, steps)} == {Result.DONE}
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


async def test_changes_come_before_creations_that_may_need_what_they_free() -> None:
    host = CannedHost([user(3, "klaus", "klaus@pirat.example", Display_name="Anna Beispiel")])
    system = system_on(host)
    freeing = update((await found(system))["3"], wanted("klaus", "klaus@pirat.example", display_name="Klaus Extern"))
    await system.perform(NO_PLAN, [creation(wanted("anna", ANNA)), freeing])
    assert [call.tool for call in host.calls if call.tool != "listuser"] == ["changeuser", "createuser"]


async def test_two_steps_of_one_user_come_one_after_the_other_and_the_second_looks_again() -> None:
    host = CannedHost([user(3, "anna", OLD, Aliases=f"{ANNA}, x@pirat.example")])  # breaks the alias rule
    system = system_on(host)
    steps = [update((await found(system))["3"], wanted("anna", ANNA)), new_password(ANNA, "3")]
    assert [o.result for o in await system.perform(NO_PLAN, steps)] == [Result.DONE, Result.DONE]
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
    outcomes = await system.perform(NO_PLAN, steps)
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
    await system_on(host, parallel=3).perform(NO_PLAN, steps)
    assert most == 3


async def test_holds_is_one_list_for_the_batch_and_cannot_see_passwords() -> None:
    host = CannedHost([user(3, "klaus", OLD), user(4, "anna", ANNA)])
    system = system_on(host)
    rows = await found(system)
    host.calls.clear()
    there = wanted("anna", ANNA, display_name="Name 4", given_name="Given", surname="Sur")
    steps = [update(rows["3"], wanted("klaus", "klaus@pirat.example")), creation(there), new_password(ANNA, "4")]
    assert await system.is_applied(steps) == [False, True, False]
    assert len(host.calls) == 1
    assert await system.is_applied([new_password(ANNA, "4")]) == [False]
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
    assert await system.is_applied([step]) == [True]


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
