"""Whose row an alias is, through the command: nobody's mail is taken, ours is converted, and it converges both ways."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.site import DOMAIN, StandInSite, today

WIRT = "wirt@extern.example"
NEULING, WILD, KLAUS = (f"{name}@{DOMAIN}" for name in ("bernd.neuling", "wild.wuchs", "klaus"))
BOX = "bernd.neuling: {groupware: false, given_name: Bernd, surname: Muster, member: 10077}"
TECHNIK = "technik: {groupware: false}"


@pytest.fixture(autouse=True)
def without_ox(site: StandInSite) -> None:
    site.write(openxchange=None)
    site.add_mailbox(f"technik@{DOMAIN}")
    site.declare(TECHNIK)


def applied(command: Command) -> None:
    """Applied, and the next plan is empty."""
    done = command("apply", "--yes")
    assert done.status == 0, done.words
    settled(command)


def settled(command: Command) -> None:
    again = command("plan")
    assert again.status == 0, again.words


def refused(command: Command, rule: str, subject: str) -> None:
    planned = command("plan", "--format", "json")
    assert planned.status == 5, planned.words
    found = [(f["rule"], f["subject"]) for f in planned.json["findings"] if f["severity"] == "refusal"]
    assert found == [(rule, subject)]
    assert command("apply", "--yes").status == 5


def allowing(subject: str, **more: Any) -> dict[str, Any]:
    until = (today() + timedelta(days=3)).isoformat()
    return {"confirm": [{"gate": "foreign", "subject": subject, "until": until, "reason": "agreed"}], **more}


def renaming() -> dict[str, Any]:
    return {"renames": [{"from": "bernd.alt", "to": "bernd.neuling", "date": today().isoformat()}]}


@pytest.mark.parametrize("renamed", [False, True])
def test_somebody_elses_alias_is_not_taken_for_the_own_one(site: StandInSite, command: Command, renamed: bool) -> None:
    site.add_alias(NEULING, WIRT)
    more = renaming() if renamed else {}
    if renamed:
        site.add_mailbox(f"bernd.alt@{DOMAIN}")
    site.declare(TECHNIK, BOX, more=more)
    refused(command, "foreign", NEULING)
    assert (site.goto(NEULING), site.mailbox(NEULING)) == (WIRT, None)
    site.declare(TECHNIK, BOX, more=allowing(NEULING, **more))
    planned = command("plan", "--format", "json")
    if not renamed:
        assert NEULING in [f["address"] for f in planned.json["flow"]]
    applied(command)
    assert site.goto(NEULING) == NEULING
    # taking it out again converges: the mailbox and its own alias stay, unmanaged
    site.declare(TECHNIK)
    settled(command)
    assert site.goto(NEULING) == NEULING


def test_our_own_alias_becomes_a_mailbox_and_back(site: StandInSite, command: Command) -> None:
    site.declare(TECHNIK, aliases=[f"bernd.neuling: [{WIRT}]"])
    applied(command)
    site.declare(TECHNIK, BOX)
    planned = command("plan")
    assert f"{NEULING}: 1 address elsewhere → bernd.neuling" in planned.words
    applied(command)
    assert site.goto(NEULING) == NEULING
    site.declare(TECHNIK, aliases=[f"bernd.neuling: [{WIRT}]"])
    refused(command, "foreign", NEULING)
    site.declare(TECHNIK, aliases=[f"bernd.neuling: [{WIRT}]"], more=allowing(NEULING))
    applied(command)
    assert (site.goto(NEULING), site.mailbox(NEULING) is not None) == (WIRT, True)
    site.declare(TECHNIK)
    applied(command)
    assert site.goto(NEULING) == NEULING


def test_an_alias_takes_no_mail_of_a_live_mailbox(site: StandInSite, command: Command) -> None:
    site.add_mailbox(WILD)
    site.declare(TECHNIK, aliases=[f"wild.wuchs: [{WIRT}]"])
    refused(command, "foreign", WILD)
    assert site.goto(WILD) == WILD


def test_a_declared_mailbox_that_gets_no_mail_is_warned_of(site: StandInSite, command: Command) -> None:
    """Its own alias is its user's, so nothing is planned; and nothing else would say that its mail comes back."""
    site.sql("UPDATE alias SET goto = ? WHERE address = ?", f"weg@{DOMAIN}", f"technik@{DOMAIN}")
    planned = command("plan", "--format", "json")
    assert planned.status == 0, planned.words
    (warning,) = [f for f in planned.json["findings"] if f["rule"] == "mail-flow"]
    assert (warning["severity"], warning["subject"]) == ("warning", f"technik@{DOMAIN}")
    assert warning["message"] == f"technik@{DOMAIN} gets no mail as it is: it would come back from weg@{DOMAIN}"
    assert f"correct the targets of the alias technik@{DOMAIN}" in warning["hint"]


