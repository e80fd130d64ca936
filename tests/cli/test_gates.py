"""Every gate from the site file and the state to the refusal, through the command; each with a neighbour that passes.

A gate stops what it is about and nothing else: in every case the block of example.org is applied all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from reconciler.policy.gates import GATES
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite

BLOCK = "domain: example.org, reason: spam"
CLARA = "clara.probe: {given_name: Clara, surname: Probe, member: 10103}"
Prepare = Callable[[StandInSite], None]


@dataclass(frozen=True)
class Declared:
    """What is declared, and how the site differs."""

    mailboxes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] | None = None


@dataclass(frozen=True)
class Gate:
    """What a gate refuses, and how little must be different for it to pass."""

    function: str
    rule: str
    subject: str
    refused: Declared
    passing: Declared
    prepare: Prepare = lambda site: None


def day(offset: int) -> str:
    """Today in the site's zone, give or take; nothing here is nearer than a day to its limit."""
    return (date.today() + timedelta(days=offset)).isoformat()


def rename(old: str) -> dict[str, Any]:
    return {"renames": [{"from": old, "to": "anna.beispiel", "date": day(-3)}]}


def live_bernd(site: StandInSite) -> None:
    site.add_mailbox(BERND)


def live_old_anna(site: StandInSite) -> None:
    """Her mailbox under her former name, with the member alias that leads to it."""
    site.add_mailbox(f"anna.muster@{DOMAIN}")
    site.add_alias(f"10042@{DOMAIN}", f"anna.muster@{DOMAIN}")


def a_stranger_in_ox(site: StandInSite) -> None:
    site.add_ox_user("anna.beispiel", "someone@else.example", "Someone Else")


def reset(name: str, offset: int) -> Declared:
    return Declared((ANNA_DECLARED.replace("}", f", {name}: {day(offset)}}}"),))


CONFIRM = {"gate": "groupware-delete", "subject": BERND, "until": day(7), "reason": "data handed over"}

CASES = [
    Gate(
        "not_carried_out_yet",
        "rename",
        ANNA,
        Declared((ANNA_DECLARED,), more=rename("a.m")),
        Declared((ANNA_DECLARED,)),
    ),
    Gate(
        "not_carried_out_yet",
        "removal",
        BERND,
        Declared(more={"removals": [{"mailbox": "bernd.muster", "date": day(-1), "reason": "left"}]}),
        Declared(),
        live_bernd,
    ),
    Gate("not_carried_out_yet", "confirm", BERND, Declared((BERND_DECLARED,), more={"confirm": [CONFIRM]}), Declared()),
    Gate("not_carried_out_yet", "password_reset", ANNA, reset("password_reset", -12), reset("password_reset", -16)),
    Gate("not_carried_out_yet", "password_reset", ANNA, reset("password_reset", -1), reset("password_reset", 2)),
    Gate(
        "not_carried_out_yet",
        "subscriptions_reset",
        ANNA,
        reset("subscriptions_reset", -12),
        reset("subscriptions_reset", -16),
    ),
    Gate(
        "missing_domain",
        "missing-domain",
        "info@nowhere.example",
        Declared(("info@nowhere.example: {groupware: false}",)),
        Declared((f"info@{DOMAIN}: {{groupware: false}}",)),
    ),
    Gate(
        "naming",
        "naming",
        f"x--y@{DOMAIN}",
        Declared(("x--y: {groupware: false}",)),
        Declared(("x-y: {groupware: false}",)),
    ),
    Gate(
        "naming",
        "naming",
        f"x-y@{DOMAIN}",
        Declared(("x-y: {groupware: false}",), policy={"local_part": "^[a-z]+$"}),
        Declared(("xy: {groupware: false}",), policy={"local_part": "^[a-z]+$"}),
    ),
    Gate(  # a live mailbox keeps its name
        "naming",
        "naming",
        f"x--y@{DOMAIN}",
        Declared(("x--y: {groupware: false}",)),
        Declared(("bernd.muster: {groupware: false, name: Bernd}",), policy={"local_part": "^nothing$"}),
        live_bernd,
    ),
    Gate(  # 10103 left; 10042 is active
        "register",
        "register",
        f"clara.probe@{DOMAIN}",
        Declared((CLARA,)),
        Declared((CLARA.replace("10103", "10042"),)),
    ),
    Gate(
        "register",
        "register",
        ANNA,
        Declared((ANNA_DECLARED.replace("10042", "99999"),)),
        Declared((ANNA_DECLARED,)),
    ),
    Gate(
        "suspected_rename",
        "suspected-rename",
        ANNA,
        Declared((ANNA_DECLARED,)),
        Declared((ANNA_DECLARED, "anna.muster: {groupware: false}")),
        live_old_anna,
    ),
    Gate(
        "foreign",
        "foreign",
        ANNA,
        Declared((ANNA_DECLARED,)),
        Declared((ANNA_DECLARED.replace("}", ", groupware: {username: anna.beispiel2}}"),)),
        a_stranger_in_ox,
    ),
    Gate(
        "missing_alias_domain",
        "missing-domain",
        "info@nowhere.example",
        Declared(aliases=("info@nowhere.example: [klaus@extern.example]",)),
        Declared(aliases=(f"info@{DOMAIN}: [klaus@extern.example]",)),
    ),
    Gate(
        "dangling_alias",
        "dangling-alias",
        f"vorstand@{DOMAIN}",
        Declared(aliases=("vorstand: [bernd.mustre]",)),
        Declared(aliases=("vorstand: [bernd.muster]",)),
        live_bernd,
    ),
]


