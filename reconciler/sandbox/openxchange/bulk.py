"""Users in bulk, past the tools and past their rules: for benchmarks, the demo, and tests that need what an old import
or direct SQL may have left (`facts/open-xchange.md` 11)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.sandbox.openxchange import passwords, store, users
from reconciler.sandbox.openxchange.access import ADMIN_ACCESS, baseline
from reconciler.sandbox.openxchange.columns import COLUMNS
from reconciler.sandbox.openxchange.users import User

Row = Mapping[str, str | None]
GUEST_OF = "guest_created_by"
_SPECIAL = {"Id", "Aliases", "UserAttributes", "GuiPreferences"}
_DEFAULTS = {
    "Language": "de_DE",
    "Timezone": "Europe/Berlin",
    "ImapServer": "imap://localhost:143",
    "SmtpServer": "smtp://localhost:25",
    "Mailenabled": "true",
    "Password_expired": "false",
    "PasswordMech": passwords.MECHANISM,
    "MaxQuota": "-1",
}


def import_users(folder: Path, rows: Iterable[Row], *, context: int = 1) -> list[int]:
    """Adds a user for each row, all or none, and returns their ids.

    A row's keys are CSV columns, its values text. `Aliases` is joined by commas, `Password` is in clear, `Id` is chosen
    when left out, `guest_created_by` is the id of a guest's host. Left out, `Email1`, `DefaultSenderAddress` and
    `Aliases` follow `PrimaryEmail`; None leaves them missing, whatever the rules say. Raises UsageError for an unknown
    column and for a login or id that is taken.
    """
    with closing(store.connect(folder)) as connection:
        try:
            with store.transaction(connection):
                return _insert(connection, context, rows)
        except sqlite3.IntegrityError as error:
            raise UsageError(f"a row cannot be imported: {error}", hint="each login and id only once") from None


def _insert(connection: sqlite3.Connection, context: int, rows: Iterable[Row]) -> list[int]:
    found = connection.execute("SELECT next_id FROM context WHERE cid = ?", (context,)).fetchone()
    if found is None:
        raise UsageError(f"the stand-in has no context {context}", hint="install(folder, context=…) adds one")
    next_id = int(found["next_id"])
    fresh = []
    for row in rows:
        user = _user(row, next_id)
        next_id = max(next_id, user.id + 1)
        fresh.append(user)
    users.insert(connection, context, fresh)
    connection.execute("UPDATE context SET next_id = ? WHERE cid = ?", (next_id, context))
    return [user.id for user in fresh]


def _user(row: Row, next_id: int) -> User:
    unknown = row.keys() - {*COLUMNS, GUEST_OF}
    if unknown:
        raise UsageError(f"unknown columns: {', '.join(sorted(unknown))}", hint="use the names of listuser --csv")
    primary = row.get("PrimaryEmail")
    merged: dict[str, str | None] = {**_DEFAULTS, "Email1": primary, "DefaultSenderAddress": primary, **row}
    if merged.get("Password") is not None:
        merged["Password"] = passwords.hashed(str(merged["Password"]))
    aliases = (row.get("Aliases") if "Aliases" in row else primary) or ""
    return User(
        int(row.get("Id") or next_id),
        {name: value for name, value in merged.items() if value is not None and name not in {*_SPECIAL, GUEST_OF}},
        frozenset(part.strip() for part in aliases.split(",")) - {""},
        _ACCESS,
        guest_created_by=int(row.get(GUEST_OF) or 0),
    )


_ACCESS = baseline(ADMIN_ACCESS)
