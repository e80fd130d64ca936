"""A PgBouncer in front of the tests' PostgreSQL: transaction pooling, loopback, stopped by its process id."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL

from tests.services.databases import connected, folder_of, free_port, running
from tests.services.needs import require

_SETTINGS = """\
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 2
"""
"""PgBouncer's defaults for the rest: any startup parameter that it does not know is an error."""


@contextmanager
def pooled(url: URL) -> Iterator[URL]:
    """The same database behind a pool of two connections, which any client gets for a transaction at a time."""
    (daemon,) = require("pgbouncer", "pgbouncer")
    # it refuses to run as root
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    with folder_of("pgbouncer", account.pw_uid) as folder:
        port = free_port()
        (folder / "users").write_text(f'"{url.username}" "{url.password}"\n')
        (folder / "ini").write_text(_SETTINGS.format(host=url.host, port=url.port, own=port, folder=folder))
        for file in ("users", "ini"):
            os.chown(folder / file, account.pw_uid, account.pw_gid)
        through = url.set(port=port)
        with running([daemon, str(folder / "ini")], folder, account.pw_uid, account.pw_gid) as process:
            connected(through, port, process, folder).dispose()
            yield through