def ids(case: Gate) -> str:
    return f"{case.function}-{case.rule}-{CASES.index(case)}"


@pytest.fixture(params=CASES, ids=ids)
def case(request: pytest.FixtureRequest, site: StandInSite) -> Gate:
    made = request.param
    assert isinstance(made, Gate)
    made.prepare(site)
    return made


def write(site: StandInSite, declared: Declared) -> None:
    site.declare(*declared.mailboxes, aliases=declared.aliases, blocks=[BLOCK], more=declared.more)
    site.write(policy=declared.policy)


def test_a_gate_refuses_what_it_is_about_and_nothing_else(site: StandInSite, command: Command, case: Gate) -> None:
    write(site, case.refused)
    before = site.sql("SELECT * FROM mailbox"), site.sql("SELECT * FROM alias")
    planned = command("plan", "--format", "json")
    assert planned.status == 5
    (finding,) = (f for f in planned.json["findings"] if f["severity"] == "refusal")
    assert (finding["rule"], finding["subject"]) == (case.rule, case.subject)
    assert finding["message"]
    assert finding["hint"]
    assert finding["place"] is None or finding["place"]["file"].endswith("state/state.yaml")
    applied = command("apply", "--yes")
    assert applied.status == 5
    assert finding["message"].split()[0] in applied.words
    assert (site.sql("SELECT * FROM mailbox"), site.sql("SELECT * FROM alias")) == before
    assert "\nexample.org REJECT\n" in site.map.read_text()


def test_its_neighbour_passes(site: StandInSite, command: Command, case: Gate) -> None:
    write(site, case.passing)
    assert command("plan").status == 4
    applied = command("apply", "--yes")
    assert applied.status == 0, applied.words
    again = command("plan")
    assert again.status == 0, again.words


def test_a_refused_declaration_comes_with_the_lines_that_would_allow_it(site: StandInSite, command: Command) -> None:
    """design.md section 4: a rename is declared, never guessed; the refusal has the exact lines to add."""
    live_old_anna(site)
    site.declare(ANNA_DECLARED)
    (finding,) = (f for f in command("plan", "--format", "json").json["findings"] if f["rule"] == "suspected-rename")
    (lines,) = re.findall("`(.*)`", finding["hint"])
    assert lines in command("plan").words  # as they are: nothing is escaped
    state = site.folder / "state" / "state.yaml"
    state.write_text(state.read_text() + lines + "\n")
    assert command("validate").status == 0
    rules = [f["rule"] for f in command("plan", "--format", "json").json["findings"] if f["severity"] == "refusal"]
    assert rules == ["rename"]


@pytest.mark.parametrize("missing", ["ox", "register"])
def test_new_accounts_wait_for_an_unknown_system_and_live_ones_do_not(
    site: StandInSite, command: Command, missing: str
) -> None:
    """Gate unknown-system; its neighbour is a change of an account that stands."""
    site.declare(ANNA_DECLARED)
    assert command("apply", "--yes").status == 0
    site.sql("UPDATE mailbox SET quota = 512 * 1024000")
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    if missing == "ox":
        site.fault("down")
    else:
        (site.folder / "members.csv").unlink()
    planned = command("plan", "--format", "json")
    assert planned.status == 9
    refused = {t["subject"]: t["refused"] for t in planned.json["transitions"]}
    assert refused == {ANNA: [], BERND: ["unknown-system"]}
    assert command("apply", "--yes").status == 9
    assert site.mailbox(BERND) is None
    anna = site.mailbox(ANNA)
    assert anna is not None
    assert anna["quota"] == 10240 * 1024000
    site.sound()
    site.write()
    site.folder.joinpath("members.csv").write_text(
        "member,status,email,given_name,surname\n10077,active,b@gmx.example,,\n"
    )
    assert command("apply", "--yes").status == 0
    assert site.mailbox(BERND) is not None


def test_every_gate_has_a_case() -> None:
    """A gate that is wired to nothing is none (style.md)."""
    tried = {case.function for case in CASES} | {"unknown_system"}
    assert tried == {gate.__name__ for gate in GATES}
