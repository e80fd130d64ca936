"""`plan --only`, `plan --changed`, `apply --only`: a part of the plan, with what it needs; only its rows are read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.merge_request import base_of, causes, commit, plan
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite, today

BOARD, PRESS = f"board@{DOMAIN}", f"press@{DOMAIN}"
SPAM = "domain: spam.example, reason: spam, added: 2026-01-01"


@pytest.fixture
def site_with_changes(site: StandInSite) -> StandInSite:
    """Two new mailboxes, an alias to one, an alias to one outside, a block."""
    aliases = ["board: anna.beispiel", "press: somebody@extern.example"]
    site.declare(ANNA_DECLARED, BERND_DECLARED, aliases=aliases, blocks=[SPAM])
    return site


def lines(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The lines of a plan's document by their ids."""
    return {line["id"]: line for line in document["transitions"]}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([BERND], {f"account:{BERND}"}),
        ([BERND.upper()], {f"account:{BERND}"}),
        ([BOARD], {f"alias:{BOARD}", f"account:{ANNA}"}),
        (["spam.example"], {"block:spam.example"}),
        ([BERND, PRESS], {f"account:{BERND}", f"alias:{PRESS}"}),
        ([DOMAIN], {f"account:{ANNA}", f"account:{BERND}", f"alias:{BOARD}", f"alias:{PRESS}"}),
    ],
)
@pytest.mark.usefixtures("site_with_changes")
def test_the_lines_are_those_of_the_whole_plan(names: list[str], expected: set[str], command: Command) -> None:
    """An alias brings the account along that this plan makes for it."""
    whole = lines(command("plan", "--format", "json").json)
    document = command("plan", "--format", "json", *(f"--only={name}" for name in names)).json
    assert lines(document) == {id: whole[id] for id in expected}
    assert document["only"] == sorted(name.lower() for name in names)
    (rest,) = [f["message"] for f in document["findings"] if f["rule"] == "only"]
    assert rest == "only what this plan is about was read: other changes may be pending"
    assert {f["owner"] for f in document["findings"]} <= {None, *expected}


def test_only_the_rows_concerned_are_read(site_with_changes: StandInSite, command: Command) -> None:
    """Of PostfixAdmin and the ledger; and with a base both states are read from the same."""
    site = site_with_changes
    assert command("apply", "--yes").status == 0
    for number in range(9):
        site.add_mailbox(f"other{number}@{DOMAIN}", name="x")
    site.add_alias(f"list@{DOMAIN}", f"other1@{DOMAIN}, {BERND}")
    base_of(site)
    site.declare(ANNA_DECLARED, BERND_DECLARED.replace("}", ", quota: 20480 MB}"), blocks=[SPAM])
    commit(site)
    for arguments in (["--only", BERND], ["--only", BERND, "--base", "main"]):
        document = command("plan", "--format", "json", *arguments).json
        (rows,) = [read["rows"] for read in document["reads"] if read["system"] == "postfixadmin"]
        assert (rows["mailbox"], rows["alias"]) == (2, 4), rows  # with whom the list leads to, too
        assert [line["subject"] for line in document["transitions"]] == [BERND]
    changed = command("plan", "--format", "json", "--changed", "--base", "main").json
    assert [line["subject"] for line in changed["transitions"]] == [BOARD, PRESS, BERND]
    (rows,) = [read["rows"] for read in changed["reads"] if read["system"] == "postfixadmin"]
    assert rows["mailbox"] < 5, rows


@pytest.mark.usefixtures("site_with_changes")
def test_a_part_says_what_it_is_about(command: Command) -> None:
    said = command("plan", "--only", BERND)
    assert said.status == 4
    assert said.out.startswith(f"mail plan for nrw · only {BERND} · 1 account")
    assert f"next: reconciler apply --only {BERND}" in said.words


def test_of_ox_only_the_users_of_the_part_are_asked_for_and_apply_looks_at_all(
    site_with_changes: StandInSite, command: Command
) -> None:
    """Where they are as declared; and the plan says what it cannot know."""
    site = site_with_changes
    assert command("apply", "--yes").status == 0
    site.declare(ANNA_DECLARED, BERND_DECLARED.replace("}", ", quota: 20480 MB}"), blocks=[SPAM])
    part = command("plan", "--only", BERND)
    said = "of OX only the users of these accounts were read: another one may have one of their addresses, too"
    assert (part.status, said in part.words, "quota 10240 MB → 20480 MB" in part.words) == (4, True, True)
    assert said not in command("plan").words
    applied = command("apply", "--yes", "--only", BERND)
    assert (applied.status, said in applied.words) == (0, False)


