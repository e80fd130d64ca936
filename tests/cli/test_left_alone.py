"""What is left alone is said, by every command that shows a plan: entries that went, removals that name nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, DOMAIN, StandInSite, today

PLAIN = "{groupware: false}"
TECHNIK = f"technik: {PLAIN}"


def day_before() -> str:
    """Yesterday in the site's zone: a removal of then is due and no purge."""
    return (today() - timedelta(days=1)).isoformat()


def removed(*names: str) -> dict[str, list[dict[str, str]]]:
    return {"removals": [{"mailbox": name, "date": day_before(), "reason": "left"} for name in names]}


def findings(command: Command, rule: str, name: str = "plan") -> list[tuple[str, str]]:
    """(severity, subject) of a plan without anything to do."""
    document = command(name, "--format", "json")
    assert document.status == 0, document.words
    return [(f["severity"], f["subject"]) for f in document.json["findings"] if f["rule"] == rule]


@pytest.mark.parametrize("name", ["plan", "drift"])
def test_a_mailbox_whose_entry_went_is_named_as_long_as_it_is_there(
    site: StandInSite, command: Command, name: str
) -> None:
    """README: an entry that goes makes it unmanaged, and the plan says so; docs/removals.md: for how long."""
    site.declare(ANNA_DECLARED, TECHNIK)
    assert command("apply", "--yes").status == 0
    assert findings(command, "unmanaged", name) == []
    site.declare(TECHNIK)
    for _ in range(2):
        assert findings(command, "unmanaged", name) == [("note", ANNA)]
        for form in ("text", "markdown"):
            shown = command(name, "--format", form)
            assert shown.status == 0
            assert "is not declared any more: it is left alone, nothing of it is deleted" in shown.words
        assert command("apply", "--yes").status == 0
    assert site.mailbox(ANNA) is not None
    site.sql("DELETE FROM mailbox WHERE username = ?", ANNA)
    assert findings(command, "unmanaged", name) == []


def test_a_typo_in_a_removal_is_not_swallowed(site: StandInSite, command: Command) -> None:
    for name in ("technik", "presse"):
        site.add_mailbox(f"{name}@{DOMAIN}")
    site.declare(f"presse: {PLAIN}", more=removed("technick"))
    assert findings(command, "removal-unknown") == [("warning", f"technick@{DOMAIN}")]
    assert f"did you mean `technik@{DOMAIN}`?" in command("drift").words
    site.declare(f"presse: {PLAIN}", more=removed("somebody"))
    assert findings(command, "removal-unknown") == [("note", f"somebody@{DOMAIN}")]


def test_what_a_removal_holds_becomes_ours_once(site: StandInSite, command: Command) -> None:
    """It is not announced again by every plan until the purge."""
    site.declare(ANNA_DECLARED, TECHNIK)
    assert command("apply", "--yes").status == 0
    site.declare(TECHNIK, more=removed("anna.beispiel"))
    assert command("apply", "--yes").status == 0
    document = command("plan", "--format", "json")
    assert document.status == 0
    assert document.json["counts"]["adopted"] == {}


def test_what_was_switched_off_by_hand_before_its_removal_becomes_ours_once(
    site: StandInSite, command: Command
) -> None:
    for name, active in (("technik", 1), ("presse", 0)):
        site.add_mailbox(f"{name}@{DOMAIN}", active=active)
    site.sql("UPDATE alias SET active = 0 WHERE address = ?", f"presse@{DOMAIN}")
    site.declare(TECHNIK, more=removed("presse"))
    before = [site.sql(f"SELECT * FROM {table}") for table in ("mailbox", "alias")]
    for adopted in ({"mailbox": 2, "alias": 2}, {}):
        document = command("plan", "--format", "json")
        assert document.status == 0, document.words
        assert document.json["counts"]["adopted"] == adopted
        assert command("apply", "--yes").status == 0
        assert [site.sql(f"SELECT * FROM {table}") for table in ("mailbox", "alias")] == before


