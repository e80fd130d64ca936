"""Domains and alias domains in git, through the command."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.site import ANNA, DOMAIN, StandInSite, today

NEW, ALIAS = "neu.example", "alias.example"


@pytest.fixture
def site(tmp_path: Path) -> StandInSite:
    return StandInSite(tmp_path)


def _confirm(*subjects: str, gate: str = "new-domain") -> list[dict[str, str]]:
    until = str(today() + timedelta(days=7))
    return [{"gate": gate, "subject": subject, "until": until, "reason": "its MX leads here"} for subject in subjects]


def _domain(site: StandInSite, name: str) -> dict[str, Any] | None:
    return next(iter(site.sql("SELECT * FROM domain WHERE domain = ?", name)), None)


def test_a_new_domain_is_refused_until_somebody_confirmed_it_and_then_comes_before_what_is_in_it(
    site: StandInSite,
) -> None:
    box = f"info@{NEW}: {{name: Info, groupware: false}}"
    domains = {NEW: {"max_mailboxes": 5, "max_quota": "1024 MB"}}
    site.declare(box, aliases=(f"kontakt@{NEW}: info@{NEW}",), more={"domains": domains})
    answer = site.run("apply", "--yes")
    assert answer.status == 5, answer
    assert "new-domain" in answer.words
    assert _domain(site, NEW) is None
    assert site.mailbox(f"info@{NEW}") is None
    more = {"domains": domains, "confirm": _confirm(NEW)}
    site.declare(box, aliases=(f"kontakt@{NEW}: info@{NEW}",), more=more)
    answer = site.run("apply", "--yes")
    assert answer.status == 0, answer
    row = _domain(site, NEW)
    assert row is not None
    wanted = {"mailboxes": 5, "maxquota": 1024, "aliases": 0, "quota": 0, "active": 1, "backupmx": 0}
    assert {name: row[name] for name in wanted} == wanted
    assert (row["transport"], row["password_expiry"]) == ("virtual", 365)
    assert site.goto(f"kontakt@{NEW}") == f"info@{NEW}"
    logged = site.sql("SELECT action, data FROM log WHERE domain = ? ORDER BY id", NEW)
    assert (logged[0]["action"], logged[0]["data"]) == ("create_domain", NEW)
    assert site.run("plan").status == 0


def test_only_what_is_written_is_managed_and_an_entry_that_goes_leaves_the_domain(site: StandInSite) -> None:
    site.sql("UPDATE domain SET aliases = 7, description = 'theirs', quota = 99")
    site.declare(more={"domains": {DOMAIN: {"max_mailboxes": "unlimited", "max_aliases": 0}}})
    assert site.run("apply", "--yes").status == 0
    row = _domain(site, DOMAIN)
    assert row is not None
    assert (row["aliases"], row["mailboxes"], row["quota"], row["description"]) == (-1, 0, 99, "theirs")
    assert site.run("plan").status == 0
    site.declare()
    assert site.run("apply", "--yes").status == 0
    assert _domain(site, DOMAIN) == row


def test_a_domain_is_not_switched_off_unseen(site: StandInSite) -> None:
    site.add_mailbox(ANNA)
    box = "anna.beispiel: {groupware: false}"
    site.declare(box, more={"domains": {DOMAIN: {"active": False}}})
    answer = site.run("apply", "--yes")
    assert answer.status == 5, answer
    assert f"the domain {DOMAIN} is switched off: its 1 mailboxes get no mail" in answer.words
    confirm = _confirm(DOMAIN, gate="domain-off")
    site.declare(box, more={"domains": {DOMAIN: {"active": False}}, "confirm": confirm})
    assert site.run("apply", "--yes").status == 0
    row = _domain(site, DOMAIN)
    assert row is not None
    assert row["active"] == 0


def test_an_alias_domain_comes_changes_and_goes_with_its_entry(site: StandInSite) -> None:
    site.add_domain("sued.example")
    more: dict[str, Any] = {"domains": {ALIAS: {}}, "alias_domains": {ALIAS: DOMAIN}, "confirm": _confirm(ALIAS)}
    site.declare("info: {name: Info, groupware: false}", more=more)
    answer = site.run("apply", "--yes")
    assert answer.status == 0, answer
    (row,) = site.sql("SELECT * FROM alias_domain")
    assert (row["alias_domain"], row["target_domain"], row["active"]) == (ALIAS, DOMAIN, 1)
    shown = site.run("show", f"info@{ALIAS}")
    assert f"info@{DOMAIN}" in shown.words
    more["alias_domains"] = {ALIAS: {"target": "sued.example", "active": False}}
    site.declare("info: {name: Info, groupware: false}", more=more)
    assert site.run("apply", "--yes").status == 0
    (row,) = site.sql("SELECT * FROM alias_domain")
    assert (row["target_domain"], row["active"]) == ("sued.example", 0)
    del more["alias_domains"]
    site.declare("info: {name: Info, groupware: false}", more=more)
    assert site.run("apply", "--yes").status == 0
    assert site.sql("SELECT * FROM alias_domain") == []
    assert _domain(site, ALIAS) is not None


def test_an_alias_domain_needs_both_domains(site: StandInSite) -> None:
    more = {"alias_domains": {ALIAS: DOMAIN}, "confirm": _confirm(ALIAS)}
    site.declare("info: {name: Info, groupware: false}", more=more)
    answer = site.run("apply", "--yes")
    assert answer.status == 5, answer
    assert f"the alias domain {ALIAS} needs the domain {ALIAS}" in answer.words
    assert site.sql("SELECT * FROM alias_domain") == []


def test_an_alias_domain_of_somebody_else_stays_when_git_never_had_it(site: StandInSite) -> None:
    site.add_domain(ALIAS)
    site.sql("INSERT INTO alias_domain (alias_domain, target_domain, active) VALUES (?, ?, 1)", ALIAS, DOMAIN)
    site.add_domain("b.example")
    site.declare(more={"alias_domains": {"b.example": DOMAIN}, "confirm": _confirm("b.example")})
    assert site.run("apply", "--yes").status == 0
    site.declare("info: {name: Info, groupware: false}")
    assert site.run("apply", "--yes").status == 0
    assert [row["alias_domain"] for row in site.sql("SELECT * FROM alias_domain")] == [ALIAS]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"alias_domains": {ALIAS: ALIAS}}, "leads to itself"),
        ({"alias_domains": {ALIAS: "b.example", "b.example": DOMAIN}}, "is an alias domain itself"),
        ({"alias_domains": {DOMAIN: "b.example"}}, "is a mailbox in an alias domain"),
        ({"domains": {DOMAIN: {"max_mailboxes": -1}}}, "expected a number or unlimited"),
        ({"domains": {"neu": {}}}, "is not a domain"),
        ({"alias_domains": {ALIAS: 5}}, "expected a domain"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(site: StandInSite, more: dict[str, Any], said: str) -> None:
    site.declare("info: {name: Info, groupware: false}", more=more)
    answer = site.run("validate")
    assert answer.status == 3, answer
    assert said in answer.words
    assert "state.yaml:" in answer.words
