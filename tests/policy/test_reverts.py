"""`git revert` of a merge request that was applied: what was declared goes back, and the plan says what cannot."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.conftest import Command
from tests.cli.site import ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, MEMBERS, StandInSite, today
from tests.policy.test_account_lives import day, removal, rename, settles
from tests.services.git import git

NEW, NEW_DECLARED = f"bernd.neu@{DOMAIN}", BERND_DECLARED.replace("bernd.muster", "bernd.neu")
TECHNIK = "technik: {groupware: false}"
ALIAS, BLOCK = "kreis: [anna.beispiel]", "sender: spam@example.net, reason: wave"


class State(dict[str, Any]):
    """What is declared beside Anna."""

    def __init__(
        self, *boxes: str, aliases: Sequence[str] = (), blocks: Sequence[str] = (), more: Mapping[str, Any] = {}
    ) -> None:
        super().__init__(aliases=aliases, blocks=blocks, more=more)
        self.boxes = boxes


@pytest.fixture
def repository(site: StandInSite) -> StandInSite:
    """Its state is in git; limits are not the point here, and OX lets logins change."""
    control.set_switches(site.ox, USERNAME_CHANGEABLE=True)
    site.write(policy={"limits": {"removals": {"at_least": 20, "number": 20}}})
    git(site.folder, "init", "-q", "-b", "main")
    return site


def merge(site: StandInSite, state: State, subject: str) -> None:
    site.declare(ANNA_DECLARED, *state.boxes, **state)
    git(site.folder, "add", "state", "reconciler.yaml")
    git(site.folder, "commit", "-q", "-m", subject)


def reverted(site: StandInSite, command: Command, before: State, after: State) -> tuple[object, str]:
    """What was live before a merge request that was applied and reverted; and what the plan of the revert says."""
    merge(site, before, "Before")
    settles(command)
    live = site.live()
    merge(site, after, "A merge request")
    settles(command)
    git(site.folder, "revert", "--no-edit", "HEAD")
    return live, command("plan").words


BACK = [
    (State(), State(aliases=[ALIAS]), f"− kreis@{DOMAIN} alias"),
    (State(aliases=[ALIAS]), State(), f"+ kreis@{DOMAIN} alias"),
    (State(aliases=[ALIAS]), State(aliases=["kreis: [k@extern.example]"]), f"~ kreis@{DOMAIN} alias"),
    (State(), State(blocks=[BLOCK]), "− spam@example.net"),
    (State(blocks=[BLOCK]), State(), "+ spam@example.net"),
    (State(TECHNIK), State(TECHNIK.replace("false}", "false, active: false}")), f"~ technik@{DOMAIN}"),
    (State("technik: {groupware: false, quota: 512 MB}"), State("technik: {groupware: false, quota: 1024 MB}"),
     "1024 MB → 512 MB"),
    (State(TECHNIK), State(more={"removals": [removal("technik", 0)]}), f"~ technik@{DOMAIN}"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "words"), BACK)
def test_what_was_declared_goes_back(
    repository: StandInSite, command: Command, before: State, after: State, words: str
) -> None:
    """Of a removal before its purge, too: the account is switched on again."""
    live, planned = reverted(repository, command, before, after)
    assert words in planned
    settles(command)
    assert rows(repository.live()) == rows(live)


def rows(live: object) -> str:
    """Without what only the ledger and clocks know."""
    assert isinstance(live, tuple)
    tables, *others = live
    kept = {name: table for name, table in tables.items() if name in ("mailbox", "alias")}
    text = re.sub(r"'(?:created|modified|password_expiry)': [^,}]*", "", str((kept, others)))
    return text.replace("# section is empty", "")


def test_a_reverted_creation_becomes_unmanaged_with_a_note(repository: StandInSite, command: Command) -> None:
    _, planned = reverted(repository, command, State(), State(TECHNIK))
    assert f"technik@{DOMAIN} is not declared any more: it is left alone" in planned
    settles(command)
    assert repository.mailbox(f"technik@{DOMAIN}")


def test_a_rename_that_did_not_begin_is_taken_back_without_a_trace(repository: StandInSite, command: Command) -> None:
    merge(repository, State(BERND_DECLARED), "Before")
    settles(command)
    merge(repository, State(NEW_DECLARED, more={"renames": [rename("bernd.muster", "bernd.neu", 0)]}), "Rename")
    git(repository.folder, "revert", "--no-edit", "HEAD")
    assert command("plan").status == 0


@pytest.mark.parametrize("kind", ["attach", "move"])
@pytest.mark.parametrize(("old", "new"), [(BERND_DECLARED, NEW_DECLARED), (TECHNIK, TECHNIK.replace("technik", "it"))])
def test_a_reverted_rename_is_recognised_and_its_way_back_is_printed(
    repository: StandInSite, command: Command, kind: str, old: str, new: str
) -> None:
    """Before it, the old mailbox would have been split from its OX user, its number and its new mail."""
    was, is_now = (each.partition(":")[0] for each in (old, new))
    ahead = {"renames": [rename(was, is_now, 0, old_mailbox=kind)]}
    _, planned = reverted(repository, command, State(old), State(new, more=ahead))
    first, now = (f"{name}@{DOMAIN}" for name in (was, is_now))
    assert f"suspected-rename: {first} was renamed to {now}, which nobody declares any more" in planned
    how = ", old_mailbox: move" if kind == "move" else ""
    assert f"- {{from: {now}, to: {first}, date: {today()}{how}}}" in planned
    repository.declare(ANNA_DECLARED, old, more={"renames": [rename(now, first, 0, **entry_of(kind))]})
    settles(command)
    assert repository.goto(now) == repository.goto(first) == first


def entry_of(kind: str) -> dict[str, str]:
    return {"old_mailbox": "move"} if kind == "move" else {}


def test_the_second_of_two_renames_is_reverted(repository: StandInSite, command: Command) -> None:
    """The first one stands: then the way there and the way back are printed, in the order of their dates."""
    merge(repository, State(BERND_DECLARED), "Before")
    settles(command)
    once = rename("bernd.muster", "bernd.neu", -5)
    last = NEW_DECLARED.replace("bernd.neu", "bernd.last")
    _, planned = reverted(
        repository,
        command,
        State(NEW_DECLARED, more={"renames": [once]}),
        State(last, more={"renames": [once, rename("bernd.neu", "bernd.last", -4)]}),
    )
    ways = [rename(NEW, f"bernd.last@{DOMAIN}", -1), rename(f"bernd.last@{DOMAIN}", NEW, 0)]
    for way in ways:
        assert f"{{from: {way['from']}, to: {way['to']}, date: {way['date']}}}" in planned
    assert day(-1) in planned
    repository.declare(ANNA_DECLARED, NEW_DECLARED, more={"renames": [once, *ways]})
    settles(command)
    assert repository.goto(f"bernd.last@{DOMAIN}") == repository.goto(BERND) == NEW


def test_a_reverted_member_number_asks_whose_it_is_once_more(repository: StandInSite, command: Command) -> None:
    """As the merge request had to: letters with passwords go to whom the number belongs to."""
    (repository.folder / "members.csv").write_text(f"{MEMBERS}10078,active,bernd@web.example,Bernd,Muster\n", "utf-8")
    confirmed = {"confirm": [{"gate": "member-changed", "subject": BERND, "until": day(7), "reason": "mixed up"}]}
    after = State(BERND_DECLARED.replace("10077", "10078"), more=confirmed)
    _, planned = reverted(repository, command, State(BERND_DECLARED), after)
    assert f"✗ member-changed: {BERND}" in planned
    assert command("apply", "--yes").status == 5
    assert repository.goto(f"10078@{DOMAIN}") == BERND
    repository.declare(ANNA_DECLARED, BERND_DECLARED, more=confirmed)
    settles(command)
    assert repository.goto(f"10077@{DOMAIN}") == BERND


def test_a_reverted_confirmation_lifts_its_gate_no_more(repository: StandInSite, command: Command) -> None:
    """What it allowed is done and stays; to do it once more is refused."""
    blocks = ["domain: gmx.de, reason: wave"]
    confirmed = {"confirm": [{"gate": "wide-block", "subject": "gmx.de", "until": day(7), "reason": "for a day"}]}
    merge(repository, State(blocks=blocks), "Block")
    assert command("apply", "--yes").status == 5
    merge(repository, State(blocks=blocks, more=confirmed), "Confirm")
    settles(command)
    git(repository.folder, "revert", "--no-edit", "HEAD")
    assert command("plan").status == 0
    repository.declare(ANNA_DECLARED)
    settles(command)
    repository.declare(ANNA_DECLARED, blocks=blocks)
    assert "gmx.de sender block (domain): wave ✗ refused: wide-block" in command("plan").words
