"""What the work of a plan costs at least: its parts, each alone in a process of its own. For `run`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import URL, Connection

from benchmarks.site import BenchSite
from benchmarks.spent import Spent, spent
from tests.services.needs import require

_EVENTS = """\
import sys
from pathlib import Path
from ruamel.yaml.cyaml import CParser
number = 0
for file in sys.argv[1:]:
    get_event = CParser(Path(file).read_text(encoding="utf-8")).get_event
    while get_event() is not None:
        number += 1
print(number)
"""
"""libyaml, and nothing is made of its events. The names of the files are arguments."""
_TABLES = """\
SELECT username, name, quota, active FROM mailbox;
SELECT address, goto, active FROM alias;
SELECT domain, active, backupmx, mailboxes, aliases, maxquota, quota FROM domain;
SELECT alias_domain, target_domain, active FROM alias_domain;
SELECT email, active FROM vacation;
"""
"""What a plan reads of PostfixAdmin."""
_INVENTORY = """\
SELECT system, kind, `key` FROM reconciler_inventory WHERE system <> 'ledger';
SELECT `key`, value FROM reconciler_inventory WHERE system = 'ledger';
"""
"""What it reads of the ledger: the keys of all that is managed, and which person is behind an address."""


class Floor(NamedTuple):
    """Of one site. `yaml` is the part that `validate` shares."""

    yaml: Spent
    events: int
    rows: Spent
    """PostfixAdmin's tables and the ledger's inventory, printed by the server's own client."""
    listuser: Spent
    files: Spent
    """The bytes of the register and the map."""

    @property
    def wall(self) -> float:
        """Seconds of all parts, one after the other."""
        return sum(part.wall for part in self.parts())

    @property
    def cpu(self) -> float:
        """Seconds of all parts, with those of the server."""
        return sum(part.cpu for part in self.parts())

    def parts(self) -> tuple[Spent, ...]:
        """In the order of the plan's reading."""
        return (self.yaml, self.rows, self.listuser, self.files)


def measure_floor(site: BenchSite, url: URL, server: Connection, repeat: int) -> Floor:
    """Every part `repeat` times; the fastest counts. `url` has the password. Raises CalledProcessError."""
    state = [str(file) for file in sorted((site.folder / "state").glob("*.yaml"))]
    password = (site.folder / "ox-password").read_text(encoding="ascii")
    listuser = [str(site.tools / "listuser"), "--nonl", "--contextid=1", "--adminuser=oxadmin", "--csv"]

    def fastest(argv: Sequence[str], **variables: str) -> Spent:
        return min((_once(argv, server, variables) for _ in range(repeat)), key=lambda spent: spent.wall)

    return Floor(
        yaml=fastest([sys.executable, "-c", _EVENTS, *state]),
        events=int(subprocess.check_output([sys.executable, "-c", _EVENTS, *state])),
        rows=fastest(_client(url), MYSQL_PWD=url.password or ""),
        listuser=fastest(listuser, ADMIN_PASSWORD=password, LC_ALL="C.UTF-8"),
        files=fastest(["cat", str(site.register), str(site.map)]),
    )


def _client(url: URL) -> list[str]:
    """`mariadb` prints everything; `--quick`: as it comes, and keeps none of it."""
    (program,) = require("mariadb-client", "mariadb")
    at = [f"--host={url.host}", f"--port={url.port}", f"--user={url.username}", "--default-character-set=utf8mb4"]
    return [program, "--no-defaults", *at, "--quick", "--batch", f"--execute={_TABLES}{_INVENTORY}", str(url.database)]


def _once(argv: Sequence[str], server: Connection, variables: Mapping[str, str]) -> Spent:
    with spent(server) as found:
        subprocess.run(argv, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, check=True)
    return found
