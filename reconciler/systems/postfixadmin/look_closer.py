"""What readers are told beside the records: how big a mailbox is, its last login, and who changed what by hand.

Everything here is optional: without the right to read it, or without the table, it is left out. Each read is a
transaction of its own, since a statement that fails ends one on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, String, cast, column, func, select, table
from sqlalchemy.exc import DBAPIError

from reconciler.errors import Unreadable
from reconciler.planning.ports import Closer
from reconciler.planning.review_facts import LiveChange
from reconciler.remote.database_errors import is_missing_table, server_text
from reconciler.systems.postfixadmin.stored_values import address_key, alias_key, stored_alias
from reconciler.translation import tr

_CHUNK = 500
"""Keys in one statement."""
_MOST = 3
"""Changes by hand that are told of one record: the last ones."""
_OURS = "reconciler ("
"""How our own rows of the log begin (`write_statements`)."""
_ABOUT_RECORDS = ("create_", "edit_", "delete_")
_NOT_ABOUT_RECORDS = ("edit_password", "edit_vacation")
"""Actions that change nothing which we compare (facts/postfixadmin.md 5.6)."""

Snapshots = Callable[[], AbstractContextManager[Connection]]


def look_closer(snapshot: Snapshots, prefix: str, boxes: Collection[str], changed: Mapping[str, datetime]) -> Closer:
    """Three reads; what one of them cannot read is in `left_out`."""
    left_out: list[str] = []

    def attempt(what: str, read: Callable[[Connection], Mapping[str, Any]]) -> Mapping[str, Any]:
        try:
            with snapshot() as connection:
                return read(connection)
        except Unreadable as error:
            left_out.append(f"{what} ({error.message})")
        return {}

    addresses = sorted(filter(str.isascii, boxes))
    sizes = attempt(tr("the sizes of mailboxes"), lambda c: _sizes(c, prefix, addresses)) if addresses else {}
    logins = attempt(tr("last logins"), lambda c: _logins(c, prefix, addresses)) if addresses else {}
    edits = attempt(tr("who changed something by hand"), lambda c: _edits(c, prefix, changed)) if changed else {}
    return Closer(sizes, logins, edits, tuple(left_out))


def _sizes(connection: Connection, prefix: str, addresses: list[str]) -> dict[str, int]:
    """Bytes, as Dovecot's quota counts them in `quota2` (facts/postfixadmin.md 8)."""
    quota2 = table(f"{prefix}quota2", column("username"), column("bytes"))
    query = select(quota2.c.username, quota2.c.bytes)
    return {
        address_key(username): int(size)
        for part in _parts(addresses)
        for username, size in connection.execute(query.where(quota2.c.username.in_(part)))
        if size is not None and size >= 0
    }


def _logins(connection: Connection, prefix: str, addresses: list[str]) -> dict[str, datetime]:
    """From the table `last_login` that Dovecot's plugin of that name fills where a site has set it up: `username`, and
    `last_login` in seconds since 1970. No table of PostfixAdmin's own; nothing where it is missing or has another
    shape."""
    last = table(f"{prefix}last_login", column("username"), column("last_login"))
    query = select(last.c.username, last.c.last_login)
    found: dict[str, datetime] = {}
    try:
        for part in _parts(addresses):
            for username, seconds in connection.execute(query.where(last.c.username.in_(part))):
                if isinstance(seconds, int) and seconds > 0:
                    when = datetime.fromtimestamp(seconds, UTC)
                    found[address_key(username)] = max(when, found.get(address_key(username), when))
    except DBAPIError as error:
        if not (is_missing_table(error) or _is_not_for_us(error)):
            raise
    return found


def _is_not_for_us(error: DBAPIError) -> bool:
    """No right to it, or no such column: nobody set this table up for us."""
    return any(
        word in server_text(error).lower() for word in ("denied", "no such column", "unknown column", "not exist")
    )


class _Logged(NamedTuple):
    """One row of the log; `when` in UTC."""

    when: datetime
    who: str
    action: str


def _edits(connection: Connection, prefix: str, changed: Mapping[str, datetime]) -> dict[str, tuple[LiveChange, ...]]:
    """Key → the last changes of that record which the log has since we applied it: after that moment by the clock, and
    after the last row of ours about it."""
    offset = _offset(connection)
    found: dict[str, list[_Logged]] = {}
    keys = {stored_alias(key): key for key in changed if key.isascii()}
    oldest = min(changed.values()).astimezone(UTC).replace(tzinfo=None) + offset - timedelta(hours=1)
    for data, logged in _rows(connection, prefix, sorted(keys), oldest, offset):
        key = keys.get(data) or alias_key(data)
        if key not in changed:
            continue
        if logged.who.startswith(_OURS):
            found[key] = []  # what came before is what that run found
        elif logged.when >= changed[key].astimezone(UTC).replace(microsecond=0) and _is_about_records(logged.action):
            found.setdefault(key, []).append(logged)
    return {
        key: tuple(
            LiveChange("postfixadmin", row.when, row.who.partition(" (")[0], row.action) for row in rows[-_MOST:]
        )
        for key, rows in found.items()
        if rows
    }


def _rows(
    connection: Connection, prefix: str, stored: list[str], oldest: datetime, offset: timedelta
) -> Iterator[tuple[str, _Logged]]:
    """In the order in which they were written. Asked by domain, which has an index (facts/postfixadmin.md 13.20)."""
    log = table(f"{prefix}log", *map(column, ("id", "timestamp", "username", "domain", "action", "data")))
    moment = cast(log.c.timestamp, String(40))  # as text: a driver makes no date of zeros
    for part in _parts(stored):
        domains = sorted({key.rpartition("@")[2] for key in part})
        query = select(log.c.data, moment, log.c.username, log.c.action).where(
            log.c.domain.in_(domains), log.c.data.in_(part), log.c.timestamp >= oldest
        )
        for data, text, who, action in connection.execute(query.order_by(log.c.id)):
            if (when := _utc(text, offset)) is not None:
                yield address_key(data), _Logged(when, who, action)


def _is_about_records(action: str) -> bool:
    return action.startswith(_ABOUT_RECORDS) and action not in _NOT_ABOUT_RECORDS


def _offset(connection: Connection) -> timedelta:
    """How far the database's clock, in whose zone the log is written, is from UTC; in quarters of an hour."""
    text = connection.execute(select(cast(func.now(), String(40)))).scalar_one()
    now = datetime.fromisoformat(text)
    if now.tzinfo is not None:
        return timedelta()
    quarters = round((now - datetime.now(UTC).replace(tzinfo=None)) / timedelta(minutes=15))
    return timedelta(minutes=15 * quarters)


def _utc(text: str, offset: timedelta) -> datetime | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when.astimezone(UTC) if when.tzinfo is not None else (when - offset).replace(tzinfo=UTC)


def _parts(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]
