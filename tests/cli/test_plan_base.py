"""`plan --base REF`: what a merge request brings, what waits without it, what it takes back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.planning.ports import Wanted
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from tests.cli.conftest import Command
from tests.cli.merge_request import base_of, causes, commit, plan, write
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite, today
from tests.services.git import git

BOARD, INFO, PRESS = f"board@{DOMAIN}", f"info@{DOMAIN}", f"press@{DOMAIN}"


@pytest.fixture
def compared(site: StandInSite) -> StandInSite:
    """Waiting in the base: a mailbox and two aliases. The merge request takes one alias back, leads the other elsewhere
    too, and has a new mailbox and a new alias."""
    site.declare(ANNA_DECLARED, aliases=["board: anna.beispiel", "info: anna.beispiel"])
    base_of(site)
    aliases = ["board: [anna.beispiel, bernd.muster]", "press: bernd.muster"]
    site.declare(ANNA_DECLARED, BERND_DECLARED, aliases=aliases)
    commit(site)
    return site


def test_three_parts_from_one_observation(
    compared: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    observe = PostfixAdminSystem.observe_beside

    async def counted(self: PostfixAdminSystem, wanted: Wanted, *, writing: bool = False) -> object:
        reads.append(self.name)
        return await observe(self, wanted, writing=writing)

    monkeypatch.setattr(PostfixAdminSystem, "observe_beside", counted)
    document = plan(command)
    assert reads == ["postfixadmin"]
    assert causes(document) == {
        ANNA: "waiting",
        BERND: "merge request",
        BOARD: "merge request",
        PRESS: "merge request",
    }
    (back,) = document["taken_back"]
    assert (back["subject"], back["cause"], back["action"]) == (INFO, "taken back", "create")
    assert back["place"]["file"] == "main:state/state.yaml"
    main = git(compared.folder, "rev-parse", "main")
    assert document["base"] == {
        "ref": "main",
        "commit": main,
        "contained": True,
        "fetch": "",
        "site_changes": [],
        "yaml_changed": True,
    }
    without = command("plan", "--format", "json").json
    assert without["digest"] == document["digest"], "what is taken back is not in the digest"
    assert without["base"] is None
    assert set(causes(without).values()) == {""}


def test_what_is_taken_back_is_not_carried_out(compared: StandInSite, command: Command) -> None:
    """By the plan that was saved beside its base, which is carried out without one."""
    saved = command("plan", "--base", "main", "--out", "plan.json")
    assert saved.status == 4
    assert "reconciler report plan.json --markdown -" in saved.words
    done = command("apply", "plan.json", "--yes")
    assert done.status == 0, done.words
    assert (compared.goto(BOARD), compared.goto(PRESS), compared.goto(INFO)) == (f"{ANNA},{BERND}", BERND, None)
    assert command("plan").status == 0


def test_the_three_parts_stand_under_their_headings(compared: StandInSite, command: Command) -> None:
    text = command("plan", "--base", "main").out
    order = ["this merge request:", f" + {PRESS}", "waiting already, with", f" + {ANNA}", "taken back by it", INFO]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert "another change of it waits without this merge request" in " ".join(text.split())
    assert "behind" not in text


def test_drift_waits_and_one_line_of_an_account_can_be_in_two_parts(site: StandInSite, command: Command) -> None:
    """Somebody changed a quota by hand; the merge request changes the name of the same account."""
    site.add_mailbox(ANNA, name="Anna Beispiel", quota=1)
    site.add_ox_user("anna.beispiel", ANNA, "Anna Beispiel")
    site.declare(ANNA_DECLARED)
    base_of(site)
    assert causes(plan(command))[ANNA] == "waiting"
    site.declare(ANNA_DECLARED.replace("quota", "name: Anna B., quota"))
    commit(site)
    (line,) = [line for line in plan(command)["transitions"] if line["subject"] == ANNA]
    assert line["cause"] == "merge request"
    assert any("without this merge request" in words for words in line["meaning"]), line["meaning"]


def test_a_part_of_a_line_is_taken_back(site: StandInSite, command: Command) -> None:
    site.add_mailbox(ANNA, name="Anna Beispiel", quota=10485760000)
    site.add_ox_user("anna.beispiel", ANNA, "Anna Beispiel")
    named = ANNA_DECLARED.replace("quota", "name: Anna B., quota")
    site.declare(named)
    base_of(site)
    both = {c["key"] for line in plan(command)["transitions"] for c in line["changes"]}
    site.declare(ANNA_DECLARED)
    commit(site)
    document = plan(command)
    back = {c["key"] for line in document["taken_back"] for c in line["changes"]}
    left = {c["key"] for line in document["transitions"] for c in line["changes"]}
    assert back
    assert back | left == both


def test_a_gate_says_which_part_causes_it(site: StandInSite, command: Command) -> None:
    """Both aliases lead to mailboxes that nobody has."""
    site.declare(ANNA_DECLARED, aliases=[f"board: nobody@{DOMAIN}"])
    base_of(site)
    site.declare(ANNA_DECLARED, aliases=[f"board: nobody@{DOMAIN}", f"press: nobody@{DOMAIN}"])
    commit(site)
    found = {(f["owner"], f["cause"]) for f in plan(command)["findings"] if f["severity"] == "refusal"}
    assert found == {(f"alias:{BOARD}", "waiting"), (f"alias:{PRESS}", "merge request")}
    text = command("plan", "--base", "main")
    assert text.status == 5
    assert "(without this merge request, too)" in text.words
    assert "(this merge request)" in text.words


def test_remarks_about_files_are_compared_by_the_file(site: StandInSite, command: Command) -> None:
    """A value of which a part is a comment, in the base's file and in one that the merge request adds."""
    site.declare(ANNA_DECLARED)
    base_of(site, **{"state/old.yaml": "aliases:\n  old@pirat.alt: # 1\n    - x@extern.example #1\n"})
    write(site, {"state/new.yaml": "aliases:\n  new@pirat.alt:\n    - x@extern.example #1\n"})
    commit(site)
    found = {f["subject"]: f["cause"] for f in plan(command)["findings"] if f["rule"] == "comment"}
    assert found == {"state/old.yaml": "waiting", "state/new.yaml": "merge request"}


