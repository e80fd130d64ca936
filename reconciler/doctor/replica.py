"""The replica that `plan` and `drift` read: how far behind it is, and whether it follows at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from reconciler.doctor.check import Check, Verdict
from reconciler.remote.database_errors import code_of

AREA = "database"
LATE = 60
"""Seconds: less than that is the time between a merge and the next plan."""
_DENIED = 1227
_WHY = "plan and drift show what was true then: a change of a minute ago is missing, and would be planned again"


def replica_checks(connection: Connection) -> list[Check]:
    """Raises DBAPIError."""
    match connection.dialect.name:
        case "mysql":
            return [_mysql(connection)]
        case "postgresql":
            return [_postgresql(connection)]
        case _:
            return []


def _mysql(connection: Connection) -> Check:
    try:
        found = connection.execute(text("SHOW SLAVE STATUS")).mappings().first()  # MySQL 8.0 knows the word, too
    except DBAPIError as error:
        if code_of(error) != _DENIED:
            raise
        connection.rollback()
        saw = "this login may not see whether the replica follows"
        login = str(connection.execute(text("SELECT CURRENT_USER()")).scalar())
        user, _, host = login.rpartition("@")
        right = (
            "SLAVE MONITOR"
            if "MariaDB" in str(connection.exec_driver_sql("SELECT VERSION()").scalar())
            else "REPLICATION CLIENT"
        )
        fix = ("have the replica's administrator run:", f"GRANT {right} ON *.* TO '{user}'@'{host}';")
        return Check(AREA, "replica", Verdict.WARNING, saw, _WHY, fix)
    return mysql_check(dict(found) if found is not None else None)


def mysql_check(row: Mapping[str, Any] | None) -> Check:
    """Judges a row of SHOW SLAVE STATUS; None: the server is no replica."""
    name = "replica"
    if row is None:
        saw = "the server of read_url is no replica of any other"
        return Check(AREA, name, Verdict.OK, f"{saw}: what it shows is as new as it is")
    running = row["Slave_IO_Running"] == "Yes" and row["Slave_SQL_Running"] == "Yes"
    behind = row["Seconds_Behind_Master"]
    if not running or behind is None:
        said = " ".join(str(row[key]) for key in ("Last_IO_Error", "Last_SQL_Error") if row[key])
        saw = f"it is stopped{f': {said}' if said else ''}"
        fix = ("start it there, and look at what it says:", "START SLAVE; SHOW SLAVE STATUS;")
        return Check(AREA, name, Verdict.FAILED, saw, _WHY, fix)
    return _late(float(behind), name)


def _late(behind: float, name: str) -> Check:
    if behind > LATE:
        fix = ("wait until it has caught up, or take `read_url` out of the site file meanwhile",)
        return Check(AREA, name, Verdict.WARNING, f"{behind:.0f} s behind", _WHY, fix)
    return Check(AREA, name, Verdict.OK, f"follows, {behind:.0f} s behind")


_POSTGRESQL = text(
    "SELECT pg_is_in_recovery(), CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 "
    "ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END, "
    "EXISTS (SELECT FROM pg_stat_wal_receiver WHERE pid IS NOT NULL)"
)


def _postgresql(connection: Connection) -> Check:
    return postgresql_check(*connection.execute(_POSTGRESQL).one())


def postgresql_check(recovering: bool, behind: object, receiving: bool) -> Check:
    """Whether it is a replica, the seconds that it is behind, and whether it has a connection to its primary."""
    name = "replica"
    if not recovering:
        return Check(AREA, name, Verdict.OK, "the server of read_url is no replica: what it shows is as new as it is")
    if not receiving:
        fix = ("look into its log, and at primary_conninfo",)
        return Check(AREA, name, Verdict.FAILED, "it has no connection to its primary", _WHY, fix)
    return _late(float(str(behind or 0)), name)