def test_strict_drift_names_what_it_counts(site: StandInSite, command: Command) -> None:
    """Unmanaged objects are drift for `drift --strict`; in JSON all of them."""
    many = [f"b{n:02}@{DOMAIN}" for n in range(22)]
    for address in (f"technik@{DOMAIN}", *many):
        site.add_mailbox(address)
    site.declare(TECHNIK)
    for form in ("text", "markdown"):
        shown = command("drift", "--strict", "--format", form)
        assert shown.status == 4
        assert "45 undeclared objects" in shown.words  # a line of the map, and of each mailbox its alias
        assert f"mailbox b19@{DOMAIN}" in shown.words
        assert f"mailbox b20@{DOMAIN}" not in shown.words
        assert "and 2 more mailboxes" in shown.words
    document = command("drift", "--strict", "--format", "json")
    assert document.status == 4
    named = [f["subject"] for f in document.json["findings"] if f["rule"] == "undeclared"]
    assert named == [*many, *many, "1"]
    assert findings(command, "undeclared", "drift") == []
    site.sql("DELETE FROM mailbox WHERE username LIKE 'b%'")
    site.sql("DELETE FROM alias WHERE address LIKE 'b%'")
    site.map.write_text("")
    assert command("drift", "--strict").status == 0


def test_a_kept_ox_account_is_named_also_when_its_removal_is_taken_out(site: StandInSite, command: Command) -> None:
    """docs/removals.md: a plan reports it as one without a mailbox, as long as it is there."""
    site.declare(ANNA_DECLARED, TECHNIK)
    assert command("apply", "--yes").status == 0
    past = (today() - timedelta(days=100)).isoformat()
    for day in (day_before(), past):
        entries = {"removals": [{"mailbox": "anna.beispiel", "date": day, "reason": "left"}]}
        site.declare(TECHNIK, more=entries)
        assert command("apply", "--yes").status == 0
    assert findings(command, "kept-groupware") == [("note", ANNA)]
    site.declare(TECHNIK)
    assert findings(command, "kept-groupware") == [("note", ANNA)]
    assert command("plan").status == 0


def test_what_is_not_written_stays_as_somebody_set_it(site: StandInSite, command: Command) -> None:
    """README: quota, names and member number; what has a default (`active`) is put right all the same."""
    site.declare("technik: {groupware: false}")
    assert command("apply", "--yes").status == 0
    mine = f"technik@{DOMAIN}"
    site.sql("UPDATE mailbox SET quota = 7 * 1024000, name = 'Set By Hand' WHERE username = ?", mine)
    site.add_alias(f"10042@{DOMAIN}", mine)
    assert command("plan").status == 0
    assert command("drift").status == 0
    site.sql("UPDATE mailbox SET active = 0 WHERE username = ?", mine)
    assert command("apply", "--yes").status == 0
    box = site.mailbox(mine)
    assert box is not None
    assert (box["active"], box["quota"], box["name"]) == (1, 7 * 1024000, "Set By Hand")
    assert site.goto(f"10042@{DOMAIN}") == mine


def test_an_alias_that_somebody_changed_is_left_when_its_entry_goes(site: StandInSite, command: Command) -> None:
    """docs/removals.md: and reported, as long as it is there."""
    site.declare(TECHNIK, aliases=["presse: [technik]"])
    assert command("apply", "--yes").status == 0
    site.sql("UPDATE alias SET goto = 'x@extern.example' WHERE address = ?", f"presse@{DOMAIN}")
    site.declare(TECHNIK)
    for _ in range(2):
        planned = command("plan", "--format", "json")
        assert planned.status == 0, planned.words
        assert f"presse@{DOMAIN}" in [finding["subject"] for finding in planned.json["findings"]]
        assert command("apply", "--yes").status == 0
    assert site.goto(f"presse@{DOMAIN}") == "x@extern.example"


def test_hand_made_lines_of_a_map_that_is_all_ours_go_through_the_limit(site: StandInSite, command: Command) -> None:
    site.declare("technik: {groupware: false}")
    assert command("apply", "--yes").status == 0
    made = "".join(f"{name}.example REJECT\n" for name in ("eins", "zwei"))
    site.map.write_text(made, encoding="utf-8")
    assert command("plan").status == 0
    site.write(postfix={**site.sections["postfix"], "whole_file": True})
    planned = command("plan")
    assert planned.status == 5
    assert "removals: 2 removals" in planned.words
    assert "sender block lifted: declared nowhere" in planned.words
    assert "commit" not in planned.words, "no commit took out what never was in git"
    assert command("apply", "--yes").status == 5
    assert site.map.read_text(encoding="utf-8") == made
