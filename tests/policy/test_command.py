"""Every gate from the site file and the state to the refusal, through the command; each with a neighbour that passes,
and with the entry that its hint prints, which must allow it.

A gate about one subject stops that and nothing else: the block of example.org is applied all the same. A limit stops
everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from passlib.hash import sha512_crypt  # type: ignore[import-untyped]  # libpass has no stubs

from reconciler.model.declared import CONFIRMABLE
from reconciler.policy.gates import GATES
from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite, password_in, today

BLOCK = "domain: example.org, reason: spam"
TECHNIK = "technik: {groupware: false}"
CLARA = "clara.probe: {given_name: Clara, surname: Probe, member: 10103}"
PLAIN_ANNA = "anna.beispiel: {groupware: false}"
MUSTER = f"anna.muster@{DOMAIN}"
Prepare = Callable[[StandInSite], None]


@dataclass(frozen=True)
class Declared:
    """What is declared beside a mailbox that is live, and how the site differs."""

    mailboxes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    blocks: tuple[str, ...] = (BLOCK,)
    more: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] | None = None
    base: tuple[str, ...] = (TECHNIK,)


@dataclass(frozen=True)
class Gate:
    """What a gate refuses, and how little must be different for it to pass."""

    function: str
    rule: str
    subject: str
    refused: Declared
    passing: Declared
    prepare: Prepare = lambda site: None
    whole: bool = False
    """The whole plan is refused."""
    final: bool = False
    """No confirmation would help."""


def day(offset: int) -> str:
    """Today in the site's zone, give or take; nothing here is nearer than a day to its limit."""
    return (today() + timedelta(days=offset)).isoformat()


def renamed(mailbox: str, **values: Any) -> Declared:
    entry = {"from": "anna.muster", "to": "anna.beispiel", "date": day(-3), **values}
    return Declared((mailbox,), more={"renames": [entry]})


def removed(*mailboxes: str, offset: int = -1, **values: Any) -> Declared:
    entries = [{"mailbox": mailbox, "date": day(offset), "reason": "left", **values} for mailbox in mailboxes]
    return Declared(more={"removals": entries})


def live(*addresses: str) -> Prepare:
    def prepare(site: StandInSite) -> None:
        for address in addresses:
            site.add_mailbox(f"{address}@{DOMAIN}")

    return prepare


def led_by_hand(name: str, target: str) -> Prepare:
    """A mailbox, and somebody's alias that leads to it alone."""

    def prepare(site: StandInSite) -> None:
        site.add_mailbox(target)
        site.add_alias(f"{name}@{DOMAIN}", target)

    return prepare


def switched_off(*addresses: str) -> Prepare:
    """By their removals, and the ledger knows."""

    def prepare(site: StandInSite) -> None:
        for number, address in enumerate(addresses):
            site.add_mailbox(f"{address}@{DOMAIN}", active=0)
            site.was_removed(f"{address}@{DOMAIN}", run=900 + number)

    return prepare


def taken_by(name: str) -> Prepare:
    """The old mailbox of a rename, and one at its target."""

    def prepare(site: StandInSite) -> None:
        site.add_mailbox(MUSTER)
        site.add_mailbox(ANNA, name=name)

    return prepare


def live_old_anna(site: StandInSite) -> None:
    """Anna's mailbox under the former name, with the member alias that leads to it."""
    site.add_mailbox(MUSTER)
    site.add_alias(f"10042@{DOMAIN}", MUSTER)


def a_second_user(site: StandInSite) -> None:
    """Anna's user, and one that a hook made under the new name."""
    site.add_mailbox(MUSTER)
    site.add_ox_user("anna.muster", MUSTER, "Anna Muster")
    site.add_ox_user("anna.beispiel", ANNA, "Anna Beispiel")


def a_stranger_in_ox(site: StandInSite) -> None:
    site.add_ox_user("anna.beispiel", "someone@else.example", "Someone Else")


def bernd_with_ox(site: StandInSite) -> None:
    """Bernd, switched off for a while by a removal."""
    switched_off("bernd.muster")(site)
    site.add_ox_user("bernd.muster", BERND, "Bernd Muster")


def off(**policy: Any) -> Declared:
    return Declared(("bernd.muster: {groupware: false, active: false}",), policy=policy)


def limit(name: str, **values: Any) -> dict[str, Any]:
    return {"limits": {name: values}}


def quotas(*mailboxes: str) -> Declared:
    policy = limit("changes", share=0.1, at_least=1, number=9)
    return Declared(tuple(f"{m}: {{groupware: false, quota: 5 MB}}" for m in mailboxes), policy=policy)


