"""The contract of every live system, on PostfixAdmin's own tables in three databases."""

from __future__ import annotations

import pytest

from reconciler.planning.changes import Change
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.contract import Contract
from tests.systems.postfixadmin.support import ANNA, VORSTAND, alias, by_hand, mailbox, make_system, rows, state


class PostfixAdminWorld:
    """A database with one domain."""

    states = (
        state(mailbox(member="10042"), mailbox("kasse@pirat.alt"), alias(VORSTAND, ANNA)),
        state(
            mailbox(member="10042", name="Anna Beispiel", quota=512),
            mailbox("kasse@pirat.alt", active=False),
            alias(VORSTAND, ANNA, "kasse@pirat.alt"),
            alias("*@pirat.alt", VORSTAND, active=False),
        ),
    )

    def __init__(self, database: PostfixAdminDatabase) -> None:
        self.database = database

    def system(self) -> PostfixAdminSystem:
        return make_system(self.database)

    async def drift(self) -> None:
        by_hand(
            self.database,
            "UPDATE mailbox SET name = 'Anna B.', quota = 1, active = 0 WHERE username = 'anna.beispiel@pirat.alt'",
            "UPDATE alias SET goto = 'x@extern.example' WHERE address = 'vorstand@pirat.alt'",
            "DELETE FROM alias WHERE address = '10042@pirat.alt'",
        )

    async def lose_race(self, change: Change) -> None:
        if change.kind == "mailbox":
            by_hand(self.database, "UPDATE mailbox SET quota = quota + 10240000 WHERE username = :k", k=change.key)
        else:
            by_hand(self.database, "UPDATE alias SET goto = 'x@extern.example' WHERE address = :k", k=change.key)

    async def dump(self) -> object:
        return [
            rows(self.database, "SELECT address, goto, domain, active FROM alias ORDER BY address"),
            rows(
                self.database,
                "SELECT username, name, maildir, quota, local_part, domain, active FROM mailbox ORDER BY username",
            ),
        ]

    async def reset(self) -> None:
        by_hand(self.database, "DELETE FROM alias", "DELETE FROM mailbox", "DELETE FROM log")


@pytest.fixture
def world(pfa_database: PostfixAdminDatabase) -> PostfixAdminWorld:
    """An empty domain."""
    pfa_database.add_domain("pirat.alt")
    return PostfixAdminWorld(pfa_database)


class TestPostfixAdmin(Contract):
    """Every test of the contract."""
