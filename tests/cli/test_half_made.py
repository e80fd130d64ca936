"""Half-made accounts through the command, each row of docs/repair.md: the plan names the cause, apply repairs it, the
next plan is empty, and nothing was deleted. On a site whose ledger is empty, and on one that reconciler managed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, DOMAIN, OX_PASSWORD, StandInSite, password_in
from tests.services.quick import called
from tests.services.smtp import Fault, running_server

NUMBER = f"10042@{DOMAIN}"
TECHNIK = "technik: {groupware: false}"
FOO = "anna.beispiel@foo.example"

Damage = Callable[[StandInSite], None]


def mailbox(site: StandInSite) -> None:
    site.add_mailbox(ANNA, name="Anna Beispiel", quota=10240 * 1024000)


def number(site: StandInSite) -> None:
    site.add_alias(NUMBER, ANNA)


def ox_user(site: StandInSite) -> None:
    site.add_ox_user("anna.beispiel", ANNA, "Anna Beispiel")
    site.change_ox_user("anna.beispiel", "--imaplogin", ANNA)


def own_alias(site: StandInSite) -> None:
    site.add_alias(ANNA, ANNA)


def sql(statement: str) -> Damage:
    return lambda site: void(site.sql(statement.format(ANNA=ANNA, NUMBER=NUMBER)))


def void(result: object) -> None:
    """A damage has no result."""


def without_ox_user(site: StandInSite) -> None:
    """The wiki's "ox_create": the mailbox and its aliases are there."""
    mailbox(site)
    number(site)


def delete_ox_user(site: StandInSite) -> None:
    env = {"ADMIN_PASSWORD": OX_PASSWORD, "LC_ALL": "C.UTF-8"}
    assert called("deleteuser", site.ox, ["-c", "1", "-A", "oxadmin", "-u", "anna.beispiel"], env).status == 0


def whole(*damages: Damage) -> Damage:
    """An account that nobody but PostfixAdmin and OX knows, then damaged."""

    def made(site: StandInSite) -> None:
        for each in (mailbox, number, ox_user, *damages):
            each(site)

    return made


NO_OWN, NO_NUMBER = "DELETE FROM alias WHERE address = '{ANNA}'", "DELETE FROM alias WHERE address = '{NUMBER}'"
OWN_OFF = "UPDATE alias SET active = 0 WHERE address = '{ANNA}'"
OWN_EMPTY = "UPDATE alias SET goto = '' WHERE address = '{ANNA}'"
NUMBER_OFF = "UPDATE alias SET active = 0 WHERE address = '{NUMBER}'"
NUMBER_ELSEWHERE = "UPDATE alias SET goto = 'x@extern.example' WHERE address = '{NUMBER}'"
NO_MAILBOX = "DELETE FROM mailbox WHERE username = '{ANNA}'"


class Case(NamedTuple):
    """How it looks on a site that reconciler never saw, and what the plan's line says."""

    made: Damage
    cause: str


UNSEEN = {
    "mailbox without OX user": Case(without_ox_user, 'the mailbox has no OX user, as after an "ox_create" error'),
    "OX user without mailbox": Case(ox_user, "OX user 3 is there without a mailbox and is taken up, with its data"),
    "alias without mailbox": Case(own_alias, "an alias row that leads to itself was left without its mailbox"),
    "member alias without mailbox": Case(number, "10042@ leads to it already, and nobody received that mail"),
    "mailbox without own alias": Case(whole(sql(NO_OWN)), "the mailbox has no alias row of its own"),
    "own alias switched off": Case(whole(sql(OWN_OFF)), "its own alias row was off and the mailbox on"),
    "own alias leads nowhere": Case(whole(sql(OWN_EMPTY)), "its own alias row led nowhere"),
    "member alias missing": Case(whole(sql(NO_NUMBER)), "10042@ was missing"),
    "member alias switched off": Case(whole(sql(NUMBER_OFF)), "10042@ was switched off"),
}

GONE = "was there before and is gone, deleted outside of reconciler"
MANAGED = {
    "mailbox without OX user": Case(delete_ox_user, f"its OX user {GONE}"),
    "OX user without mailbox": Case(sql(NO_MAILBOX), f"its mailbox {GONE}; OX user 3 is there without a mailbox"),
    "mailbox without own alias": Case(sql(NO_OWN), "the mailbox has no alias row of its own"),
    "own alias switched off": Case(sql(OWN_OFF), "its own alias row was off and the mailbox on"),
    "member alias missing": Case(sql(NO_NUMBER), f"10042@ {GONE}"),
    "member alias elsewhere": Case(sql(NUMBER_ELSEWHERE), "10042@ led elsewhere, changed outside of reconciler"),
}


