"""`password_reset` in the entry of an account that is only being made, through the command."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command
from tests.cli.site import ANNA_DECLARED, DOMAIN, StandInSite, password_in, today


def test_a_new_account_has_its_password_and_advice_that_works(site: StandInSite, command: Command) -> None:
    """One password and one letter; afterwards the date is over, and the advice is not to write it again."""
    day = today()
    site.declare(ANNA_DECLARED.replace("}", f", password_reset: {day}}}"))
    assert "missed" not in command("plan").words
    assert command("apply", "--yes").status == 0
    password = password_in(site.letters()["anna@gmx.example"])
    document = command("plan", "--format", "json")
    assert document.status == 0, document.words
    (finding,) = [f for f in document.json["findings"] if f["rule"] == "missed"]
    assert f"the account was made on {day}" in finding["message"]
    assert finding["hint"].startswith(f"write `password_reset: {day + timedelta(days=1)}` to have it done then")
    assert command("apply", "--yes").status == 0
    assert password_in(site.letters()["anna@gmx.example"]) == password
    (advice,) = re.findall("`(password_reset: .*)`", finding["hint"])
    site.declare(ANNA_DECLARED.replace("}", f", {advice}}}"))
    document = command("plan", "--format", "json")
    assert [f["message"] for f in document.json["findings"] if f["rule"] == "one-shot"]


def test_a_reset_is_done_once_for_its_date(site: StandInSite, command: Command) -> None:
    day = today()
    site.declare(ANNA_DECLARED)
    assert command("apply", "--yes").status == 0
    first = password_in(site.letters()["anna@gmx.example"])
    site.declare(ANNA_DECLARED.replace("}", f", password_reset: {day}}}"))
    assert command("apply", "--yes").status == 0
    second = password_in(site.letters()["anna@gmx.example"])
    assert second != first
    written = sorted((site.folder / "outbox").iterdir())
    for words in (("plan",), ("apply", "--yes"), ("resume", "--yes")):
        assert command(*words).status == 0
    assert sorted((site.folder / "outbox").iterdir()) == written
    assert control.check_password(site.ox, "anna.beispiel", second)


def test_what_was_missed_is_drift_until_its_entry_goes(site: StandInSite, command: Command) -> None:
    """A plan says it and has nothing to do; an apply, which notes it, changes nothing about that."""
    site.declare(ANNA_DECLARED)
    assert command("apply", "--yes").status == 0
    site.sql("UPDATE reconciler_steps SET ended = '2020-01-01 00:00:00'")  # an account of long ago
    late = today() - timedelta(days=15)
    site.declare(ANNA_DECLARED.replace("}", f", password_reset: {late}, subscriptions_reset: {late}}}"))
    for _ in range(2):
        planned = command("plan")
        assert planned.status == 0
        assert "nothing to do, and 2 dates were missed" in planned.words
        assert f"missed: password_reset of anna.beispiel@{DOMAIN} on {late} is not done" in planned.words
        drifted = command("drift", "--quiet")
        assert drifted.status == 4
        assert drifted.words.endswith(
            "next: write a new date, or take the missed one out of git; until then it is drift"
        )
        document = command("drift", "--format", "json")
        assert document.status == 4
        found = [(f["severity"], f["place"]["file"]) for f in document.json["findings"] if f["rule"] == "missed"]
        assert found == [("warning", "state/state.yaml")] * 2
        assert command("apply", "--yes").status == 0
    site.declare(ANNA_DECLARED)
    assert (command("drift", "--quiet").status, command("drift", "--quiet").out) == (0, "")


def test_a_date_before_the_account_was_made_is_no_drift(site: StandInSite, command: Command) -> None:
    """Its password is newer than that date."""
    site.declare(ANNA_DECLARED.replace("}", f", password_reset: {today() - timedelta(days=20)}}}"))
    assert command("apply", "--yes").status == 0
    assert "the account was made on" in command("plan").words
    assert command("drift").status == 0


def ox_database(site: StandInSite) -> None:
    """OX' own tables as far as a reset writes them, with two subscriptions of Anna and one of somebody else."""
    user = control.user(site.ox, "anna.beispiel").id
    with closing(sqlite3.connect(site.folder / "ox.sqlite")) as connection, connection:
        connection.executescript(
            f"""
            CREATE TABLE subscriptions (cid, id, user_id, configuration_id, source_id);
            CREATE TABLE genconf_attributes_strings (cid, id, name, value);
            CREATE TABLE genconf_attributes_bools (cid, id, name, value);
            CREATE TABLE user_attribute (cid, id, name, value);
            INSERT INTO subscriptions VALUES (1, 1, {user}, 7, '{PRIVATE}'), (1, 2, {user}, 8, 's'), (1, 3, 99, 9, 's');
            INSERT INTO genconf_attributes_strings VALUES (1, 7, 'login', '{PRIVATE}');
            INSERT INTO user_attribute VALUES (1, {user}, 'com.openexchange.secret.recovery.fast.token', '{PRIVATE}');
            """
        )


PRIVATE = "anna.privat@calendar.example"


def test_a_reset_of_subscriptions_says_what_was_removed(site: StandInSite, command: Command) -> None:
    """In the report and in the history of the run and of the account; how many, and nothing of what was in them."""
    site.write(openxchange={**site.sections["openxchange"], "database_url": "sqlite:///ox.sqlite"})
    site.declare(ANNA_DECLARED)
    assert command("apply", "--yes").status == 0
    ox_database(site)
    said = "2 subscriptions and the recovery token removed"
    site.declare(ANNA_DECLARED.replace("}", f", subscriptions_reset: {today()}}}"))
    applied = command("apply", "--yes")
    assert applied.status == 0
    answers = [applied, command("history", "2"), command("history", "anna.beispiel")]
    answers += [command(*words, "--format", "markdown") for words in (("history", "2"), ("history", "anna.beispiel"))]
    document = command("history", "anna.beispiel", "--format", "json")
    assert [change["removed"] for change in document.json["changes"]] == [said, ""]
    for answer in (*answers, document):
        assert said in answer.words
        assert PRIVATE not in answer.words
    assert PRIVATE not in str(site.live())
    with closing(sqlite3.connect(site.folder / "ox.sqlite")) as connection:
        assert connection.execute("SELECT id FROM subscriptions").fetchall() == [(3,)]


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_and_so_do_the_other_reports(site: StandInSite, command: Command, form: str) -> None:
    site.write(openxchange={**site.sections["openxchange"], "database_url": "sqlite:///ox.sqlite"})
    site.declare(ANNA_DECLARED)
    assert command("apply", "--yes").status == 0
    ox_database(site)
    site.declare(ANNA_DECLARED.replace("}", f", subscriptions_reset: {today()}}}"))
    applied = command("apply", "--yes", "--format", form)
    assert "2 subscriptions and the recovery token removed" in applied.words
    assert PRIVATE not in applied.words
