"""What becomes of an account over several merge requests: removed, taken back, renamed back and forth. Through the
command; after each apply the next plan has nothing to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.remote.host import Completed
from reconciler.remote.local_host import LocalHost
from reconciler.sandbox.openxchange import control
from reconciler.systems import registry
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite, password_in, today

MUSTER = f"anna.muster@{DOMAIN}"
MUSTER_DECLARED = ANNA_DECLARED.replace("anna.beispiel", "anna.muster").replace("Beispiel", "Muster")
TECHNIK = "technik: {groupware: false}"


def day(offset: int) -> str:
    return (today() + timedelta(days=offset)).isoformat()


def rename(old: str, new: str, offset: int = -3, **values: Any) -> dict[str, Any]:
    return {"from": old, "to": new, "date": day(offset), **values}


def removal(mailbox: str, offset: int = -1, **values: Any) -> dict[str, Any]:
    return {"mailbox": mailbox, "date": day(offset), "reason": "left", **values}


def settles(command: Command) -> None:
    """Applies, and the next plan has nothing to do."""
    applied = command("apply", "--yes")
    assert applied.status == 0, applied.words
    again = command("plan")
    assert again.status == 0, again.words


def active(site: StandInSite, address: str) -> bool:
    box = site.mailbox(address)
    (own,) = site.sql("SELECT active FROM alias WHERE address = ?", address)
    assert box is not None
    assert box["active"] == own["active"]
    return bool(box["active"])


def rules(command: Command) -> list[tuple[str, str]]:
    findings = command("plan", "--format", "json").json["findings"]
    return [(f["rule"], f["subject"]) for f in findings if f["severity"] == "refusal"]


@pytest.fixture
def roomy(site: StandInSite) -> StandInSite:
    """Limits are not the point here, and OX lets logins change."""
    control.set_switches(site.ox, USERNAME_CHANGEABLE=True)
    site.write(policy={"limits": {"removals": {"at_least": 20, "number": 20}}})
    return site


def test_a_renamed_account_is_removed_and_purged(roomy: StandInSite, command: Command) -> None:
    """The rename stays declared: its old mailbox goes with the account, and comes back with nothing."""
    roomy.declare(MUSTER_DECLARED, TECHNIK)
    settles(command)
    entry = rename("anna.muster", "anna.beispiel")
    roomy.declare(ANNA_DECLARED, TECHNIK, more={"renames": [entry]})
    settles(command)
    roomy.declare(TECHNIK, more={"renames": [entry], "removals": [removal("anna.beispiel")]})
    settles(command)
    assert [active(roomy, address) for address in (ANNA, MUSTER)] == [False, False]
    settles(command)
    roomy.declare(TECHNIK, more={"renames": [entry], "removals": [removal("anna.beispiel", -100)]})
    settles(command)
    assert [roomy.mailbox(address) for address in (ANNA, MUSTER)] == [None, None]


def test_a_removal_entry_that_is_taken_out_alone_leaves_the_account_off(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED, TECHNIK)
    settles(command)
    site.declare(TECHNIK, more={"removals": [removal("anna.beispiel")]})
    settles(command)
    site.declare(TECHNIK)
    planned = command("plan")
    assert planned.status == 0
    assert f"{ANNA} is not declared any more: it is left alone and stays switched off" in planned.words
    settles(command)
    assert not active(site, ANNA)
    site.declare(ANNA_DECLARED, TECHNIK)
    settles(command)
    assert active(site, ANNA)


def test_a_removal_taken_back_and_a_rename_are_one_apply(roomy: StandInSite, command: Command) -> None:
    roomy.declare(MUSTER_DECLARED, TECHNIK)
    settles(command)
    roomy.declare(TECHNIK, more={"removals": [removal("anna.muster")]})
    settles(command)
    roomy.declare(ANNA_DECLARED, TECHNIK, more={"renames": [rename("anna.muster", "anna.beispiel")]})
    settles(command)
    assert [active(roomy, address) for address in (ANNA, MUSTER)] == [True, True]
    assert roomy.goto(MUSTER) == ANNA


@pytest.mark.parametrize("kind", ["move", "attach"])
def test_there_and_back_again(roomy: StandInSite, command: Command, kind: str) -> None:
    site = roomy
    site.declare(MUSTER_DECLARED, TECHNIK)
    settles(command)
    there = rename("anna.muster", "anna.beispiel", -3, old_mailbox=kind)
    site.declare(ANNA_DECLARED, TECHNIK, more={"renames": [there]})
    settles(command)
    back = rename("anna.beispiel", "anna.muster", -2, old_mailbox=kind)
    site.declare(MUSTER_DECLARED, TECHNIK, more={"renames": [there, back]})
    settles(command)
    assert (site.mailbox(ANNA) is None) == (kind == "move")
    assert site.goto(ANNA) == MUSTER
    assert control.user(site.ox, "anna.muster").fields["Email1"] == MUSTER


def test_no_confirmation_is_offered_for_a_login_that_another_holds(site: StandInSite, command: Command) -> None:
    """OX would refuse it: status 8 with every run."""
    site.add_ox_user("anna.beispiel", "someone@else.example", "Someone Else")
    site.declare(ANNA_DECLARED, TECHNIK)
    assert rules(command) == [("foreign", ANNA)]
    assert "confirm:" not in command("plan").out
    entry = {"gate": "foreign", "subject": ANNA, "until": day(3), "reason": "looked at it"}
    site.declare(ANNA_DECLARED, TECHNIK, more={"confirm": [entry]})
    assert rules(command) == [("foreign", ANNA)]


def test_a_mailbox_that_is_off_already_is_not_purged_by_a_wrong_year(site: StandInSite, command: Command) -> None:
    """Its retention did not begin: nobody knows since when it is off."""
    site.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    site.declare(BERND_DECLARED.replace("}", ", active: false}"), TECHNIK)
    settles(command)
    site.declare(TECHNIK, more={"removals": [removal("bernd.muster", -366)]})
    assert rules(command) == [("early-purge", BERND)]
    assert command("apply", "--yes").status == 5
    assert site.mailbox(BERND) is not None
    entry = {"gate": "early-purge", "subject": BERND, "until": day(3), "reason": "off for years"}
    site.declare(TECHNIK, more={"removals": [removal("bernd.muster", -366)], "confirm": [entry]})
    settles(command)
    assert site.mailbox(BERND) is None


def test_an_old_mailbox_is_attached_whichever_system_is_asked_first(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = {"imap": {"host": "imap.example", "port": 143}, "smtp": {"host": "smtp.example", "port": 587}}
    site.write(openxchange={**site.sections["openxchange"], "web_url": "https://ox.example/ajax", **servers})
    site.add_mailbox(MUSTER)
    site.add_ox_user("anna.muster", MUSTER, "Anna Muster")
    site.declare(ANNA_DECLARED, TECHNIK, more={"renames": [rename("anna.muster", "anna.beispiel")]})
    plans = []
    for packages in (registry.SYSTEMS, registry.SYSTEMS[::-1]):
        monkeypatch.setattr(registry, "SYSTEMS", packages)
        planned = command("plan", "--format", "json")
        assert planned.status == 4, planned.words
        (transition,) = [t for t in planned.json["transitions"] if t["subject"] == ANNA]
        assert ("attachment", MUSTER) in [(change["kind"], change["key"]) for change in transition["changes"]]
        plans.append((planned.json["transitions"], planned.json["digest"]))
    assert plans[0] == plans[1]


def name_of(site: StandInSite, login: str) -> Any:
    return control.user(site.ox, login).fields["Display_name"]


def test_a_display_name_that_somebody_undeclared_has_is_refused_first(roomy: StandInSite, command: Command) -> None:
    """For a new account, and for a rename: neither mailbox gets a password that nobody is told."""
    roomy.declare(MUSTER_DECLARED, TECHNIK)
    settles(command)
    roomy.add_ox_user("annab", "someone@else.example", "anna beispiel")
    roomy.add_ox_user("berndm", "other@else.example", "Bernd Muster")
    entry = rename("anna.muster", "anna.beispiel")
    roomy.declare(ANNA_DECLARED, BERND_DECLARED, TECHNIK, more={"renames": [entry]})
    before = roomy.sql("SELECT * FROM mailbox"), control.users(roomy.ox)
    assert rules(command) == [("display-name", ANNA), ("display-name", BERND)]
    assert "confirm:" not in command("plan").out
    assert command("apply", "--yes").status == 5
    assert (roomy.sql("SELECT * FROM mailbox"), control.users(roomy.ox)) == before
    anna, bernd = ANNA_DECLARED.replace("}", ", name: Anna B.}"), BERND_DECLARED.replace("}", ", name: Bernd M.}")
    roomy.declare(anna, bernd, TECHNIK, more={"renames": [entry]})
    settles(command)


def test_two_exchange_their_names_and_a_third_takes_one_that_becomes_free(roomy: StandInSite, command: Command) -> None:
    def declared(*names: str) -> None:
        logins = ("anna.beispiel", "bernd.muster", "clara")
        boxes = (f"{a}: {{given_name: G, surname: S, name: {n}}}" for a, n in zip(logins, names, strict=True))
        roomy.declare(*boxes, TECHNIK)

    declared("One", "Two", "Three")
    settles(command)
    declared("Two", "Three", "Four")
    settles(command)
    declared("Three", "Two", "Four")
    settles(command)
    assert [name_of(roomy, login) for login in ("anna.beispiel", "bernd.muster", "clara")] == ["Three", "Two", "Four"]


def test_two_exchange_their_logins(roomy: StandInSite, command: Command) -> None:
    def declared(anna: str, bernd: str) -> None:
        boxes = (ANNA_DECLARED, anna), (BERND_DECLARED, bernd)
        roomy.declare(*(box.replace("}", f", groupware: {{username: {login}}}}}") for box, login in boxes), TECHNIK)

    declared("a", "b")
    settles(command)
    declared("b", "a")
    settles(command)
    assert control.user(roomy.ox, "b").fields["PrimaryEmail"] == ANNA


def test_other_targets_of_a_rewritten_alias_stay_as_they_are_written(roomy: StandInSite, command: Command) -> None:
    roomy.declare(MUSTER_DECLARED, TECHNIK)
    settles(command)
    roomy.add_alias(f"liste@{DOMAIN}", f"Board+AbC9xYz@Tasks.example,{MUSTER},Wirt@extern.example")
    entry = rename("anna.muster", "anna.beispiel", rewrite_references=True)
    roomy.declare(ANNA_DECLARED, TECHNIK, more={"renames": [entry]})
    settles(command)
    targets = str(roomy.goto(f"liste@{DOMAIN}")).split(",")
    assert sorted(targets) == ["Board+AbC9xYz@Tasks.example", "Wirt@extern.example", ANNA]


@pytest.mark.parametrize("refused", ["anna.muster", "bernd.muster"])
def test_an_alias_of_two_renamed_people_never_leads_to_an_address_that_is_not_made(
    roomy: StandInSite, command: Command, refused: str
) -> None:
    """The rename of one is refused: until it is not, the alias leads to nobody new of theirs."""
    roomy.declare(MUSTER_DECLARED, BERND_DECLARED, TECHNIK)
    settles(command)
    both = f"liste@{DOMAIN}"
    roomy.add_alias(both, f"{MUSTER},{BERND}")
    entries = [
        rename("anna.muster", "anna.beispiel", rewrite_references=True),
        rename("bernd.muster", "bernd.neu", rewrite_references=True),
    ]
    roomy.declare(
        ANNA_DECLARED, BERND_DECLARED.replace("bernd.muster", "bernd.neu"), TECHNIK, more={"renames": entries}
    )
    roomy.write(policy={**roomy.sections["policy"], "protected": [refused]})
    part = command("plan", "--only", f"bernd.neu@{DOMAIN}", "--format", "json").json
    assert {line["subject"] for line in part["transitions"]} == {ANNA, f"bernd.neu@{DOMAIN}"}
    assert command("apply", "--yes").status == 5
    there = {str(row["username"]) for row in roomy.sql("SELECT username FROM mailbox")}
    assert set(str(roomy.goto(both)).split(",")) <= there
    roomy.write(policy={**roomy.sections["policy"], "protected": []})
    settles(command)
    assert sorted(str(roomy.goto(both)).split(",")) == [ANNA, f"bernd.neu@{DOMAIN}"]


def test_validate_names_the_aliases_that_still_lead_to_a_renamed_address(site: StandInSite, command: Command) -> None:
    aliases = ("vorstand: [technik, anna.muster]",)
    for offset, severity, when in ((-1, "warning", "since"), (5, "note", "on")):
        entries = {"renames": [rename("anna.muster", "anna.beispiel", offset)]}
        site.declare(ANNA_DECLARED, TECHNIK, aliases=aliases, more=entries)
        answer = command("validate", "--format", "json")
        assert answer.status == 0, answer.words
        (finding,) = [f for f in answer.json["findings"] if f["rule"] == "renamed-target"]
        assert (finding["severity"], finding["subject"]) == (severity, f"vorstand@{DOMAIN}")
        assert f"leads to {MUSTER}, which is renamed to {ANNA} {when}" in finding["message"]
        assert finding["place"]["line"] == 6


def test_there_and_back_on_one_day_says_how(site: StandInSite, command: Command) -> None:
    entries = [rename("anna.muster", "anna.beispiel"), rename("anna.beispiel", "anna.muster")]
    site.declare(MUSTER_DECLARED, TECHNIK, more={"renames": entries})
    answer = command("validate")
    assert answer.status == 3
    assert f"is it the way back? Then give that entry a later date (`date: {day(-2)}`)" in answer.words


def test_a_removal_leaves_the_mail_files_and_the_ox_account_alone(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched off, purged, and its OX account deleted: nothing but OX' tools is run, beside what any plan runs."""
    site.declare(ANNA_DECLARED, TECHNIK)
    assert command("apply", "--yes").status == 0
    password = password_in(site.letters()["anna@gmx.example"])
    ran: set[tuple[str, ...]] = set()
    run = LocalHost.run

    async def seen(self: LocalHost, argv: Sequence[str], **options: Any) -> Completed:
        ran.add(tuple(argv))
        return await run(self, argv, **options)

    monkeypatch.setattr(LocalHost, "run", seen)
    assert command("plan").status == 0
    reading = ran.copy()
    site.declare(TECHNIK, more={"removals": [removal("anna.beispiel")]})
    assert command("apply", "--yes").status == 0
    assert not active(site, ANNA)
    assert control.check_password(site.ox, "anna.beispiel", password)
    gone = removal("anna.beispiel", -100)
    site.declare(TECHNIK, more={"removals": [gone]})
    assert command("apply", "--yes").status == 0
    assert site.mailbox(ANNA) is None
    assert control.check_password(site.ox, "anna.beispiel", password)
    entry = {"gate": "groupware-delete", "subject": ANNA, "until": day(3), "reason": "handed over"}
    site.declare(TECHNIK, more={"removals": [{**gone, "groupware_account": "delete"}], "confirm": [entry]})
    assert command("apply", "--yes").status == 0
    assert "anna.beispiel" not in [user.ident for user in control.users(site.ox)]
    # apply looks for tools at work, and asks each tool for its options before the first effect
    looking = {argv for argv in ran if "--help" in argv or (argv[:2] == ("sh", "-c") and argv[2].startswith("grep "))}
    done = {Path(argv[0]).name for argv in ran - reading - looking}
    assert done == {"listuser", "deleteuser"}