def keys(site: StandInSite) -> set[tuple[str, str]]:
    """All that could be deleted."""
    boxes, aliases = site.sql("SELECT username FROM mailbox"), site.sql("SELECT address FROM alias")
    found = {("mailbox", row["username"]) for row in boxes} | {("alias", row["address"]) for row in aliases}
    return found | {("ox", str(user.id)) for user in control.users(site.ox)}


def summary(command: Command) -> str:
    """The one line of the plan, whose status says that there is something to do."""
    planned = command("plan", "--format", "json")
    assert planned.status == 4, planned.words
    (line,) = planned.json["transitions"]
    assert command("plan").words.endswith("next: reconciler apply")
    return str(line["summary"])


def is_repaired(site: StandInSite, command: Command) -> None:
    """By apply, which deletes nothing; the next plan is empty, and everything is as for a new account."""
    before = keys(site)
    applied = command("apply", "--yes")
    assert applied.status == 0, applied.words
    assert keys(site) >= before
    again = command("plan", "--format", "json")
    assert (again.status, again.json["transitions"]) == (0, []), again.words
    assert command("drift").status == 0
    box = site.mailbox(ANNA)
    assert box is not None
    assert box["active"] == 1
    assert (site.goto(ANNA), site.goto(NUMBER)) == (ANNA, ANNA)
    assert {row["active"] for row in site.sql("SELECT active FROM alias")} == {1}
    assert [user.fields["PrimaryEmail"] for user in control.users(site.ox) if user.id != 2] == [ANNA]


@pytest.mark.parametrize("case", UNSEEN.values(), ids=UNSEEN)
def test_what_nobody_managed_is_repaired_with_its_cause(site: StandInSite, command: Command, case: Case) -> None:
    case.made(site)
    site.declare(ANNA_DECLARED)
    assert case.cause in summary(command)
    is_repaired(site, command)


@pytest.mark.parametrize("case", MANAGED.values(), ids=MANAGED)
def test_what_was_managed_is_repaired_with_its_cause(site: StandInSite, command: Command, case: Case) -> None:
    site.declare(ANNA_DECLARED)
    assert command("apply", "--yes").status == 0
    case.made(site)
    assert case.cause in summary(command)
    is_repaired(site, command)


def test_the_page_has_every_cause() -> None:
    page = " ".join((Path(__file__).parents[2] / "docs" / "repair.md").read_text(encoding="utf-8").split())
    for case in [*UNSEEN.values(), MANAGED["member alias elsewhere"]]:
        assert case.cause.replace("user 3", "user 4100") in page


EXTERN = "x@extern.example"
RECEIVED: dict[str, tuple[list[Damage], bool]] = {
    "an alias at the address leads elsewhere": ([lambda site: site.add_alias(ANNA, EXTERN), number], True),
    "the number leads to somebody else, too": ([lambda site: site.add_alias(NUMBER, f"{ANNA},{EXTERN}")], True),
    "the number is off": ([number, sql(NUMBER_OFF)], False),
}


@pytest.mark.parametrize(("damages", "leads"), RECEIVED.values(), ids=RECEIVED)
def test_nobody_is_said_to_receive_nothing_who_does(
    site: StandInSite, command: Command, damages: list[Damage], leads: bool
) -> None:
    for damage in damages:
        damage(site)
    site.declare(ANNA_DECLARED)
    planned = command("plan", "--format", "json")
    (line,) = planned.json["transitions"]
    assert "nobody received" not in planned.out
    assert ("10042@ leads to it already" in line["reason"]) == leads


def refusal(command: Command) -> dict[str, Any]:
    """The one refusal of a plan."""
    planned = command("plan", "--format", "json")
    assert planned.status == 5, planned.words
    (finding,) = [f for f in planned.json["findings"] if f["severity"] == "refusal"]
    return dict(finding)


