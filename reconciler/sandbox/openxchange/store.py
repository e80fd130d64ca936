"""The stand-in's database: one SQLite file that several tools may use at once. Opened by `run.py`, `install.py`,
`control.py`, `web.py`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import UsageError

FILE_NAME = "store.sqlite"
_BUSY_SECONDS = 60.0

# login is exact, mail is compared without case (facts/open-xchange.md 4 and 9); aliases are unique for one user only.
_TABLES = """
CREATE TABLE IF NOT EXISTS context (
    cid INTEGER PRIMARY KEY,
    admin_id INTEGER NOT NULL,
    next_id INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS user (
    cid INTEGER NOT NULL,
    id INTEGER NOT NULL,
    guest_created_by INTEGER NOT NULL DEFAULT 0,
    login TEXT COLLATE BINARY,
    mail TEXT COLLATE NOCASE,
    display_name TEXT,
    display_key TEXT,
    fields TEXT NOT NULL,
    access TEXT NOT NULL,
    attributes TEXT NOT NULL,
    preferences TEXT NOT NULL,
    capabilities TEXT NOT NULL,
    personal TEXT,
    PRIMARY KEY (cid, id)
);
CREATE UNIQUE INDEX IF NOT EXISTS user_login ON user (cid, login);
CREATE INDEX IF NOT EXISTS user_mail ON user (cid, mail);
CREATE INDEX IF NOT EXISTS user_display_key ON user (cid, display_key);
CREATE TABLE IF NOT EXISTS alias (
    cid INTEGER NOT NULL,
    user INTEGER NOT NULL,
    alias TEXT NOT NULL,
    PRIMARY KEY (cid, user, alias)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mail_account (
    cid INTEGER NOT NULL,
    user INTEGER NOT NULL,
    id INTEGER NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (cid, user, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);
"""


def create(folder: Path) -> None:
    """Makes the database, or leaves the one that is there."""
    connection = sqlite3.connect(folder / FILE_NAME, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        # Write-ahead: a long listuser must not keep createuser waiting.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(_TABLES)
    finally:
        connection.close()


def connect(folder: Path) -> sqlite3.Connection:
    """A connection without automatic transactions. Raises UsageError when there is no database."""
    path = folder / FILE_NAME
    if not path.is_file():
        raise UsageError(
            f"the stand-in in {folder} has no {FILE_NAME}",
            hint=f"make it again: python -m reconciler.sandbox.openxchange install {folder}",
        )
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    connection.row_factory = sqlite3.Row
    # A killed tool loses nothing by this, only a killed machine does; and every call is a process of its own.
    connection.execute("PRAGMA synchronous = OFF")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One immediate transaction: the write lock is taken first, so what is checked inside still holds at the end."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:  # whatever it is, it is raised again: nothing half-done may stay
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def count(connection: sqlite3.Connection, name: str) -> int:
    """Counts one more of `name` and says how many there were, this one included."""
    row = connection.execute(
        "INSERT INTO counter (name, value) VALUES (?, 1) "
        "ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
        (name,),
    ).fetchone()
    return int(row[0])
