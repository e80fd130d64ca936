"""`python -m benchmarks.kept FOLDER`: sites that are built once, and kept.

The folder has the data of a MariaDB and, for each size, a site in which an `apply` has adopted everything. A second
call finds them there and starts the server again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

from sqlalchemy import Connection

from benchmarks.measure import measure
from benchmarks.servers import mariadb, new_database
from benchmarks.site import NEW, BenchSite, build
from reconciler.cli.exit_status import Status
from tests.services.own_engine import Server

_EXAMPLE = """\
example: python -m benchmarks.kept /tmp/bench --size 10000 -- reconciler plan
builds the site when it is not there, starts the server, and runs the command in the site's folder, with the password of
the database in its environment; any command will do, a profiler or a shell too.
python -m benchmarks.run --use /tmp/bench --sizes 10000
measures on the same site what leaves it as it was.
"""
_WHOLE = "whole"
"""A file that says that the site was built to its end."""


@contextmanager
def kept_server(folder: Path) -> Iterator[Server]:
    """The server of this folder, started."""
    folder.mkdir(exist_ok=True)
    with mariadb(folder.resolve() / "mariadb") as server:
        yield server


def kept_site(folder: Path, server: Server, connection: Connection, size: int) -> BenchSite:
    """The site of this size, built when it is not there."""
    name, site = f"bench_{size}", BenchSite(folder.resolve() / str(size), size, NEW)
    if (site.folder / _WHOLE).exists():
        site.at(server.database(name))
        return site
    shutil.rmtree(site.folder, ignore_errors=True)
    site.folder.mkdir()
    build(site.folder, new_database(server, name), size=size, new=NEW)
    begin(site, connection)
    adopt(site, connection)
    (site.folder / _WHOLE).touch()
    return site


def begin(site: BenchSite, server: Connection) -> None:
    """With an empty ledger."""
    measure(["ledger", "init", "--site", str(site.file)], server, folder=site.folder, expected=Status.DONE)


def adopt(site: BenchSite, server: Connection) -> None:
    """From now on nothing is to be done."""
    measure(["apply", "--yes", "--site", str(site.file)], server, folder=site.folder, expected=Status.DONE)


def main(arguments: Sequence[str]) -> int:
    """Builds what is missing and runs the command; its exit status is ours."""
    own = list(takewhile(lambda argument: argument != "--", arguments))
    options, command = _parser().parse_args(own), arguments[len(own) + 1 :]
    with kept_server(options.folder) as server, server.admin.connect() as connection:
        site = kept_site(options.folder, server, connection, options.size)
        sys.stderr.write(f"site: {site.file}\n")
        return subprocess.run(command, cwd=site.folder, check=False).returncode if command else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kept",
        usage="%(prog)s [-h] [--size SIZE] FOLDER [-- COMMAND …]",
        description="Builds a site once, keeps it, and runs a command on it.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "folder", metavar="FOLDER", type=Path, help="where sites and server are kept; one process at a time uses it"
    )
    parser.add_argument("--size", type=int, default=100_000, help="mailboxes (100000)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
