"""pytest fixtures: PostfixAdmin's tables on a private MariaDB, a private PostgreSQL and SQLite.

Each server is started once for a session, on loopback, with a folder and a port of its own, and stopped by its process
id. PostfixAdmin's installer runs once for each of them; every test gets a database that is as the installer left it: on
MariaDB the one of an earlier test, emptied, when that is certainly possible; elsewhere a copy.
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
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from tests.services.mariadb_copies import MariaDbCopies
from tests.services.needs import require
from tests.services.own_engine import Server, own_engine
from tests.services.postfixadmin import PostfixAdminDatabase, PostfixAdminTree

PASSWORD_ENV = "RECONCILER_TEST_DB_PASSWORD"
_PASSWORD = "loopback-only-7"
_TEMPLATE = "pfa_template"
_names = count(1)


@pytest.fixture(scope="session")
def postfixadmin_tree(tmp_path_factory: pytest.TempPathFactory) -> PostfixAdminTree:
    """PostfixAdmin, copied once."""
    return PostfixAdminTree.copy_to(tmp_path_factory.mktemp("postfixadmin") / "tree")


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    """A MariaDB without tables of PostfixAdmin; for tests that need only a server."""
    # a short path: a socket's is limited to 107 bytes, and pytest's own folders are closed to other users
    with folder_of("mariadb") as folder, mariadb_at(folder, folder / "data") as server:
        yield server


@pytest.fixture
def packets(mariadb_server: Server) -> Iterator[Callable[[int], None]]:
    """Sets the server's max_allowed_packet for new connections, and with it the longest text that it hands over."""

    def limit(size: int) -> None:
        with mariadb_server.admin.connect() as connection:
            connection.exec_driver_sql(f"SET GLOBAL max_allowed_packet = {size}")

    yield limit
    limit(2**24)


@contextmanager
def mariadb_at(folder: Path, data: Path, *more: str) -> Iterator[Server]:
    """A MariaDB with its data in `data`, which are made when there are none, and its socket in `folder`; started with
    these options beside the others."""
    install, daemon = require("mariadb-server", "mariadb-install-db", "mariadbd")
    user = pwd.getpwuid(os.geteuid()).pw_name
    # a temporary folder of its own: a server that starts deletes every `#sql…` file in it, a neighbour's too
    common = ["--no-defaults", f"--datadir={data}", f"--tmpdir={folder}", f"--user={user}"]
    if not data.exists():
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
        "--skip-ssl",  # as MariaDB 10.11 by itself; 11.4 and newer make a certificate of their own
        *more,
    ]
    root = make_url(f"mysql+pymysql://root@/?unix_socket={folder}/socket&charset=utf8mb4")
    with running([daemon, *common, *options], folder) as process:
        admin = connected(root, port, process, folder)
        with admin.connect() as connection:
            create = text("CREATE USER IF NOT EXISTS reconciler@'127.0.0.1' IDENTIFIED BY :p")
            connection.execute(create, {"p": _PASSWORD})
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
def mariadb_copies(mariadb_server: Server, postfixadmin_tree: PostfixAdminTree) -> Iterator[MariaDbCopies]:
    """Databases with PostfixAdmin's tables, used again."""
    with mariadb_server.admin.connect() as connection:
        connection.execute(text("CREATE DATABASE pfa_template CHARACTER SET utf8mb4"))
    postfixadmin_tree.install(mariadb_server.url)
    with password_in_environment():
        yield MariaDbCopies(mariadb_server)


@pytest.fixture(scope="session")
def new_mariadb(
    mariadb_copies: MariaDbCopies, mariadb_server: Server, postfixadmin_tree: PostfixAdminTree
) -> Callable[[], PostfixAdminDatabase]:
    """Gives a MariaDB database with PostfixAdmin's tables at every call, which nobody else ever gets."""

    def fresh() -> PostfixAdminDatabase:
        return PostfixAdminDatabase(mariadb_server.database(mariadb_copies.take()), PASSWORD_ENV, postfixadmin_tree)

    return fresh


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

    with password_in_environment():
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
def mariadb(
    new_mariadb: Callable[[], PostfixAdminDatabase], mariadb_copies: MariaDbCopies
) -> Iterator[PostfixAdminDatabase]:
    """A MariaDB database with PostfixAdmin's tables, as new."""
    database = new_mariadb()
    yield database
    mariadb_copies.give_back(str(database.full_url.database))


@pytest.fixture
def postgresql(
    new_postgresql: Callable[[], PostfixAdminDatabase], postgresql_server: Server
) -> Iterator[PostfixAdminDatabase]:
    """A fresh PostgreSQL database with PostfixAdmin's tables."""
    database = new_postgresql()
    yield database
    with postgresql_server.admin.connect() as admin:
        admin.exec_driver_sql(f"DROP DATABASE IF EXISTS {database.full_url.database} WITH (FORCE)")


@pytest.fixture
def sqlite(new_sqlite: Callable[[], PostfixAdminDatabase]) -> PostfixAdminDatabase:
    """A fresh SQLite file with PostfixAdmin's tables."""
    return new_sqlite()


@pytest.fixture(params=["mariadb", "postgresql", "sqlite"])
def pfa_database(request: pytest.FixtureRequest) -> PostfixAdminDatabase:
    """A fresh database with PostfixAdmin's tables, on each of the three backends."""
    database = request.getfixturevalue(request.param)
    assert isinstance(database, PostfixAdminDatabase)
    return database


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
    engine = own_engine(url, isolation_level="AUTOCOMMIT")
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


@contextmanager
def password_in_environment() -> Iterator[None]:
    """Of the databases, in the variable that their site files name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PASSWORD_ENV, _PASSWORD)
        yield
