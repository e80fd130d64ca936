"""pytest fixtures: PostfixAdmin's tables on a private MariaDB, a private PostgreSQL and SQLite.

Each server is started once for a session, on loopback, with a folder and a port of its own, and stopped by its process
id. PostfixAdmin's installer runs once for each of them; every test gets a fresh copy of what it made.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tests.services.needs import require
from tests.services.postfixadmin import PostfixAdminDatabase, PostfixAdminTree

PASSWORD_ENV = "RECONCILER_TEST_DB_PASSWORD"
_PASSWORD = "loopback-only-7"
_TEMPLATE = "pfa_template"
_names = count(1)


@dataclass(frozen=True, slots=True)
class Server:
    """A running database server; `url` names its template database and carries the password."""

    url: URL
    admin: Engine
    """Statements that stand alone (CREATE DATABASE); autocommit."""

    def database(self, name: str) -> URL:
        """The same server, another database."""
        return self.url.set(database=name)


@pytest.fixture(scope="session")
def postfixadmin_tree(tmp_path_factory: pytest.TempPathFactory) -> PostfixAdminTree:
    """PostfixAdmin, copied once."""
    return PostfixAdminTree.copy_to(tmp_path_factory.mktemp("postfixadmin") / "tree")


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    """A MariaDB without tables of PostfixAdmin; for tests that need only a server."""
    install, daemon = require("mariadb-server", "mariadb-install-db", "mariadbd")
    # a short path: a socket's is limited to 107 bytes, and pytest's own folders are closed to other users
    with folder_of("mariadb") as folder:
        user = pwd.getpwuid(os.geteuid()).pw_name
        # a temporary folder of its own: a server that starts deletes every `#sql…` file in it, a neighbour's too
        common = ["--no-defaults", f"--datadir={folder}/data", f"--tmpdir={folder}", f"--user={user}"]
        subprocess.run(
            [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True,
            capture_output=True,
            timeout=120,
        )
        port = free_port()
        options = [
            f"--socket={folder}/socket",
            f"--pid-file={folder}/pid",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--character-set-server=utf8mb4",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-buffer-pool-size=64M",
            "--skip-name-resolve",
        ]
        root = make_url(f"mysql+pymysql://root@/?unix_socket={folder}/socket&charset=utf8mb4")
        with running([daemon, *common, *options], folder) as process:
            admin = connected(root, port, process, folder)
            with admin.connect() as connection:
                connection.execute(text("CREATE USER reconciler@'127.0.0.1' IDENTIFIED BY :p"), {"p": _PASSWORD})
                connection.execute(text("GRANT ALL ON *.* TO reconciler@'127.0.0.1'"))
            url = URL.create("mysql+pymysql", "reconciler", _PASSWORD, "127.0.0.1", port, _TEMPLATE)
            yield Server(url, admin)
            admin.dispose()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A PostgreSQL cluster without tables of PostfixAdmin."""
    initdb, daemon = require("postgresql", "initdb", "postgres")
    # PostgreSQL refuses to run as root
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    with folder_of("postgresql", account.pw_uid) as folder:
        (folder / "pw").write_text(_PASSWORD)
        (folder / "pw").chmod(0o644)
        subprocess.run(
            [initdb, *f"-D {folder}/data -U reconciler --auth=scram-sha-256 --pwfile={folder}/pw --no-sync".split()],
            check=True,
            capture_output=True,
            timeout=120,
            user=account.pw_uid,
            group=account.pw_gid,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        port = free_port()
        options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-F"]
        url = URL.create("postgresql+psycopg", "reconciler", _PASSWORD, "127.0.0.1", port, "postgres")
        with running([daemon, "-D", f"{folder}/data", *options], folder, account.pw_uid, account.pw_gid) as process:
            admin = connected(url, port, process, folder)
            yield Server(url.set(database=_TEMPLATE), admin)
            admin.dispose()


@pytest.fixture(scope="session")
def new_mariadb(
    mariadb_server: Server, postfixadmin_tree: PostfixAdminTree
) -> Iterator[Callable[[], PostfixAdminDatabase]]:
    """Makes a fresh MariaDB database with PostfixAdmin's tables at every call."""
    with mariadb_server.admin.connect() as connection:
        connection.execute(text("CREATE DATABASE pfa_template CHARACTER SET utf8mb4"))
    postfixadmin_tree.install(mariadb_server.url)
    template = create_engine(mariadb_server.url, poolclass=NullPool)
    with template.connect() as connection:
        tables = [str(row[0]) for row in connection.execute(text("SHOW TABLES"))]
        made = [str(connection.exec_driver_sql("SHOW CREATE TABLE " + _quoted(template, t)).one()[1]) for t in tables]
        version = connection.execute(text("SELECT value FROM config WHERE name = 'version'")).scalar_one()

    def fresh() -> PostfixAdminDatabase:
        name = f"pfa_{next(_names)}"
        with mariadb_server.admin.connect() as admin:
            admin.exec_driver_sql("CREATE DATABASE " + name + " CHARACTER SET utf8mb4")
        engine = create_engine(mariadb_server.database(name), poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text("SET foreign_key_checks = 0"))
            for statement in made:
                connection.exec_driver_sql(statement.replace("%", "%%"))
            connection.execute(text("INSERT INTO config (name, value) VALUES ('version', :v)"), {"v": version})
        return PostfixAdminDatabase(mariadb_server.database(name), PASSWORD_ENV, postfixadmin_tree)

    with _password_in_environment():
        yield fresh


@pytest.fixture(scope="session")
def new_postgresql(
    postgresql_server: Server, postfixadmin_tree: PostfixAdminTree
) -> Iterator[Callable[[], PostfixAdminDatabase]]:
    """Makes a fresh PostgreSQL database with PostfixAdmin's tables at every call."""
    with postgresql_server.admin.connect() as connection:
        connection.execute(text("CREATE DATABASE pfa_template"))
    postfixadmin_tree.install(postgresql_server.url)

    def fresh() -> PostfixAdminDatabase:
        name = f"pfa_{next(_names)}"
        with postgresql_server.admin.connect() as admin:
            admin.exec_driver_sql("CREATE DATABASE " + name + " TEMPLATE pfa_template")
        return PostfixAdminDatabase(postgresql_server.database(name), PASSWORD_ENV, postfixadmin_tree)

    with _password_in_environment():
        yield fresh


@pytest.fixture(scope="session")
def new_sqlite(
    tmp_path_factory: pytest.TempPathFactory, postfixadmin_tree: PostfixAdminTree
) -> Callable[[], PostfixAdminDatabase]:
    """Makes a fresh SQLite file with PostfixAdmin's tables at every call."""
    folder = tmp_path_factory.mktemp("sqlite")
    template = folder / "template.db"
    template.touch()
    postfixadmin_tree.install(URL.create("sqlite", database=str(template)))

    def fresh() -> PostfixAdminDatabase:
        file = folder / f"pfa_{next(_names)}.db"
        shutil.copy(template, file)
        return PostfixAdminDatabase(URL.create("sqlite", database=str(file)), None, postfixadmin_tree)

    return fresh


@pytest.fixture
def mariadb(new_mariadb: Callable[[], PostfixAdminDatabase]) -> PostfixAdminDatabase:
    """A fresh MariaDB database with PostfixAdmin's tables."""
    return new_mariadb()


@pytest.fixture(params=["mariadb", "postgresql", "sqlite"])
def pfa_database(request: pytest.FixtureRequest) -> PostfixAdminDatabase:
    """A fresh database with PostfixAdmin's tables, on each of the three backends."""
    fresh: Callable[[], PostfixAdminDatabase] = request.getfixturevalue(f"new_{request.param}")
    return fresh()


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def folder_of(name: str, owner: int | None = None) -> Iterator[Path]:
    """A server's own folder, with a short path; gone after the block."""
    folder = Path(tempfile.mkdtemp(prefix=f"reconciler-{name}-"))
    if owner is not None:
        os.chown(folder, owner, -1)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def running(
    command: list[str], folder: Path, user: int | None = None, group: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The server while the block runs; afterwards it is asked to stop (a fast shutdown) and waited for."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, user=user, group=group, cwd=folder)
        try:
            yield process
        finally:
            process.send_signal(2 if command[0].endswith(("postgres", "pgbouncer")) else 15)
            process.wait(timeout=60)


def connected(url: URL, port: int, process: subprocess.Popen[bytes], folder: Path) -> Engine:
    """An engine for a server that has just been started, once it answers."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    until = time.monotonic() + 60
    while True:
        try:
            # the port first: a driver that fails half-way leaves a socket open, and warnings are errors here
            socket.create_connection(("127.0.0.1", port)).close()
            engine.connect().close()
        except (OSError, DBAPIError):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail((folder / "server.log").read_text(errors="replace")[-2000:])
            time.sleep(0.1)
        else:
            return engine


def _quoted(engine: Engine, name: str) -> str:
    return engine.dialect.identifier_preparer.quote(name)


@contextmanager
def _password_in_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PASSWORD_ENV, _PASSWORD)
        yield