@pytest.mark.usefixtures("site_with_changes")
def test_a_slip_is_no_empty_plan(command: Command) -> None:
    said = command("plan", "--only", f"bernt.muster@{DOMAIN}")
    assert said.status == 0
    assert f"nothing that is declared or live is called bernt.muster@{DOMAIN}" in said.words
    assert "everything is as declared" not in said.words
    wrong = command("plan", "--only", "bernd")
    assert (wrong.status, "write a whole address or a domain" in wrong.words) == (2, True)


def test_apply_carries_out_the_part_and_nothing_else(site_with_changes: StandInSite, command: Command) -> None:
    site = site_with_changes
    done = command("apply", "--yes", "--only", BOARD)
    assert done.status == 0, done.words
    assert (site.goto(BOARD), site.mailbox(BERND), site.goto(PRESS)) == (ANNA, None, None)
    assert site.mailbox(ANNA) is not None
    left = lines(command("plan", "--format", "json").json)
    assert left.keys() == {f"account:{BERND}", f"alias:{PRESS}", "block:spam.example"}
    owned = {row["subject"] for row in site.sql("SELECT subject FROM reconciler_inventory")}
    assert owned == {ANNA, BOARD}, "nothing else became ours"


def test_a_saved_plan_is_no_part(site_with_changes: StandInSite, command: Command) -> None:
    site = site_with_changes
    command("plan", "--only", BERND, "--out", "plan.json")
    refused = command("apply", "plan.json", "--only", BERND, "--yes")
    assert (refused.status, "as a whole" in refused.words) == (2, True)
    assert command("apply", "plan.json", "--yes").status == 0
    assert (site.mailbox(ANNA) is None, site.mailbox(BERND) is None) == (True, False)


def test_a_gate_that_refuses_in_the_whole_plan_refuses_in_the_part(site: StandInSite, command: Command) -> None:
    """Nobody gets an account who has left, and no alias leads there."""
    clara = "clara.probe: {given_name: Clara, surname: Probe, member: 10103}"
    site.declare(ANNA_DECLARED, clara, aliases=["board: clara.probe"])
    whole = lines(command("plan", "--format", "json").json)
    refused = {id: line["refused"] for id, line in whole.items() if line["refused"]}
    assert refused.keys() == {f"account:clara.probe@{DOMAIN}", f"alias:{BOARD}"}
    for id, rules in refused.items():
        part = command("plan", "--format", "json", "--only", id.partition(":")[2])
        assert (part.status, lines(part.json)[id]["refused"]) == (5, rules)


def test_an_account_that_is_switched_off_brings_the_aliases_that_lead_elsewhere_first(
    site: StandInSite, command: Command
) -> None:
    """git does not let them lead there any more; so that is a line of another address."""
    off = "bernd.muster: {groupware: false, active: false}"
    site.add_mailbox(BERND, name="x")
    site.add_alias(BOARD, f"{ANNA},{BERND}")
    site.declare(ANNA_DECLARED, off, aliases=["board: anna.beispiel"])
    whole = lines(command("plan", "--format", "json").json)
    part = lines(command("plan", "--format", "json", "--only", BERND).json)
    assert part.keys() == {f"account:{BERND}", f"alias:{BOARD}", f"account:{ANNA}"}
    assert part == {id: whole[id] for id in part}


def test_limits_count_what_the_part_does_against_the_whole_site(site: StandInSite, command: Command) -> None:
    """Three removals are too many for a site of three; one of them is not, and then the next one is."""
    names = ["anna.beispiel", "bernd.muster", "clara.probe"]
    for name in names:
        site.add_mailbox(f"{name}@{DOMAIN}", name="x")
    removals = [{"mailbox": name, "date": str(today()), "reason": "left"} for name in names]
    site.declare(more={"removals": removals})
    counted = [g for g in command("plan", "--format", "json").json["gates"] if g.startswith("removals")]
    assert counted == ["removals: 3 of at most 1 (3 accounts, 24 h) ✗"]
    part = command("plan", "--format", "json", "--only", ANNA).json
    assert "removals: 1 of at most 1 (3 accounts, 24 h) ✓" in part["gates"]
    assert command("apply", "--yes", "--only", ANNA).status == 0
    second = command("apply", "--yes", "--only", BERND)
    assert second.status == 5
    assert "1 removal now + 1 in 24 h" in second.words


