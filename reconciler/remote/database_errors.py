"""What a database's error means, by its code: which are temporary, which name one bad row, and what to do about it.

For PostfixAdmin's tables, the ledger, the register and OX' subscriptions. Messages hold the server's own text, never
SQL or its parameters: a password's hash is among those."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

Code = int | str
"""MariaDB's number, PostgreSQL's SQLSTATE or SQLite's name; of the last two the beginning is enough."""

# MariaDB: https://mariadb.com/kb/en/mariadb-error-code-reference/; PostgreSQL: appendix A; SQLite: rescode.html
_BUSY: tuple[Code, ...] = (1020, 1205, 1213, "40001", "40P01", "55P03", "SQLITE_BUSY", "SQLITE_LOCKED")
_MISSING: tuple[Code, ...] = (1146, "42P01")
_TEMPORARY: tuple[Code, ...] = (
    *_BUSY,
    *(1040, 1053, 1158, 1159, 1160, 1161, 1927, 2003, 2006, 2013, 2055),
    # connection, transaction rollback, resources (but for the disk), shutdown
    *("08", "40", "53000", "53200", "53300", "53400", "57P"),
)


_UNREACHABLE = r"connection (failed|timeout|refused)|could not (connect|translate)|failed to resolve|server closed the"
"""PostgreSQL's messages when no connection was made: such an error has no code."""


def code_of(error: DBAPIError) -> Code | None:
    """The error's code; None when it has only a message."""
    original = error.orig
    # the number first: PyMySQL has an SQLSTATE too, but HY000 for most of what matters
    if original is not None and original.args and isinstance(original.args[0], int):
        return original.args[0]
    code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None)
    return str(code) if code else None


def is_busy(error: DBAPIError) -> bool:
    """Whether others held the rows: the same transaction may work in a moment."""
    return _is_one_of(code_of(error), _BUSY)


def is_missing_table(error: DBAPIError) -> bool:
    return _is_one_of(code_of(error), _MISSING) or "no such table" in server_text(error)


def is_temporary(error: DBAPIError) -> bool:
    """Whether the same statement may work in a moment: a deadlock, a lock, a lost connection."""
    return error.connection_invalidated or _is_one_of(code_of(error), _TEMPORARY)


def is_about_one_row(error: DBAPIError) -> bool:
    """Whether a value is to blame (a duplicate, too long, out of range), so that other rows may well be written."""
    return isinstance(error, (IntegrityError, DataError))


def server_text(error: DBAPIError) -> str:
    """The server's message on one line."""
    original = error.orig
    # PostgreSQL's other lines may show the whole failing row, with the hash in it
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    if primary:
        return str(primary)
    words = original.args[1] if original is not None and len(original.args) > 1 else original
    return " ".join(str(words).split())


def explained(error: DBAPIError, url: str) -> tuple[str, str]:
    """The message, with what a known code means before the server's own, and the hint. `url` is the key of the site
    file: `postfixadmin.url`."""
    text, code = server_text(error), code_of(error)
    for known in _KNOWN:
        if _is_one_of(code, known.codes) or (known.pattern and re.search(known.pattern, text)):
            return f"{known.means}: {text}", known.hint.format(url=url)
    return text, "run the command again; if it stays, ask the database's administrator"


def _is_one_of(code: Code | None, codes: tuple[Code, ...]) -> bool:
    return any(code.startswith(c) if isinstance(code, str) and isinstance(c, str) else code == c for c in codes)


class _Known(NamedTuple):
    """An error that has a hint of its own, found by its code or else by its text."""

    means: str
    hint: str
    codes: tuple[Code, ...] = ()
    pattern: str = ""


