"""PostgreSQL behind a real PgBouncer in transaction pooling: no startup options, no prepared statements, no session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.served import Served
from tests.cli.site import ANNA_DECLARED, BERND_DECLARED, DOMAIN
from tests.services.own_engine import Server
from tests.services.pgbouncer import pooled
from tests.services.postfixadmin import PostfixAdminDatabase
from tests.systems.postfixadmin.support import rows

MANY = [f"liste{n}: [a@extern.example, b{n}@extern.example]" for n in range(40)]


@pytest.fixture
def site(
    tmp_path: Path, new_postgresql: Callable[[], PostfixAdminDatabase], postgresql_server: Server
) -> Iterator[Served]:
    """Its site file names the pool; the tests' own SQL goes to the server."""
    made = Served(tmp_path, new_postgresql(), postgresql_server)
    with pooled(made.database.full_url) as url:
        there = made.database.url.replace(f":{made.database.full_url.port}/", f":{url.port}/")
        section = {**made.sections["postfixadmin"], "url": there, "welcome_mail": False}
        made.write(postfixadmin=section)
        yield made


def test_everything_works_behind_a_pool(site: Served) -> None:
    site.prepared()
    site.declare(ANNA_DECLARED, BERND_DECLARED, aliases=MANY)
    answer = site.run("apply", "--yes")
    assert answer.status == 0, answer
    assert len(rows(site.database, "SELECT address FROM alias")) == len(MANY) + 4
    assert site.run("plan").status == 0
    assert site.run("show", "anna.beispiel").status == 0
    assert site.run("history").status == 0
    site.declare(BERND_DECLARED.replace("Bernd", "Berndt"), aliases=MANY[1:])
    for command in (("plan",), ("ledger", "check")):
        assert site.run(*command).status in (0, 4), command
    answer = site.run("apply", "--yes")
    assert answer.status == 0, answer
    assert rows(site.database, f"SELECT name FROM mailbox WHERE username = 'bernd.muster@{DOMAIN}'") == [
        {"name": "Berndt Muster"}
    ]
