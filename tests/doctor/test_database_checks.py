"""The judging of what no server of the tests answers. Real ones: tests/integration/test_doctor_database.py."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import make_url

from reconciler.doctor.check import Verdict
from reconciler.doctor.database_server import OURS, Connections, connections_check, sql_mode_check, tls_check
from reconciler.doctor.database_tables import version_check
from reconciler.doctor.mysql_rights import covers
from reconciler.doctor.replica import LATE, mysql_check, postgresql_check

MYSQL, POSTGRESQL = "mysql+pymysql://u@{}/d", "postgresql+psycopg://u@{}/d"


@pytest.mark.parametrize(
    ("url", "cipher", "verdict"),
    [
        (MYSQL.format("127.0.0.1"), "", Verdict.OK),
        (MYSQL.format("db.example"), "", Verdict.WARNING),
        (MYSQL.format("db.example"), "TLS_AES_256_GCM_SHA384", Verdict.WARNING),
        (MYSQL.format("db.example") + "?ssl_ca=ca.pem", "TLS_AES_256_GCM_SHA384", Verdict.OK),
        (POSTGRESQL.format("db.example") + "?sslmode=require", "TLSv1.3 X", Verdict.WARNING),
        (POSTGRESQL.format("db.example") + "?sslmode=verify-full", "TLSv1.3 X", Verdict.OK),
    ],
)
def test_tls(url: str, cipher: str, verdict: Verdict) -> None:
    check = tls_check(cipher, make_url(url), "postfixadmin.url")
    assert check.verdict is verdict
    assert bool(check.fix) == (verdict is Verdict.WARNING)


def test_a_proxy_that_drops_the_sql_mode() -> None:
    assert sql_mode_check("", "STRICT_TRANS_TABLES").verdict is Verdict.FAILED
    assert sql_mode_check("STRICT_ALL_TABLES", "STRICT_TRANS_TABLES").verdict is Verdict.OK


def test_a_server_that_is_nearly_full() -> None:
    """Ours of now is among those that are used."""
    assert connections_check(Connections(151, 151 - OURS + 1, 0)).verdict is Verdict.OK
    assert connections_check(Connections(151, 151 - OURS + 2, 0)).verdict is Verdict.WARNING


def test_tables_without_a_version() -> None:
    assert version_check(None).verdict is Verdict.UNKNOWN


def test_a_replica_that_broke_says_why() -> None:
    row = {
        "Slave_IO_Running": "Yes",
        "Slave_SQL_Running": "No",
        "Seconds_Behind_Master": None,
        "Last_IO_Error": "",
        "Last_SQL_Error": "Duplicate entry",
    }
    check = mysql_check(row)
    assert (check.verdict, check.saw) == (Verdict.FAILED, "it is stopped: Duplicate entry")
    late = {**row, "Slave_SQL_Running": "Yes", "Seconds_Behind_Master": LATE + 1}
    assert mysql_check(late).verdict is Verdict.WARNING


def test_a_replica_of_postgresql() -> None:
    assert postgresql_check(False, None, False).verdict is Verdict.OK
    assert postgresql_check(True, 0, True).verdict is Verdict.OK
    assert postgresql_check(True, LATE + 1, True).verdict is Verdict.WARNING
    assert postgresql_check(True, 0, False).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("*", True), ("`postfixadmin`", True), ("`postfix%`", True), ("`postfixadmi_`", True), ("`other`", False)],
)
def test_names_of_databases_in_a_grant_are_patterns(pattern: str, fits: bool) -> None:
    assert covers(pattern, "postfixadmin") is fits
    assert covers(r"`post\_fix`", "post_fix")
    assert not covers(r"`post\_fix`", "postXfix")
