"""Removals: switched off on the date, purged after the retention exactly as PostfixAdmin deletes (facts 5.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import date

import pytest

from reconciler.model.records import Absent, Owner, Records, Scope
from reconciler.planning.changes import Action, Result, Stage, Step, diff
from reconciler.planning.finding import Severity
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN, changes_of, records_of, review_of, step_of, steps_of
from tests.systems.postfixadmin.people import (
    FORWARD,
    NEW,
    OLD,
    TODAY,
    as_before,
    declared,
    dump,
    forwards,
    goto_by_address,
    names,
    removal,
    rename,
    renamed,
    satellites,
    vacation,
)
from tests.systems.postfixadmin.support import (
    DOMAIN,
    MEMBER,
    Outbox,
    alias,
    apply,
    by_hand,
    closing,
    insert_alias,
    kinds,
    mailbox,
    make_system,
    results,
    rows,
    state,
)
from tests.systems.postfixadmin.test_rename_move import LATE

LONG_AGO = date(2026, 8, 24)
"""90 days before today: the retention is over today."""
OWNER = Owner(Scope.ACCOUNT, OLD)


@pytest.fixture
async def system(pfa_database: PostfixAdminDatabase) -> AsyncIterator[PostfixAdminSystem]:
    """Anna's account."""
    system = make_system(pfa_database, Outbox())
    await as_before(pfa_database, system)
    with closing(system):
        yield system


async def test_before_its_date_nothing_happens(system: PostfixAdminSystem) -> None:
    assert await changes_of(system, declared(removal(OLD, date(2026, 11, 23)))) == []


@pytest.mark.parametrize("day", [TODAY, date(2026, 8, 25)])
async def test_from_its_date_on_it_is_switched_off_and_kept(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem, day: date
) -> None:
    """Mailbox and own alias together (facts 16.5); forwards, member alias and everything else stay."""
    forwards(pfa_database, f"{FORWARD},{OLD}")
    before = dump(pfa_database)
    desired = declared(removal(OLD, day))
    assert kinds(await changes_of(system, desired)) == [f"update alias {OLD}", f"update mailbox {OLD}"]
    await apply(system, desired)
    after = dump(pfa_database)
    for table, key in (("alias", "address"), ("mailbox", "username")):
        changed = [row | {"active": not row["active"]} if row[key] == OLD else row for row in before[table]]
        assert after[table] == changed
    assert await changes_of(system, desired) == []


