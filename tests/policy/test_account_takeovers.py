"""An account is a person's, whatever becomes of the spelling of addresses in git (docs/accounts.md). Through the
command: each merge request is refused before its first effect, and nothing live has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from passlib.hash import sha512_crypt  # type: ignore[import-untyped]  # libpass has no stubs

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite, password_in
from tests.policy.test_account_lives import TECHNIK, day, removal, rename, rules, settles

MEMBERS = """\
member,status,email,given_name,surname
10042,active,anna@gmx.example,Anna,Beispiel
10077,active,bernd@gmx.example,Bernd,Muster
10078,active,berta@gmx.example,Berta,Nachfolge
10103,left,clara@gmx.example,Clara,Probe
"""
BERTA_DECLARED = "bernd.muster: {given_name: Berta, surname: Nachfolge, member: 10078}"
NEU, ANDERS = f"bernd.neu@{DOMAIN}", f"bernd.anders@{DOMAIN}"
BERND_NEU = BERND_DECLARED.replace("bernd.muster", "bernd.neu")
Step = Callable[[StandInSite, Command], None]


@pytest.fixture
def people(site: StandInSite) -> StandInSite:
    """A register with one more, no limits, and OX lets logins change."""
    (site.folder / "members.csv").write_text(MEMBERS, encoding="utf-8")
    control.set_switches(site.ox, USERNAME_CHANGEABLE=True)
    site.write(policy={"limits": {"removals": {"at_least": 20, "number": 20}}})
    return site


def mail_and_ox(site: StandInSite) -> object:
    tables = [site.sql(f"SELECT * FROM {name}") for name in ("mailbox", "alias")]
    return tables, control.users(site.ox), sorted(site.letters())


def refuses(site: StandInSite, command: Command, *expected: tuple[str, str]) -> None:
    """The plan says why, and apply touches nothing."""
    assert rules(command) == list(expected), command("plan").words
    before = mail_and_ox(site)
    assert command("apply", "--yes").status == 5
    assert mail_and_ox(site) == before


def confirm(gate: str, subject: str) -> dict[str, Any]:
    return {"gate": gate, "subject": subject, "until": day(3), "reason": "looked at it"}


def purge(site: StandInSite, command: Command) -> None:
    """Bernd's account is removed; OX keeps the user."""
    for offset in (-1, -100):
        site.declare(TECHNIK, more={"removals": [removal("bernd.muster", offset)]})
        settles(command)
    assert site.mailbox(BERND) is None


def take_out(site: StandInSite, command: Command) -> None:
    site.declare(TECHNIK)
    settles(command)


def remove(site: StandInSite, command: Command) -> None:
    site.declare(TECHNIK, more={"removals": [removal("bernd.muster")]})
    settles(command)


def rename_and_forget(site: StandInSite, command: Command) -> None:
    """Bernd moves on, and the entry of that rename is taken out."""
    site.declare(BERND_NEU, TECHNIK, more={"renames": [rename("bernd.muster", "bernd.neu")]})
    settles(command)
    site.declare(BERND_NEU, TECHNIK)
    settles(command)


def do_nothing(site: StandInSite, command: Command) -> None:
    """The number alone is edited."""


@pytest.mark.parametrize("step", [purge, take_out, remove, rename_and_forget, do_nothing])
def test_another_person_on_a_used_address(people: StandInSite, command: Command, step: Step) -> None:
    site = people
    site.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    bernds = password_in(site.letters()["bernd@gmx.example"])
    step(site, command)
    kept = (BERND_NEU,) if step is rename_and_forget else ()
    site.declare(BERTA_DECLARED, TECHNIK, *kept)
    refuses(site, command, ("member-changed", BERND))
    assert "berta@gmx.example" not in site.letters()
    # looked at: Berta's from now on, with a password that only Berta knows, and none of Bernd's forwards
    site.sql("UPDATE alias SET goto = ? WHERE address = ?", f"{BERND},bernd@gmx.example", BERND)
    site.declare(BERTA_DECLARED, TECHNIK, *kept, more={"confirm": [confirm("member-changed", BERND)]})
    settles(command)
    bertas = password_in(site.letters()["berta@gmx.example"])
    assert bertas != bernds
    box = site.mailbox(BERND)
    assert box is not None
    assert sha512_crypt.verify(bertas, str(box["password"]).removeprefix("{SHA512-CRYPT}"))
    assert control.check_password(site.ox, "bernd.muster", bertas)
    assert (site.goto(BERND), site.goto(f"10078@{DOMAIN}")) == (BERND, BERND)
    site.declare(BERTA_DECLARED, TECHNIK, *kept)
    settles(command)


