"""The private MariaDB of the benchmark: the one that the tests use, with PostfixAdmin's own tables."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from tests.services import databases
from tests.services.databases import PASSWORD_ENV
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminDatabase, PostfixAdminTree

# the functions behind the fixtures of pytest, which are plain generators
_mariadb = contextmanager(inspect.unwrap(databases.mariadb_server))
_mariadb_copies = contextmanager(inspect.unwrap(databases.mariadb_copies))


@contextmanager
def mariadb(folder: Path) -> Iterator[tuple[Server, Callable[[], PostfixAdminDatabase]]]:
    """A running server, and a function that makes a fresh database. The password is in the environment meanwhile."""
    tree = PostfixAdminTree.copy_to(folder / "postfixadmin")
    with _mariadb() as server, _mariadb_copies(server, tree) as copies:
        with server.admin.connect() as connection:  # the tests' own is small
            connection.execute(text(f"SET GLOBAL innodb_buffer_pool_size = {2**30}"))
        yield server, lambda: PostfixAdminDatabase(server.database(copies.take()), PASSWORD_ENV, tree)
