"""The end state of a rename whose old mailbox is attached, row for row, from an untouched account
(docs/rename-invariants.md).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from passlib.hash import sha512_crypt  # type: ignore[import-untyped]  # libpass has no stubs

from reconciler.model.records import Scope
from reconciler.planning.changes import Action, Result, Stage
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from tests.model_of_postfix import assert_reachable
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN, changes_of, records_of, steps_of
from tests.systems.postfixadmin.people import (
    ADDRESSES,
    FORWARD,
    MB,
    NEW,
    NEW_TOKEN,
    OLD,
    OLD_TOKEN,
    OTHER_DOMAIN,
    anna,
    as_before,
    declared,
    dump,
    forwards,
    goto_by_address,
    names,
    rename,
    renamed,
    satellites,
    vacation,
)
from tests.systems.postfixadmin.support import (
    MEMBER,
    PASSWORD,
    VORSTAND,
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


@pytest.fixture
async def system(pfa_database: PostfixAdminDatabase) -> AsyncIterator[PostfixAdminSystem]:
    """Anna's account under the old name, on three backends."""
    system = make_system(pfa_database, Outbox())
    await as_before(pfa_database, system)
    with closing(system):
        yield system


async def test_every_row_of_the_end_state(pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem) -> None:
    logged = len(rows(pfa_database, "SELECT id FROM log"))
    hashes = {r["username"]: r["password"] for r in rows(pfa_database, "SELECT username, password FROM mailbox")}
    await apply(system, renamed())
    assert names(pfa_database) == {NEW: ("Anna Beispiel", 512, True), OLD: ("Anna Beispiel ehem. Muster", 512, True)}
    assert goto_by_address(pfa_database) == {NEW: NEW, OLD: NEW, MEMBER: NEW}
    stored = {r["username"]: r["password"] for r in rows(pfa_database, "SELECT username, password FROM mailbox")}
    assert stored[OLD] != hashes[OLD]
    for password in stored.values():
        assert sha512_crypt.verify(PASSWORD, password.removeprefix("{SHA512-CRYPT}"))
    log = rows(pfa_database, "SELECT action, data FROM log ORDER BY id")[logged:]
    assert sorted((row["action"], row["data"]) for row in log) == [
        ("create_alias", NEW),
        ("create_mailbox", NEW),
        ("edit_alias", MEMBER),
        ("edit_alias", OLD),
        ("edit_mailbox", OLD),
    ]
    maildirs = {r["username"]: r["maildir"] for r in rows(pfa_database, "SELECT username, maildir FROM mailbox")}
    assert maildirs == {NEW: "pirat.alt/anna.beispiel/", OLD: "pirat.alt/anna.muster/"}
    assert kinds(await changes_of(system, renamed())) == [], "a finished rename plans to nothing"
    assert_reachable(await records_of(system), ADDRESSES, (NEW, OLD))


async def test_it_is_one_transition_in_one_stage(system: PostfixAdminSystem) -> None:
    """So that steps 1 to 5 of the wiki commit at once (docs/rename-invariants.md, invariant 3)."""
    planned = await steps_of(system, renamed())
    assert {(s.change.owner.scope, s.change.owner.subject) for s in planned} == {(Scope.ACCOUNT, NEW)}
    assert [(s.change.kind, s.stage) for s in planned if s.stage is not Stage.MAIL_FLOW] == [
        ("welcome_mail", Stage.WELCOME)
    ]
    assert await system.is_applied(planned) == [False] * len(planned)
    await system.perform(NO_PLAN, planned)
    assert await system.is_applied(planned) == [step.readable for step in planned]
    before = await records_of(system)
    again = [step for step in planned if step.readable]
    assert set(results(await system.perform(NO_PLAN, again))) == {Result.DONE}
    assert await records_of(system) == before


