"""`plan`, `drift`, `show` and `validate` write nothing, and need no right to: cron has a user that only reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED
from tests.integration.sites import RealSite, bare
from tests.services.own_engine import Server

LOOKER_ENV, LOOKER_PASSWORD = "RECONCILER_TEST_LOOKER", "only-looks-5"
READING = (("validate",), ("plan",), ("plan", "--out", "plan.json"), ("drift", "--strict"), ("show", ANNA))


@pytest.fixture
def looked_at(site: RealSite, mariadb_server: Server) -> Iterator[RealSite]:
    """A site with something of everything to do, opened by a database user that has SELECT and nothing else."""
    site.tools = False  # that they are programs is not the point
    site.declare(ANNA_DECLARED, aliases=["vorstand: [anna.beispiel]"])
    assert site.run("apply", "--yes").status == 0
    site.by_hand("UPDATE mailbox SET quota = 512 * 1024000", "DELETE FROM alias WHERE address LIKE 'vorstand@%'")
    site.declare(ANNA_DECLARED, BERND_DECLARED, blocks=["domain: example.org, reason: spam"])
    name = site.database.full_url.database
    user = f"looker_{name}"
    with mariadb_server.admin.connect() as admin:
        admin.execute(text(f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY :p"), {"p": LOOKER_PASSWORD})
        admin.execute(text(f"GRANT SELECT ON {name}.* TO {user}@'127.0.0.1'"))
    url = bare(site.database.full_url.set(username=user))
    site.write(postfixadmin={"url": url, "password_env": LOOKER_ENV})
    yield site
    with mariadb_server.admin.connect() as admin:
        admin.execute(text(f"DROP USER {user}@'127.0.0.1'"))


def test_reading_commands_write_nothing_and_need_only_select(looked_at: RealSite) -> None:
    before = looked_at.live()
    for arguments in READING:
        answer = looked_at.run(*arguments, **{LOOKER_ENV: LOOKER_PASSWORD})
        assert answer.status in (0, 4), answer
        assert looked_at.live() == before, arguments


def test_apply_as_that_user_stops_before_its_first_effect(looked_at: RealSite) -> None:
    """In words, not in SQL; OX and the map are not touched either."""
    before = looked_at.live()
    answer = looked_at.run("apply", "--yes", **{LOOKER_ENV: LOOKER_PASSWORD})
    assert answer.status == 9, answer
    assert "denied" in answer.words
    assert LOOKER_PASSWORD not in answer.words
    assert looked_at.live() == before


def test_a_plan_reads_from_the_replica_that_the_site_names(site: RealSite, mariadb_server: Server) -> None:
    """`read_url`: what the replica lacks is planned, whatever the database itself holds."""
    site.declare(ANNA_DECLARED)
    assert site.run("apply", "--yes").status == 0
    site.write(ledger={"url": "sqlite:///ledger.sqlite"})
    site.run("ledger", "init")
    name = f"{site.database.full_url.database}_replica"
    with mariadb_server.admin.connect() as admin:
        admin.exec_driver_sql(f"CREATE DATABASE {name}")
        for table in ("mailbox", "alias", "domain", "alias_domain", "config", "vacation", "admin"):
            source = f"{site.database.full_url.database}.{table}"
            admin.exec_driver_sql(f"CREATE TABLE {name}.{table} LIKE {source}")
            admin.exec_driver_sql(f"INSERT INTO {name}.{table} SELECT * FROM {source}")
        admin.exec_driver_sql(f"UPDATE {name}.mailbox SET quota = 512 * 1024000")
    assert site.run("plan").status == 0
    replica = bare(site.database.full_url.set(database=name))
    site.write(postfixadmin={**site.sections["postfixadmin"], "read_url": replica})
    planned = site.run("plan")
    assert planned.status == 4
    assert "quota 512 MB → 10240 MB" in planned.words


def test_reading_commands_leave_no_file(quick_site: RealSite) -> None:
    """Nothing in the site's folder, whichever of them runs; only --out makes one."""
    quick_site.declare(ANNA_DECLARED)
    before = sorted(quick_site.folder.rglob("*"))
    for arguments in (("validate",), ("plan",), ("drift",), ("show", ANNA)):
        quick_site.run(*arguments)
    after = [path for path in sorted(quick_site.folder.rglob("*")) if quick_site.ox not in path.parents]
    assert after == [path for path in before if quick_site.ox not in path.parents]
