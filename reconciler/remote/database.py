"""Connections to databases: an engine that sends neither a file nor the clear password, whatever the server asks.

Used by PostfixAdmin's tables, the ledger, the register and OX' subscriptions. Whatever a driver raises while it
connects is a DBAPIError afterwards, which each of them turns into Unreadable.
"""

from __future__ import annotations

import sqlite3
import ssl
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

from pymysql.connections import Connection as MySqlConnection
from pymysql.err import OperationalError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import OperationalError as Failed
from sqlalchemy.pool import NullPool

from reconciler.errors import ReconcilerError, Unreadable
from reconciler.remote.database_url import files, is_loopback, tls_is_verified

CONNECT_WAIT, ANSWER_WAIT, LOCK_WAIT = 10, 300, 10
"""Seconds. The site file's `connect_timeout` replaces the first."""
_FRESH = 60
"""Seconds for which a connection is reused: firewalls drop a silent one later than that, without notice."""
# else servers may truncate values silently, and ANSI_QUOTES would change the syntax (facts/postfixadmin.md 13.6)
_SQL_MODE = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

READING = "reconciler_reading"
"""Execution option of a connection that will not write."""
LEAST_PACKET = 2**20
"""Bytes of the longest statement that we make; MariaDB's own default of max_allowed_packet is 16 times that."""

_CLEAR = ("mysql_clear_password", "dialog", "mysql_old_password")
"""What these send is the password, or as good as the password."""
_UNSAFE = "the server asks for the password in clear, which is not sent"
_UNVERIFIED = "the server asks for the password, and no certificate proves which one it is: write `?ssl_ca=` in its URL"


def open_database(url: URL, password: str, resolve: Callable[[str], Path], *, read_only: bool = False) -> Engine:
    """An engine for a server, see `open_server`, or for a SQLite file that exists: a mistyped path must not become an
    empty database."""
    if url.get_backend_name() != "sqlite":
        return open_server(url, password, resolve)
    file, mode = resolve(url.database or "").absolute().as_uri(), "ro" if read_only else "rw"
    url = url.set(database=file, query={"mode": mode, "uri": "true"})
    return create_engine(url, poolclass=NullPool, hide_parameters=True)


def open_server(
    url: URL,
    password: str,
    resolve: Callable[[str], Path],
    lock_wait: int = LOCK_WAIT,
    *,
    keep: bool = False,
    **options: Any,
) -> Engine:
    """An engine for MariaDB, MySQL or PostgreSQL. `resolve` makes a path of the site file absolute; `lock_wait` is in
    seconds. `keep` leaves one connection open between transactions, for callers with many short ones, who dispose of
    the engine; else each ends with its transaction, since a login may have few."""
    arguments = {**_session(url, lock_wait), **_security(url, resolve)}
    arguments["connect_timeout"] = int(str(url.query.get("connect_timeout", CONNECT_WAIT)))
    bare = url.set(query={}, password=password or None)
    pool: dict[str, Any] = {"poolclass": NullPool}
    if keep:  # pre_ping: a connection that the server closed is replaced
        pool = {"pool_size": 1, "max_overflow": -1, "pool_recycle": _FRESH, "pool_pre_ping": True}
    # hide_parameters: the text of an SQLAlchemy error ends up in logs
    engine = create_engine(bare, connect_args=arguments, hide_parameters=True, **pool, **options)
    trusted = is_loopback(url) or tls_is_verified(url)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Dialect, _record: object, args: Any, parameters: MutableMapping[str, Any]) -> Any:
        try:
            if dialect.name == "mysql":
                return _Guarded(trusted, **parameters)
            return dialect.connect(*args, **parameters)
        except dialect.loaded_dbapi.Error:
            raise
        except Exception as error:  # noqa: BLE001  # drivers raise what their parsers raise: a broken answer is no bug
            raise dialect.loaded_dbapi.OperationalError(_words(error)) from None

    if engine.dialect.name == "postgresql":

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # for this transaction only: behind pgbouncer the next one may be another client's
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{lock_wait}s'")

    return engine