@pytest.mark.parametrize(
    ("old_own_alias", "new_own_alias"),
    [
        (f"{FORWARD},{OLD}", {NEW, FORWARD}),
        (FORWARD, {FORWARD}),  # forward only is the user's choice
        (f"{OLD_TOKEN},{OLD}", {NEW, NEW_TOKEN}),
        (f"b@extern.example,{FORWARD},{OLD_TOKEN},{OLD}", {NEW, FORWARD, "b@extern.example", NEW_TOKEN}),
        (f"{NEW},{FORWARD}", {NEW, FORWARD}),
    ],
)
async def test_what_the_old_own_alias_carried_is_carried_over(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem, old_own_alias: str, new_own_alias: set[str]
) -> None:
    forwards(pfa_database, old_own_alias)
    await apply(system, renamed())
    goto = goto_by_address(pfa_database)
    assert set(goto[NEW].split(",")) == new_own_alias
    assert goto[OLD] == NEW
    assert await changes_of(system, renamed()) == []
    if NEW in new_own_alias:
        assert goto[NEW].endswith(NEW), "PostfixAdmin's order: a mailbox's own address last (facts 6)"
        assert_reachable(await records_of(system), ADDRESSES, (NEW, OLD))


async def test_two_own_aliases_with_forwards_become_their_union(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """The union, without self: neither the old address nor a loop is left in it."""
    await apply(system, state(mailbox(NEW)))
    forwards(pfa_database, f"{FORWARD},{OLD_TOKEN},{OLD}")
    forwards(pfa_database, f"b@extern.example,{OLD},{NEW}", NEW)
    await apply(system, renamed())
    assert set(goto_by_address(pfa_database)[NEW].split(",")) == {NEW, FORWARD, "b@extern.example", NEW_TOKEN}
    assert await changes_of(system, renamed()) == []


async def test_afterwards_the_new_own_alias_is_their_own(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """Forwards, forward-only and vacation are no drift; and the old address may get further aliases."""
    await apply(system, renamed())
    forwards(pfa_database, FORWARD, NEW)
    insert_alias(pfa_database, "presse@pirat.alt", OLD)
    assert await changes_of(system, renamed()) == []


async def test_a_vacation_follows_with_those_who_have_been_told(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    vacation(pfa_database)
    satellites(pfa_database)
    before = dump(pfa_database)
    await apply(system, renamed())
    after = dump(pfa_database)
    assert after["vacation"] == [before["vacation"][0] | {"email": NEW}]
    told = before["vacation_notification"]
    assert after["vacation_notification"] == [told[0] | {"on_vacation": NEW}]
    # fetchmail and the quotas stay with the old mailbox
    assert {t: after[t] for t in ("quota", "quota2", "fetchmail")} == {
        t: before[t] for t in ("quota", "quota2", "fetchmail")
    }
    assert await changes_of(system, renamed()) == []


async def test_of_two_vacations_the_new_mailboxs_stays(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    await apply(system, state(mailbox(NEW)))
    vacation(pfa_database)
    vacation(pfa_database, NEW, "Kur")
    before = dump(pfa_database, ("vacation", "vacation_notification"))
    await apply(system, renamed())
    assert dump(pfa_database, ("vacation", "vacation_notification")) == before
    assert await changes_of(system, renamed()) == []


async def test_declared_aliases_follow_and_others_are_left(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """They still arrive, through the old address."""
    insert_alias(pfa_database, "presse@pirat.alt", f"{OLD},x@extern.example")
    insert_alias(pfa_database, VORSTAND, f"{OLD},x@extern.example")
    insert_alias(pfa_database, "bernd@pirat.alt", f"bernd@pirat.alt,{OLD}")
    await apply(system, renamed(alias(VORSTAND, NEW, "x@extern.example")))
    goto = goto_by_address(pfa_database)
    assert goto[VORSTAND] == f"{NEW},x@extern.example"
    assert goto["presse@pirat.alt"] == f"{OLD},x@extern.example"
    found = await records_of(system)
    assert_reachable(found, (*ADDRESSES, VORSTAND, "presse@pirat.alt"), (NEW, OLD))


async def test_references_are_rewritten_where_git_asks_for_it(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """The one target; never in the own alias of a mailbox, which is its user's."""
    await apply(system, state(mailbox("kasse@pirat.alt")))
    forwards(pfa_database, f"{OLD},kasse@pirat.alt", "kasse@pirat.alt")
    insert_alias(pfa_database, "presse@pirat.alt", f"{OLD},x@extern.example")
    by_hand(pfa_database, "UPDATE alias SET active = 0 WHERE address = 'presse@pirat.alt'")
    planned = await changes_of(system, renamed(rewrite_references=True))
    assert "update alias presse@pirat.alt" in kinds(planned)
    await apply(system, renamed(rewrite_references=True))
    aliases = {row["address"]: row for row in dump(pfa_database)["alias"]}
    assert aliases["presse@pirat.alt"]["goto"] == f"{NEW},x@extern.example"
    assert not aliases["presse@pirat.alt"]["active"]
    assert aliases["kasse@pirat.alt"]["goto"] == f"{OLD},kasse@pirat.alt"
    assert await changes_of(system, renamed(rewrite_references=True)) == []


async def test_a_move_to_another_domain_keeps_the_number_of_the_old_one(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """`N@new` is made, `N@old` is kept and leads to the new address."""
    new = f"anna.muster@{OTHER_DOMAIN}"
    forwards(pfa_database, f"x@extern.example,{OLD}", MEMBER)
    desired = declared(anna(new), rename(new=new))
    await apply(system, desired)
    assert goto_by_address(pfa_database) == {
        new: new,
        OLD: new,
        f"10042@{OTHER_DOMAIN}": new,
        MEMBER: f"{new},x@extern.example",
    }
    assert names(pfa_database)[OLD][0] == f"Anna Beispiel ehem. {OLD}", "no former surname: the old address"
    assert await changes_of(system, desired) == []


async def test_a_switched_off_account_is_renamed_and_stays_off(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    await apply(system, declared(anna(OLD, active=False, name="Anna Muster")))
    desired = declared(anna(active=False), rename(former_surname="Muster"))
    await apply(system, desired)
    assert {name: row[2] for name, row in names(pfa_database).items()} == {NEW: False, OLD: False}
    assert NEW not in goto_by_address(pfa_database)
    assert await changes_of(system, desired) == []


async def test_a_future_rename_changes_nothing(pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem) -> None:
    """The gate `later` takes the new account out of the plan; here the old one stays as it is."""
    desired = declared(anna(), rename(day=renamed().today.replace(day=23)))
    wanted = {c.key for c in await changes_of(system, desired) if c.action is not Action.CREATE}
    assert OLD not in wanted


async def test_what_git_does_not_say_comes_from_the_old_mailbox(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    by_hand(pfa_database, "UPDATE mailbox SET quota = 0")
    await apply(system, declared(mailbox(NEW, member="10042"), rename()))
    assert names(pfa_database) == {NEW: ("Anna Muster", 0, True), OLD: (f"Anna Muster ehem. {OLD}", 0, True)}
    await apply(system, declared(mailbox(NEW, member="10042", quota=7), rename()))
    assert rows(pfa_database, "SELECT quota FROM mailbox WHERE username = :u", u=NEW) == [{"quota": 7 * MB}]
    assert await changes_of(system, declared(mailbox(NEW, member="10042", quota=7), rename())) == []


@pytest.mark.parametrize(("name", "called"), [("Anna Muster", "Anna Muster"), ("", OLD)])
async def test_who_comes_back_has_their_name_again(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem, name: str, called: str
) -> None:
    """git says no name: neither mailbox keeps one that was made for an address that is left no more."""
    by_hand(pfa_database, "UPDATE mailbox SET name = :name", name=name)
    there = rename(day=renamed().today - timedelta(days=1))
    await apply(system, declared(mailbox(NEW, member="10042"), there))
    desired = declared(mailbox(OLD, member="10042"), there, rename(NEW, OLD))
    await apply(system, desired)
    found = {address: row[0] for address, row in names(pfa_database).items()}
    assert found == {OLD: name, NEW: f"{called} ehem. {NEW}"}
    assert await changes_of(system, desired) == []
