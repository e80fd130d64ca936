"""`old_mailbox: move`: the mailbox row gets its new key in place, with everything that hangs on the user name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from reconciler.model.declared import OldMailbox
from reconciler.planning.changes import Result, Stage
from reconciler.planning.finding import Severity
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from tests.model_of_postfix import assert_reachable
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN, changes_of, effects_of, matched, records_of, review_of, step_of, steps_of
from tests.systems.postfixadmin.people import (
    ADDRESSES,
    FORWARD,
    NEW,
    NEW_TOKEN,
    OLD,
    OLD_TOKEN,
    OTHER_DOMAIN,
    TABLES,
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
    Outbox,
    apply,
    by_hand,
    closing,
    insert_mailbox,
    kinds,
    make_system,
    results,
    rows,
)

LATE = (
    "CREATE TABLE mailbox_app_password (id int, username varchar(255), description varchar(9), password_hash char(9))",
    "CREATE TABLE totp_exception_address (id int, ip varchar(50), username varchar(255), description varchar(255))",
    "INSERT INTO mailbox_app_password VALUES (1, 'anna.muster@pirat.alt', 'Telefon', 'x')",
    "INSERT INTO mailbox_app_password VALUES (2, 'bernd@pirat.alt', 'Telefon', 'y')",
    "INSERT INTO mailbox_app_password VALUES (3, 'anna.beispiel@pirat.alt', 'left', 'z')",
    "INSERT INTO totp_exception_address VALUES (1, '192.0.2.1', 'anna.muster@pirat.alt', '')",
)
"""4.0's tables (facts/postfixadmin.md 4)."""


@pytest.fixture
async def system(pfa_database: PostfixAdminDatabase) -> AsyncIterator[PostfixAdminSystem]:
    """Anna under the old name."""
    system = make_system(pfa_database, Outbox())
    await as_before(pfa_database, system)
    with closing(system):
        yield system