async def test_an_entry_taken_back_switches_it_on_again(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    forwards(pfa_database, f"{FORWARD},{OLD}")
    before, account = dump(pfa_database), state(mailbox(OLD, member="10042"))
    await apply(system, declared(removal(OLD)))
    await apply(system, account)
    assert dump(pfa_database) == before
    assert await changes_of(system, account) == []


async def test_nothing_is_made_in_order_to_be_switched_off(system: PostfixAdminSystem) -> None:
    assert await changes_of(system, declared(removal("niemand@pirat.alt"), removal("nie@pirat.alt", LONG_AGO))) == []


@pytest.mark.parametrize("backend", ["mariadb", "postgresql", "sqlite"])
async def test_a_purge_is_postfixadmins_own_delete_row_for_row(request: pytest.FixtureRequest, backend: str) -> None:
    """facts 5.4; the same account is deleted by `postfixadmin-cli mailbox delete` in another database."""
    fresh: Callable[[], PostfixAdminDatabase] = request.getfixturevalue(f"new_{backend}")
    ours, theirs = fresh(), fresh()
    for database in (ours, theirs):
        system = make_system(database, Outbox())
        with closing(system):
            await as_before(database, system)
            await apply(system, state(mailbox("bernd@pirat.alt")))
        for address in (OLD, "bernd@pirat.alt"):
            vacation(database, address, address)
            satellites(database, address)
        forwards(database, f"bernd@pirat.alt,{OLD}", "bernd@pirat.alt")
    assert theirs.cli("mailbox", "delete", OLD).returncode == 0
    assert theirs.cli("alias", "delete", MEMBER).returncode == 0
    system = make_system(ours, Outbox())
    with closing(system):
        await apply(system, declared(removal(OLD, LONG_AGO)))
        assert await changes_of(system, declared(removal(OLD, LONG_AGO))) == []
    assert dump(ours) == dump(theirs)
    log = "SELECT action, domain, data FROM log ORDER BY action, data"
    assert rows(ours, log) == rows(theirs, log)


async def test_a_purge_takes_what_40_forgets(pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem) -> None:
    """facts 4: they would open a later mailbox of that name."""
    by_hand(pfa_database, *LATE)
    await apply(system, declared(removal(OLD, LONG_AGO)))
    left = rows(pfa_database, "SELECT username FROM mailbox_app_password ORDER BY id")
    assert [row["username"] for row in left] == ["bernd@pirat.alt", NEW]
    assert rows(pfa_database, "SELECT username FROM totp_exception_address") == []


async def test_a_number_that_leads_to_others_too_stays_and_is_named(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    forwards(pfa_database, f"{OLD},x@extern.example", MEMBER)
    insert_alias(pfa_database, "presse@pirat.alt", OLD)
    desired = declared(removal(OLD, LONG_AGO))
    findings = review_of(system, desired, await system.observe())
    assert [(f.severity, f.rule, f.subject) for f in findings] == [(Severity.WARNING, "references", OLD)] * 2
    assert {MEMBER, "presse@pirat.alt"} == {f.message.split()[2] for f in findings}
    assert all(f.hint for f in findings)
    await apply(system, desired)
    assert goto_by_address(pfa_database) == {MEMBER: f"{OLD},x@extern.example", "presse@pirat.alt": OLD}


async def test_the_old_mailbox_of_a_removed_account_goes_with_it(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """docs/removals.md: it belongs to the account."""
    await apply(system, renamed())
    entry = rename(former_surname="Muster")
    await apply(system, declared(entry, removal(NEW)))
    assert {row[2] for row in names(pfa_database).values()} == {False}
    await apply(system, declared(entry, removal(NEW, LONG_AGO)))
    assert (names(pfa_database), goto_by_address(pfa_database)) == ({}, {})


async def test_an_account_that_changed_since_the_plan_is_not_purged(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    satellites(pfa_database)
    planned = await steps_of(system, declared(removal(OLD, LONG_AGO)))
    forwards(pfa_database, f"{FORWARD},{OLD}")
    before = dump(pfa_database)
    outcomes = await system.perform(NO_PLAN, planned)
    assert sorted(set(results(outcomes))) == [Result.FAILED, Result.NOT_TRIED]
    assert dump(pfa_database) == before


async def test_purging_twice_is_purging_once(pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem) -> None:
    planned = await steps_of(system, declared(removal(OLD, LONG_AGO)))
    assert await system.is_applied(planned) == [False] * 3
    await system.perform(NO_PLAN, planned)
    logged = rows(pfa_database, "SELECT * FROM log")
    assert await system.is_applied(planned) == [True] * 3
    assert set(results(await system.perform(NO_PLAN, planned))) == {Result.DONE}
    assert rows(pfa_database, "SELECT * FROM log") == logged


async def delete_alias(system: PostfixAdminSystem, key: str, owner: Owner) -> list[Step]:
    """What the inventory makes of an alias whose entry went."""
    wanted: Records = {"alias": {key: Absent(key, owner)}}
    return [s for c in diff(system.name, wanted, await records_of(system)) for s in [step_of(system, c)]]


async def test_an_alias_that_goes(pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem) -> None:
    insert_alias(pfa_database, "presse@pirat.alt", OLD)
    insert_alias(pfa_database, f"@{DOMAIN}", OLD)
    for key, stored in (("presse@pirat.alt", "presse@pirat.alt"), (f"*@{DOMAIN}", f"@{DOMAIN}")):
        (step,) = await delete_alias(system, key, Owner(Scope.ALIAS, key))
        assert (step.change.action, step.stage) == (Action.DELETE, Stage.REFERENCES)
        assert results(await system.perform(NO_PLAN, [step])) == [Result.DONE]
        assert rows(pfa_database, "SELECT address FROM alias WHERE address = :k", k=stored) == []
        (log,) = rows(pfa_database, "SELECT action, data FROM log ORDER BY id DESC LIMIT 1")
        assert log == {"action": "delete_alias", "data": stored}


async def test_an_alias_changed_meanwhile_stays(pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem) -> None:
    insert_alias(pfa_database, "presse@pirat.alt", OLD)
    planned = await delete_alias(system, "presse@pirat.alt", Owner(Scope.ALIAS, "presse@pirat.alt"))
    forwards(pfa_database, "x@extern.example", "presse@pirat.alt")
    (outcome,) = await system.perform(NO_PLAN, planned)
    assert outcome.result is Result.FAILED
    assert goto_by_address(pfa_database)["presse@pirat.alt"] == "x@extern.example"


async def test_an_own_alias_never_goes_without_its_mailbox(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """Neither by a wrong plan nor because a mailbox was made there meanwhile."""
    (outcome,) = await system.perform(NO_PLAN, await delete_alias(system, OLD, OWNER))
    assert outcome.result is Result.FAILED
    assert "a mailbox that stays" in outcome.message
    assert OLD in goto_by_address(pfa_database)


async def test_an_alias_declared_at_a_purged_address_is_nobodys_own_alias(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    desired = declared(removal(OLD, LONG_AGO), alias(OLD, "x@extern.example"))
    await apply(system, desired)
    assert names(pfa_database) == {}
    assert goto_by_address(pfa_database) == {OLD: "x@extern.example"}
    assert await changes_of(system, desired) == []