_KNOWN = (
    _Known(
        "this database account is locked",
        "have the database's administrator unlock the user of {url}: ALTER USER … ACCOUNT UNLOCK (MariaDB), "
        "ALTER ROLE … LOGIN (PostgreSQL); or name another user in {url}",
        codes=(3118, 4151),  # MySQL, MariaDB
        pattern=r'role "[^"]*" is not permitted to log in',
    ),
    _Known(
        "the server has shut out this user or host after failed logins",
        "check the password, then have the database's administrator run: FLUSH HOSTS; FLUSH PRIVILEGES",
        codes=(1129, 4150),
    ),
    _Known(
        "the password of this database account has expired",
        "have the database's administrator set a new one (ALTER USER … IDENTIFIED BY …)",
        codes=(1820, 1862),
    ),
    _Known(
        "the server asks for a way to log in that is not known here",
        "have the database's administrator give the user of {url} another one: ed25519, mysql_native_password, "
        "caching_sha2_password (ALTER USER … IDENTIFIED VIA …)",
        codes=(2059,),
    ),
    _Known(
        "the server has no TLS, and the URL asks for it",
        "switch TLS on in the server (MariaDB: ssl_cert and ssl_key, PostgreSQL: ssl = on), or, only if the line to it "
        "is safe, remove the TLS options (ssl…) from {url}",
        pattern=r"SSL is required but the server doesn't support it|server does not support SSL",
    ),
    _Known(
        "the server lets this user in with TLS only, or not at all from here",
        "write `?ssl_ca=` (MariaDB) or `?sslmode=verify-full` (PostgreSQL) in {url}, or have the server's "
        "administrator allow this host and user (pg_hba.conf)",
        codes=(3159,),
        pattern=r"no encryption$|SSL off$|insecure transport",
    ),
    _Known(
        "the server's certificate does not prove that it is this host",
        "name the authority that signed it in {url} (`?ssl_ca=`, `?sslrootcert=`), and the host as the certificate "
        "has it",
        pattern=r"(?i)certificate (verify|verification) failed|does not match host name",
    ),
    _Known(
        "access denied",
        "check the user in {url} and the password in password_env or password_file; a user who needs TLS (REQUIRE SSL) "
        "gets it with `?ssl_ca=`",
        codes=(1045, "28P01", "28000"),
        pattern=r"authentication failed|no password supplied",
    ),
    _Known(
        "unknown database, or not allowed there",
        "check the database's name at the end of {url}",
        codes=(1044, 1049, "3D000"),
        pattern=r'database "[^"]*" does not exist',
    ),
    _Known(
        "the database takes no writes now",
        "name the server that takes writes in {url} (a replica belongs into read_url), have read_only switched off, or "
        "make a SQLite file and its folder writable for this user; after an apply go on with `reconciler resume`",
        codes=(1290, 1792, 1836, "25006", "SQLITE_READONLY"),
    ),
    _Known(
        "the database's disk or table is full",
        "free some space there, then run the same command again; after an apply go on with `reconciler resume`",
        codes=(1021, 1114, "53100", "SQLITE_FULL"),
        pattern=r"No space left on device",  # 3, 1026 and 1030 are other troubles with a file as well
    ),
    _Known(
        "the server takes no statement of this size",
        "have the database's administrator run: SET GLOBAL max_allowed_packet = 16777216 (and write it in my.cnf)",
        codes=(1153,),
        pattern="max_allowed_packet",
    ),
    _Known(
        "the database holds text that is not UTF-8",
        "store it anew in UTF-8; a database of ENCODING SQL_ASCII takes any bytes. Look for it in psql after "
        "`SET client_encoding = SQL_ASCII`: SELECT username, name FROM mailbox WHERE name ~ '[^ -~]'",
        codes=("22021",),
    ),
    _Known(
        "the database's encoding has no such character",
        "have the database's administrator move it to ENCODING UTF8 (dump and restore), or write the name without it",
        codes=("22P05",),
    ),
    _Known(
        "not allowed",
        "the user in {url} needs SELECT, and to apply INSERT and UPDATE too: docs/database.md prints the GRANTs",
        codes=(1142, 1143, 1227, "42501"),
    ),
    _Known(
        "a table or column is missing",
        "check {url} and the names of the tables there (postfixadmin.table_prefix)",
        codes=(*_MISSING, 1054, "42703"),
        pattern=r"no such (table|column)",
    ),
    _Known(
        "there is no such file, or it may not be opened",
        "check the path in {url} (relative ones start at the site file's folder); who runs reconciler must be able to "
        "read and write the file and its folder",
        codes=("SQLITE_CANTOPEN",),
    ),
    _Known("this is not a valid SQLite database", "check the path in {url}", codes=("SQLITE_NOTADB", "SQLITE_CORRUPT")),
    _Known("somebody else holds the rows for too long", "run the command again", codes=_BUSY),
    _Known("the server has no connection left", "run the command again in a while", codes=(1040, 1203, "53300")),
    _Known(
        "cannot be reached",
        "check host and port in {url}, and whether the server runs",
        codes=(2002, 2003, 2005, 2006, 2013, "08", "57P"),
        pattern=_UNREACHABLE,
    ),
)
