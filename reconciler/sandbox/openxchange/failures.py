"""How a tool of the stand-in ends badly: exit status and message, as `facts/open-xchange.md` 1.4 to 1.6 list them.

Raised by the parser, the rules and the tools; `console.py` prints them. The texts are OX's, not ours: clients have
to understand them.
"""

from __future__ import annotations

BY_EXCEPTION = 1
INVALID_CREDENTIALS = 101
INVALID_DATA = 103
MISSING_OPTION = 104
COMMUNICATION = 105
SERVER_STORAGE = 106
REMOTE = 107
NO_SUCH_USER = 108
ILLEGAL_VALUE = 109
UNKNOWN_OPTION = 111

_PACKAGE = "com.openexchange.admin.rmi.exceptions."


class ToolFailure(Exception):
    """The tool ends with `status` (1.4) and says `message` on stderr."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class ServerFailure(ToolFailure):
    """The server answered with an exception: `Server response:`, the message and a Java stack trace (1.5)."""


class LocalFailure(ToolFailure):
    """The tool itself or the line to the server failed: `Error: message` (1.5)."""

    @property
    def shows_usage(self) -> bool:
        """The usage text follows on stdout, of all places (1.5)."""
        return self.status in {MISSING_OPTION, ILLEGAL_VALUE, UNKNOWN_OPTION}


class NotANumber(ToolFailure):
    """An id that is no number: exit 1 and a text of its own (1.5)."""

    def __init__(self) -> None:
        super().__init__(BY_EXCEPTION, "Invalid input detected: Ids must be numbers!")


def invalid_data(message: str) -> ServerFailure:
    """103, the status of every rule of section 4: only the text tells them apart."""
    return ServerFailure(INVALID_DATA, message)


def authentication_failed() -> ServerFailure:
    """101, for a wrong administrator and for a context that does not exist alike (1.6)."""
    return ServerFailure(INVALID_CREDENTIALS, "Authentication failed")


def no_such_user_id(user_id: int, context_id: int) -> ServerFailure:
    """108, looked up by id."""
    return ServerFailure(NO_SUCH_USER, f"No such user {user_id} in context {context_id}")


def no_such_user_name(name: str, context_id: int) -> ServerFailure:
    """108, looked up by name: wrapped twice on its way, so class names precede the message (1.6)."""
    wrapped = f"{_PACKAGE}NoSuchUserException: " * 2
    return ServerFailure(NO_SUCH_USER, f"{wrapped}No such user {name} in context {context_id}")


def storage(message: str) -> ServerFailure:
    """106: database or plug-in."""
    return ServerFailure(SERVER_STORAGE, message)


def database_update() -> ServerFailure:
    """Exit 1: the schema is being updated, the same call works later (4)."""
    return ServerFailure(BY_EXCEPTION, "Database is locked or is now being updated, please try again later")
