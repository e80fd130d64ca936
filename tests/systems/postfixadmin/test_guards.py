"""The guards behind the comparison: locks, old values in the WHERE, keys for no statement, messages without hashes."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from reconciler.errors import PermanentFailure
from reconciler.planning.changes import Result
from reconciler.systems.postfixadmin import observe
from reconciler.systems.postfixadmin.write_statements import Edit, Writes, write
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN
from tests.systems.postfixadmin.support import (
    ANNA,
    DOMAIN,
    apply,
    by_hand,
    closing,
    insert_mailbox,
    mailbox,
    make_system,
    readable_steps,
    results,
    rows,
    state,
)

LOCK_WAIT = {
    "mysql": "SET SESSION innodb_lock_wait_timeout = 1",
    "postgresql": "SET lock_timeout = '500ms'",
    "sqlite": "PRAGMA busy_timeout = 200",
}


@pytest.fixture
def database(pfa_database: PostfixAdminDatabase) -> PostfixAdminDatabase:
    """One domain."""
    pfa_database.add_domain(DOMAIN)
    return pfa_database


async def test_nobody_changes_a_row_between_our_look_and_our_write(
    database: PostfixAdminDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """facts 13.18, 14: the web interface waits those milliseconds, or fails."""
    clock = observe.database_clock
    blocked: list[str] = []

    def edit_meanwhile(connection: Connection) -> datetime:
        with pytest.raises(OperationalError) as error:
            by_hand(database, LOCK_WAIT[database.backend], "UPDATE mailbox SET name = 'Anna Anders'")
        blocked.append(str(error.value))
        return clock(connection)

    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(name="Anna Muster")))
        planned = await readable_steps(system, mailbox(name="Anna Beispiel"))
        monkeypatch.setattr(observe, "database_clock", edit_meanwhile)
        assert results(await system.perform(NO_PLAN, planned)) == [Result.DONE]
    assert len(blocked) == 1
    assert rows(database, "SELECT name FROM mailbox") == [{"name": "Anna Beispiel"}]


def test_an_update_asks_for_the_old_values_itself(database: PostfixAdminDatabase) -> None:
    """facts 16.4: a count that is too low means that somebody else was faster; nothing of the chunk is kept."""
    insert_mailbox(database, ANNA, "Anna Muster")
    insert_mailbox(database, "kasse@pirat.alt", "Kasse")
    active = database.backend == "postgresql" or 1
    edits = {
        ANNA: Edit((ANNA, "was never read", 0, active), {"name": "Anna Beispiel"}),
        "kasse@pirat.alt": Edit(("kasse@pirat.alt", "Kasse", 0, active), {"name": "Kassenwart"}),
    }
    system = make_system(database)
    with closing(system), system._database.transaction() as connection:
        with pytest.raises(PermanentFailure, match="1 of 2 rows of mailbox"):
            write(connection, system._database.tables, Writes(mailbox_edits=edits))
        names = connection.execute(text("SELECT name FROM mailbox ORDER BY username")).scalars().all()
        assert names == ["Anna Muster", "Kassenwart"]
    assert [r["name"] for r in rows(database, "SELECT name FROM mailbox ORDER BY username")] == ["Anna Muster", "Kasse"]


async def test_a_key_outside_ascii_stops_itself_only(database: PostfixAdminDatabase) -> None:
    """facts 13.2: in a WHERE on latin1 columns it makes the statement fail for everybody in the chunk."""
    system = make_system(database)
    with closing(system):
        planned = await readable_steps(system, mailbox(), mailbox("łukasz@pirat.alt"))
        assert await system.is_applied(planned) == [False] * 4
        outcomes = {s.id: o for s, o in zip(planned, await system.perform(NO_PLAN, planned), strict=True)}
    assert outcomes[f"postfixadmin/mailbox/create/{ANNA}"].result is Result.DONE
    refused = outcomes["postfixadmin/mailbox/create/łukasz@pirat.alt"]
    assert (refused.result, refused.temporary) == (Result.FAILED, False)
    assert "ASCII" in refused.message
    assert rows(database, "SELECT address FROM alias") == [{"address": ANNA}]


async def test_a_refused_row_is_not_shown_with_its_hash(database: PostfixAdminDatabase) -> None:
    """PostgreSQL adds the whole failing row to its message."""
    if database.backend == "sqlite":
        by_hand(
            database,
            "CREATE TRIGGER small BEFORE INSERT ON mailbox WHEN NEW.quota > 5 BEGIN SELECT RAISE(ABORT, 'small'); END",
        )
    else:
        by_hand(database, "ALTER TABLE mailbox ADD CONSTRAINT small CHECK (quota < 5)")
    system = make_system(database)
    with closing(system):
        outcomes = await system.perform(NO_PLAN, await readable_steps(system, mailbox()))
    assert set(results(outcomes)) == {Result.FAILED}
    for outcome in outcomes:
        assert "small" in outcome.message
        assert "$6$" not in f"{outcome.message} {outcome.hint}"
