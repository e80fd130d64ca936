"""Ledgers beside PostfixAdmin's own tables on the three databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from reconciler.apply.ledger import Ledger, open_engine
from tests.apply.ledger.house import Clock
from tests.services.postfixadmin import PostfixAdminDatabase


@pytest.fixture
def engine(pfa_database: PostfixAdminDatabase) -> Iterator[Engine]:
    """To a fresh database of each kind."""
    engine = open_engine(pfa_database.full_url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ledger(engine: Engine, clock: Clock) -> Ledger:
    """A ledger whose tables are there."""
    ledger = Ledger(engine, "nrw", clock=clock)
    await ledger.init()
    return ledger
