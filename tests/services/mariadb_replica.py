"""A MariaDB that follows another one, for tests of what a replica looks like."""

from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.engine import URL

from tests.services.databases import connected, folder_of, free_port, running
from tests.services.needs import require
from tests.services.own_engine import Server

_PASSWORD = "loopback-only-7"


@contextmanager
def primary_and_replica() -> Iterator[tuple[Server, Server]]:
    """Two servers, the second of which follows the first from its first statement on."""
    with _server(1) as primary, _server(2) as replica:
        with primary.admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE USER follower@'127.0.0.1' IDENTIFIED BY '{_PASSWORD}'")
            connection.exec_driver_sql("GRANT REPLICATION SLAVE ON *.* TO follower@'127.0.0.1'")
        with replica.admin.connect() as connection:
            connection.exec_driver_sql(
                f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {primary.url.port}, "
                f"MASTER_USER = 'follower', MASTER_PASSWORD = '{_PASSWORD}', MASTER_USE_GTID = slave_pos"
            )
            connection.exec_driver_sql("START SLAVE")
        yield primary, replica


def status(replica: Server) -> dict[str, object]:
    """SHOW SLAVE STATUS."""
    with replica.admin.connect() as connection:
        row = connection.exec_driver_sql("SHOW SLAVE STATUS").mappings().one()
        return {str(name): value for name, value in row.items()}


def wait_until(replica: Server, behind: object, seconds: float = 30) -> None:
    """Until it says that it is so many seconds behind, or None."""
    until = time.monotonic() + seconds
    while (now := status(replica))["Seconds_Behind_Master"] != behind:
        assert time.monotonic() < until, now
        time.sleep(0.1)


@contextmanager
def _server(number: int) -> Iterator[Server]:
    install, daemon = require("mariadb-server", "mariadb-install-db", "mariadbd")
    with folder_of(f"mariadb-{number}") as folder:
        common = ["--no-defaults", f"--datadir={folder}/data", f"--tmpdir={folder}", f"--user={_user()}"]
        made = [install, *common, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(made, check=True, capture_output=True, timeout=120)
        port = free_port()
        with running([daemon, *common, *_options(folder, number, port)], folder) as process:
            root = make_url(f"mysql+pymysql://root@/?unix_socket={folder}/socket&charset=utf8mb4")
            admin = connected(root, port, process, folder)
            yield Server(URL.create("mysql+pymysql", "root", None, "127.0.0.1", port, "postfixadmin"), admin)
            admin.dispose()


def _options(folder: Path, number: int, port: int) -> list[str]:
    return [
        f"--socket={folder}/socket",
        f"--pid-file={folder}/pid",
        f"--port={port}",
        "--bind-address=127.0.0.1",
        "--character-set-server=utf8mb4",
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=16M",
        "--skip-name-resolve",
        "--skip-ssl",
        f"--server-id={number}",
        f"--log-bin={folder}/binlog",
        f"--relay-log={folder}/relay",
    ]


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
