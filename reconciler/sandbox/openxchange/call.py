"""One call of one tool: what was given, and the way to the server. Made by `run.py`, handed to the tool.

The order is OX's: everything that the tool can see for itself comes first, then the connection, then the
administrator, then the schema (`facts/open-xchange.md` 1.6).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from reconciler.sandbox.openxchange import passwords, users
from reconciler.sandbox.openxchange.attributes import from_environment
from reconciler.sandbox.openxchange.console import Subject
from reconciler.sandbox.openxchange.failures import (
    INVALID_CREDENTIALS,
    MISSING_OPTION,
    LocalFailure,
    ServerFailure,
    authentication_failed,
    no_such_user_id,
    no_such_user_name,
)
from reconciler.sandbox.openxchange.faults import Faults
from reconciler.sandbox.openxchange.parser import Given, number
from reconciler.sandbox.openxchange.rules import Rules
from reconciler.sandbox.openxchange.store import count
from reconciler.sandbox.openxchange.switches import Switches
from reconciler.sandbox.openxchange.users import User

CALL_PREFIX = "call:"


class Answer(NamedTuple):
    """What a tool says on stdout, and its exit status."""

    text: Iterable[str]
    status: int = 0


class Key(NamedTuple):
    """How a user is named on the command line: by id, else by login."""

    user_id: int | None
    login: str | None


class Server:
    """A context of the stand-in whose administrator has logged in."""

    def __init__(self, connection: sqlite3.Connection, context_id: int, admin: User, switches: Switches) -> None:
        self.connection = connection
        self.context_id = context_id
        self.admin = admin
        self.switches = switches
        self.rules = Rules(connection, context_id, switches)

    def find(self, key: Key) -> User:
        """Raises ServerFailure (108)."""
        if key.user_id is not None:
            user = users.find(self.connection, self.context_id, user_id=key.user_id)
            if user is None:
                raise no_such_user_id(key.user_id, self.context_id)
            return user
        login = key.login or ""
        user = users.find_login(self.connection, self.context_id, login)
        if user is None:
            raise no_such_user_name(login, self.context_id)
        return user

    def is_admin(self, user: User) -> bool:
        """The context admin is exempt from some rules and cannot be deleted."""
        return user.id == self.admin.id

    def login(self, text: str) -> str:
        """A login as this server writes it: AUTO_TO_LOWERCASE_UID (4)."""
        return text.lower() if self.switches.AUTO_TO_LOWERCASE_UID else text


class Call:
    """One call: the parsed command line, the environment, the subject of its messages, its faults."""

    def __init__(
        self, tool: str, connection: sqlite3.Connection, switches: Switches, given: Given, environ: Mapping[str, str]
    ) -> None:
        self.tool = tool
        self.switches = switches
        self.given = given
        self.environ = environ
        self.subject = Subject(tool)
        self.faults: Faults | None = None
        self._connection = connection

    @property
    def response_timeout(self) -> float:
        """Seconds; 0 means for ever (1.2)."""
        return max(0.0, float(self.given.get("responsetimeout") or 0))

    def key(self) -> Key:
        """Reads -i and -u. Raises NotANumber."""
        user_id = self.given.get("userid")
        key = Key(None if user_id is None else number(user_id), self.given.get("username"))
        self.subject.ident = str(key.user_id) if key.user_id is not None else key.login or ""
        return key

    def required_key(self) -> Key:
        """As `key`, for the tools that cannot do without one. Raises LocalFailure (104) with the usage."""
        key = self.key()
        if key == Key(None, None):
            raise LocalFailure(MISSING_OPTION, "Either username or userid must be given")
        return key

    def context_id(self) -> int:
        """Reads -c. Raises NotANumber."""
        self.subject.context_id = number(self.given.values["contextid"])
        return self.subject.context_id

    def connect(self, context_id: int) -> Server:
        """The server, its administrator authenticated. Raises LocalFailure (105, 1) and ServerFailure (101, 1)."""
        count(self._connection, CALL_PREFIX + self.tool)
        self.faults = Faults(self._connection, self.tool, self.switches.faults)
        self.faults.on_connect()
        self.faults.wait(self.response_timeout)
        admin = self._authenticated(context_id)
        self.faults.on_schema()
        return Server(self._connection, context_id, admin, self.switches)

    def on_effect(self) -> None:
        """To be called where the database is written. Raises ServerFailure (106) when it is told to."""
        if self.faults is not None:
            self.faults.on_effect()

    def _authenticated(self, context_id: int) -> User:
        try:
            return self._administrator(context_id)
        except ServerFailure as failure:
            named = self.given.has("adminuser") or self.given.has("adminpass")
            if failure.status == INVALID_CREDENTIALS and not named:  # even if ADMIN_PASSWORD was set (1.3)
                raise LocalFailure(MISSING_OPTION, 'Options "adminuser,adminpass" missing') from None
            raise

    def _administrator(self, context_id: int) -> User:
        """A context that does not exist answers like a wrong password (1.6)."""
        row = self._connection.execute("SELECT admin_id FROM context WHERE cid = ?", (context_id,)).fetchone()
        if row is None:
            raise authentication_failed()
        admin = users.find(self._connection, context_id, user_id=row["admin_id"])
        login = self.given.get("adminuser") or ""
        if self.switches.AUTO_TO_LOWERCASE_UID:
            login = login.lower()
        password = self.given.get("adminpass")
        if password is None:
            password = from_environment(self.environ, "ADMIN_PASSWORD") or ""
        if admin is None or admin.fields.get("Name") != login:
            raise authentication_failed()
        if not passwords.matches(password, admin.fields.get("Password")):
            raise authentication_failed()
        return admin
