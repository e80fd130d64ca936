"""A saved plan through a review: it outlives the merge, whichever kind, and dies of what the reviewer did not see."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.report.json_plan_models import PlanDocument
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite, today
from tests.services.git import git

QUOTA = ANNA_DECLARED.replace("10240 MB", "20480 MB")
BASE = ("vorstand: [anna.beispiel]",)
PRESSE = "presse: [anna.beispiel]"


class Review:
    """A bare repository, a checkout of CI with a saved plan of the branch `quota`, and somebody who merges."""

    def __init__(self, site: StandInSite, command: Command, elsewhere: Path) -> None:
        self.site, self.command, self.elsewhere = site, command, elsewhere
        bare = elsewhere.with_name("origin.git")
        git(site.folder, "init", "-q", "-b", "main")
        site.declare(ANNA_DECLARED, aliases=BASE)
        assert command("apply", "--yes").status == 0
        git(site.folder, "add", "state", "reconciler.yaml")
        git(site.folder, "commit", "-q", "-m", "Anna")
        git(site.folder.parent, "clone", "-q", "--bare", str(site.folder), str(bare))
        git(site.folder, "remote", "add", "origin", str(bare))
        git(site.folder, "checkout", "-q", "-b", "quota")
        site.declare(QUOTA, aliases=BASE)
        git(site.folder, "commit", "-q", "-am", "More room for Anna")
        git(site.folder, "push", "-q", "origin", "quota")
        assert command("plan", "--out", "plan.json").status == 4
        git(elsewhere.parent, "clone", "-q", str(bare), str(elsewhere))

    def on_main(self, *mailboxes: str, aliases: tuple[str, ...] = BASE) -> None:
        """Somebody else's commit."""
        own = self.site.folder / "state" / "state.yaml"
        before = own.read_text()
        self.site.declare(*mailboxes, aliases=aliases)
        (self.elsewhere / "state" / "state.yaml").write_text(own.read_text())
        own.write_text(before)
        git(self.elsewhere, "commit", "-q", "-am", "Another")

    def applied(self, *merge: tuple[str, ...]) -> Any:
        """The answer of `apply plan.json` after the merge."""
        for arguments in merge:
            git(self.elsewhere, *arguments)
        git(self.elsewhere, "push", "-q", "origin", "HEAD:main")
        git(self.site.folder, "fetch", "-q")
        git(self.site.folder, "checkout", "-q", "-B", "main", "origin/main")
        return self.command("apply", "plan.json", "--yes")


@pytest.fixture
def review(site: StandInSite, command: Command, tmp_path: Path) -> Review:
    return Review(site, command, tmp_path / "reviewer")


MERGE_COMMIT = (("merge", "-q", "--no-ff", "-m", "Merge", "origin/quota"),)
SQUASH = (("merge", "-q", "--squash", "origin/quota"), ("commit", "-q", "-m", "Squashed"))
REBASE = (("checkout", "-q", "--detach", "origin/quota"), ("rebase", "-q", "main"))
FAST_FORWARD = (("merge", "-q", "--ff-only", "origin/quota"),)


@pytest.mark.parametrize("merge", [MERGE_COMMIT, SQUASH, FAST_FORWARD], ids=["merge", "squash", "fast-forward"])
def test_the_plan_outlives_the_merge(review: Review, merge: tuple[tuple[str, ...], ...]) -> None:
    answer = review.applied(*merge)
    assert answer.status == 0, answer
    box = review.site.mailbox(ANNA)
    assert box is not None
    assert box["quota"] == 20480 * 1024000
    assert ("the plan was made from" in answer.err) == (merge is not FAST_FORWARD)
    used = review.command("apply", "plan.json", "--yes")
    assert used.status == 6
    assert "carried out by run" in used.err


