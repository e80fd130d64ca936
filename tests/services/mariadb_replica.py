"""A MariaDB that follows another one, for tests of what a replica looks like."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.services.databases import folder_of, mariadb_at
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
    with folder_of(f"mariadb-{number}") as folder:
        logs = (f"--log-bin={folder}/binlog", f"--relay-log={folder}/relay")
        with mariadb_at(folder, folder / "data", f"--server-id={number}", *logs) as server:
            yield server
