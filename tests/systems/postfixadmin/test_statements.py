"""One account and hundreds take the same number of statements: ten thousand must not mean ten thousand trips."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, event

from reconciler.model.declared import Mailbox
from reconciler.planning.changes import Result
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.plans import NO_PLAN
from tests.systems.postfixadmin.support import closing, mailbox, make_system, readable_steps, results

pytestmark = pytest.mark.usefixtures("cheap_hashes")


def accounts(count: int, **written: object) -> list[Mailbox]:
    return [mailbox(f"konto{i}@pirat.alt", member=str(1000 + i), **written) for i in range(count)]


def counted(system: PostfixAdminSystem) -> list[str]:
    """Every statement that is sent where we write."""
    statements: list[str] = []

    def note(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement.split("(")[0][:60])

    event.listen(system._database._writing, "before_cursor_execute", note)
    return statements


@pytest.mark.parametrize("count", [1, 100])
async def test_statements_are_constant(pfa_database: PostfixAdminDatabase, count: int) -> None:
    pfa_database.add_domain("pirat.alt")
    # one more a transaction: SQLite's BEGIN and PostgreSQL's lock_timeout are statements of ours
    begin = pfa_database.backend != "mysql"
    system = make_system(pfa_database)
    with closing(system):
        planned = await readable_steps(system, *accounts(count))
        sent = counted(system)
        assert set(results(await system.perform(NO_PLAN, planned))) == {Result.DONE}
        # 2 for odd spellings; rows of both tables, domains, clock; alias, mailbox, log
        assert len(sent) == 9 + 2 * begin, sent
        sent.clear()
        assert await system.is_applied(planned) == [True] * len(planned)
        assert len(sent) == 4 + begin, sent
        planned = await readable_steps(system, *accounts(count, name="Anna Beispiel", quota=7, active=False))
        sent.clear()
        assert set(results(await system.perform(NO_PLAN, planned))) == {Result.DONE}
        assert len(sent) == 9 + 2 * begin, sent


async def test_more_than_one_chunk_is_written_whole(pfa_database: PostfixAdminDatabase) -> None:
    """1,100 accounts are three transactions."""
    pfa_database.add_domain("pirat.alt")
    many = accounts(1100)
    system = make_system(pfa_database, password_scheme="SHA512-CRYPT")
    with closing(system):
        planned = await readable_steps(system, *many)
        sent = counted(system)
        assert set(results(await system.perform(NO_PLAN, planned))) == {Result.DONE}
        assert sum(statement.startswith("INSERT INTO mailbox") for statement in sent) == 3
        assert await readable_steps(system, *many) == []
        assert await system.is_applied(planned) == [True] * len(planned)