def test_a_mailbox_that_moves_is_not_said_to_leave_its_ox_account_behind(roomy: StandInSite, command: Command) -> None:
    """The note told how to delete it."""
    roomy.declare(MUSTER_DECLARED, TECHNIK)
    settles(command)
    moves = rename("anna.muster", "anna.beispiel", old_mailbox="move")
    roomy.declare(ANNA_DECLARED, TECHNIK, more={"renames": [moves]})
    planned = command("plan", "--format", "json")
    assert planned.status == 4
    assert "kept-groupware" not in [finding["rule"] for finding in planned.json["findings"]]
    settles(command)


def test_a_protected_account_is_neither_removed_purged_nor_renamed(roomy: StandInSite, command: Command) -> None:
    """docs/removals.md; switching off is among the cases of test_command."""
    roomy.declare(MUSTER_DECLARED, TECHNIK)
    settles(command)
    roomy.write(policy={"protected": ["anna.muster"]})
    before = roomy.sql("SELECT * FROM mailbox"), roomy.sql("SELECT * FROM alias"), control.users(roomy.ox)
    renamed = {"renames": [rename("anna.muster", "anna.beispiel")]}
    for boxes, more, subject in (
        ((TECHNIK,), {"removals": [removal("anna.muster")]}, MUSTER),
        ((TECHNIK,), {"removals": [removal("anna.muster", -100)]}, MUSTER),
        ((ANNA_DECLARED, TECHNIK), renamed, ANNA),
    ):
        roomy.declare(*boxes, more=more)
        assert ("protected", subject) in rules(command)
        assert command("apply", "--yes").status == 5
        assert (roomy.sql("SELECT * FROM mailbox"), roomy.sql("SELECT * FROM alias"), control.users(roomy.ox)) == before
