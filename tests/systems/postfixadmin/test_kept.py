"""What is not ours stays byte for byte: users' forwards and vacation tokens, hand-made spellings, other columns."""

from __future__ import annotations

import pytest

from reconciler.planning.changes import Result
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN
from tests.systems.postfixadmin.support import (
    ANNA,
    DOMAIN,
    VORSTAND,
    alias,
    apply,
    by_hand,
    closing,
    insert_alias,
    mailbox,
    make_system,
    readable_steps,
    results,
    rows,
    state,
)

GOTO = "SELECT goto FROM alias WHERE address = :key"


@pytest.fixture
def database(pfa_database: PostfixAdminDatabase) -> PostfixAdminDatabase:
    """One domain."""
    pfa_database.add_domain(DOMAIN)
    return pfa_database


async def test_forwards_and_their_raw_text_are_kept_when_a_mailbox_is_switched_off(
    database: PostfixAdminDatabase,
) -> None:
    """facts 6: spaces, order, duplicates and a vacation token in an own alias's goto are its user's."""
    raw = f"x@extern.example, {ANNA},X@extern.example,anna.beispiel#pirat.alt@autoreply.example"
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox()))
        by_hand(database, "UPDATE alias SET goto = :raw WHERE address = :key", raw=raw, key=ANNA)
        await apply(system, state(mailbox(active=False)))
    (row,) = rows(database, "SELECT goto, active FROM alias")
    assert (row["goto"], bool(row["active"])) == (raw, False)
    assert bool(rows(database, "SELECT active FROM mailbox")[0]["active"]) is False


async def test_an_empty_own_alias_leads_to_its_mailbox_again(database: PostfixAdminDatabase) -> None:
    """facts 6: an empty goto is as good as no row."""
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox()))
        by_hand(database, "UPDATE alias SET goto = ' , '")
        await apply(system, state(mailbox()))
    assert rows(database, GOTO, key=ANNA) == [{"goto": ANNA}]


async def test_a_declared_alias_with_capitals_and_spaces_is_written_canonically(database: PostfixAdminDatabase) -> None:
    """facts 3, 6: such a row is found and changed; where no look-up finds its spelling, that too."""
    insert_alias(database, "Vorstand@Pirat.alt", f" {ANNA} ,X@Extern.example")
    system = make_system(database)
    with closing(system):
        planned = await readable_steps(system, mailbox(), alias(VORSTAND, ANNA))
        assert [f"{s.change.action} {s.change.key}" for s in planned if s.change.key == VORSTAND] == [
            f"update {VORSTAND}"
        ]
        assert set(results(await system.perform(NO_PLAN, planned))) == {Result.DONE}
        assert await system.is_applied(planned) == [True] * len(planned)
    found = rows(database, "SELECT address, goto FROM alias WHERE lower(address) = :key", key=VORSTAND)
    stored = "Vorstand@Pirat.alt" if database.backend == "mysql" else VORSTAND
    assert found == [{"address": stored, "goto": ANNA}]


async def test_only_changed_columns_are_written(database: PostfixAdminDatabase) -> None:
    """The user's password, token and every other column stay; `modified` moves."""
    system = make_system(database)
    with closing(system):
        await apply(system, state(mailbox(quota=5)))
        by_hand(database, "UPDATE mailbox SET name = 'Cafe\u0301  X', token = 'live', modified = '2001-01-01 00:00:00'")
        (before,) = rows(database, "SELECT * FROM mailbox")
        await apply(system, state(mailbox(quota=6)))
    (after,) = rows(database, "SELECT * FROM mailbox")
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"quota", "modified"}