async def test_every_table_follows_in_one_transaction(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    by_hand(pfa_database, *LATE)
    forwards(pfa_database, f"{FORWARD},{OLD_TOKEN},{OLD}")
    vacation(pfa_database)
    satellites(pfa_database)
    satellites(pfa_database, "bernd@pirat.alt")
    by_hand(pfa_database, "INSERT INTO quota2 (username, bytes) VALUES (:k, 9)", k=NEW)  # of one deleted long ago
    before, columns = dump(pfa_database), "SELECT password, password_expiry, created FROM mailbox"
    kept = rows(pfa_database, columns)
    planned = await steps_of(system, renamed(move=True))
    assert sorted(kinds([s.change for s in planned])) == [
        f"create alias {NEW}",
        f"rename mailbox {NEW}",
        f"rename vacation {NEW}",
        f"update alias {MEMBER}",
        f"update alias {OLD}",
    ]
    assert {s.stage for s in planned} == {Stage.MAIL_FLOW}
    assert not [s for s in planned if s.change.kind == "password"], "the password stays"
    await apply(system, renamed(move=True))
    after = dump(pfa_database)
    (box,) = after["mailbox"]
    assert box == before["mailbox"][0] | {"username": NEW, "local_part": "anna.beispiel", "name": "Anna Beispiel"}
    assert box["maildir"] == "pirat.alt/anna.muster/", "no mail moves"
    assert rows(pfa_database, columns) == kept
    goto = goto_by_address(pfa_database)
    assert set(goto.pop(NEW).split(",")) == {NEW, FORWARD, NEW_TOKEN}
    assert goto == {OLD: NEW, MEMBER: NEW}
    for table, key in (("vacation", "email"), ("vacation_notification", "on_vacation"), ("fetchmail", "mailbox")):
        expected = [row | {key: NEW} if row[key] == OLD else row for row in before[table]]
        assert sorted(map(repr, after[table])) == sorted(map(repr, expected)), table
    for table in ("quota", "quota2"):
        expected = [row | {"username": NEW} if row["username"] == OLD else row for row in before[table]]
        expected = [row for row in expected if row.get("bytes") != 9]
        assert sorted(map(repr, after[table])) == sorted(map(repr, expected)), table
    late = "SELECT id, username FROM mailbox_app_password ORDER BY id"
    assert [(r["id"], r["username"]) for r in rows(pfa_database, late)] == [(1, NEW), (2, "bernd@pirat.alt")]
    assert rows(pfa_database, "SELECT username FROM totp_exception_address") == [{"username": NEW}]
    assert await changes_of(system, renamed(move=True)) == []
    assert await system.is_applied(planned) == [True] * len(planned)
    assert set(results(await system.perform(NO_PLAN, planned))) == {Result.DONE}
    assert dump(pfa_database) == after
    assert_reachable(await records_of(system), ADDRESSES, (NEW,))


async def test_to_another_domain(pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem) -> None:
    new = f"anna.muster@{OTHER_DOMAIN}"
    vacation(pfa_database)
    satellites(pfa_database)
    desired = declared(anna(new), rename(new=new, old_mailbox=OldMailbox.MOVE))
    await apply(system, desired)
    after = dump(pfa_database)
    assert {row["domain"] for t in ("mailbox", "vacation", "fetchmail") for row in after[t]} == {OTHER_DOMAIN}
    assert goto_by_address(pfa_database) == {new: new, OLD: new, MEMBER: new, f"10042@{OTHER_DOMAIN}": new}
    assert await changes_of(system, desired) == []
    found = await records_of(system)
    assert_reachable(found, (new, OLD, MEMBER, f"10042@{OTHER_DOMAIN}"), (new,))


async def test_a_mailbox_that_appears_at_the_new_address_stops_it_whole(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    satellites(pfa_database)
    planned = await steps_of(system, renamed(move=True))
    insert_mailbox(pfa_database, NEW, "Anna Anders")
    before = dump(pfa_database)
    outcomes = await system.perform(NO_PLAN, planned)
    assert Result.DONE not in results(outcomes)
    assert any("exists already" in outcome.message for outcome in outcomes)
    assert dump(pfa_database) == before


async def test_a_mailbox_of_the_new_name_is_never_taken_over(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """The gate refuses it; were it not there, the old mailbox would still stay what it is."""
    insert_mailbox(pfa_database, NEW, "Anna Anders")
    assert not [c for c in await changes_of(system, renamed(move=True)) if c.key == OLD and c.kind == "mailbox"]


async def test_a_new_password_on_the_same_day_goes_to_the_moved_mailbox(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """A declared reset: one update with the move, whose row has its old key until then."""
    before = rows(pfa_database, "SELECT password FROM mailbox")
    planned = await steps_of(system, renamed(move=True))
    found = matched(system, renamed(move=True), await records_of(system)).found
    owner, renew = planned[0].change.owner, CredentialEvents(renew=True)
    reset = effects_of(system, renamed(move=True), owner, [], found, renew, wanted={}).changes
    assert kinds(reset) == [f"update password {NEW}"]
    outcomes = await system.perform(NO_PLAN, [*planned, *(s for c in reset for s in [step_of(system, c)])])
    assert set(results(outcomes)) == {Result.DONE}
    assert names(pfa_database) == {NEW: ("Anna Beispiel", 512, True)}
    assert rows(pfa_database, "SELECT password FROM mailbox") != before


async def test_an_administrator_is_left_and_named(
    pfa_database: PostfixAdminDatabase, system: PostfixAdminSystem
) -> None:
    """Admin rows are left and reported."""
    by_hand(pfa_database, "INSERT INTO admin (username, password) VALUES (:k, '!')", k=OLD)
    desired = renamed(move=True)
    (finding,) = review_of(system, desired, await system.observe())
    assert (finding.severity, finding.rule, finding.subject) == (Severity.NOTE, "administrator", OLD)
    await apply(system, desired)
    assert rows(pfa_database, "SELECT username FROM admin") == [{"username": OLD}]


def test_every_table_by_user_name_is_dumped_here() -> None:
    assert {"vacation", "vacation_notification", "quota", "quota2", "fetchmail"} <= TABLES.keys()