def forwards(number: int) -> Declared:
    """Aliases; the block is one creation more."""
    aliases = tuple(f"forward{n}: [klaus@extern.example]" for n in range(number))
    return Declared(aliases=aliases, policy=limit("creations", number=3))


CASES = [
    Gate(
        "removals",
        "removals",
        "nrw",
        removed("bernd.muster", "clara.probe"),
        removed("bernd.muster"),
        live("bernd.muster", "clara.probe"),
        whole=True,
    ),
    Gate(
        "removals",
        "removals",
        "nrw",
        removed("bernd.muster", "clara.probe", offset=-100),
        removed("bernd.muster", offset=-100),
        switched_off("bernd.muster", "clara.probe"),
        whole=True,
    ),
    Gate(
        "changes",
        "changes",
        "nrw",
        quotas("bernd.muster", "clara.probe"),
        quotas("bernd.muster"),
        live("bernd.muster", "clara.probe"),
        whole=True,
    ),
    Gate("creations", "creations", "nrw", forwards(3), forwards(2), whole=True),
    Gate("empty_state", "empty-state", "nrw", Declared(base=()), Declared(), whole=True),
    Gate(
        "protected",
        "protected",
        BERND,
        off(protected=["bernd.muster"]),
        off(protected=["bernd"]),
        live("bernd.muster"),
    ),
    Gate(  # the list as shipped
        "protected",
        "protected",
        f"abuse@{DOMAIN}",
        Declared(("abuse: {groupware: false, active: false}",)),
        Declared(("abuse: {groupware: false, quota: 5 MB}",)),
        live("abuse"),
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
        live("bernd.muster"),
    ),
    Gate(  # 10103 left; 10042 is active
        "register",
        "register",
        f"clara.probe@{DOMAIN}",
        Declared((CLARA,)),
        Declared((ANNA_DECLARED,)),
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
        Declared((ANNA_DECLARED.replace("member: 10042, ", ""), "anna.muster: {groupware: false}")),
        live_old_anna,
    ),
    Gate(
        "move_target",
        "move-target",
        ANNA,
        renamed("anna.beispiel: {groupware: false, name: Anna Beispiel}", old_mailbox="move"),
        renamed("anna.beispiel: {groupware: false, name: Anna Beispiel}"),
        taken_by("Anna Beispiel"),
    ),
    Gate(
        "foreign_mailbox",
        "foreign",
        ANNA,
        renamed("anna.beispiel: {groupware: false, name: Anna Beispiel}"),
        renamed("anna.beispiel: {groupware: false, name: Somebody Else}"),
        taken_by("Somebody Else"),
    ),
    Gate(
        "foreign_login",
        "foreign",
        ANNA,
        Declared((ANNA_DECLARED,)),
        Declared((ANNA_DECLARED.replace("}", ", groupware: {username: anna.beispiel2}}"),)),
        a_stranger_in_ox,
        final=True,
    ),
    Gate(
        "second_account",
        "second-account",
        "openxchange/4",
        renamed(ANNA_DECLARED),
        Declared((ANNA_DECLARED, "anna.muster: {given_name: Anna, surname: Muster}")),
        a_second_user,
    ),
    Gate(
        "groupware_delete",
        "groupware-delete",
        BERND,
        removed("bernd.muster", offset=-100, groupware_account="delete"),
        removed("bernd.muster", offset=-100, groupware_account="keep"),
        bernd_with_ox,
    ),
    Gate(
        "lost_password",
        "password-reset",
        ANNA,
        Declared((f"anna.beispiel: {{groupware: false, password_reset: {day(0)}}}",)),
        Declared((f"anna.beispiel: {{groupware: false, member: 10042, password_reset: {day(0)}}}",)),
        live("anna.beispiel"),
    ),
    Gate(
        "early_purge",
        "early-purge",
        BERND,
        removed("bernd.muster", offset=-100),
        removed("bernd.muster", offset=-80),
        live("bernd.muster"),
        final=True,
    ),
    Gate(
        "wide_block",
        "wide-block",
        "web.de",
        Declared(blocks=(BLOCK, "domain: web.de, reason: spam")),
        Declared(blocks=(BLOCK, "domain: mail.web.de, reason: spam")),
    ),
    Gate(
        "wide_block",
        "wide-block",
        "posteo.example",
        Declared(blocks=(BLOCK, "domain: posteo.example, reason: spam"), policy={"never_block": ["posteo.example"]}),
        Declared(blocks=(BLOCK, "domain: web.de, reason: spam"), policy={"never_block": ["posteo.example"]}),
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
        live("bernd.muster"),
    ),
    Gate(
        "foreign_alias",
        "foreign",
        f"neuling@{DOMAIN}",
        Declared(("neuling: {groupware: false}",)),
        Declared(("neuling2: {groupware: false}",)),
        led_by_hand("neuling", BERND),
    ),
    Gate(  # nobody named that address when Bernd was switched off
        "mail_flow",
        "mail-flow",
        f"info@{DOMAIN}",
        off(),
        Declared(("bernd.muster: {groupware: false, quota: 5 MB}",)),
        led_by_hand("info", BERND),
    ),
]


