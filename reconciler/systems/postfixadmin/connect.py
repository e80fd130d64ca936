"""The two engines of a site, one that only reads and one that writes, and the transactions that this room opens.

Connections live for one verb: a run takes minutes, and a pool would only keep what a firewall drops meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from reconciler.errors import Unreadable, UsageError
from reconciler.remote.database import READING, connect, open_server, open_sqlite
from reconciler.remote.database_errors import explained
from reconciler.secret_sources import secret
from reconciler.settings import PostfixAdmin, Settings
from reconciler.systems.postfixadmin.tables import PostfixAdminTables, declare

LOCK_WAIT = 10
"""Seconds to wait for somebody else's row locks: the web interface's last milliseconds, a backup's take longer."""


class Database:
    """PostfixAdmin's database, as the site file names it. Raises Unreadable when its password is not to be found."""

    def __init__(self, section: PostfixAdmin, settings: Settings, lock_wait: int = LOCK_WAIT) -> None:
        self.tables: PostfixAdminTables = declare(section.table_prefix)
        file = settings.path(section.password_file) if section.password_file else None
        password = secret(section.password_env, file, "postfixadmin.password").get_secret_value()
        self.target = make_url(section.url).render_as_string(hide_password=True)
        """Where we write, for people."""
        self.place = make_url(section.url)._replace(username=None, password=None).render_as_string()
        """The same for a plan, which one user may make and another carry out."""
        self._read_target = make_url(section.read_url or section.url).render_as_string(hide_password=True)
        self._writing = _engine(make_url(section.url), password, settings.path, lock_wait)
        self._reading = _engine(make_url(section.read_url or section.url), password, settings.path, lock_wait, True)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One consistent read-only view of all tables (facts/postfixadmin.md 14). Raises Unreadable."""
        with _explained(self._read_target), connect(self._reading) as connection:
            if self._reading.dialect.name == "mysql":
                connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            yield connection

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """What is true now, where we write; nothing is locked or kept. Raises Unreadable."""
        with _explained(self.target), connect(self._writing).execution_options(**{READING: True}) as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that the caller commits; else it is rolled back. Raises Unreadable when it cannot begin;
        errors of the statements inside are the caller's."""
        with _explained(self.target):
            connection = connect(self._writing)
            try:
                connection.begin()
            except BaseException:
                connection.close()
                raise
        with connection:
            yield connection

    def close(self) -> None:
        """Lets the connections go."""
        self._reading.dispose()
        self._writing.dispose()


def unreadable(error: DBAPIError, target: str) -> Unreadable:
    """The error for people. `target` is the URL without its password."""
    message, hint = explained(error, "postfixadmin.url")
    return Unreadable(f"{target}: {message}", hint=hint)


@contextmanager
def _explained(target: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise unreadable(error, target) from None


def _engine(url: URL, password: str, path: Callable[[str], Path], lock_wait: int, read_only: bool = False) -> Engine:
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, path, lock_wait, read_only)
    options: dict[str, Any] = {}
    if read_only:
        # a snapshot is one only at this level, whatever the server's default is
        options["isolation_level"] = "REPEATABLE READ"
        if url.get_backend_name() == "postgresql":
            options["execution_options"] = {"postgresql_readonly": True}
    return open_server(url, password, path, lock_wait, **options)


def _sqlite(url: URL, path: Callable[[str], Path], wait: int, read_only: bool) -> Engine:
    if not url.database:
        raise UsageError(
            "postfixadmin.url names no SQLite file", hint="write sqlite:///postfixadmin.db or sqlite:////var/lib/…"
        )
    # never `rwc`: a mistyped path must not become an empty database
    return open_sqlite(url, path(url.database), "ro" if read_only else "rw", wait)