@pytest.mark.parametrize("step", [purge, remove])
def test_who_has_no_number_is_known_by_name_after_a_removal(people: StandInSite, command: Command, step: Step) -> None:
    people.declare(BERND_DECLARED.replace(", member: 10077", ""), TECHNIK)
    settles(command)
    step(people, command)
    people.declare(BERTA_DECLARED, TECHNIK)
    refuses(people, command, ("member-changed", BERND))
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)


@pytest.mark.parametrize("step", [purge, take_out, remove])
def test_the_same_person_comes_back(people: StandInSite, command: Command, step: Step) -> None:
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    step(people, command)
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)


def test_a_wrong_number_on_a_live_account(people: StandInSite, command: Command) -> None:
    """The reset's letter would go to somebody else."""
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    wrong = BERND_DECLARED.replace("10077", "10078")
    people.declare(wrong.replace("}", f", password_reset: {day(0)}}}"), TECHNIK)
    assert ("member-changed", BERND) in rules(command)
    assert "berta@gmx.example" not in people.letters()
    people.declare(BERND_DECLARED.replace("10077", "99999"), TECHNIK)
    refuses(people, command, ("register", BERND), ("member-changed", BERND))
    assert people.goto(f"10077@{DOMAIN}") == BERND


def test_a_number_that_was_wrong_is_corrected_without_a_new_password(people: StandInSite, command: Command) -> None:
    people.declare(BERND_DECLARED.replace("10077", "10099"), TECHNIK)
    (people.folder / "members.csv").write_text(MEMBERS + "10099,active,b@gmx.example,Bernd,Muster\n")
    settles(command)
    people.declare(BERND_DECLARED, TECHNIK, more={"confirm": [confirm("member-changed", BERND)]})
    settles(command)
    assert (people.goto(f"10077@{DOMAIN}"), people.goto(f"10099@{DOMAIN}")) == (BERND, None)
    assert "bernd@gmx.example" not in people.letters()


def test_a_number_that_was_changed_by_mistake_is_put_right_without_a_new_password(
    people: StandInSite, command: Command
) -> None:
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    letter = people.letters()["bernd@gmx.example"]
    for number in ("10078", "10077"):
        numbered = BERND_DECLARED.replace("10077", number)
        people.declare(numbered, TECHNIK, more={"confirm": [confirm("member-changed", BERND)]})
        settles(command)
    assert people.goto(f"10077@{DOMAIN}") == BERND
    assert password_in(people.letters()["bernd@gmx.example"]) == password_in(letter)
    assert control.check_password(people.ox, "bernd.muster", password_in(letter))


@pytest.mark.parametrize("before", ["", ", member: 10077"])
def test_a_number_waits_while_the_register_cannot_be_read(people: StandInSite, command: Command, before: str) -> None:
    """Nobody can say whose it is; what needs no register goes on."""
    people.declare(BERND_DECLARED.replace(", member: 10077", before), TECHNIK)
    settles(command)
    (people.folder / "members.csv").unlink()
    wrong = BERND_DECLARED.replace("10077", "99999")
    people.declare(wrong, TECHNIK, aliases=["info: [technik]"], more={"confirm": [confirm("member-changed", BERND)]})
    answer = command("apply", "--yes")
    assert answer.status == 9, answer.words
    assert f"{BERND} waits: letters could not be read" in answer.words
    assert (people.goto(f"99999@{DOMAIN}"), people.goto(f"info@{DOMAIN}")) == (None, f"technik@{DOMAIN}")
    assert people.goto(f"10077@{DOMAIN}") == (BERND if before else None)
    (people.folder / "members.csv").write_text(MEMBERS, encoding="utf-8")
    assert ("register", BERND) in rules(command)