def test_a_former_address_that_is_somebody_elses_alias(site: StandInSite, command: Command) -> None:
    site.add_alias(f"bernd.alt@{DOMAIN}", WIRT)
    site.declare(TECHNIK, BOX, more=renaming())
    refused(command, "foreign", NEULING)
    assert site.goto(f"bernd.alt@{DOMAIN}") == WIRT


def test_an_alias_of_ones_own_is_taken(site: StandInSite, command: Command) -> None:
    """An alias that leads to the old address alone is the same person's."""
    site.add_mailbox(f"bernd.alt@{DOMAIN}")
    site.add_alias(NEULING, f"bernd.alt@{DOMAIN}")
    site.declare(TECHNIK, BOX, more=renaming())
    applied(command)
    assert (site.goto(NEULING), site.goto(f"bernd.alt@{DOMAIN}")) == (NEULING, NEULING)


def test_an_alias_of_an_alias_waits_when_the_account_cannot_be_made(site: StandInSite, command: Command) -> None:
    """`info` leads to `vorstand`, and that to a mailbox that the database refuses."""
    broken = "CREATE TRIGGER no BEFORE INSERT ON mailbox BEGIN SELECT RAISE(ABORT, 'no room'); END"
    site.sql(broken)
    site.declare(TECHNIK, BOX, aliases=["vorstand: [bernd.neuling]", "info: [vorstand]"])
    done = command("apply", "--yes")
    assert done.status == 8, done.words
    assert [site.goto(f"{name}@{DOMAIN}") for name in ("vorstand", "info")] == [None, None]
    site.sql("DROP TRIGGER no")
    resumed = command("resume", "--yes")
    assert resumed.status == 0, resumed.words
    assert site.goto(f"info@{DOMAIN}") == f"vorstand@{DOMAIN}"
    settled(command)


def test_what_a_rename_carries_over_stays_as_it_is_stored(site: StandInSite, command: Command) -> None:
    alt = f"bernd.alt@{DOMAIN}"
    forwards = "Board+AbC9xYz@tasks.example", '"Muster, Bernd"@Extern.example'
    site.add_mailbox(alt, ",".join((*forwards, alt)))
    site.declare(TECHNIK, BOX, aliases=(f"presse: [technik, {WIRT}]",), more=renaming())
    said_and_private(command)
    applied(command)
    assert site.goto(NEULING) == f"{forwards[1]},{forwards[0]},{NEULING}"


def said_and_private(command: Command) -> None:
    """Where people forward their mail is counted, unless somebody asks; declared targets are named."""
    outputs = ("--html", "p.html", "--junit", "p.xml", "--sarif", "p.sarif", "--markdown", "p.md")
    assert command("plan", "--out", "p.json").status == 4
    assert command("report", "p.json", *outputs).status == 0
    texts = [command("plan").out, command("plan", "--format", "markdown").out]
    texts += [Path(name).read_text(encoding="utf-8") for name in outputs[1::2]]
    for text in texts:
        assert "tasks.example" not in text.lower()
        assert "muster, bernd" not in text.lower()
    for text in (texts[0], texts[2], texts[-1]):
        assert "forwards come along (2 addresses elsewhere)" in " ".join(text.split())
    assert f"2 addresses elsewhere, bernd.neuling@{DOMAIN}" not in texts[-1]
    assert f"bernd.neuling@{DOMAIN}, 2 addresses elsewhere&#93;" in texts[-1]
    assert all(WIRT in text for text in (texts[0], texts[2], texts[-1]))
    shown = command("plan", "--verbose").words
    assert '"muster, bernd"@extern.example' in shown.lower()
    assert "forwarded to 2 other addresses (" in shown


