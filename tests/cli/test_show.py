"""`reconciler show`: is there such an address already, and whose is it? The first question of the wiki."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, DOMAIN, StandInSite, today

CLARA = "clara.probe: {groupware: false}"
BLOCKS = ["sender: spam@example.net, reason: phishing", "domain: example.org, reason: spam"]


@pytest.fixture
def applied(site: StandInSite, command: Command) -> StandInSite:
    site.declare(
        ANNA_DECLARED,
        aliases=["vorstand: [anna.beispiel, klaus@extern.example]"],
        blocks=BLOCKS,
    )
    assert command("apply", "--yes").status == 0
    return site


def facts(command: Command, asked: str) -> set[tuple[str, str, str]]:
    answer = command("show", asked, "--format", "json")
    assert answer.status == 0
    return {(fact["system"], fact["kind"], fact["subject"]) for fact in answer.json["facts"]}


def test_an_address_is_found_in_every_system(applied: StandInSite, command: Command) -> None:
    assert facts(command, ANNA) == {
        ("declared", "mailbox", ANNA),
        ("declared", "alias", f"vorstand@{DOMAIN}"),
        ("postfixadmin", "mailbox", ANNA),
        ("postfixadmin", "alias", ANNA),
        ("postfixadmin", "alias", f"10042@{DOMAIN}"),
        ("postfixadmin", "alias", f"vorstand@{DOMAIN}"),
        ("postfixadmin", "domain", DOMAIN),
        ("openxchange", "ox_user", ANNA),
    }


def test_mail_that_would_go_round_in_a_loop_is_said(site: StandInSite, command: Command) -> None:
    """Before it does, by the plan; and by `show`, which tells where mail goes."""
    site.add_alias(f"rundbrief@{DOMAIN}", f"verteiler@{DOMAIN}")
    site.declare(ANNA_DECLARED, aliases=["verteiler: [rundbrief]"])
    planned = command("plan")
    assert "⇢ verteiler@pirat.alt: nobody; comes back from verteiler → nobody; goes round in a loop at" in planned.words
    assert "after the plan nobody; goes round in a loop at rundbrief" in command("show", f"rundbrief@{DOMAIN}").words


def test_where_mail_goes_now_and_after_the_plan(applied: StandInSite, command: Command) -> None:
    """Through aliases of aliases; what a gate refuses is not done, so it changes nothing."""
    board = f"vorstand@{DOMAIN}"
    assert "⇢ 10042@pirat.alt anna.beispiel, now and after the plan" in command("show", "10042").words
    applied.add_alias(f"info@{DOMAIN}", board)
    applied.add_mailbox(BERND)
    applied.declare(ANNA_DECLARED, CLARA, aliases=["vorstand: [clara.probe]"], blocks=BLOCKS)
    said = "⇢ info@pirat.alt now anna.beispiel, klaus@extern.example; after the plan clara.probe"
    assert said in command("show", f"info@{DOMAIN}").words
    assert "- info@pirat.alt: now anna.beispiel" in command("show", "info", "--format", "markdown").out
    (flow,) = command("show", "info", "--format", "json").json["flow"]
    assert flow["before"]["external"] == ["klaus@extern.example"]
    assert flow["after"]["mailboxes"] == [f"clara.probe@{DOMAIN}"]
    assert "now nobody; comes back from clara.probe; after the plan clara.probe" in command("show", "clara.probe").words
    assert "nobody; comes back from nobody, now and after" in command("show", f"nobody@{DOMAIN}").words
    assert command("show", "x@extern.example", "--format", "json").json["flow"] == []
    refused = ["vorstand: [clara.probe]", "bernd.muster: [anna.beispiel]"]
    applied.declare(ANNA_DECLARED, CLARA, aliases=refused, blocks=BLOCKS)
    assert "⇢ bernd.muster@pirat.alt bernd.muster, now and after the plan" in command("show", BERND).words


def test_what_comes_newly_and_arrives_is_no_change_of_mail_flow(site: StandInSite, command: Command) -> None:
    """Its own line says it; the block is for whose mail goes elsewhere."""
    site.declare(ANNA_DECLARED, aliases=["vorstand: [anna.beispiel]"])
    assert command("plan", "--format", "json").json["flow"] == []
    assert "mail flow" not in command("plan").words


def test_a_local_part_is_looked_for_in_every_domain(applied: StandInSite, command: Command) -> None:
    applied.add_domain("second.example")
    applied.add_mailbox("anna.beispiel@second.example")
    found = facts(command, "Anna.Beispiel")
    assert {("postfixadmin", "mailbox", ANNA), ("postfixadmin", "mailbox", "anna.beispiel@second.example")} <= found


def test_a_member_number_stands_for_its_account(applied: StandInSite, command: Command) -> None:
    assert facts(command, "10042") == {
        ("declared", "mailbox", ANNA),
        ("declared", "alias", f"vorstand@{DOMAIN}"),
        ("postfixadmin", "mailbox", ANNA),
        ("postfixadmin", "alias", ANNA),
        ("postfixadmin", "alias", f"10042@{DOMAIN}"),
        ("postfixadmin", "alias", f"vorstand@{DOMAIN}"),
        ("openxchange", "ox_user", ANNA),
        ("letters", "member", "10042"),
    }


def test_a_member_number_that_nobody_declares_leads_to_its_account(applied: StandInSite, command: Command) -> None:
    applied.add_mailbox(BERND)
    applied.add_alias(f"10077@{DOMAIN}", BERND)
    assert {("postfixadmin", "mailbox", BERND), ("letters", "member", "10077")} <= facts(command, "10077")


def test_one_systems_facts_stand_together(applied: StandInSite, command: Command) -> None:
    headings = [line for line in command("show", ANNA).out.splitlines() if line and line[0] not in " ·"][1:]
    assert headings == ["declared", "postfixadmin", "openxchange", "where mail goes:"]


def test_a_member_without_an_account(applied: StandInSite, command: Command) -> None:
    assert facts(command, "10077") == {("letters", "member", "10077")}


def test_a_target_of_an_alias(applied: StandInSite, command: Command) -> None:
    assert {("declared", "alias", f"vorstand@{DOMAIN}"), ("postfixadmin", "alias", f"vorstand@{DOMAIN}")} <= facts(
        command, "klaus@extern.example"
    )


def test_what_was_made_by_hand_is_found_too(applied: StandInSite, command: Command) -> None:
    applied.add_mailbox(BERND)
    applied.add_ox_user("bernd", BERND, "Bernd Muster")
    assert {("postfixadmin", "mailbox", BERND), ("postfixadmin", "alias", BERND)} <= facts(command, BERND)
    assert any(system == "openxchange" for system, _, _ in facts(command, BERND))
    assert ("postfix", "unmanaged_line", "7") in facts(command, "muster@muster.example")


def test_a_blocked_sender_and_a_sender_of_a_blocked_domain(applied: StandInSite, command: Command) -> None:
    assert ("postfix", "block", "spam@example.net") in facts(command, "spam@example.net")
    assert ("postfix", "block", "example.org") in facts(command, "anybody@sub.example.org")
    assert facts(command, "ham@example.net") == set()


def test_an_unknown_address_is_status_0_and_says_so(applied: StandInSite, command: Command) -> None:
    answer = command("show", "nobody@pirat.alt")
    assert answer.status == 0
    assert facts(command, "nobody@pirat.alt") == {("postfixadmin", "domain", DOMAIN)}
    answer = command("show", "nobody")
    assert answer.status == 0
    assert "nobody" in answer.out
    assert facts(command, "nobody") == set()


@pytest.mark.parametrize("asked", ["a@b@c", "anna@", "@", "", "anna beispiel", "ä@pirat.alt", "a" * 300, "\x1b[31m"])
def test_bad_input_says_what_is_wrong(applied: StandInSite, command: Command, asked: str) -> None:
    answer = command("show", asked)
    assert (answer.status, answer.out) == (2, "")
    assert "example: reconciler show" in answer.words
    assert "\x1b" not in answer.err


def test_what_is_unknown_is_said_and_the_rest_is_shown(applied: StandInSite, command: Command) -> None:
    applied.fault("down")
    answer = command("show", ANNA, "--format", "json")
    assert answer.status == 9
    assert list(answer.json["unknown"]) == ["openxchange"]
    assert {fact["system"] for fact in answer.json["facts"]} == {"declared", "postfixadmin"}
    assert "openxchange" in command("show", ANNA).words


def test_show_writes_nothing(applied: StandInSite, command: Command) -> None:
    before = applied.live()
    command("show", ANNA)
    assert applied.live() == before


def test_a_block_of_its_domain_is_told_before_it_is_live(site: StandInSite, command: Command) -> None:
    site.declare("technik: {groupware: false}", blocks=BLOCKS)
    for asked in ("x@example.org", "x@sub.example.org", "sub.example.org"):
        words = command("show", asked).words
        assert "sender block of the whole domain: spam" in words
        assert "✗ example.org sender block declared, but not live" in words
    assert facts(command, "x@notexample.org") == set()
    assert facts(command, "example.org") == {("declared", "block", "example.org"), ("postfix", "block", "example.org")}


def test_a_domain_of_the_site_is_found_by_its_name(applied: StandInSite, command: Command) -> None:
    assert ("postfixadmin", "domain", DOMAIN) in facts(command, DOMAIN)
    assert facts(command, "other.example") == set()


def test_a_user_is_found_by_the_name_that_a_plan_gives_it_and_half_way_through_a_rename(
    applied: StandInSite, command: Command
) -> None:
    """OX keeps the login it has, so the rename stops there."""
    applied.add_ox_user("bernd", BERND, "Bernd Muster")
    (system, _, name) = next(fact for fact in facts(command, BERND) if fact[0] == "openxchange")
    assert facts(command, name) == {(system, "ox_user", name)}
    rename = {"from": "anna.beispiel", "to": "anna.neu", "date": str(today())}
    aliases = ["vorstand: [anna.neu, klaus@extern.example]"]
    more = {"renames": [rename]}
    applied.declare(ANNA_DECLARED.replace("anna.beispiel", "anna.neu"), aliases=aliases, blocks=BLOCKS, more=more)
    assert command("apply", "--yes").status == 8
    new = f"anna.neu@{DOMAIN}"
    assert ("openxchange", "ox_user", new) in facts(command, new)
    assert f"primary mail {ANNA}" in command("show", new).words
