"""Half-made accounts on MariaDB: an "ox_create" error as the wiki knows it, and rows that somebody deleted."""

from __future__ import annotations

import pytest

from tests.cli.site import ANNA, ANNA_DECLARED, DOMAIN
from tests.integration.sites import RealSite

NUMBER = f"10042@{DOMAIN}"


@pytest.fixture
def by_the_form(site: RealSite) -> RealSite:
    """What PostfixAdmin's form leaves when its hook fails: alias and mailbox, and no OX user."""
    site.by_hand(
        "INSERT INTO alias (address, goto, domain, active) VALUES (:a, :a, :d, 1)",
        "INSERT INTO mailbox (username, password, name, maildir, quota, local_part, domain, active)"
        " VALUES (:a, '{x}y', '', :m, 10485760000, 'anna.beispiel', :d, 1)",
        a=ANNA,
        d=DOMAIN,
        m=f"{DOMAIN}/anna.beispiel/",
    )
    site.declare(ANNA_DECLARED)
    return site


def test_an_ox_create_error_is_repaired_with_one_password(by_the_form: RealSite) -> None:
    site = by_the_form
    planned = site.run("plan")
    assert planned.status == 4
    assert 'the mailbox has no OX user, as after an "ox_create" error; 10042@ was missing' in planned.words
    applied = site.run("apply", "--yes")
    assert applied.status == 0, applied.words
    assert site.run("plan").status == 0
    assert site.ox_logins() == ["anna.beispiel"]
    assert (site.goto(ANNA), site.goto(NUMBER)) == (ANNA, ANNA)
    assert site.opens(ANNA, "anna.beispiel", site.password_of("anna@gmx.example")) == (True, True)


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("DELETE FROM alias WHERE address = :a", "the mailbox has no alias row of its own"),
        ("UPDATE alias SET active = 0 WHERE address = :a", "its own alias row was off and the mailbox on"),
        ("DELETE FROM alias WHERE address = :n", "10042@ was there before and is gone"),
        ("DELETE FROM mailbox WHERE username = :a", "its mailbox was there before and is gone"),
    ],
    ids=["own alias gone", "own alias off", "member alias gone", "mailbox gone"],
)
def test_what_somebody_broke_is_repaired_and_deletes_nothing(by_the_form: RealSite, statement: str, cause: str) -> None:
    site = by_the_form
    assert site.run("apply", "--yes").status == 0
    rows = {row["address"] for row in site.rows("SELECT address FROM alias")}
    site.by_hand(statement, **{name: value for name, value in (("a", ANNA), ("n", NUMBER)) if f":{name}" in statement})
    planned = site.run("plan")
    assert planned.status == 4
    assert cause in planned.words
    assert site.run("apply", "--yes").status == 0
    assert site.run("plan").status == 0
    assert {row["address"] for row in site.rows("SELECT address FROM alias WHERE active = 1")} == rows
    assert site.ox_logins() == ["anna.beispiel"]
    assert site.opens(ANNA, "anna.beispiel", site.password_of("anna@gmx.example")) == (True, True)