def test_a_number_that_is_not_written_any_more_is_not_managed_any_more(people: StandInSite, command: Command) -> None:
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    people.declare(BERND_DECLARED.replace(", member: 10077", ""), TECHNIK)
    settles(command)
    assert people.goto(f"10077@{DOMAIN}") == BERND


def test_a_letter_goes_only_to_somebody_of_that_name(people: StandInSite, command: Command) -> None:
    take_out(people, command)
    people.declare(BERND_DECLARED.replace("10077", "10078"), TECHNIK)
    refuses(people, command, ("register", BERND))
    people.declare(BERND_DECLARED.replace("Bernd", "Berndt"), TECHNIK)
    settles(command)


LEFT, EVES = "10077,left,bernd@gmx.example,Bernd,Muster", "10077,active,eve@gmx.example,Eve,Other"


def switch_off(site: StandInSite, command: Command) -> None:
    site.declare(BERND_DECLARED.replace("}", ", active: false}"), TECHNIK)
    settles(command)


def in_register(site: StandInSite, row: str) -> None:
    members = MEMBERS.replace("10077,active,bernd@gmx.example,Bernd,Muster", row)
    (site.folder / "members.csv").write_text(members, encoding="utf-8")


@pytest.mark.parametrize(("step", "row"), [(remove, LEFT), (switch_off, EVES)])
def test_an_account_is_opened_again_only_for_a_member(
    people: StandInSite, command: Command, step: Step, row: str
) -> None:
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    step(people, command)
    in_register(people, row)
    people.declare(BERND_DECLARED, TECHNIK)
    refuses(people, command, ("register", BERND))
    (people.folder / "members.csv").unlink()
    assert f"{BERND} waits: letters could not be read" in command("plan").words
    (people.folder / "members.csv").write_text(MEMBERS, encoding="utf-8")
    settles(command)


RESET = ", password_reset: <today>}"
NEW_LETTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "reset": (BERND_DECLARED.replace("}", RESET), {}),
    "rename": (BERND_NEU, {"renames": [rename("bernd.muster", "bernd.neu")]}),
    "groupware": (BERND_DECLARED, {}),
}


@pytest.mark.parametrize(
    ("why", "row"), [("reset", LEFT), ("reset", EVES), ("rename", LEFT), ("rename", EVES), ("groupware", LEFT)]
)
def test_no_password_of_a_live_account_goes_to_somebody_else(
    people: StandInSite, command: Command, why: str, row: str
) -> None:
    without = BERND_DECLARED.replace("}", ", groupware: false}") if why == "groupware" else BERND_DECLARED
    people.declare(without, TECHNIK)
    settles(command)
    in_register(people, row)
    entry, more = NEW_LETTERS[why]
    people.declare(entry.replace("<today>", day(0)), TECHNIK, more=more)
    assert ("register", NEU if why == "rename" else BERND) in rules(command)
    before = mail_and_ox(people)
    assert command("apply", "--yes").status == 5
    assert mail_and_ox(people) == before


def test_a_rename_over_a_live_account(people: StandInSite, command: Command) -> None:
    """Directly, and as the first step of two."""
    people.declare(BERND_DECLARED, ANNA_DECLARED, TECHNIK)
    settles(command)
    onto = rename("bernd.muster", "anna.beispiel")
    moved = BERND_DECLARED.replace("bernd.muster", "anna.beispiel")
    people.declare(moved, TECHNIK, more={"renames": [onto]})
    assert {("member-changed", ANNA), ("foreign", ANNA)} <= set(rules(command))
    assert "renames:" not in command("plan").out
    people.declare(BERND_NEU, TECHNIK, more={"renames": [onto, rename("anna.beispiel", "bernd.neu", -2)]})
    assert ("foreign", NEU) in rules(command)
    assert command("apply", "--yes").status == 5
    assert (people.mailbox(NEU), people.goto(ANNA)) == (None, ANNA)


