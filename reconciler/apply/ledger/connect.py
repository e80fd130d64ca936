"""Engines and transactions of the ledger, and what a database's error means to people.

A ledger has an engine of its own, also beside PostfixAdmin's tables.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Executable, Select, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from reconciler.apply.ledger.tables import LedgerTables
from reconciler.errors import Unreadable
from reconciler.remote.database import READING, connect, open_server, open_sqlite
from reconciler.remote.database_errors import explained as words
from reconciler.remote.database_errors import is_busy, is_missing_table

P = ParamSpec("P")
T = TypeVar("T")

LOCK_WAIT = 10
"""Seconds to wait for a row that somebody else's transaction holds."""
_PAUSES = (0.1, 0.5)
"""Seconds before a transaction is tried again whose rows others held (1205, 1213, 40001)."""
CHUNK = 500
"""Steps in one statement: far below every database's limit of parameters."""


class LedgerUnusable(Unreadable):
    """The ledger is missing, of another version or shape, or its database does not answer. `busy`: others held its
    rows; the same transaction may work in a moment."""

    busy = False


class SiteTables(NamedTuple):
    """The tables in one transaction, for the rows of one site."""

    connection: Connection
    tables: LedgerTables
    site: str
    clock: Callable[[], datetime]

    def execute(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """See SQLAlchemy; `rows` are many values for one statement."""
        return self.connection.execute(statement, rows)

    def steps(self, *columns: Any) -> Select[*tuple[Any, ...]]:
        """Selects from the steps of all runs of the site."""
        runs = self.tables.runs
        return select(*columns).join(runs, runs.c.id == self.tables.steps.c.run).where(runs.c.site == self.site)


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """The items in lists of `size`, the last one shorter."""
    walk = iter(items)
    while chunk := list(islice(walk, size)):
        yield chunk


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Database errors as LedgerUnusable, in the server's own words: never SQL or parameters."""
    try:
        yield
    except DBAPIError as error:
        where = engine.url.render_as_string(hide_password=True)
        message, hint = words(error, "the ledger's URL")
        unusable = LedgerUnusable(
            f"ledger at {where}: {message}", hint="run `reconciler ledger init`" if is_missing_table(error) else hint
        )
        unusable.busy = is_busy(error)
        raise unusable from None


@contextmanager
def readable() -> Iterator[None]:
    """What rows hold that no release wrote, as LedgerUnusable: SQLite takes any text in any column."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise LedgerUnusable(
            f"the ledger's rows cannot be read: {error}",
            hint="somebody else wrote them; compare with a backup: reconciler history verify says which of the history",
        ) from error


def json_object(text: str) -> dict[str, Any]:
    """A row's value, as it was noted. Raises ValueError and TypeError for what is none."""
    value = json.loads(text)
    if not isinstance(value, dict):
        raise TypeError("a value of a step is no JSON object")
    return value


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Committed at the end of the block, else rolled back. Raises LedgerUnusable."""
    with explained(engine), connect(engine) as connection, connection.begin():
        yield connection


@contextmanager
def single_read(engine: Engine) -> Iterator[Connection]:
    """For one statement that never writes, in as few round trips as there can be. Raises LedgerUnusable."""
    with explained(engine), connect(engine) as connection:
        yield connection.execution_options(**{READING: True})


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """One consistent view of all tables that never writes. Raises LedgerUnusable."""
    with single_read(engine) as connection:
        if engine.dialect.name != "sqlite":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


async def with_retries(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs `work`, which is a whole transaction, in a thread; again when others held its rows."""
    for pause in _PAUSES:
        try:
            return await asyncio.to_thread(work, *args, **kwargs)
        except LedgerUnusable as error:
            if not error.busy:
                raise
        await asyncio.sleep(pause)
    return await asyncio.to_thread(work, *args, **kwargs)


def open_engine(
    url: URL,
    *,
    create: bool = False,
    lock_wait: int = LOCK_WAIT,
    if_missing: str = "run `reconciler ledger init`",
    resolve: Callable[[str], Path] = Path,
) -> Engine:
    """An engine for a ledger at `url`, password included; its caller disposes of it. `create` lets `ledger init` make a
    new SQLite file; else `if_missing` is what to do when there is none. `resolve` makes a path of the site file
    absolute."""
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "").absolute()
        missing = None if create else LedgerUnusable(f"there is no file {file} for the ledger", hint=if_missing)
        return open_sqlite(url, file, "rwc" if create else "rw", lock_wait, missing)
    # each letter and each call of OX is a few short transactions, and a connection is a dozen statements
    return open_server(url, url.password or "", resolve, lock_wait, keep=True)
