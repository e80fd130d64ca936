"""The trouble of one system, or with one, leaves the changes that need only the others going; and tables of a real
site that would fail in the middle of a write are found by the plan."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA_DECLARED, DOMAIN, StandInSite

TECHNIK = "technik: {groupware: false}"
BLOCK = "domain: example.org, reason: spam"
VORSTAND = f"vorstand@{DOMAIN}"


def no_postfix(site: StandInSite) -> None:
    site.map.unlink()
    site.map.mkdir()


def no_openxchange(site: StandInSite) -> None:
    site.fault("down")


def no_postfixadmin(site: StandInSite) -> None:
    site.sql("UPDATE config SET value = '1' WHERE name = 'version'")


@pytest.mark.parametrize(
    ("trouble", "alias", "block"),
    [(no_postfix, True, False), (no_openxchange, True, True), (no_postfixadmin, False, True)],
)
def test_what_cannot_be_read_stops_only_what_needs_it(
    site: StandInSite, command: Command, trouble: object, alias: bool, block: bool
) -> None:
    site.declare(TECHNIK, aliases=["vorstand: [wirt@extern.example]"], blocks=[BLOCK])
    assert callable(trouble)
    trouble(site)
    assert command("plan").status == 9
    answer = command("apply", "--yes")
    assert answer.status == 9, answer
    assert (site.goto(VORSTAND) is not None) is alias
    assert (site.map.is_file() and "example.org" in site.map.read_text()) is block


def test_what_cannot_be_written_stops_only_what_needs_it(site: StandInSite, command: Command) -> None:
    """Seen only when every system is asked whether it can be written: the letters' server is away."""
    letters = {"smtp": {"host": "127.0.0.1", "port": 9}, "from": "technik@mail.example"}
    site.write(letters=letters)
    site.declare(ANNA_DECLARED, aliases=["presse: [anna.beispiel]", "vorstand: [wirt@extern.example]"], blocks=[BLOCK])
    answer = command("apply", "--yes")
    assert answer.status == 8, answer
    assert site.goto(VORSTAND) == "wirt@extern.example"
    assert "example.org" in site.map.read_text()
    assert site.mailbox(f"anna.beispiel@{DOMAIN}") is None  # whole or not at all
    assert site.goto(f"presse@{DOMAIN}") is None  # leads to what is not made
    assert "not tried: letter" in answer.words
    assert "127.0.0.1" in answer.words
    assert answer.words.endswith("; then reconciler resume")
    site.write(letters={"outbox": "outbox", "from": "technik@mail.example"})
    resumed = command("resume", "--yes")
    assert resumed.status == 0, resumed
    assert command("plan").status == 0


def test_nothing_is_begun_when_every_change_needs_it(site: StandInSite, command: Command) -> None:
    site.write(letters={"smtp": {"host": "127.0.0.1", "port": 9}, "from": "technik@mail.example"})
    site.declare(ANNA_DECLARED)
    answer = command("apply", "--yes")
    assert answer.status == 9, answer
    assert site.mailbox(f"anna.beispiel@{DOMAIN}") is None


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            [
                "ALTER TABLE alias RENAME TO own_alias",
                "CREATE TABLE alias (address PRIMARY KEY, goto, domain, created, modified, active, cost TEXT NOT NULL)",
            ],
            "alias.cost (TEXT)",
        ),
        (["ALTER TABLE alias RENAME TO own_alias", "CREATE VIEW alias AS SELECT * FROM own_alias"], "views replace"),
        (
            [
                "ALTER TABLE alias RENAME TO own_alias",
                "CREATE TABLE alias (address PRIMARY KEY, goto, domain, created, modified, active CHAR(1))",
            ],
            "alias.active (here CHAR(1))",
        ),
    ],
)
def test_tables_that_would_fail_in_the_middle_are_found_by_the_plan(
    site: StandInSite, command: Command, statements: list[str], said: str
) -> None:
    site.declare(TECHNIK, blocks=[BLOCK])
    for statement in statements:
        site.sql(statement)
    planned = command("plan")
    assert planned.status == 9, planned
    assert said in planned.words
    assert "✗ postfixadmin: " in planned.out
    assert command("apply", "--yes").status == 9
    assert "example.org" in site.map.read_text()


def test_a_column_of_the_site_with_a_default_and_a_view_that_is_only_read_are_fine(
    site: StandInSite, command: Command
) -> None:
    site.sql("ALTER TABLE alias ADD COLUMN cost TEXT NOT NULL DEFAULT ''")
    site.sql("ALTER TABLE alias_domain RENAME TO own_alias_domain")
    site.sql("CREATE VIEW alias_domain AS SELECT * FROM own_alias_domain")
    site.declare(TECHNIK)
    assert command("apply", "--yes").status == 0
    assert command("plan").status == 0