@pytest.mark.parametrize("with_ox", [True, False])
def test_a_stranger_is_not_renamed_onto_an_account_of_ours(
    people: StandInSite, command: Command, with_ox: bool
) -> None:
    """Without numbers: the ledger knows the target as an account of its own."""
    number, plain = ", member: 10042", ANNA_DECLARED.replace("quota", "active: true, quota")
    declared = plain.replace(number, "") if with_ox else "anna.beispiel: {groupware: false}"
    people.declare(declared, TECHNIK)
    settles(command)
    people.add_mailbox(f"fremd@{DOMAIN}")
    people.declare(declared, TECHNIK, more={"renames": [rename("fremd", "anna.beispiel")]})
    refuses(people, command, ("foreign", ANNA))


def test_the_alias_of_a_number_that_leads_elsewhere_is_not_overwritten(people: StandInSite, command: Command) -> None:
    take_out(people, command)
    people.add_alias(f"10077@{DOMAIN}", "wirt@extern.example")
    people.declare(BERND_DECLARED, TECHNIK)
    refuses(people, command, ("foreign", BERND))
    assert people.goto(f"10077@{DOMAIN}") == "wirt@extern.example"


def test_no_alias_leads_to_the_target_of_a_refused_rename(people: StandInSite, command: Command) -> None:
    people.declare(BERND_DECLARED, TECHNIK, aliases=("ag-medien: [bernd.muster]",))
    settles(command)
    people.add_mailbox(NEU, name="Sophie Neu")
    entries = {"renames": [rename("bernd.muster", "bernd.neu")]}
    people.declare(BERND_NEU, TECHNIK, aliases=("ag-medien: [bernd.neu]",), more=entries)
    assert rules(command) == [("foreign", NEU), ("waits-for-account", f"ag-medien@{DOMAIN}")]
    assert command("apply", "--yes").status == 5
    assert people.goto(f"ag-medien@{DOMAIN}") == BERND


def test_a_suspected_rename_to_an_address_that_is_live(people: StandInSite, command: Command) -> None:
    """Somebody made the new mailbox by hand, and the rename was forgotten."""
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    people.add_mailbox(NEU)
    people.declare(BERND_NEU, TECHNIK)
    refuses(people, command, ("suspected-rename", NEU))
    people.declare(BERND_NEU, TECHNIK, more={"renames": [rename("bernd.muster", "bernd.neu", 0)]})
    planned = command("plan")
    assert planned.status == 4
    assert f"{NEU} is a mailbox already: it is taken for the first step of this rename" in planned.words
    settles(command)
    assert people.goto(BERND) == NEU


def test_a_suspected_rename_from_an_address_that_an_alias_is_declared_on(people: StandInSite, command: Command) -> None:
    """The entry alone would be invalid, so none is printed."""
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    people.declare(BERND_NEU, TECHNIK, aliases=["bernd.muster: [technik]"])
    (said,) = [f for f in command("plan", "--format", "json").json["findings"] if f["rule"] == "suspected-rename"]
    assert not [entry for entry in said["entries"] if entry.startswith("renames:")]
    assert f"remove the alias {BERND}" in said["hint"]


def test_a_number_that_was_taken_away_by_hand_is_given_back(people: StandInSite, command: Command) -> None:
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    people.add_mailbox(ANDERS)
    people.sql("UPDATE alias SET goto = ? WHERE address = ?", ANDERS, f"10077@{DOMAIN}")
    settles(command)
    assert people.goto(f"10077@{DOMAIN}") == BERND


def test_the_old_mailbox_of_a_forgotten_rename_is_not_renamed_to_somebody_else(
    people: StandInSite, command: Command
) -> None:
    """Without numbers: the ledger knows whose address it was."""
    without = BERND_DECLARED.replace(", member: 10077", "")
    people.declare(without, TECHNIK)
    settles(command)
    moved = without.replace("bernd.muster", "bernd.neu")
    people.declare(moved, TECHNIK, more={"renames": [rename("bernd.muster", "bernd.neu")]})
    settles(command)
    other = "bernd.anders: {given_name: Berta, surname: Nachfolge}"
    people.declare(moved, other, TECHNIK, more={"renames": [rename("bernd.muster", "bernd.anders", -2)]})
    assert ("member-changed", ANDERS) in rules(command)