def open_sqlite(url: URL, file: Path, mode: str, lock_wait: int, missing: ReconcilerError | None = None) -> Engine:
    """An engine for a SQLite file. `mode` is `ro`, `rw`, or `rwc`, which alone makes a new file; `missing` is the error
    when there is none. Without READING among its options, a connection takes the write lock at once."""
    uri = f"{file.absolute().as_uri()}?mode={mode}"

    def opened() -> sqlite3.Connection:
        try:
            # the driver's own BEGIN comes too late for a consistent read; ours is below
            return sqlite3.connect(uri, uri=True, timeout=lock_wait, isolation_level=None, check_same_thread=False)
        except sqlite3.OperationalError:
            if missing is not None and _is_missing(file):
                raise missing from None
            raise

    # hide_parameters: the text of an SQLAlchemy error ends up in logs, and a hash may be among the parameters
    # without the file in its URL, which SQLAlchemy would look for from a working folder that may be gone
    engine = create_engine(url.set(database=""), creator=opened, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # a write lock that is taken between a read and a write cannot be waited for
        reading = mode == "ro" or connection.get_execution_options().get(READING)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _is_missing(file: Path) -> bool:
    try:
        file.stat()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False


def connect(engine: Engine) -> Connection:
    """`engine.connect()`, whose first call queries the server; a broken answer is a DBAPIError as well."""
    try:
        return engine.connect()
    except (DBAPIError, ReconcilerError):
        raise
    except Exception as error:  # noqa: BLE001  # SQLAlchemy does not wrap what its dialect stumbles over
        raise Failed(None, None, OperationalError(_words(error))) from None


def check_packet(connection: Connection) -> None:
    """Raises Unreadable, before the first effect, for a server that takes less than our longest statement."""
    if connection.dialect.name != "mysql":
        return
    bytes_ = int(connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one())
    if bytes_ < LEAST_PACKET:
        where = connection.engine.url.render_as_string(hide_password=True)
        raise Unreadable(
            f"{where}: the server takes statements of {bytes_} bytes only (max_allowed_packet), "
            f"and ours may have {LEAST_PACKET}",
            hint="have its administrator run (and write in my.cnf): SET GLOBAL max_allowed_packet = 16777216",
        )


def _session(url: URL, lock_wait: int) -> dict[str, Any]:
    """The connect arguments that every session has."""
    if url.get_backend_name() == "postgresql":
        # pgbouncer knows no prepared statement of another server connection; in SQL_ASCII text would come as bytes
        return {"prepare_threshold": None, "client_encoding": "utf-8"}
    return {
        "charset": "utf8mb4",  # the only one that can send every character (facts/postfixadmin.md 13.4)
        "sql_mode": _SQL_MODE,
        # the second as long as it goes: the keys of the ledger's inventory come as texts
        "init_command": f"SET SESSION innodb_lock_wait_timeout = {lock_wait}, group_concat_max_len = {2**30}",
        "read_timeout": ANSWER_WAIT,
        "write_timeout": ANSWER_WAIT,
    }


def _security(url: URL, resolve: Callable[[str], Path]) -> dict[str, Any]:
    """The connect arguments of TLS and logins."""
    paths = {name: str(resolve(path)) for name, path in files(url.query).items()}
    if url.get_backend_name() == "mysql":
        refused = dict.fromkeys(_CLEAR, _Refused)
        security: dict[str, Any] = {"local_infile": False, "auth_plugin_map": refused}
        if tls_is_verified(url):
            security["ssl"] = _context(paths)
        return security
    query = {name: str(value) for name, value in url.query.items() if name.startswith("ssl")}
    # a server that is not verified must not get the password
    careful = {} if is_loopback(url) or tls_is_verified(url) else {"require_auth": "!password"}
    return {**query, **paths, **careful}


def _context(paths: dict[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=paths.get("ssl_ca"))
    # certificates that MySQL makes for itself lack what this flag, the default from Python 3.13 on, demands
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if "ssl_cert" in paths:
        context.load_cert_chain(paths["ssl_cert"], paths.get("ssl_key"))
    return context


def _encrypting() -> ssl.SSLContext:
    """TLS without verification, where the server offers it. PyMySQL's own would read every authority of this machine
    for each connection, 25 ms, and use none of them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _words(error: Exception) -> str:
    """The error without values: a UnicodeError shows a piece of the password."""
    if isinstance(error, UnicodeError):
        return "a name or the password holds characters that cannot be sent"
    return f"{type(error).__name__}: {error}"


class _Refused:
    """An authentication plugin that always refuses."""

    def __init__(self, connection: object) -> None:
        del connection

    def authenticate(self, packet: object) -> None:
        """Raises OperationalError; sends nothing."""
        del packet
        raise OperationalError(_UNSAFE)


class _Guarded(MySqlConnection):
    """A MySQL connection that never sends the password itself to a server that is not verified.

    Two authentication plugins send it, over TLS or encrypted under a key that the server shows; a server that is
    neither on this machine nor verified by its certificate gets hashes only. PyMySQL reads these attributes where it
    decides that (`_auth.py`); tests/cli/test_databases.py shows with a hostile server that it still does."""

    _auth_plugin_name: str

    def __init__(self, trusted: bool, **parameters: Any) -> None:
        self._trusted = trusted
        self._encrypted = False
        self._key: bytes | None = None
        password = parameters.get("password")
        if isinstance(password, str):
            # PyMySQL would take Latin-1; clients that set passwords take the terminal's UTF-8
            parameters["password"] = password.encode("utf-8")
        super().__init__(**parameters)

    @property
    def _secure(self) -> bool:
        return self._encrypted and self._trusted

    @_secure.setter
    def _secure(self, encrypted: bool) -> None:
        self._encrypted = encrypted

    @property
    def server_public_key(self) -> bytes | None:
        """The key under which PyMySQL would send the password."""
        if not self._trusted:
            raise OperationalError(_UNVERIFIED)
        return self._key

    @server_public_key.setter
    def server_public_key(self, key: bytes | None) -> None:
        self._key = key

    def _create_ssl_ctx(self, sslp: ssl.SSLContext | dict[str, Any]) -> ssl.SSLContext:
        return sslp if isinstance(sslp, ssl.SSLContext) else _encrypting()

    def _get_server_information(self) -> None:
        super()._get_server_information()  # type: ignore[misc]  # not in the stubs
        if self._auth_plugin_name == "sha256_password" and not self._trusted:
            raise OperationalError(_UNVERIFIED)

    def query(self, sql: str | bytes, unbuffered: bool = False) -> int:
        """Runs one statement. A server that asks for a local file gets none."""
        try:
            return super().query(sql, unbuffered)
        except RuntimeError:
            self._force_close()  # type: ignore[attr-defined]  # not in the stubs
            raise OperationalError("the server asks for a file of this machine, which is not sent") from None