@pytest.mark.parametrize("merge", [MERGE_COMMIT, SQUASH, REBASE], ids=["merge", "squash", "rebase"])
def test_what_others_merged_before_is_left_and_named(review: Review, merge: tuple[tuple[str, ...], ...]) -> None:
    """Their entry stands above ours now, so that every line of it moved."""
    review.on_main(ANNA_DECLARED, aliases=(PRESSE, *BASE))
    answer = review.applied(*merge)
    assert answer.status == 0, answer
    box = review.site.mailbox(ANNA)
    assert box is not None
    assert box["quota"] == 20480 * 1024000
    assert review.site.goto(f"presse@{DOMAIN}") is None
    assert f"1 change is pending that this plan does not hold: alias presse@{DOMAIN}" in answer.err
    assert review.command("apply", "--yes").status == 0
    assert review.site.goto(f"presse@{DOMAIN}") == ANNA


def test_a_related_commit_before_is_named_with_both_values(review: Review) -> None:
    """The plan would carry out what it shows; but the entry that was reviewed is another one now."""
    review.on_main(QUOTA.replace("10042", "10077"))
    before = review.site.live()
    answer = review.applied()
    assert answer.status == 6, answer
    assert f"mailboxes entry {ANNA}: member was 10042, is 10077" in answer.err
    assert review.site.live() == before


def test_a_gate_that_is_configured_otherwise_is_named_with_both_values(review: Review) -> None:
    review.site.write(policy={"limits": {"changes": {"number": 17}}})
    answer = review.command("apply", "plan.json", "--yes")
    assert answer.status == 6, answer
    assert "policy.limits.changes.number was 200, is 17" in answer.words


def test_another_target_is_named_with_both_values(review: Review) -> None:
    review.site.write(letters={"outbox": "elsewhere", "from": "AG Technik <technik@mail.example>"})
    answer = review.command("apply", "plan.json", "--yes")
    assert answer.status == 6, answer
    assert "connection: letters was" in answer.words
    assert "elsewhere" in answer.words


def test_a_row_that_somebody_changed_is_named_with_both_values(review: Review) -> None:
    review.site.sql("UPDATE mailbox SET quota = 512 * 1024000 WHERE username = ?", ANNA)
    answer = review.applied(*SQUASH)
    assert answer.status == 6, answer
    assert f"postfixadmin mailbox {ANNA}: quota was 10240, is 512" in answer.words


_NOWHERE: dict[str, list[str]] = {k: [] for k in ("mailboxes", "external", "answers", "bounces", "loops")}
Change = Callable[[dict[str, Any]], object]
CHANGES: tuple[Change, ...] = (
    lambda plan: plan["transitions"][0]["changes"][0]["after"].update(quota=1),
    lambda plan: plan["transitions"][0].update(summary="nothing of note"),
    lambda plan: plan["transitions"][0].update(irreversible=True),
    lambda plan: plan["transitions"][0]["place"].update(author="Somebody Else"),
    lambda plan: plan.update(transitions=[]),
    lambda plan: plan["gates"].append("gates: all well"),
    lambda plan: plan.update(commit="0" * 40),
    lambda plan: plan["counts"].update(removals=3),
    lambda plan: plan["flow"].append({"address": ANNA, "before": _NOWHERE, "after": _NOWHERE}),
)


def test_a_plan_whose_text_was_changed_is_refused(review: Review) -> None:
    """Whatever of it a reviewer reads."""
    file, before = review.site.folder / "plan.json", review.site.live()
    text = file.read_text()
    for number, change in enumerate(CHANGES):
        document = json.loads(text)
        change(document)
        file.write_text(json.dumps(document))
        answer = review.command("apply", "plan.json", "--yes")
        assert answer.status == 6, (number, answer)
        assert "was changed after it was made" in answer.err
    assert review.site.live() == before


def test_a_key_that_stands_twice_is_found(review: Review) -> None:
    """A reader sees the first, a parser takes the last: the sum over what was parsed would be right."""
    file, before = review.site.folder / "plan.json", review.site.live()
    text = file.read_text()
    for key, shown in (('"transitions": ', "[]"), ('"quota": 20480', '"quota": 10241'), ('"irreversible": ', "true")):
        first = f"{key}{shown}" if key.endswith(": ") else shown
        assert key in text
        file.write_text(text.replace(key, f"{first}, {key}", 1))
        answer = review.command("apply", "plan.json", "--yes")
        assert answer.status == 6, answer
        assert "was changed after it was made" in answer.err
    assert review.site.live() == before