def ids(case: Gate) -> str:
    return f"{case.function}-{CASES.index(case)}"


@pytest.fixture(params=CASES, ids=ids)
def case(request: pytest.FixtureRequest, site: StandInSite) -> Gate:
    made = request.param
    assert isinstance(made, Gate)
    live("technik")(site)
    made.prepare(site)
    return made


def write(site: StandInSite, declared: Declared) -> None:
    site.declare(
        *declared.base, *declared.mailboxes, aliases=declared.aliases, blocks=declared.blocks, more=declared.more
    )
    site.write(policy=declared.policy)


def refusals(command: Command) -> list[dict[str, Any]]:
    return [f for f in command("plan", "--format", "json").json["findings"] if f["severity"] == "refusal"]


def printed(section: str, report: str) -> str:
    """The lines of a report that a person would paste into a state file."""
    found = re.search(rf"^{section}:\n(?:  - .*\n)+", report, re.MULTILINE)
    return found[0] if found else ""


def test_two_refusals_are_allowed_by_one_block(site: StandInSite, command: Command) -> None:
    """Their entries stand under one key: two of them would be an error."""
    live("technik", "bernd.muster", "clara.probe")(site)
    write(site, replace(removed("bernd.muster", "clara.probe"), mailboxes=("x--y: {groupware: false}",)))
    entry = printed("confirm", command("plan").out)
    assert entry.count("\n  - {gate: ") == 2
    state = site.folder / "state" / "state.yaml"
    state.write_text(state.read_text() + entry.replace('reason: ""', "reason: looked at it"))
    assert refusals(command) == []


def test_a_gate_refuses_what_it_is_about_and_nothing_else(site: StandInSite, command: Command, case: Gate) -> None:
    write(site, case.refused)
    before = site.sql("SELECT * FROM mailbox"), site.sql("SELECT * FROM alias")
    assert command("plan").status == 5
    (finding,) = refusals(command)
    assert (finding["rule"], finding["subject"]) == (case.rule, case.subject)
    assert finding["message"]
    assert finding["hint"]
    assert finding["place"] is None or finding["place"]["file"].endswith("state/state.yaml")
    applied = command("apply", "--yes")
    assert applied.status == 5
    assert finding["message"].split()[0] in applied.words
    assert (site.sql("SELECT * FROM mailbox"), site.sql("SELECT * FROM alias")) == before
    assert ("\nexample.org REJECT\n" in site.map.read_text()) is not case.whole


def test_its_neighbour_passes(site: StandInSite, command: Command, case: Gate) -> None:
    write(site, case.passing)
    planned = command("plan")
    assert planned.status == 4, planned.words
    applied = command("apply", "--yes")
    assert applied.status == 0, applied.words
    again = command("plan")
    assert again.status == 0, again.words


def test_the_entry_that_its_hint_prints_allows_it(site: StandInSite, command: Command, case: Gate) -> None:
    """issue 3: the exact `confirm` entry that would allow it; it lifts one gate, and is reported."""
    write(site, case.refused)
    (finding,) = refusals(command)
    entry = printed("confirm", command("plan").out)
    if case.rule not in CONFIRMABLE or case.final:
        assert (entry, finding["entries"]) == ("", [])
        return
    assert entry in finding["entries"]
    assert f"```yaml\n{entry}```\n" in command("plan", "--format", "markdown").out
    state = site.folder / "state" / "state.yaml"
    declared = state.read_text()
    state.write_text(declared + entry)
    unexplained = command("validate")
    assert unexplained.status == 3
    assert "write the reason" in unexplained.words
    state.write_text(declared + entry.replace('reason: ""', "reason: looked at it"))
    document = command("plan", "--format", "json")
    assert document.status == 4, document.words
    notes = [(f["severity"], f["rule"], f["subject"]) for f in document.json["findings"]]
    assert ("note", case.rule, case.subject) in notes
    assert "unused-confirm" not in [rule for _, rule, _ in notes]
    assert not any(t["refused"] for t in document.json["transitions"])
    confirmed = command("plan")
    assert "looked at it" in confirmed.words
    assert [printed(section, confirmed.out) for section in ("confirm", "renames")] == ["", ""]


