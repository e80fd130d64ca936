"""Tables whose rows MariaDB joins: the rows that one would read one by one, whatever people typed and servers cut."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, column, event, select, table, text

from reconciler.remote import table_json
from reconciler.remote.table_json import rows_of
from tests.services.postfixadmin import PostfixAdminDatabase

ALIASES = table("alias", column("address"), column("goto"), column("active"))
QUERY = select(ALIASES.c.address, ALIASES.c.goto, ALIASES.c.active)
AWKWARD = (
    "",
    "a,b",
    '"quoted, comma"@x',
    "back\\slash",
    "tab\there",
    "\x01\x1f\x7f",
    "ü ß €",
    "[{}]",
    "NULL",
    "'",
    "\n",
)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some hundred rows count as many."""
    monkeypatch.setattr(table_json, "SMALL", 64)
    monkeypatch.setattr(table_json, "PARTS", 8)


@contextmanager
def filled(database: PostfixAdminDatabase) -> Iterator[Connection]:
    """With 280 aliases."""
    engine = database.engine()
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO domain (domain, description, transport) VALUES ('x.example', '', '')"))
        some = [
            {"address": f"{letter}{n}@x.example", "goto": f"{AWKWARD[n % len(AWKWARD)]}{n}", "active": n % 3 != 0}
            for letter in ("a", "B1", "ü", "ñ", " ", "_", "zz")
            for n in range(40)
        ]
        statement = "INSERT INTO alias (address, goto, domain, active) VALUES (:address, :goto, 'x.example', :active)"
        connection.execute(text(statement), some)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def connection(mariadb: PostfixAdminDatabase) -> Iterator[Connection]:
    """To a MariaDB."""
    with filled(mariadb) as connection:
        yield connection


def read(connection: Connection) -> tuple[list[tuple[str, str, bool]], int]:
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    rows = sorted((stored, goto, bool(active)) for stored, goto, active in rows_of(connection, QUERY))
    event.remove(connection, "before_cursor_execute", note)
    return rows, len(statements)


def test_rows_are_those_that_are_read_one_by_one(pfa_database: PostfixAdminDatabase) -> None:
    with filled(pfa_database) as connection:
        plain = sorted((stored, goto, bool(active)) for stored, goto, active in connection.execute(QUERY))
        assert len(plain) == 280
        assert read(connection) == (plain, 2 if connection.dialect.name == "mysql" else 1)


@pytest.mark.parametrize("longest", [4, 300, 2_000])
def test_what_a_server_cuts_is_read_row_by_row(connection: Connection, longest: int) -> None:
    whole, _ = read(connection)
    connection.execute(text(f"SET SESSION group_concat_max_len = {longest}"))
    rows, statements = read(connection)
    assert (rows, statements) == (whole, 3)


def test_an_old_server_is_read_row_by_row(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = read(connection)
    monkeypatch.setattr(table_json, "_JSON_SINCE", {True: (999,), False: (999,)})
    assert read(connection) == (whole, 1)


def test_a_small_table_takes_one_statement(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_json, "SMALL", 1_000)
    rows, statements = read(connection)
    assert (len(rows), statements) == (280, 1)
