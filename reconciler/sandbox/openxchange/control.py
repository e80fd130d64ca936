"""What tests, demo and benchmarks may ask of a stand-in behind the tools' back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from reconciler.errors import UsageError
from reconciler.sandbox.openxchange import passwords, store, web_accounts
from reconciler.sandbox.openxchange import switches as switch_file
from reconciler.sandbox.openxchange import users as user_rows
from reconciler.sandbox.openxchange.call import CALL_PREFIX
from reconciler.sandbox.openxchange.faults import COUNTER_PREFIX
from reconciler.sandbox.openxchange.users import User


def set_switches(folder: Path, **changes: Any) -> None:
    """Changes the named switches and leaves the others; `faults` start counting anew. Raises UsageError.

    `set_switches(folder, version="NEW", faults=[Fault("down", tool="createuser", first=2)])`
    """
    current = switch_file.load(folder)._asdict()
    switch_file.save(folder, switch_file.checked(current | changes, "set_switches"))
    with closing(store.connect(folder)) as connection:
        connection.execute("DELETE FROM counter WHERE name LIKE ? || '%'", (COUNTER_PREFIX,))


def users(folder: Path, *, context: int = 1) -> list[User]:
    """All users of a context, guests and the context admin included, ordered by id."""
    with closing(store.connect(folder)) as connection:
        return sorted(user_rows.every(connection, context), key=lambda user: user.id)


def user(folder: Path, login: str, *, context: int = 1) -> User:
    """The user with exactly this login. Raises UsageError when there is none."""
    with closing(store.connect(folder)) as connection:
        found = user_rows.find_login(connection, context, login)
    if found is None:
        raise UsageError(f"the stand-in has no user {login} in context {context}", hint="look with listuser")
    return found


def check_password(folder: Path, login: str, password: str, *, context: int = 1) -> bool:
    """Whether this login exists with this password."""
    with closing(store.connect(folder)) as connection:
        found = user_rows.find_login(connection, context, login)
    return found is not None and passwords.matches(password, found.fields.get("Password"))


def accounts(folder: Path, login: str, *, context: int = 1) -> list[dict[str, Any]]:
    """The mail accounts that this user attached, with their passwords."""
    with closing(store.connect(folder)) as connection:
        found = user_rows.find_login(connection, context, login)
        return [] if found is None else web_accounts.stored(connection, context, found.id)


def calls(folder: Path) -> dict[str, int]:
    """How often each tool has asked the server since the installation or the last `forget_calls`."""
    with closing(store.connect(folder)) as connection:
        rows = connection.execute("SELECT name, value FROM counter WHERE name LIKE ? || '%'", (CALL_PREFIX,)).fetchall()
    return {name.removeprefix(CALL_PREFIX): value for name, value in rows}


def forget_calls(folder: Path) -> None:
    """Sets the numbers of `calls` back to nothing."""
    with closing(store.connect(folder)) as connection:
        connection.execute("DELETE FROM counter WHERE name LIKE ? || '%'", (CALL_PREFIX,))
