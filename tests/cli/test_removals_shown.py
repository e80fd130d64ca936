"""What counts as a removal, and what nothing brings back: in the headline, the order, the sign, the question, JSON."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command, Open
from tests.cli.site import ANNA, ANNA_DECLARED, DOMAIN, StandInSite, today

HANS = f"hans.weg@{DOMAIN}"
BLOCK = "domain: example.org, reason: spam"


def day(offset: int) -> str:
    return (today() + timedelta(days=offset)).isoformat()


@pytest.fixture
def leaving(site: StandInSite, command: Command) -> StandInSite:
    """Only the OX account of a purged mailbox is left and shall go; beside it an alias goes, and a block comes."""
    site.declare(ANNA_DECLARED, aliases=["vorstand: [anna.beispiel]"])
    assert command("apply", "--yes").status == 0
    site.add_ox_user("hans.weg", HANS, "Hans Weg")
    gone = {"mailbox": "hans.weg", "date": day(-100), "reason": "left", "groupware_account": "delete"}
    allowed = {"gate": "groupware-delete", "subject": HANS, "until": day(7), "reason": "data handed over"}
    limits = {"removals": {"number": 5, "at_least": 5}}
    site.write(policy={"limits": limits})
    site.declare(ANNA_DECLARED, blocks=[BLOCK], more={"removals": [gone], "confirm": [allowed]})
    return site


def test_an_ox_account_that_goes_is_a_removal_first_and_under_its_own_sign(
    leaving: StandInSite, command: Command
) -> None:
    answer = command("plan")
    assert answer.status == 4, answer
    head, _, first, *_ = answer.out.splitlines()
    assert head == "mail plan for nrw · 1 block · 2 removals · 1 cannot be undone"
    assert first.startswith(f" ‼ {HANS}")
    assert "DELETED with all its data" in answer.words
    assert "removals: 2 of at most" in answer.words
    assert "| ‼ | hans.weg@" in command("plan", "--format", "markdown").out
    shown = command("plan", "--format", "json").json
    assert [(t["subject"], t["effect"], t["irreversible"]) for t in shown["transitions"]] == [
        (HANS, "removal", True),
        (f"vorstand@{DOMAIN}", "removal", False),
        ("example.org", "creation", False),
    ]
    assert (shown["counts"]["removals"], shown["counts"]["irreversible"]) == (2, 1)


def test_the_question_names_removals_and_what_cannot_be_undone(leaving: StandInSite, terminal: Open) -> None:
    shown = terminal("apply")
    asked = shown.read_until("[y/N]")
    assert "Carry out 1 change and 2 removals (1 cannot be undone)?" in asked
    assert "\x1b[1;37;41m‼" in asked  # red, wherever colours are shown
    shown.type("n\n")
    assert shown.status() == 4
    assert "hans.weg" in [user.ident for user in control.users(leaving.ox)]


def test_what_was_counted_is_what_the_ledger_counts(leaving: StandInSite, command: Command) -> None:
    """The deletion of an OX account alone counts for the limit, now and within the window."""
    assert command("apply", "--yes").status == 0
    assert "hans.weg" not in [user.ident for user in control.users(leaving.ox)]
    assert {row["counted"] for row in leaving.sql("SELECT counted FROM reconciler_steps WHERE subject = ?", HANS)} == {
        "removal"
    }
    leaving.declare(ANNA_DECLARED)
    assert "removals: 1 now + 2 in 24 h, at most" in command("plan").words


def test_subscriptions_that_go_are_a_change_that_cannot_be_undone(site: StandInSite, command: Command) -> None:
    site.write(openxchange={**site.sections["openxchange"], "database_url": "sqlite:///ox.sqlite"})
    site.declare(ANNA_DECLARED, "technik: {groupware: false}")
    assert command("apply", "--yes").status == 0
    reset = ANNA_DECLARED.replace("}", f", subscriptions_reset: {day(0)}}}")
    site.declare(reset, "technik: {groupware: false, quota: 512 MB}", "zoe.neu: {groupware: false}")
    answer = command("plan")
    head, _, first, *_ = answer.out.splitlines()
    assert head.startswith("mail plan for nrw · 1 account · 2 changes · 0 removals · 1 cannot be undone")
    assert first.startswith(f" ‼ {ANNA}")
    assert "1 removal of OX subscriptions" in command("plan", "--format", "markdown").words
    line = command("plan", "--format", "json").json["transitions"][0]
    assert (line["subject"], line["effect"], line["irreversible"]) == (ANNA, "change", True)


def test_a_switch_off_on_the_day_of_a_removal_is_one_and_can_be_undone(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    assert command("apply", "--yes").status == 0
    gone = {"mailbox": "anna.beispiel", "date": day(0), "reason": "left"}
    site.declare("technik: {groupware: false}", more={"removals": [gone]})
    answer = command("plan")
    assert answer.out.splitlines()[0] == "mail plan for nrw · 1 account · 1 removal"
    assert f" − {ANNA}" in answer.out