def test_a_confirmation_in_the_merge_request_is_its_own_doing(site: StandInSite, command: Command) -> None:
    """What the base refuses and the merge request allows is carried out because of the merge request."""
    site.declare(blocks=["domain: gmx.de, reason: spam, added: 2026-01-01"])
    base_of(site)
    assert causes(plan(command)) == {"gmx.de": "waiting"}
    lifted = {"gate": "wide-block", "subject": "gmx.de", "until": str(today() + timedelta(days=7)), "reason": "meant"}
    site.declare(blocks=["domain: gmx.de, reason: spam, added: 2026-01-01"], more={"confirm": [lifted]})
    commit(site)
    (line,) = plan(command)["transitions"]
    assert (line["cause"], line["refused"]) == ("merge request", [])
    assert "without this merge request it is refused: wide-block" in line["meaning"]


def test_a_rename_in_the_merge_request_is_one_line_of_it(site: StandInSite, command: Command) -> None:
    """What waited under the old address is a part of it, and nothing is taken back."""
    site.add_mailbox(ANNA, name="Anna Beispiel", quota=1)
    site.add_ox_user("anna.beispiel", ANNA, "Anna Beispiel")
    site.declare(ANNA_DECLARED)
    base_of(site)
    rename = {"from": "anna.beispiel", "to": "anna.neu", "date": "2026-01-01", "ticket": "RT 1"}
    site.declare(ANNA_DECLARED.replace("anna.beispiel:", "anna.neu:"), more={"renames": [rename]})
    commit(site)
    document = plan(command)
    assert causes(document) == {f"anna.neu@{DOMAIN}": "merge request"}
    assert document["taken_back"] == []


def test_an_invalid_base_is_repaired_by_a_merge_request(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED, aliases=["board: [not, an address!]"])
    base_of(site)
    site.declare(ANNA_DECLARED)
    commit(site)
    document = plan(command)
    assert causes(document) == {ANNA: "merge request"}
    (said,) = [f for f in document["findings"] if f["rule"] == "base"]
    assert "what main declares is invalid" in said["message"]
    assert (said["place"]["file"], said["cause"]) == ("main:state/state.yaml", "waiting")


def test_a_base_without_state_declares_nothing(site: StandInSite, command: Command) -> None:
    base_of(site)
    site.declare(ANNA_DECLARED)
    commit(site)
    assert causes(plan(command)) == {ANNA: "merge request"}


def test_a_state_that_git_is_told_to_ignore_is_in_no_merge_request(site: StandInSite, command: Command) -> None:
    base_of(site, **{".gitignore": "*\n!reconciler.yaml\n"})
    site.declare(ANNA_DECLARED)
    (said,) = [f for f in plan(command)["findings"] if f["rule"] == "uncommitted"]
    assert (said["severity"], said["message"]) == (
        "warning",
        "git is told to ignore state, so no commit has what is declared there",
    )


def test_a_branch_that_is_behind_is_said_first(compared: StandInSite, command: Command) -> None:
    git(compared.folder, "switch", "-q", "main")
    commit(compared, "Others")
    git(compared.folder, "switch", "-q", "change")
    first = command("plan", "--base", "main").out.split("\n")[0]
    assert first.startswith(" ✗ this branch is behind main")
    assert plan(command)["base"]["contained"] is False
    command("plan", "--base", "main", "--out", "plan.json")
    answer = command("report", "plan.json", "--markdown", "-", "--html", "plan.html")
    assert "> `git rebase main`\n" in answer.out
    assert "<code>git rebase main</code>" in Path("plan.html").read_text(encoding="utf-8")


def test_a_merge_request_that_moves_the_state(site: StandInSite, command: Command) -> None:
    """Where it is declared is its own business; the site file stays that of the base for all else."""
    site.declare(ANNA_DECLARED)
    base_of(site)
    git(site.folder, "mv", "state", "declared")
    site.write(state="declared")
    commit(site)
    document = plan(command)
    assert causes(document) == {ANNA: "waiting"}
    assert document["base"]["site_changes"] == [{"file": "reconciler.yaml", "what": "changed: state"}]