def test_changed_leaves_out_what_waits_without_the_merge_request(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED, aliases=["press: anna.beispiel"])
    base_of(site)
    site.declare(ANNA_DECLARED, BERND_DECLARED, aliases=["board: anna.beispiel"])
    commit(site)
    document = plan(command, "--changed")
    # the alias needs the account that waits
    assert causes(document) == {BERND: "merge request", BOARD: "merge request", ANNA: "waiting"}
    assert [line["subject"] for line in document["taken_back"]] == [PRESS]
    part = plan(command, "--changed", "--only", BERND)
    assert (causes(part), part["taken_back"]) == ({BERND: "merge request"}, [])
    assert part["base"] is not None
    alone = command("plan", "--changed")
    assert (alone.status, "add --base REF" in alone.words) == (2, True)


@pytest.mark.parametrize(
    "new", ["anna.neu: {given_name: Anna, surname: Beispiel}", "neu: {given_name: A, surname: Neu, member: 10042}"]
)
def test_somebody_whose_mailbox_is_gone_is_suspected(new: str, site: StandInSite, command: Command) -> None:
    """Only the ledger remembers it: by its name, or where a member alias leads to it still. Not once it is declared
    again, nor who was somebody else."""
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    assert command("apply", "--yes").status == 0
    site.sql("DELETE FROM mailbox")
    site.sql("DELETE FROM alias WHERE address IN (?, ?)", ANNA, BERND)
    address = f"{new.partition(':')[0]}@{DOMAIN}"
    site.declare(new)
    whole = lines(command("plan", "--format", "json").json)[f"account:{address}"]
    part = command("plan", "--format", "json", "--only", address).json
    assert lines(part)[f"account:{address}"]["refused"] == whole["refused"]
    (suspected,) = [f["message"] for f in part["findings"] if f["rule"] == "suspected-rename"]
    assert f"and {ANNA}, which nobody declares," in suspected
    site.declare(new, "anna.beispiel: {groupware: false}")
    again = command("plan", "--format", "json", "--only", address).json
    assert "suspected-rename" not in {f["rule"] for f in again["findings"]}


@pytest.mark.parametrize("adopted", [True, False])
def test_a_part_counts_the_accounts_of_the_whole_site(adopted: bool, site: StandInSite, command: Command) -> None:
    """Those that are live and ours, in whichever way: by git, a removal, the ledger, under a former address."""
    dora, emil = "dora: {groupware: false}", "emil: {groupware: false}"
    site.declare(BERND_DECLARED, dora, emil, "fritz: {groupware: false}")
    if adopted:
        assert command("apply", "--yes").status == 0
    else:
        for name in ("bernd.muster", "dora", "emil", "fritz"):
            site.add_mailbox(f"{name}@{DOMAIN}")
    for name in ("anna.beispiel", "unmanaged", "gone", "old"):
        site.add_mailbox(f"{name}@{DOMAIN}", name="x")
    site.sql("DELETE FROM mailbox WHERE username = ?", f"dora@{DOMAIN}")  # ours, and not live
    site.declare(
        ANNA_DECLARED,  # declared and live, and not noted
        BERND_DECLARED,
        dora,
        "neu: {groupware: false}",
        more={
            "removals": [{"mailbox": "gone", "date": str(today()), "reason": "left"}],
            "renames": [
                {"from": "emil", "to": "emil.neu", "date": str(today())},
                {"from": "old", "to": "neu", "date": str(today())},
            ],
        },
    )
    state = site.folder / "state" / "state.yaml"
    state.write_text(state.read_text(encoding="utf-8").replace("  neu:", "  emil.neu: {groupware: false}\n  neu:"))
    whole = [g for g in command("plan", "--format", "json").json["gates"] if g.startswith("removals")]
    # Anna, Bernd, Emil and Neu by former addresses, gone; Fritz, whom only the ledger knows
    assert whole == [f"removals: 1 of at most 1 ({5 + adopted} accounts, 24 h) ✓"]
    part = command("plan", "--format", "json", "--only", f"gone@{DOMAIN}").json
    assert [g for g in part["gates"] if g.startswith("removals")] == whole
    site.sql("ALTER TABLE mailbox RENAME TO mailboxes")  # then nobody knows which are live
    unread = [command("plan", "--format", "json", *only).json for only in ((), ("--only", f"gone@{DOMAIN}"))]
    assert [part["reads"][0]["unknown"] != "" for part in unread] == [True, True]
    assert unread[0]["gates"] == unread[1]["gates"]