def test_white_space_is_no_change(review: Review) -> None:
    file = review.site.folder / "plan.json"
    file.write_text(json.dumps(json.loads(file.read_text()), ensure_ascii=False))
    assert review.command("apply", "plan.json", "--yes").status == 0


def test_a_sum_that_was_made_anew_deceives_nobody_about_values(review: Review) -> None:
    """The sum is no signature; the values are compared with what is live and declared all the same."""
    file = review.site.folder / "plan.json"
    document = json.loads(file.read_text())
    document["transitions"][0]["changes"][0]["after"]["quota"] = 1
    forged = PlanDocument.model_validate_json(json.dumps(document)).with_checksum()
    file.write_text(forged.model_dump_json(by_alias=True))
    answer = review.command("apply", "plan.json", "--yes")
    assert answer.status == 6, answer
    assert "planned quota was 1, is 20480" in answer.words


def test_a_plan_is_for_its_owner_alone(site: StandInSite, command: Command) -> None:
    """Also where a wider one was before. It is whole or not there."""
    out = site.folder / "plan.json"
    out.write_text("old")
    out.chmod(0o666)
    for umask, mode in ((0o022, 0o600), (0o277, 0o400), (0o000, 0o600)):
        before = os.umask(umask)
        try:
            assert command("plan", "--out", "plan.json").status == 0
        finally:
            os.umask(before)
        assert stat.S_IMODE(out.stat().st_mode) == mode
    assert [file.name for file in site.folder.glob("*plan.json*")] == ["plan.json"]


def test_no_link_is_followed_and_nothing_but_a_file_replaced(site: StandInSite, command: Command) -> None:
    target = site.folder / "precious"
    target.write_text("keep")
    (site.folder / "link.json").symlink_to(target)
    (site.folder / "nowhere.json").symlink_to(site.folder / "missing")
    os.mkfifo(site.folder / "pipe")
    (site.folder / "folder").mkdir()
    for name in ("link.json", "nowhere.json", "pipe", "folder", "missing/plan.json"):
        answer = command("plan", "--out", name)
        assert answer.status == 2, answer
        assert "--out" in answer.err
    assert target.read_text() == "keep"
    assert not (site.folder / "missing").exists()


def test_a_part_that_is_in_place_and_whose_entry_changed_is_stale(review: Review) -> None:
    """Somebody did by hand what is declared now, which is not what was reviewed."""
    review.site.sql("UPDATE mailbox SET quota = 5120 * 1024000 WHERE username = ?", ANNA)
    review.site.declare(ANNA_DECLARED.replace("10240 MB", "5120 MB"), aliases=BASE)
    answer = review.command("apply", "plan.json", "--yes")
    assert answer.status == 6, answer
    assert f"mailboxes entry {ANNA}: quota was 20480, is 5120" in answer.words


def test_a_plan_that_was_refused_as_a_whole_is_not_applied_when_it_is_no_longer(
    site: StandInSite, command: Command
) -> None:
    """The limit counts the last 24 hours: tomorrow the same plan would pass, and nobody has agreed to it."""
    site.write(policy={"limits": {"creations": {"number": 1}}})
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    assert command("plan", "--out", "plan.json").status == 5
    soon = (today() + timedelta(days=7)).isoformat()
    entry = {"gate": "creations", "subject": "nrw", "until": soon, "reason": "x"}
    site.declare(ANNA_DECLARED, BERND_DECLARED, more={"confirm": [entry]})
    answer = command("apply", "plan.json", "--yes")
    assert answer.status == 6, answer
    assert "creations nrw: the whole plan was refused, is allowed" in answer.words
    assert site.mailbox(BERND) is None
