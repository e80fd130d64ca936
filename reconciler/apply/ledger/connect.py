"""Engines and transactions of the ledger, and what a database's error means to people.

A ledger has an engine of its own, also beside PostfixAdmin's tables.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

from sqlalchemy import Connection, CursorResult, Engine, Executable, Select, create_engine, event, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from reconciler.apply.ledger.tables import LedgerTables
from reconciler.errors import Unreadable
from reconciler.remote.database import connect, open_server
from reconciler.remote.database_errors import explained as words
from reconciler.remote.database_errors import is_busy, is_missing_table

P = ParamSpec("P")
T = TypeVar("T")

LOCK_WAIT = 10
"""Seconds to wait for a row that somebody else's transaction holds."""
_PAUSES = (0.1, 0.5)
"""Seconds before a transaction that others were in the way of (1205, 1213, 40001) is tried again."""
CHUNK = 500
"""Steps in one statement: far below every database's limit of parameters."""
# the option by which PostfixAdmin's engine knows a connection that will not write, and takes no write lock on SQLite
_LOOKING = "reconciler_looking"


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
def transaction(engine: Engine) -> Iterator[Connection]:
    """Committed at the end of the block, else rolled back. Raises LedgerUnusable."""
    with explained(engine), connect(engine) as connection, connection.begin():
        yield connection


@contextmanager
def glance(engine: Engine) -> Iterator[Connection]:
    """For one statement that never writes, in as few round trips as there can be. Raises LedgerUnusable."""
    with explained(engine), connect(engine) as connection:
        yield connection.execution_options(**{_LOOKING: True})


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """One consistent view of all tables that never writes. Raises LedgerUnusable."""
    with glance(engine) as connection:
        if engine.dialect.name != "sqlite":
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


async def patiently(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`work` in a thread; again when others were in the way, of which nothing is left then: whole transactions."""
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
        return _sqlite(url, create, lock_wait, if_missing)
    # each letter and each call of OX is a few short transactions, and a connection is a dozen statements
    return open_server(url, url.password or "", resolve, lock_wait, keep=True)


def _sqlite(url: URL, create: bool, wait: int, if_missing: str) -> Engine:
    file = Path(url.database or "").absolute()
    uri = f"{file.as_uri()}?mode={'rwc' if create else 'rw'}"

    def opened() -> sqlite3.Connection:
        try:
            # the driver's own BEGIN comes too late for a consistent read; ours is below
            return sqlite3.connect(uri, uri=True, timeout=wait, isolation_level=None, check_same_thread=False)
        except sqlite3.OperationalError:
            if _is_missing(file) and not create:
                raise LedgerUnusable(f"there is no file {file} for the ledger", hint=if_missing) from None
            raise

    # hide_parameters: the text of an SQLAlchemy error ends up in logs
    engine = create_engine(url, creator=opened, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # the write lock at once: one that is taken between a read and a write cannot be waited for
        looking = _LOOKING in connection.get_execution_options()
        connection.exec_driver_sql("BEGIN" if looking else "BEGIN IMMEDIATE")

    return engine


def _is_missing(file: Path) -> bool:
    try:
        file.stat()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False