def test_a_kept_ox_user_of_somebody_else_is_not_taken_up(site: StandInSite, command: Command) -> None:
    """The addresses agree and the names do not: a person looks at it first."""
    site.add_ox_user("anna.beispiel", ANNA, "Otto Fremd")
    site.declare(ANNA_DECLARED)
    before = site.live()
    finding = refusal(command)
    assert finding["rule"] == "member-changed"
    assert "that of Otto Fremd, whose OX user 3 was kept" in finding["message"]
    assert command("apply", "--yes").status == 5
    assert site.live() == before


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (whole(sql(NUMBER_ELSEWHERE)), f"the alias {NUMBER} leads to x@extern.example, and reconciler did not make it"),
        (
            lambda site: site.add_alias(ANNA, "x@extern.example"),
            f"the alias {ANNA} leads to x@extern.example, and reconciler did not make it",
        ),
    ],
    ids=["member alias", "own address"],
)
def test_an_alias_that_leads_elsewhere_is_repaired_once_somebody_confirmed_it(
    site: StandInSite, command: Command, made: Damage, said: str
) -> None:
    made(site)
    site.declare(ANNA_DECLARED)
    finding = refusal(command)
    assert (finding["rule"], finding["message"]) == ("foreign", said)
    (entry,) = finding["entries"]
    (site.folder / "state" / "confirm.yaml").write_text(entry.replace('reason: ""', "reason: looked at it"))
    summary(command)
    is_repaired(site, command)


@pytest.fixture
def taken(site: StandInSite) -> StandInSite:
    """The wiki: the mailbox was made in the wrong domain and deleted, its OX user stayed, and the new mailbox has none
    since the login is taken."""
    site.add_domain("foo.example")
    site.add_ox_user("anna.beispiel", FOO, "Anna Beispiel")
    mailbox(site)
    number(site)
    site.declare(ANNA_DECLARED, TECHNIK)
    return site


def test_a_login_of_another_domain_is_explained_and_a_rename_offered(taken: StandInSite, command: Command) -> None:
    """The very line that is printed works, and OX user 3 keeps its data."""
    finding = refusal(command)
    assert finding["rule"] == "foreign"
    assert "wants the OX login 'anna.beispiel', but OX user 3 'anna.beispiel'" in finding["message"]
    assert "OX has each login once, whatever the domain" in finding["message"]
    assert "`groupware: {username: anna.beispiel2}`" in finding["hint"]
    (entry,) = finding["entries"]
    assert entry.startswith("renames:")
    assert entry.splitlines()[-1] in command("plan").out
    (taken.folder / "state" / "renames.yaml").write_text(entry)
    before = keys(taken)
    applied = command("apply", "--yes")
    assert applied.status == 0, applied.words
    assert keys(taken) >= before
    assert command("plan").status == 0
    assert control.user(taken.ox, "anna.beispiel").id == 3
    assert control.user(taken.ox, "anna.beispiel").fields["PrimaryEmail"] == ANNA


def test_or_another_login(taken: StandInSite, command: Command) -> None:
    hint = refusal(command)["hint"]
    (line,) = re.findall("`(groupware: .*?)`", hint)
    assert "and a `name` of its own, since 'Anna Beispiel' is taken, too" in hint
    taken.declare(ANNA_DECLARED.replace("}", f", {line}, name: Anna Beispiel II}}"), TECHNIK)
    before = keys(taken)
    assert 'after an "ox_create" error' in " ".join(
        t["summary"] for t in command("plan", "--format", "json").json["transitions"]
    )
    assert command("apply", "--yes").status == 0
    assert command("plan").status == 0
    assert keys(taken) >= before
    assert control.user(taken.ox, "anna.beispiel").fields["PrimaryEmail"] == FOO
    assert control.user(taken.ox, "anna.beispiel2").fields["PrimaryEmail"] == ANNA


@pytest.mark.parametrize(
    "another",
    [
        lambda site: site.change_ox_user("anna.beispiel", "-g", "Otto", "-s", "Fremd", "-d", "Otto Fremd"),
        lambda site: site.add_alias("10077@foo.example", FOO),
        lambda site: site.add_mailbox(FOO, name="Anna Beispiel"),
        lambda site: site.add_ox_user("anna.beispiel2", "other@foo.example", "Another One"),
    ],
    ids=["another name", "another number", "the other mailbox is live", "the next login is taken, too"],
)
def test_a_rename_that_may_take_somebody_elses_account_is_not_offered(
    taken: StandInSite, command: Command, another: Damage
) -> None:
    another(taken)
    finding = refusal(command)
    if "anna.beispiel2" in [user.ident for user in control.users(taken.ox)]:
        assert "`groupware: {username: anna.beispiel3}`" in finding["hint"]
    else:
        assert finding["entries"] == []
        assert "or give user 3 another login in OX" in finding["hint"]


def test_a_letter_that_was_never_sent(site: StandInSite, command: Command) -> None:
    """Everything is there and nobody knows the password: the next run makes another one, and tells it."""
    site.declare(ANNA_DECLARED)
    with running_server() as server:
        site.write(letters={"from": "technik@mail.example", "smtp": {"host": server.host, "port": server.port}})
        server.faults = {Fault.REFUSES_DATA}
        assert command("apply", "--yes").status == 8
    site.write(letters={"from": "technik@mail.example", "outbox": "outbox"})
    assert "the letter of an earlier run did not go out" in summary(command)
    is_repaired(site, command)
    assert control.check_password(site.ox, "anna.beispiel", password_in(site.letters()["anna@gmx.example"]))


