"""A user as a value, and its way into the database and out of it. Used by the tools, `control.py` and `bulk.py`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple


class User(NamedTuple):
    """One user of one context. Members are what OX has, not what it ought to have."""

    id: int
    fields: Mapping[str, str]
    """What is not null, by CSV column (`columns.COLUMNS`); without Id, Aliases, UserAttributes, GuiPreferences."""
    aliases: frozenset[str] = frozenset()
    access: frozenset[str] = frozenset()
    """Names of the CSV's access columns that are on."""
    attributes: Mapping[str, str] = {}
    """User attributes by `namespace/name`."""
    preferences: Mapping[str, str] = {}
    capabilities: Mapping[str, bool] = {}
    personal: str | None = None
    guest_created_by: int = 0
    """Id of the user who invited this guest; 0 for a user."""

    @property
    def is_guest(self) -> bool:
        """Share guests have no login and are changed by nobody's tool."""
        return self.guest_created_by != 0

    @property
    def ident(self) -> str:
        """The login, or the id of a guest: for messages."""
        return self.fields.get("Name", str(self.id))


def display_key(name: str) -> str:
    """Display names that are equal but for case share it."""
    return name.casefold()


def find(connection: sqlite3.Connection, context_id: int, *, user_id: int) -> User | None:
    """The user with this id."""
    rows = connection.execute("SELECT * FROM user WHERE cid = ? AND id = ?", (context_id, user_id))
    return next(_users(connection, context_id, rows, one=user_id), None)


def find_login(connection: sqlite3.Connection, context_id: int, login: str) -> User | None:
    """The user with exactly this login."""
    row = connection.execute("SELECT id FROM user WHERE cid = ? AND login = ?", (context_id, login)).fetchone()
    return None if row is None else find(connection, context_id, user_id=row["id"])


def every(connection: sqlite3.Connection, context_id: int, *, order: int = 1, like: str = "") -> Iterator[User]:
    """All users of a context, or those whose login or display name is `like` this to SQL, where capitals of ASCII are
    as good as small letters; `order` is an odd number that picks one of many orders."""
    named = " AND (login LIKE :like OR display_name LIKE :like)" if like else ""
    rows = connection.execute(
        f"SELECT * FROM user WHERE cid = :cid{named} ORDER BY (id * :order) % 1000003, id",  # noqa: S608  # both ours
        {"cid": context_id, "order": order, "like": like},
    )
    if like:
        for row in rows:  # few
            yield from _users(connection, context_id, [row], one=row["id"])
    else:
        yield from _users(connection, context_id, rows, one=None)


def owns_for_others(connection: sqlite3.Connection, context_id: int, user_id: int) -> bool:
    """Whether other users keep their files in this user's file store."""
    row = connection.execute(
        "SELECT 1 FROM user WHERE cid = ? AND id <> ? AND json_extract(fields, '$.FilestoreOwner') = ? LIMIT 1",
        (context_id, user_id, str(user_id)),
    ).fetchone()
    return row is not None


def save(connection: sqlite3.Connection, context_id: int, user: User) -> None:
    """Writes the user over the one with the same id, if there is one; to be called inside a transaction."""
    delete(connection, context_id, user.id)
    insert(connection, context_id, [user])


def insert(connection: sqlite3.Connection, context_id: int, fresh: list[User]) -> None:
    """Adds users. Raises sqlite3.IntegrityError when an id or a login is taken."""
    connection.executemany(
        "INSERT INTO user (cid, id, guest_created_by, login, mail, display_name, display_key, fields, access,"
        " attributes, preferences, capabilities, personal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (_row(context_id, user) for user in fresh),
    )
    connection.executemany(
        "INSERT INTO alias (cid, user, alias) VALUES (?, ?, ?)",
        ((context_id, user.id, alias) for user in fresh for alias in user.aliases),
    )


def delete(connection: sqlite3.Connection, context_id: int, user_id: int) -> None:
    """Removes the user and its aliases."""
    connection.execute("DELETE FROM alias WHERE cid = ? AND user = ?", (context_id, user_id))
    connection.execute("DELETE FROM user WHERE cid = ? AND id = ?", (context_id, user_id))


_KEYED = {"login": "Name", "mail": "PrimaryEmail", "display_name": "Display_name"}
"""What has a column of its own because a rule asks for it; everything else is in `fields`."""


def _row(context_id: int, user: User) -> tuple[object, ...]:
    name = user.fields.get("Display_name")
    others = {column: value for column, value in user.fields.items() if column not in _KEYED.values()}
    return (
        context_id,
        user.id,
        user.guest_created_by,
        *(user.fields.get(column) for column in _KEYED.values()),
        None if name is None else display_key(name),
        _json(others),
        ",".join(sorted(user.access)),
        _json(user.attributes),
        _json(user.preferences),
        _json(user.capabilities),
        user.personal,
    )


def _users(
    connection: sqlite3.Connection, context_id: int, rows: Iterable[sqlite3.Row], *, one: int | None
) -> Iterator[User]:
    aliases = _aliases(connection, context_id, one)
    for row in rows:
        fields = json.loads(row["fields"])
        for key, column in _KEYED.items():
            if row[key] is not None:
                fields[column] = row[key]
        yield User(
            row["id"],
            fields,
            frozenset(aliases.get(row["id"], ())),
            _access(row["access"]),
            _mapping(row["attributes"]),
            _mapping(row["preferences"]),
            _mapping(row["capabilities"]),
            row["personal"],
            row["guest_created_by"],
        )


def _aliases(connection: sqlite3.Connection, context_id: int, one: int | None) -> dict[int, list[str]]:
    rows = connection.execute(
        "SELECT user, alias FROM alias WHERE cid = :cid AND user BETWEEN :low AND :high",
        {"cid": context_id, "low": one or 0, "high": one or 2**31},
    )
    found: dict[int, list[str]] = {}
    for user_id, alias in rows:
        found.setdefault(user_id, []).append(alias)
    return found


@lru_cache(maxsize=1024)
def _access(text: str) -> frozenset[str]:
    """Nearly all users of a context have the same rights."""
    return frozenset(text.split(",")) if text else frozenset()


def _mapping(text: str) -> Any:
    return {} if text == "{}" else json.loads(text)


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False) if value else "{}"
