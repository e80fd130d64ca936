"""Databases like the template of a MariaDB server, used again from test to test: to make thirty tables takes a hundred
times as long as to empty the few rows of a test.
"""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import count
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from tests.services.own_engine import Server, own_engine

_COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
_ROUTINES = ("TRIGGERS WHERE trigger_schema", "ROUTINES WHERE routine_schema", "EVENTS WHERE event_schema")
_numbers = count(1)


class MariaDbCopies:
    """What `take` gives belongs to the caller, until it is given back or for good."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._free: list[str] = []
        with own_engine(server.url).connect() as connection:
            names = [str(row[0]) for row in connection.execute(text("SHOW TABLES"))]
            self._made = {name: _Definition.of(connection, name) for name in names}
            self._version = connection.execute(text("SELECT value FROM config WHERE name = 'version'")).scalar_one()
            self._charset = _charset(connection)

    def take(self) -> str:
        """The name of a database with PostfixAdmin's tables and nothing in them but their version."""
        return self._free.pop() if self._free else self._new()

    def give_back(self, name: str) -> None:
        """It is emptied when its tables are as they were, else dropped."""
        self._end_connections(name)
        if self._emptied(name):
            self._free.append(name)
        else:
            with self._server.admin.connect() as admin:
                admin.exec_driver_sql("DROP DATABASE IF EXISTS " + name)

    def _new(self) -> str:
        name = f"copy_{next(_numbers)}"
        with self._server.admin.connect() as admin:
            admin.exec_driver_sql("CREATE DATABASE " + name + " CHARACTER SET utf8mb4")
        with own_engine(self._server.database(name)).begin() as connection:
            connection.execute(text("SET foreign_key_checks = 0"))
            for definition in self._made.values():
                connection.exec_driver_sql(definition.statement.replace("%", "%%"))
            self._write_version(connection)
        return name

    def _end_connections(self, name: str) -> None:
        """Of processes that a test killed, too: they could still hold rows, or write."""
        query = text("SELECT id FROM information_schema.processlist WHERE db = :name")
        with self._server.admin.connect() as admin:
            for number in admin.execute(query, {"name": name}).scalars().all():
                with suppress(DBAPIError):  # it has ended by itself
                    admin.exec_driver_sql(f"KILL {number}")

    def _emptied(self, name: str) -> bool:
        """Whether it is as new; false when a test changed more than rows and the ledger's own tables."""
        try:
            with own_engine(self._server.database(name)).begin() as connection:
                connection.exec_driver_sql("SET foreign_key_checks = 0, lock_wait_timeout = 5")
                found = {str(row[0]): str(row[1]) for row in connection.execute(text("SHOW FULL TABLES"))}
                for ours in [name for name in found if name.startswith("reconciler_")]:
                    if found.pop(ours) == "BASE TABLE":
                        connection.exec_driver_sql("DROP TABLE " + ours)
                if found.keys() != self._made.keys() or _charset(connection) != self._charset or _has_code(connection):
                    return False
                now = {table: _Definition.of(connection, table) for table in self._made}
                if any(now[table].statement != made.statement for table, made in self._made.items()):
                    return False
                for table, definition in now.items():
                    # what has counted begins anew; to truncate a table is to make it again, so only then
                    verb = "TRUNCATE" if definition.counter != self._made[table].counter else "DELETE FROM"
                    connection.exec_driver_sql(f"{verb} `{table}`")
                self._write_version(connection)
        except DBAPIError:  # gone, renamed, locked: what it was is not what it is
            return False
        return True

    def _write_version(self, connection: Connection) -> None:
        connection.execute(text("INSERT INTO config (name, value) VALUES ('version', :v)"), {"v": self._version})


class _Definition(NamedTuple):
    statement: str
    counter: str

    @classmethod
    def of(cls, connection: Connection, table: str) -> _Definition:
        made = str(connection.exec_driver_sql(f"SHOW CREATE TABLE `{table}`").one()[1])
        return cls(_COUNTER.sub("", made), "".join(_COUNTER.findall(made)))


def _charset(connection: Connection) -> tuple[str, str]:
    one, other = connection.exec_driver_sql("SELECT @@character_set_database, @@collation_database").one()
    return str(one), str(other)


def _has_code(connection: Connection) -> bool:
    queries = (f"SELECT 1 FROM information_schema.{where} = DATABASE() LIMIT 1" for where in _ROUTINES)
    return any(connection.exec_driver_sql(query).first() for query in queries)