UNDECLARED = {
    "mailbox without OX user": (without_ox_user, f"mailbox {ANNA} (without an OX user)"),
    "OX user without mailbox": (ox_user, f"OX user openxchange/3 (anna.beispiel, {ANNA}, without a mailbox)"),
    "alias without mailbox": (own_alias, f"alias {ANNA} (its mail comes back from {ANNA}, where no mailbox takes it)"),
    "member alias without mailbox": (
        number,
        f"alias {NUMBER} (its mail comes back from {ANNA}, where no mailbox takes",
    ),
    "mailbox without own alias": (whole(sql(NO_OWN)), f"mailbox {ANNA} (without an alias row of its own)"),
    "own alias switched off": (whole(sql(OWN_OFF)), f"mailbox {ANNA} (switched on, its own alias row off)"),
    "own alias leads nowhere": (whole(sql(OWN_EMPTY)), f"mailbox {ANNA} (its own alias row leads nowhere)"),
    "whole": (whole(), f"mailbox {ANNA} !"),
}


@pytest.mark.parametrize(("made", "said"), UNDECLARED.values(), ids=UNDECLARED)
def test_what_nobody_declares_is_reported_and_left(
    site: StandInSite, command: Command, made: Damage, said: str
) -> None:
    made(site)
    site.add_mailbox(f"technik@{DOMAIN}")
    site.declare(TECHNIK)
    before = site.live()
    assert command("drift").status == 0
    strict = command("drift", "--strict")
    assert strict.status == 4
    assert said in strict.words
    shown = command("show", ANNA)
    if "(" in said:
        assert said[said.index("(") + 1 :].removeprefix(f"anna.beispiel, {ANNA}, ").rstrip(")") in shown.words
    assert site.live() == before
    settled = [site.sql(f"SELECT * FROM {table}") for table in ("mailbox", "alias")], control.users(site.ox)
    assert command("apply", "--yes").status == 0
    assert ([site.sql(f"SELECT * FROM {table}") for table in ("mailbox", "alias")], control.users(site.ox)) == settled


def test_an_ox_user_without_a_mailbox_is_said_by_every_plan(site: StandInSite, command: Command) -> None:
    """Not one of a domain that is nobody's here: other systems may use the context, too."""
    ox_user(site)
    site.add_ox_user("other", "other@elsewhere.example", "Other Person")
    site.declare(TECHNIK)
    assert command("apply", "--yes").status == 0
    document = command("plan", "--format", "json")
    assert document.status == 0
    found = [(f["severity"], f["subject"]) for f in document.json["findings"] if f["rule"] == "kept-groupware"]
    assert found == [("note", ANNA)]
    assert "declare the mailbox, and the user is taken up with its data" in command("plan").words


def test_what_our_own_run_left_without_an_ox_user(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    site.fault("storage_error", tool="createuser")
    assert command("apply", "--yes").status == 8
    site.sound()
    assert "the mailbox has no OX user: an earlier run did not get that far" in summary(command)
    is_repaired(site, command)


def test_groupware_for_somebody_who_had_none_is_said_to_be_new(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED.replace("}", ", groupware: false}"))
    assert command("apply", "--yes").status == 0
    site.declare(ANNA_DECLARED)
    assert "the mailbox had no OX user so far" in summary(command)


def test_a_new_number_or_account_is_no_repair(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED)
    (new,) = command("plan", "--format", "json").json["transitions"]
    assert new["reason"] == ""
    site.declare(ANNA_DECLARED.replace(", member: 10042", ""))
    assert command("apply", "--yes").status == 0
    site.declare(ANNA_DECLARED)
    (number,) = command("plan", "--format", "json").json["transitions"]
    assert (number["summary"], number["reason"]) == ("alias 10042@", "")


def test_forwards_in_an_own_alias_that_is_put_right_stay(site: StandInSite, command: Command) -> None:
    whole(sql(OWN_OFF))(site)
    site.sql("UPDATE alias SET goto = ? WHERE address = ?", f"x@extern.example,{ANNA}", ANNA)
    site.declare(ANNA_DECLARED)
    assert "its own alias row was off and the mailbox on" in summary(command)
    assert command("apply", "--yes").status == 0
    assert command("plan").status == 0
    assert site.sql("SELECT goto, active FROM alias WHERE address = ?", ANNA) == [
        {"goto": f"x@extern.example,{ANNA}", "active": 1}
    ]
