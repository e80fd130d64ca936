"""Keys that are stored so that no look-up finds them (SQLite tells capitals apart, as PostgreSQL does): what git
declares is put right by the plan, with what hangs on it; the rest is named. Through the command."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA, DOMAIN, StandInSite

DECLARED = "anna.beispiel: {groupware: false}"
CAPITALS = f"Anna.Beispiel@{DOMAIN}"
PRESSE = f"presse@{DOMAIN}"


@pytest.fixture(autouse=True)
def in_capitals(site: StandInSite) -> None:
    """Rows that somebody wrote by SQL."""
    site.write(openxchange=None)
    site.add_mailbox(ANNA)
    site.add_alias(PRESSE, ANNA)
    site.sql("UPDATE mailbox SET username = ?, quota = 5 WHERE username = ?", CAPITALS, ANNA)
    site.sql("UPDATE alias SET address = ? WHERE address = ?", CAPITALS, ANNA)
    site.sql("UPDATE alias SET address = ? WHERE address = ?", f"Presse@{DOMAIN}", PRESSE)
    site.sql("INSERT INTO quota2 (username, bytes, messages) VALUES (?, 7, 1)", CAPITALS)
    site.sql("INSERT INTO vacation (email, subject, body, domain) VALUES (?, 'away', 'back soon', ?)", CAPITALS, DOMAIN)


def found(site: StandInSite, table: str, column: str, key: str) -> int:
    return len(site.sql(f"SELECT 1 FROM {table} WHERE {column} = ?", key))


def test_what_is_declared_is_stored_as_it_is_looked_up(site: StandInSite, command: Command) -> None:
    site.declare(DECLARED, aliases=["presse: [anna.beispiel]"])
    before = site.sql("SELECT password, maildir, quota, name FROM mailbox")
    planned = command("plan")
    assert planned.status == 4
    assert f'stored as "{CAPITALS}", which no look-up finds → "{ANNA}"' in planned.words
    assert f'stored as "Presse@{DOMAIN}", which no look-up finds → "{PRESSE}"' in planned.words
    assert command("drift").status == 4
    done = command("apply", "--yes")
    assert done.status == 0, done.words
    for table, column in (("mailbox", "username"), ("alias", "address"), ("quota2", "username"), ("vacation", "email")):
        assert found(site, table, column, ANNA) == 1
        assert found(site, table, column, CAPITALS) == 0
    assert found(site, "alias", "address", PRESSE) == 1
    assert site.sql("SELECT password, maildir, quota, name FROM mailbox") == before
    assert site.sql("SELECT bytes FROM quota2") == [{"bytes": 7}]
    assert command("plan").status == 0


def test_what_the_servers_use_already_stays(site: StandInSite, command: Command) -> None:
    site.sql("INSERT INTO quota2 (username, bytes, messages) VALUES (?, 9, 1)", ANNA)
    site.declare(DECLARED)
    assert command("apply", "--yes").status == 0
    assert site.sql("SELECT bytes FROM quota2 WHERE username = ?", ANNA) == [{"bytes": 9}]


def test_what_nobody_declares_is_named(site: StandInSite, command: Command) -> None:
    site.sql("INSERT INTO domain (domain, description, transport) VALUES ('Zweite.Example', '', 'virtual')")
    site.add_mailbox(f"technik@{DOMAIN}")
    site.declare("technik: {groupware: false}")
    before = site.sql("SELECT * FROM mailbox")
    planned = command("plan", "--format", "json")
    named = [f["message"] for f in planned.json["findings"] if f["rule"] == "stored-spelling"]
    for stored in (CAPITALS, f"Presse@{DOMAIN}", "Zweite.Example"):
        assert any(repr(stored) in message for message in named), named
    command("apply", "--yes")
    assert site.sql("SELECT * FROM mailbox") == before


def test_a_row_that_appears_under_the_found_spelling_meanwhile_is_not_overwritten(
    site: StandInSite, command: Command
) -> None:
    site.declare(DECLARED)
    assert command("plan", "--out", "plan.json").status == 4
    site.add_mailbox(ANNA)
    before = site.sql("SELECT * FROM mailbox ORDER BY username")
    applied = command("apply", "plan.json", "--yes")
    assert "twice-live" in applied.words
    assert site.sql("SELECT * FROM mailbox ORDER BY username") == before


def test_a_renamed_account_is_stored_right(site: StandInSite, command: Command) -> None:
    site.declare(
        "anna.neu: {groupware: false}",
        more={"renames": [{"from": "anna.beispiel", "to": "anna.neu", "date": "2020-01-01", "old_mailbox": "move"}]},
    )
    done = command("apply", "--yes")
    assert done.status == 0, done.words
    assert found(site, "mailbox", "username", f"anna.neu@{DOMAIN}") == 1
    assert site.goto(ANNA) == f"anna.neu@{DOMAIN}"
    assert command("plan").status == 0


def test_a_domain_beside_its_capitals_is_there(site: StandInSite, command: Command) -> None:
    """What our own hint asks for first: the domain in lower case, while the other still stands."""
    site.sql(f"INSERT INTO domain (domain, description, transport) VALUES ('{DOMAIN.title()}', '', 'virtual')")
    site.declare(DECLARED, "bernd.muster: {groupware: false}")
    planned = command("plan", "--format", "json")
    assert planned.status == 4, planned.words
    assert any(repr(DOMAIN.title()) in f["message"] for f in planned.json["findings"] if f["rule"] == "stored-spelling")
