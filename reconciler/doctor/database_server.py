"""The database server, as this login meets it: SQL mode, connections, TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from reconciler.doctor.check import Check, Verdict
from reconciler.remote.database_url import is_loopback, tls_is_verified

AREA = "database"
OURS = 4
"""Connections that one apply holds at the same time at most, its heartbeat among them (docs/doctor.md, "database")."""


_POSTGRESQL_CIPHER = (
    "SELECT COALESCE(MAX(version || ' ' || cipher), '') FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()"
)


def checks(connection: Connection, url: URL, key: str) -> Iterator[Check]:
    """Raises DBAPIError. `key`: the key of the URL in the site file."""
    match connection.dialect.name:
        case "mysql":
            yield sql_mode_check(*connection.execute(text("SELECT @@SESSION.sql_mode, @@GLOBAL.sql_mode")).one())
            yield connections_check(_mysql_connections(connection))
            cipher = connection.execute(text("SHOW SESSION STATUS LIKE 'Ssl_cipher'")).one()[1]
            yield tls_check(str(cipher), url, key)
        case "postgresql":
            yield connections_check(_postgresql_connections(connection))
            yield tls_check(str(connection.execute(text(_POSTGRESQL_CIPHER)).scalar_one()), url, key)


def sql_mode_check(session: str, everybody: str) -> Check:
    """Ours is set when a session begins; PostfixAdmin's is everybody's."""
    if "STRICT_" not in session:
        why = "values that are too long would be cut silently, so nothing is planned or applied"
        proxy = "let postfixadmin.url lead to the database itself, not to a proxy that drops SET SESSION sql_mode"
        return Check(AREA, "sql_mode", Verdict.FAILED, "the server ignores the SQL mode of our session", why, (proxy,))
    if "STRICT_" not in everybody:
        why = "what PostfixAdmin's pages write may be cut silently (reconciler's own session is strict)"
        fix = (
            "have the database's administrator write it in my.cnf too, and run:",
            "SET GLOBAL sql_mode = CONCAT(@@GLOBAL.sql_mode, ',STRICT_TRANS_TABLES');",
        )
        return Check(AREA, "sql_mode", Verdict.WARNING, "the server's default is not strict", why, fix)
    return Check(AREA, "sql_mode", Verdict.OK, "strict, for us and for PostfixAdmin")


class Connections(NamedTuple):
    """How many there may be, and how many there are. 0 is no limit."""

    limit: int
    used: int
    of_login: int


def _mysql_connections(connection: Connection) -> Connections:
    limit, of_login = connection.execute(text("SELECT @@max_connections, @@max_user_connections")).one()
    used = connection.execute(text("SHOW GLOBAL STATUS LIKE 'Threads_connected'")).one()[1]
    return Connections(int(limit), int(used), int(of_login))


def _postgresql_connections(connection: Connection) -> Connections:
    query = (
        "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int, "
        "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), "
        "(SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user), "
        "(SELECT datconnlimit FROM pg_database WHERE datname = current_database())"
    )
    limit, used, role, database = connection.execute(text(query)).one()
    return Connections(limit, used, min((each for each in (role, database) if each >= 0), default=0))


def connections_check(found: Connections) -> Check:
    """Whether an apply finds as many connections as it opens; ours of now is among those that are used."""
    name, free = "connections", found.limit - found.used + 1
    saw = f"{found.used} of {found.limit} are used; an apply opens up to {OURS}"
    if 0 < found.of_login < OURS:
        why = "an apply would be refused a connection in the middle (error 1226; in PostgreSQL 53300)"
        how = "MAX_USER_CONNECTIONS in MariaDB, CONNECTION LIMIT in PostgreSQL"
        fix = (f"have the database's administrator allow this login {OURS} connections: {how}",)
        return Check(AREA, name, Verdict.FAILED, f"this login may have {found.of_login}; {saw}", why, fix)
    if free < OURS:
        why = "an apply may be refused a connection in the middle, and Postfix' look-ups, too"
        fix = ("see who holds them (SHOW PROCESSLIST, pg_stat_activity), or raise max_connections",)
        return Check(AREA, name, Verdict.WARNING, saw, why, fix)
    return Check(AREA, name, Verdict.OK, saw)


def tls_check(cipher: str, url: URL, key: str) -> Check:
    """`cipher` is empty without TLS."""
    name = "TLS"
    if is_loopback(url):
        return Check(AREA, name, Verdict.OK, f"the server is on this machine{f'; {cipher}' if cipher else ''}")
    option = "ssl_ca" if url.get_backend_name() == "mysql" else "sslmode=verify-full&sslrootcert"
    fix = (f"give the server a certificate, and write its authority in {key}: …?{option}=authority.pem",)
    if not cipher:
        why = "names, addresses and password hashes travel in clear text"
        return Check(AREA, name, Verdict.WARNING, f"the way to {url.host} is not encrypted", why, fix)
    if not tls_is_verified(url):
        why = "somebody in between could pass for the server, read along and answer what they like"
        saw = f"encrypted ({cipher}), but the server's certificate is not verified"
        return Check(AREA, name, Verdict.WARNING, saw, why, fix)
    return Check(AREA, name, Verdict.OK, f"{cipher}, and the certificate is verified")