def test_what_another_gate_stops_does_not_count(site: StandInSite, command: Command) -> None:
    """Two aliases and a block are as many creations as may be; a mailbox that is refused is none. Confirmed, it is
    one: then there are too many."""
    live("technik")(site)
    declared = replace(forwards(2), mailboxes=("x--y: {groupware: false}",))
    write(site, declared)
    assert [finding["rule"] for finding in refusals(command)] == ["naming"]
    entry = {"gate": "naming", "subject": f"x--y@{DOMAIN}", "until": day(3), "reason": "looked at it"}
    write(site, replace(declared, more={"confirm": [entry]}))
    assert [finding["rule"] for finding in refusals(command)] == ["creations"]


def test_what_waits_for_its_date_is_judged_on_that_day(site: StandInSite, command: Command) -> None:
    """A rename to an address outside the pattern: nothing is done today, so nothing is refused. Due, it is."""
    live("technik")(site)
    live_old_anna(site)
    policy = {"local_part": "^nothing$"}
    write(site, replace(renamed(PLAIN_ANNA, date=day(3)), policy=policy, blocks=()))
    assert refusals(command) == []
    write(site, replace(renamed(PLAIN_ANNA), policy=policy, blocks=()))
    assert [finding["rule"] for finding in refusals(command)] == ["naming"]


def test_a_refused_declaration_comes_with_the_lines_that_would_allow_it(site: StandInSite, command: Command) -> None:
    """A rename is declared, never guessed; the refusal has the exact lines to add."""
    live_old_anna(site)
    site.declare(PLAIN_ANNA.replace("}", ", member: 10042}"))
    (finding,) = refusals(command)
    lines = printed("renames", command("plan").out)
    assert lines in finding["entries"]
    state = site.folder / "state" / "state.yaml"
    state.write_text(state.read_text() + lines)
    assert command("validate").status == 0
    assert refusals(command) == []
    assert command("apply", "--yes").status == 0
    assert site.goto(MUSTER) == ANNA


def test_removals_of_two_runs_count_together_for_a_day(site: StandInSite, command: Command) -> None:
    """Over one run and over the last 24 hours, by the ledger."""
    live("technik", "bernd.muster", "clara.probe")(site)
    write(site, removed("bernd.muster"))
    assert command("apply", "--yes").status == 0
    write(site, removed("bernd.muster", "clara.probe"))
    (finding,) = refusals(command)
    assert (finding["rule"], finding["subject"]) == ("removals", "nrw")
    assert "1 removal now + 1 in 24 h with 3 managed accounts of nrw: at most 1 allowed" in finding["message"]
    assert command("apply", "--yes").status == 5
    clara = site.mailbox(f"clara.probe@{DOMAIN}")
    assert clara is not None
    assert clara["active"] == 1


def test_aliases_that_vanish_from_git_are_removed_through_the_limit(site: StandInSite, command: Command) -> None:
    """An alias whose entry goes is removed, through the gates."""
    live("technik")(site)
    write(site, Declared(aliases=("vorstand: [technik]", "presse: [technik]")))
    assert command("apply", "--yes").status == 0
    write(site, Declared())
    (finding,) = refusals(command)
    assert (finding["rule"], finding["subject"]) == ("removals", "nrw")
    write(site, Declared(aliases=("vorstand: [technik]",)))
    assert command("plan").status == 4
    assert refusals(command) == []


def test_an_alias_that_others_lead_to_stays(site: StandInSite, command: Command) -> None:
    """Gate dangling-alias: its mail would bounce, although nothing about the other alias changes."""
    live("technik")(site)
    write(site, Declared(aliases=("vorstand: [presse]", "presse: [technik]")))
    assert command("apply", "--yes").status == 0
    write(site, Declared(aliases=("vorstand: [presse]",)))
    (finding,) = refusals(command)
    assert (finding["rule"], finding["subject"]) == ("dangling-alias", f"presse@{DOMAIN}")
    assert f"vorstand@{DOMAIN} leads to it" in finding["message"]
    write(site, Declared(aliases=("vorstand: [technik]",)))
    assert refusals(command) == []