def test_forward_only_survives_a_rename_and_is_said(site: StandInSite, command: Command) -> None:
    alt = f"bernd.alt@{DOMAIN}"
    site.add_mailbox(alt, WIRT)
    site.declare(TECHNIK, BOX, more=renaming())
    planned = command("plan", "--format", "json")
    said = [f["message"] for f in planned.json["findings"] if f["rule"] == "forward-only"]
    assert said == [f"mail to {NEULING} goes to 1 address elsewhere only, as its user chose; the mailbox gets none"]
    applied(command)
    assert (site.goto(NEULING), site.goto(alt)) == (WIRT, NEULING)


@pytest.mark.parametrize("forwards", [WIRT, f"{WIRT},bernd.neuling@{DOMAIN}"])
def test_a_rename_back_keeps_what_the_user_chose(site: StandInSite, command: Command, forwards: str) -> None:
    """The address that the account comes back to has a mailbox, too, and an alias row that led to the present one."""
    site.declare(TECHNIK, BOX.replace("neuling", "alt", 1))
    applied(command)
    there = {**renaming()["renames"][0], "date": (today() - timedelta(days=2)).isoformat()}
    back = {"from": "bernd.neuling", "to": "bernd.alt", "date": today().isoformat()}
    site.declare(TECHNIK, BOX, more={"renames": [there]})
    applied(command)
    site.sql("UPDATE alias SET goto = ? WHERE address = ?", forwards, NEULING)
    site.declare(TECHNIK, BOX.replace("neuling", "alt", 1), more={"renames": [there, back]})
    planned = command("plan", "--format", "json")
    said = [f["message"] for f in planned.json["findings"] if f["rule"] == "forward-only"]
    alt = f"bernd.alt@{DOMAIN}"
    chosen = f"mail to {alt} goes to 1 address elsewhere only, as its user chose; the mailbox gets none"
    assert said == ([chosen] if forwards == WIRT else [])
    applied(command)
    assert set(str(site.goto(alt)).split(",")) == {WIRT} | ({alt} if forwards != WIRT else set())


@pytest.mark.parametrize("forwards", ["", "privat@extern.example,"])
def test_a_rename_onto_a_mailbox_that_forwards_everything(site: StandInSite, command: Command, forwards: str) -> None:
    """Somebody made it by hand, and led it elsewhere. Whose mail arrives in a mailbox now keeps one."""
    alt = f"bernd.alt@{DOMAIN}"
    site.add_mailbox(alt, f"{forwards}{alt}")
    site.add_mailbox(NEULING, WIRT)
    site.declare(TECHNIK, BOX, more=renaming())
    planned = command("plan", "--format", "json")
    (said,) = [f["message"] for f in planned.json["findings"] if f["rule"] == "forward-only"]
    assert said.startswith(f"mail to {NEULING} reaches its mailbox as well from now on, besides ")
    applied(command)
    assert set(str(site.goto(NEULING)).split(",")) == {NEULING, WIRT, *forwards.split(",")[:-1]}


def test_a_live_mailbox_gets_its_mail_back_when_it_is_declared(site: StandInSite, command: Command) -> None:
    """An alias was allowed to stand on it; git now names the mailbox itself."""
    site.add_mailbox(WILD)
    taken = allowing(WILD)
    taken["confirm"] += allowing(WILD)["confirm"]
    taken["confirm"][1]["gate"] = "mail-flow"
    site.declare(TECHNIK, aliases=[f"wild.wuchs: [{WIRT}]"], more=taken)
    applied(command)
    assert site.goto(WILD) == WIRT
    site.declare(TECHNIK, "wild.wuchs: {groupware: false}")
    applied(command)
    assert site.goto(WILD) == WILD
