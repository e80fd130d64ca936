"""What an attack by hand found: each through the command, on what the older tests do not combine."""

from __future__ import annotations

import pytest
from passlib.hash import sha512_crypt  # type: ignore[import-untyped]  # libpass has no stubs

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite, password_in
from tests.policy.test_account_lives import TECHNIK, rename, rules, settles
from tests.policy.test_account_takeovers import BERND_NEU
from tests.services.git import git

INFO, KONTAKT = "info: {groupware: false}", "kontakt: {groupware: false}"


def test_git_knows_both_accounts_of_a_rename_that_the_ledger_never_saw(site: StandInSite, command: Command) -> None:
    """A site that exists already and whose first apply never ran: two functions without names and numbers."""
    for name in ("info", "kontakt"):
        site.add_mailbox(f"{name}@{DOMAIN}")
    git(site.folder, "init", "-q", "-b", "main")
    for number, declared in enumerate(((INFO, KONTAKT, TECHNIK), (KONTAKT, TECHNIK))):
        site.declare(*declared, more={"renames": [rename("info", "kontakt", 0)]} if number else {})
        if number:  # not committed yet
            assert rules(command) == [("foreign", f"kontakt@{DOMAIN}")]
        git(site.folder, "add", "state", "reconciler.yaml")
        git(site.folder, "commit", "-q", "-m", f"State {number}")
    assert rules(command) == [("foreign", f"kontakt@{DOMAIN}")]
    assert "git declared both of them before, each as an account of its own" in command("plan").words
    assert command("apply", "--yes").status == 5
    assert site.goto(f"info@{DOMAIN}") == f"info@{DOMAIN}"


def test_git_that_knows_only_the_old_address_stops_no_rename_begun_by_hand(site: StandInSite, command: Command) -> None:
    for name in ("info", "kontakt"):
        site.add_mailbox(f"{name}@{DOMAIN}")
    git(site.folder, "init", "-q", "-b", "main")
    for number, declared in enumerate(((INFO, TECHNIK), (KONTAKT, TECHNIK))):
        site.declare(*declared, more={"renames": [rename("info", "kontakt", 0)]} if number else {})
        git(site.folder, "add", "state", "reconciler.yaml")
        git(site.folder, "commit", "-q", "-m", f"State {number}")
    settles(command)
    assert site.goto(f"info@{DOMAIN}") == f"kontakt@{DOMAIN}"


def test_what_the_context_admin_has_is_refused_first(site: StandInSite, command: Command) -> None:
    """listuser lists the admin, and no plan does: its display name and its address; and no alias leads there."""
    named = BERND_DECLARED.replace("}", ", name: context  ADMIN}")
    site.add_domain("example.org")
    boss = '"oxadmin@example.org": {given_name: Otto, surname: Verwalter, groupware: {username: otto}}'
    site.declare(named, boss, TECHNIK, aliases=("ag: [bernd.muster]",))
    refused = [("display-name", BERND), ("foreign", "oxadmin@example.org"), ("dangling-alias", f"ag@{DOMAIN}")]
    assert sorted(rules(command)) == sorted(refused)
    assert command("apply", "--yes").status == 5
    assert [site.mailbox(BERND), site.goto(f"ag@{DOMAIN}")] == [None, None]
    without = boss.replace("{username: otto}", "false")
    site.declare(BERND_DECLARED, without, TECHNIK, aliases=("ag: [bernd.muster]",))
    settles(command)


def test_no_alias_leads_to_an_alias_on_the_address_of_a_refused_account(site: StandInSite, command: Command) -> None:
    """The address is somebody else's alias: mail for the group would go there."""
    site.add_alias(ANNA, "wirt@extern.example")
    site.declare(ANNA_DECLARED, TECHNIK, aliases=("ag: [anna.beispiel]",))
    assert rules(command) == [("foreign", ANNA), ("waits-for-account", f"ag@{DOMAIN}")]
    assert command("apply", "--yes").status == 5
    assert site.goto(f"ag@{DOMAIN}") is None


@pytest.mark.parametrize("finished", [False, True])
def test_a_rename_taken_back_half_way_leaves_no_password_that_nobody_was_told(
    site: StandInSite, command: Command, finished: bool
) -> None:
    """The old mailbox had its new password when OX failed; the merge request is reverted, or the run is finished."""
    control.set_switches(site.ox, USERNAME_CHANGEABLE=True)
    site.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    entries = {"renames": [rename("bernd.muster", "bernd.neu", 0)]}
    site.declare(BERND_NEU, TECHNIK, more=entries)
    site.fault("down", tool="changeuser")
    assert command("apply", "--yes").status == 8
    site.sound()
    if finished:
        assert command("resume", "--yes").status == 0
    else:
        site.declare(BERND_DECLARED, TECHNIK)
    settles(command)
    theirs = password_in(site.letters()["bernd@gmx.example"])
    box = site.mailbox(BERND)
    assert box is not None
    assert sha512_crypt.verify(theirs, str(box["password"]).removeprefix("{SHA512-CRYPT}"))
    assert control.check_password(site.ox, "bernd.neu" if finished else "bernd.muster", theirs)
    assert command("plan").status == 0