@pytest.mark.parametrize(
    ("declared", "rule", "severity"),
    [
        (renamed(PLAIN_ANNA, date=day(3)), "future-rename", "later"),
        (removed("anna.muster", offset=3), "removal", "note"),
        (Declared((f"anna.muster: {{groupware: false, password_reset: {day(3)}}}",)), "one-shot", "note"),
        (Declared((f"anna.muster: {{groupware: false, password_reset: {day(-16)}}}",)), "missed", "warning"),
        (Declared(more={"confirm": [{"gate": "naming", "subject": ANNA, "until": day(3), "reason": "x"}]}),
         "unused-confirm", "note"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_to_come_is_listed_and_changes_no_status(
    site: StandInSite, command: Command, declared: Declared, rule: str, severity: str
) -> None:
    """A future removal and a missed one-shot date are listed, status 0."""
    live("technik", "anna.muster")(site)
    site.write(policy=declared.policy)
    site.declare(*declared.base, *declared.mailboxes, more=declared.more)
    document = command("plan", "--format", "json")
    assert document.status == 0, document.words
    assert (severity, rule) in [(f["severity"], f["rule"]) for f in document.json["findings"]]


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


def lets_in(site: StandInSite, password: str) -> bool:
    """Whether Anna's password holds in both systems."""
    (box,) = site.sql("SELECT password FROM mailbox WHERE username = ?", ANNA)
    stored = str(box["password"]).removeprefix("{SHA512-CRYPT}")
    return bool(sha512_crypt.verify(password, stored)) and control.check_password(site.ox, "anna.beispiel", password)


@pytest.mark.parametrize("missing", ["ox", "register"])
def test_a_password_reset_waits_for_an_unknown_system(site: StandInSite, command: Command, missing: str) -> None:
    """Else the letter told a password that OX does not take, or they had a new one and no letter."""
    members = site.folder / "members.csv"
    site.declare(ANNA_DECLARED)
    assert command("apply", "--yes").status == 0
    first, register_ = password_in(site.letters()["anna@gmx.example"]), members.read_text()
    site.declare(ANNA_DECLARED.replace("}", f", password_reset: {day(0)}}}"))
    # an account that was made today gets no reset today
    site.sql("UPDATE reconciler_steps SET ended = datetime(ended, '-2 days'), began = datetime(began, '-2 days')")
    if missing == "ox":
        site.fault("down")
    else:
        members.unlink()
    answer = command("apply", "--yes")
    assert answer.status == 9, answer.words
    assert password_in(site.letters()["anna@gmx.example"]) == first
    assert lets_in(site, first)
    site.sound()
    members.write_text(register_)
    assert command("apply", "--yes").status == 0
    second = password_in(site.letters()["anna@gmx.example"])
    assert second != first
    assert lets_in(site, second)


def test_what_a_run_left_waits_for_an_unknown_system_too(site: StandInSite, command: Command) -> None:
    """The new account has its mailbox, and OX is down when the run is taken up: no letter before OX is ready."""
    site.declare(ANNA_DECLARED)
    site.fault("down", tool="createuser")
    assert command("apply", "--yes").status == 8
    site.fault("down")
    assert command("resume", "--yes").status == 9
    assert site.letters() == {}
    site.sound()
    assert command("resume", "--yes").status == 0
    password = password_in(site.letters()["anna@gmx.example"])
    assert lets_in(site, password)


def test_the_plan_ends_with_what_the_limits_looked_at(site: StandInSite, command: Command) -> None:
    live("technik")(site)
    write(site, Declared())
    assert "removals: 0 of at most 1 (1 account, 24 h) ✓" in command("plan").words


_BY_A_TEST_OF_ITS_OWN = {
    "forward_only",
    *("unknown_system", "future_rename", "coming_removal", "one_shots"),
    *("unmanaged", "unknown_removal", "kept_groupware"),  # tests/cli/test_left_alone.py
    *("untold_password", "uncertain_letters"),  # tests/cli/test_letters.py
    "half_given_password",  # tests/cli/test_password.py
    *("domains", "sub_addresses"),  # tests/cli/test_domains.py
    *("new_domain", "domain_off", "missing_target_domain"),  # tests/cli/test_declared_domains.py
    "display_name",  # tests/policy/test_account_lives.py
    *("member_changed", "foreign_number", "waiting_alias"),  # tests/policy/test_account_takeovers.py
}


def test_every_gate_has_a_case() -> None:
    """A gate that is wired to nothing is none."""
    assert {case.function for case in CASES} | _BY_A_TEST_OF_ITS_OWN == {gate.__name__ for gate in GATES}