def test_an_account_that_passes_over_is_finished_after_a_failure(people: StandInSite, command: Command) -> None:
    """Until then nothing is noted, so the next plan asks again; and the confirmation still stands."""
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    people.declare(BERTA_DECLARED, TECHNIK, more={"confirm": [confirm("member-changed", BERND)]})
    people.fault("down", tool="changeuser")
    assert command("apply", "--yes").status == 8
    assert "berta@gmx.example" not in people.letters()
    people.sound()
    people.declare(BERTA_DECLARED, TECHNIK)
    assert rules(command) == [("member-changed", BERND)]
    people.declare(BERTA_DECLARED, TECHNIK, more={"confirm": [confirm("member-changed", BERND)]})
    resumed = command("resume", "--yes")
    assert resumed.status == 0, resumed.words
    bertas = password_in(people.letters()["berta@gmx.example"])
    box = people.mailbox(BERND)
    assert box is not None
    assert sha512_crypt.verify(bertas, str(box["password"]).removeprefix("{SHA512-CRYPT}"))
    assert control.check_password(people.ox, "bernd.muster", bertas)
    people.declare(BERTA_DECLARED, TECHNIK)
    settles(command)


def test_the_groupware_that_a_predecessor_left_is_asked_about_when_it_is_added(
    people: StandInSite, command: Command
) -> None:
    """Berta has the mailbox without groupware; the OX user with all the contacts is still Bernd's."""
    people.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    bernds = password_in(people.letters()["bernd@gmx.example"])
    without = BERTA_DECLARED.replace("}", ", groupware: false}")
    people.declare(without, TECHNIK, more={"confirm": [confirm("member-changed", BERND)]})
    settles(command)
    people.declare(without, TECHNIK)
    settles(command)
    people.declare(BERTA_DECLARED, TECHNIK)
    refuses(people, command, ("member-changed", BERND))
    people.declare(BERTA_DECLARED, TECHNIK, more={"confirm": [confirm("member-changed", BERND)]})
    settles(command)
    assert not control.check_password(people.ox, "bernd.muster", bernds)
    people.declare(BERTA_DECLARED, TECHNIK)
    settles(command)


def test_a_display_name_that_stays_shows_nothing(people: StandInSite, command: Command) -> None:
    """The chair changes, "Der Vorstand" stays: still another person, who gets a password of their own."""
    people.declare(BERND_DECLARED.replace("}", ", name: Der Vorstand}"), TECHNIK)
    settles(command)
    bernds = password_in(people.letters()["bernd@gmx.example"])
    chair = BERTA_DECLARED.replace("}", ", name: Der Vorstand}")
    people.declare(chair, TECHNIK)
    refuses(people, command, ("member-changed", BERND))
    people.declare(chair, TECHNIK, more={"confirm": [confirm("member-changed", BERND)]})
    settles(command)
    assert password_in(people.letters()["berta@gmx.example"]) != bernds
    assert not control.check_password(people.ox, "bernd.muster", bernds)


def test_no_second_rename_to_one_address_is_proposed(people: StandInSite, command: Command) -> None:
    """Anna moved to `info`; Berta, whose mailbox nobody declares any more, takes that address over."""
    people.declare(ANNA_DECLARED, BERTA_DECLARED)
    settles(command)
    people.declare(ANNA_DECLARED.replace("anna.beispiel", "info"), more={"renames": [rename("anna.beispiel", "info")]})
    settles(command)
    allowed = [confirm(gate, f"info@{DOMAIN}") for gate in ("member-changed", "foreign")]
    entries = {"renames": [rename("anna.beispiel", "info")], "confirm": allowed}
    people.declare(BERTA_DECLARED.replace("bernd.muster", "info"), more=entries)
    planned = command("plan", "--format", "json")
    (suspected,) = [found for found in planned.json["findings"] if found["rule"] == "suspected-rename"]
    assert "renames:" not in "".join(suspected["entries"])
    assert suspected["hint"] == f"declare {BERND} under `mailboxes:` or `removals:`"
    people.declare(
        BERTA_DECLARED.replace("bernd.muster", "info"), more=entries | {"removals": [removal("bernd.muster")]}
    )
    assert "suspected-rename" not in dict(rules(command))
