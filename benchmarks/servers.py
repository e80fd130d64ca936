"""The private MariaDB of the benchmark: the one that the tests use, with PostfixAdmin's own tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, text

from tests.services.databases import folder_of, mariadb_at, password_in_environment
from tests.services.own_engine import Server
from tests.services.postfixadmin import PostfixAdminTree


@contextmanager
def mariadb(data: Path) -> Iterator[Server]:
    """A running server with the data in this folder, which are made when there are none. The password is in the
    environment meanwhile."""
    with folder_of("bench") as folder, mariadb_at(folder, data) as server, password_in_environment():
        with server.admin.connect() as connection:  # the tests' own is small
            connection.execute(text(f"SET GLOBAL innodb_buffer_pool_size = {2**30}"))
        yield server


def new_database(server: Server, name: str) -> URL:
    """A database with PostfixAdmin's tables; one of that name goes first."""
    with server.admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    with tempfile.TemporaryDirectory(prefix="reconciler-postfixadmin-") as folder:
        PostfixAdminTree.copy_to(Path(folder) / "tree").install(server.database(name))
    return server.database(name)
