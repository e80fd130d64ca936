"""What a database's error means: which are temporary, which name one bad row, and what to tell people.

Messages hold the server's own words, never SQL or its parameters: a password's hash is among those.
"""

from __future__ import annotations

import re

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from reconciler.errors import Unreadable

# MariaDB: https://mariadb.com/kb/en/mariadb-error-code-reference/; 2xxx are the client's
_MYSQL_TEMPORARY = {1020, 1040, 1053, 1158, 1159, 1160, 1161, 1205, 1213, 1927, 2003, 2006, 2013, 2055}
# PostgreSQL appendix A: classes connection, resources, transaction rollback, lock not available, shutdown
_POSTGRESQL_TEMPORARY = ("08", "53", "40", "55P03", "57P")
_SQLITE_TEMPORARY = re.compile(r"database (table )?is locked|busy")


def is_temporary(error: DBAPIError) -> bool:
    """Whether the same statement may work in a moment: a deadlock, a lock, a lost connection."""
    if error.connection_invalidated:
        return True
    code = _code(error)
    if isinstance(code, int):
        return code in _MYSQL_TEMPORARY
    if code:
        return code.startswith(_POSTGRESQL_TEMPORARY)
    return bool(_SQLITE_TEMPORARY.search(said(error)))


def is_about_one_row(error: DBAPIError) -> bool:
    """Whether a value is to blame (a duplicate, too long, out of range), so that other rows may well be written."""
    return isinstance(error, (IntegrityError, DataError))


def said(error: DBAPIError) -> str:
    """The server's own words on one line."""
    original = error.orig
    # PostgreSQL's other lines may show the whole failing row, with the hash in it
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    if primary:
        return str(primary)
    words = original.args[1] if original is not None and len(original.args) > 1 else original
    return " ".join(str(words).split())


def unreadable(error: DBAPIError, target: str) -> Unreadable:
    """The error for people. `target` is the URL without its password."""
    words = said(error)
    for codes, pattern, message, hint in _KNOWN:
        if _code(error) in codes or re.search(pattern, words):
            return Unreadable(f"{target}: {message}: {words}", hint=hint)
    return Unreadable(f"{target}: {words}", hint="run the command again; if it stays, ask the database's administrator")


_KNOWN: tuple[tuple[tuple[int | str, ...], str, str, str], ...] = (
    (
        (1045, "28P01", "28000"),
        r"authentication failed|no password supplied",
        "access denied",
        "check the user in postfixadmin.url and the password in password_env or password_file",
    ),
    (
        (1044, 1049, "3D000"),
        r'database "[^"]*" does not exist',
        "unknown database, or not allowed there",
        "check the database's name at the end of postfixadmin.url",
    ),
    (
        (1142, 1143, 1227, 1290, "42501", "25006"),
        r"readonly database",
        "not allowed",
        "the user in postfixadmin.url needs SELECT on the tables, to apply INSERT and UPDATE; a replica is read_url",
    ),
    (
        (1146, 1054, "42P01", "42703"),
        r"no such (table|column)",
        "these are not PostfixAdmin's tables",
        "check postfixadmin.url and postfixadmin.table_prefix; PostfixAdmin's setup.php makes the tables",
    ),
    (
        (),
        r"unable to open database file",
        "there is no such file, or it may not be opened",
        "check the path in postfixadmin.url (relative ones start at the site file's folder) and the file's rights",
    ),
    ((), r"not a database|malformed", "this is no sound SQLite database", "check the path in postfixadmin.url"),
    (
        (1205, 1213, "55P03", "40P01"),
        r"is locked",
        "somebody else holds the rows for too long",
        "run the command again",
    ),
    (
        (2002, 2003, 2005, 2006, 2013),
        r"connection (failed|timeout|refused)|could not (connect|translate)|failed to resolve|server closed the",
        "cannot be reached",
        "check host and port in postfixadmin.url, and whether the server runs",
    ),
)


def _code(error: DBAPIError) -> int | str | None:
    """MySQL's number or PostgreSQL's SQLSTATE; SQLite and failed connections have only words."""
    original = error.orig
    # the number first: PyMySQL has an SQLSTATE too, but HY000 for most of what matters
    if original is not None and original.args and isinstance(original.args[0], int):
        return original.args[0]
    state = getattr(original, "sqlstate", None)
    return str(state) if state else None
