"""When it dies in the middle of a rename or a purge: all of it is there or nothing, and the journal agrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import Connection, event, text

from reconciler.errors import PermanentFailure
from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, OldMailbox
from reconciler.planning.changes import Result, Step
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from reconciler.systems.system_context import NoFence
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN, changes_of, steps_of
from tests.systems.postfixadmin.people import (
    FORWARD,
    NEW,
    OLD,
    OLD_TOKEN,
    TODAY,
    as_before,
    declared,
    dump,
    forwards,
    removal,
    rename,
    renamed,
    satellites,
    vacation,
)
from tests.systems.postfixadmin.support import (
    MEMBER,
    Outbox,
    by_hand,
    closing,
    mailbox,
    make_system,
    results,
    rows,
    state,
)
from tests.systems.postfixadmin.test_races import _kill

PURGE = declared(removal(OLD, TODAY.replace(month=8, day=1)))
CASES = {"attach": renamed(), "move": renamed(move=True), "purge": PURGE}


@dataclass
class Journal(NoFence):
    """A fence with one table of its own in the same database."""

    lost: bool = False
    seen: list[list[str]] = field(default_factory=list)

    @contextmanager
    def committing(self, connection: Connection, steps: Sequence[Step]) -> Iterator[None]:
        connection.execute(text("INSERT INTO journal VALUES (:n)"), {"n": len(steps)})
        self.seen.append([step.id for step in steps])
        if self.lost:
            raise PermanentFailure("this run lost its lock")
        yield


def witnessed(database: PostfixAdminDatabase, journal: Journal) -> PostfixAdminSystem:
    """The system with that fence."""
    system = make_system(database, Outbox())
    system._context = replace(system._context, fence=journal)
    return system


async def ready(database: PostfixAdminDatabase) -> None:
    """Anna with everything that a rename has to carry."""
    system = make_system(database, Outbox())
    with closing(system):
        await as_before(database, system)
    forwards(database, f"{FORWARD},{OLD_TOKEN},{OLD}")
    vacation(database)
    satellites(database)
    by_hand(database, "CREATE TABLE journal (steps int)")


async def rows_of_account(system: PostfixAdminSystem, desired: DesiredState) -> list[Step]:
    return [step for step in await steps_of(system, desired) if step.change.kind != "welcome_mail"]


def everything(database: PostfixAdminDatabase) -> object:
    return (
        dump(database),
        rows(database, "SELECT password FROM mailbox ORDER BY username"),
        rows(database, "SELECT action, data FROM log ORDER BY id"),
        rows(database, "SELECT * FROM journal"),
    )


@contextmanager
def dying(server: Server, system: PostfixAdminSystem, after: int) -> Iterator[list[str]]:
    """The server ends our connection before the statement of this number that writes."""
    engine, written = system._database._writing, list[str]()

    def count(connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            written.append(statement.split("(")[0])
            if len(written) == after:
                _kill(server, connection)

    event.listen(engine, "before_cursor_execute", count)
    yield written
    event.remove(engine, "before_cursor_execute", count)


@pytest.mark.parametrize("backend", ["mariadb", "postgresql"])
@pytest.mark.parametrize("case", CASES)
async def test_a_connection_lost_at_any_statement_leaves_nothing(
    request: pytest.FixtureRequest, backend: str, case: str
) -> None:
    server: Server = request.getfixturevalue(f"{backend}_server")
    database: PostfixAdminDatabase = request.getfixturevalue(f"new_{backend}")()
    await ready(database)
    journal = Journal()
    system = witnessed(database, journal)
    with closing(system):
        planned = await rows_of_account(system, CASES[case])
        before = everything(database)
        for after in range(1, 40):
            with dying(server, system, after) as written:
                outcomes = await system.perform(NO_PLAN, planned)
            if len(written) < after:
                break
            assert {(o.result, o.temporary) for o in outcomes} == {(Result.FAILED, True)}, written
            assert everything(database) == before, written
        else:
            pytest.fail("it never ends")
        assert after > 5
        assert set(results(outcomes)) == {Result.DONE}
        assert await changes_of(system, CASES[case]) == []
    assert [sum(row.values()) for row in rows(database, "SELECT * FROM journal")] == [len(planned)]


@pytest.mark.parametrize("case", CASES)
async def test_who_lost_the_lock_writes_nothing(pfa_database: PostfixAdminDatabase, case: str) -> None:
    await ready(pfa_database)
    system = witnessed(pfa_database, Journal(lost=True))
    with closing(system):
        planned = await rows_of_account(system, CASES[case])
        before = everything(pfa_database)
        with pytest.raises(PermanentFailure, match="lost its lock"):
            await system.perform(NO_PLAN, planned)
    assert everything(pfa_database) == before


async def test_the_witness_hears_of_done_steps_only(pfa_database: PostfixAdminDatabase) -> None:
    """A failed account beside it, and a step that was in place: that one holds, so it is done."""
    await ready(pfa_database)
    journal = Journal()
    system = witnessed(pfa_database, journal)
    with closing(system):
        desired = declared(*renamed().mailboxes.values(), mailbox("bernd@pirat.alt"), *renamed().renames)
        planned = await rows_of_account(system, desired)
        forwards(pfa_database, NEW, MEMBER)
        by_hand(
            pfa_database,
            "INSERT INTO alias (address, goto, domain) VALUES ('bernd@pirat.alt', 'x@extern.example', 'pirat.alt')",
        )
        outcomes = await system.perform(NO_PLAN, planned)
    done = [s.id for s, o in zip(planned, outcomes, strict=True) if o.result is Result.DONE]
    (seen,) = journal.seen
    assert sorted(seen) == sorted(done)
    assert f"postfixadmin/alias/update/{MEMBER}" in seen
    assert not [step for step in seen if "bernd" in step]


@pytest.mark.parametrize("move", [False, True])
@pytest.mark.parametrize("count", [1, 60])
@pytest.mark.usefixtures("cheap_hashes")
async def test_statements_are_constant(pfa_database: PostfixAdminDatabase, count: int, move: bool) -> None:
    """Ten renames take as many statements as one: nobody waits for locks longer."""
    pfa_database.add_domain("pirat.alt")
    system = make_system(pfa_database, Outbox())
    old = [mailbox(f"alt{i}@pirat.alt", member=str(500 + i), name=f"Anna {i}") for i in range(count)]
    many = [box._replace(address=Address(f"neu{i}@pirat.alt")) for i, box in enumerate(old)]
    kind = OldMailbox.MOVE if move else OldMailbox.ATTACH
    renames = [rename(a.address, b.address, old_mailbox=kind) for a, b in zip(old, many, strict=True)]
    desired = declared(*many, *renames)
    with closing(system):
        await system.perform(NO_PLAN, await steps_of(system, state(*old)))
        for box in old:
            vacation(pfa_database, box.address, box.address)
        planned = await rows_of_account(system, desired)
        sent: list[str] = []
        event.listen(system._database._writing, "before_cursor_execute", lambda *args: sent.append(args[2]))
        assert set(results(await system.perform(NO_PLAN, planned))) == {Result.DONE}
        # reading: 2 spellings, 3 tables, domains, clock; aliases, mailboxes, log; 5 for the vacations
        expected = {False: 17, True: 22}[move] + 2 * (pfa_database.backend != "mysql")
        assert len(sent) == expected, sent
        assert await changes_of(system, desired) == []
