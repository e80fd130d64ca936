"""The register as a query on a database. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from pydantic import SecretStr
from sqlalchemy import CursorResult, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from reconciler.remote.database import connect, open_database
from reconciler.remote.database_errors import explained
from reconciler.settings import Register, Settings
from reconciler.systems.letters.register_rows import Members, RegisterRow, UnreadableRegister, columns, members


def read_database(settings: Settings, register: Register, password: SecretStr) -> Members:
    """Every member by number. The site file's query is run as it is (SQLAlchemy's `text`: write `\\:` for a colon
    before a word). An empty password is none. Raises UnreadableRegister with the row."""
    assert register.database_url is not None
    assert register.query is not None
    url = make_url(register.database_url)
    source = url.render_as_string(hide_password=True)
    try:
        if url.get_backend_name() == "sqlite" and not settings.path(url.database or "").is_file():
            raise UnreadableRegister("no such file")
        engine = open_database(url, password.get_secret_value(), settings.path, read_only=True)
        try:
            with connect(engine) as connection:
                return members(_entries(connection.execute(text(register.query)), register), register)
        finally:
            engine.dispose()
    except UnreadableRegister as error:
        raise error.of(source) from None
    except DBAPIError as error:
        raise UnreadableRegister(*explained(error, "register.database_url")).of(source) from None
    except SQLAlchemyError as error:
        reason = " ".join(str(error).split())  # a bind parameter in the query, a name that is no column
        raise UnreadableRegister(f"{source}: {reason}") from None


def _entries(result: CursorResult[Any], register: Register) -> Iterator[tuple[str, RegisterRow]]:
    names = list(result.keys())
    wanted = list(columns(register).values())
    missing = [name for name in wanted if name not in names]
    if missing:
        raise UnreadableRegister(f"the query gives no column {missing[0]!r}; it gives {', '.join(names)}")
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        raise UnreadableRegister(f"the query gives the column {twice[0]!r} twice")
    pick = itemgetter(*(names.index(name) for name in wanted))
    for number, row in enumerate(result, 1):
        yield f"row {number}", RegisterRow(*map(_text, pick(row)))


def _text(value: object) -> str:
    return "" if value is None else str(value)
