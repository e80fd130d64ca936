"""`apply --reviewed`: what the comment in the merge request showed is carried out, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from reconciler.forge.marker import id_hash
from reconciler.forge.plan_marker import plan_marker
from reconciler.report.json_models import RunDocument
from reconciler.report.read_document import read_document
from tests.cli.conftest import Command
from tests.cli.merged import ALIASES, Merged
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, StandInSite, today
from tests.services.forges.server import KINDS, FakeForge, running
from tests.services.forges.state import BOT, JOB_TOKEN, OTHER, Request
from tests.services.git import git

QUOTA = ANNA_DECLARED.replace("10240 MB", "20480 MB")


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    with running("gitlab") as server:
        yield server


@pytest.fixture
def merged(site: StandInSite, command: Command, forge: FakeForge, monkeypatch: pytest.MonkeyPatch) -> Merged:
    return Merged(site, command, forge, monkeypatch)


def run_of(merged: Merged) -> RunDocument:
    document = read_document(merged.file("run.json").read_text(encoding="utf-8"))
    assert isinstance(document, RunDocument)
    return document


@pytest.mark.parametrize("kind", [*KINDS, "gitea"])
def test_what_was_reviewed_is_done_on_every_forge(
    kind: str, site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And once: a job that is run again finds it in place."""
    with running(kind) as server:
        merged = Merged(site, command, server, monkeypatch)
        merged.request(QUOTA)
        server.state.comments[3] = []
        merged.report()
        merged.merge(how="merge commit")
        answer = merged.apply("--out", "run.json")
        assert answer.status == 0, answer
        assert merged.quota(ANNA) == 20480
        document = run_of(merged)
        assert document.binding is not None
        assert (document.status, document.binding.to, document.binding.differing) == (0, "review", ())
        assert document.binding.request.endswith("/3")
        again = merged.apply("--out", "run.json")
        assert again.status == 0, again
        assert "1 of the reviewed lines needs nothing any more" in again.words
        assert len(server.state.writes()) == 1  # the report's: apply only reads there


@pytest.mark.parametrize("how", ["squash", "fast-forward"])
def test_however_it_was_merged(merged: Merged, how: str) -> None:
    merged.request(QUOTA)
    merged.merge(how=how)
    assert merged.apply().status == 0
    assert merged.quota(ANNA) == 20480


def test_what_nobody_reviewed_is_left_and_named(merged: Merged) -> None:
    """Drift that came since, and what another merge request brought; what waited already in the comment is done."""
    merged.site.sql("UPDATE alias SET goto = ? WHERE address LIKE 'vorstand@%'", "elsewhere@mail.example")  # waits
    merged.request(QUOTA)
    merged.site.declare(QUOTA, BERND_DECLARED, aliases=ALIASES)  # somebody else's merge, before ours
    merged.merge()
    answer = merged.apply("--out", "run.json")
    assert answer.status == 4, answer
    assert merged.quota(ANNA) == 20480
    assert merged.site.mailbox(BERND) is None
    assert f"pending and not reviewed, so left: account {BERND}" in answer.words
    assert ANNA in str(merged.site.sql("SELECT goto FROM alias WHERE address LIKE 'vorstand@%'"))
    binding = run_of(merged).binding
    assert binding is not None
    assert [line.id for line in binding.left] == [f"account:{BERND}"]


def test_who_is_left_is_not_noted_as_the_one_whose_account_it_is(merged: Merged) -> None:
    """Of an account that nobody reviewed the ledger knows nothing: it may yet be declared for somebody else."""
    merged.request(QUOTA)
    merged.site.declare(QUOTA, BERND_DECLARED, aliases=ALIASES)
    merged.merge()
    assert merged.apply().status == 4
    assert merged.site.sql("SELECT * FROM reconciler_inventory WHERE key LIKE ?", f"%{BERND}%") == []
    merged.site.declare(QUOTA, BERND_DECLARED.replace("10077", "10103"), aliases=ALIASES)
    assert "member-changed" not in merged.command("plan").words


def test_a_change_by_hand_between_review_and_merge(merged: Merged) -> None:
    """Nothing of that line is done, and the others are."""
    merged.request(QUOTA, BERND_DECLARED)
    reviewed = merged.plan()
    merged.site.sql("UPDATE mailbox SET quota = 512 * 1024000 WHERE username = ?", ANNA)
    merged.merge()
    answer = merged.apply("--out", "run.json")
    assert answer.status == 6, answer
    assert merged.quota(ANNA) == 512
    then = plan_marker(reviewed).lines or {}
    now = plan_marker(merged.plan()).lines or {}
    first, last = (lines[id_hash(f"account:{ANNA}")][:8] for lines in (then, now))
    assert f"its fingerprint was {first}… in the review and is {last}… now" in answer.words
    assert "no run since then is about it" in answer.words
    assert merged.site.mailbox(BERND) is not None
    assert f"not as it was reviewed, so nothing of it is done: account {ANNA}" in answer.words
    assert "quota 512 → 20480" in answer.words
    document = run_of(merged)
    assert document.status == 6
    assert document.binding is not None
    assert [line.id for line in document.binding.differing] == [f"account:{ANNA}"]
    comment = merged.told()
    assert "applied in part, since 1 line differed from the review" in comment
    assert "next: open a merge request" in comment
    assert "quota 512 → 20480" in comment.replace("\\", "")
    # the way on: the next merge request shows it, and who merges it agrees
    merged.request(QUOTA, BERND_DECLARED, number=4)
    merged.merge(4)
    assert merged.apply().status == 0
    assert merged.quota(ANNA) == 20480


def test_another_merge_before_ours_to_the_same_account(merged: Merged) -> None:
    """Both values are said, and which run changed it."""
    merged.request(QUOTA)
    merged.request(ANNA_DECLARED.replace("10240", "15360"), number=4)
    merged.merge(4)
    assert merged.apply().status == 0
    merged.site.declare(QUOTA, aliases=ALIASES)
    merged.merge(3)
    answer = merged.apply()
    assert answer.status == 6, answer
    assert "quota was 10240, since run 2" in answer.words
    assert "quota 15360 → 20480" in answer.words
    assert merged.quota(ANNA) == 15360


def test_the_site_file_changed_since_the_review(merged: Merged) -> None:
    for sections, words in (
        ({"policy": {"limits": {"changes": {"number": 17}}}}, "configures the gates in another way"),
        ({"policy": None, "letters": {"outbox": "other", "from": "AG <technik@mail.example>"}}, "another place"),
    ):
        merged.request(QUOTA)
        merged.site.write(**sections)
        merged.merge()
        answer = merged.apply()
        assert answer.status == 6, answer
        assert words in answer.words
        assert merged.quota(ANNA) == 10240


def test_a_run_that_failed_is_finished_by_the_next_job(merged: Merged) -> None:
    """Half of the line is done, so that it is another one than in the comment; the ledger knows that it was begun."""
    merged.request(ANNA_DECLARED, BERND_DECLARED)
    merged.merge()
    merged.site.fault("storage_error", tool="createuser")
    answer = merged.apply("--out", "run.json")
    assert answer.status == 8, answer
    assert merged.site.mailbox(BERND) is not None
    assert run_of(merged).status == 8
    assert "partly applied" in merged.told()
    assert merged.site.letters().keys() == {"anna@gmx.example"}
    merged.site.sound()
    answer = merged.apply("--out", "run.json")
    assert answer.status == 0, answer
    assert merged.site.letters().keys() == {"anna@gmx.example", "bernd@gmx.example"}
    assert merged.command("plan").status == 0
    assert "applied" in merged.told()
    assert "partly" not in merged.told()  # the comment of the run says what is true now
    assert len(merged.forge.state.bodies()) == 2  # and that of the plan what was reviewed


def test_half_of_a_line_and_another_declaration_is_not_finished(merged: Merged) -> None:
    merged.request(ANNA_DECLARED, BERND_DECLARED)
    merged.merge()
    merged.site.fault("storage_error", tool="createuser")
    assert merged.apply().status == 8
    merged.site.sound()
    merged.site.declare(ANNA_DECLARED, BERND_DECLARED.replace("10077", "10077, quota: 77 MB"), aliases=ALIASES)
    merged.merge()  # of something that nobody reviewed
    answer = merged.apply()
    assert answer.status == 6, answer
    assert "quota was not written, is 77" in answer.words
    assert merged.site.letters().keys() == {"anna@gmx.example"}


def test_a_line_that_leads_to_one_that_is_left_waits_with_it(merged: Merged) -> None:
    """Otherwise mail to the alias would bounce."""
    aliases = (*ALIASES, "presse: [bernd.muster]")
    merged.request(ANNA_DECLARED, BERND_DECLARED, aliases=aliases)
    merged.site.declare(ANNA_DECLARED, BERND_DECLARED.replace("10077", "10077, quota: 77 MB"), aliases=aliases)
    merged.merge()
    answer = merged.apply()
    assert answer.status == 6, answer
    assert "alias presse@pirat.alt" in answer.words
    assert merged.site.sql("SELECT * FROM alias WHERE address LIKE 'presse@%'") == []


def test_without_a_review_nothing_is_done(merged: Merged) -> None:
    """Each refusal is status 6 and says what to do."""
    state = merged.forge.state
    comment = merged.request(QUOTA)
    plan, head = merged.plan(), state.requests[3].head
    merged.job()

    def refused(words: str) -> None:
        answer = merged.command("apply", "--reviewed", "--yes", "--out", "run.json")
        assert answer.status == 6, answer
        assert words in answer.words, answer
        assert "→ open a merge request" in answer.words
        assert merged.quota(ANNA) == 10240
        document = run_of(merged)
        assert document.error is not None
        assert (document.status, document.transitions, document.complete) == (6, (), False)
        assert words in document.error.message

    refused("it was pushed there directly")  # open, not merged
    merged.merge(target="stable")
    refused("to stable, not to main")
    state.requests[3].target = "main"

    body = comment.body
    comment.body = body.replace("1 change", "no change")
    refused("it was edited")
    told = merged.told()
    assert "nothing was carried out" in told
    assert "it was edited" in told
    merged.job()
    comment.body = body.replace("<!-- reconciler {", "<!-- reconciler {{")
    refused("approves nothing")
    comment.body, comment.updated = body, state.now()
    refused("after the merge")
    comment.updated, comment.author = None, OTHER
    refused("no comment of ours")
    comment.author = BOT
    silent: tuple[dict[str, Any], ...] = ({"cut": True}, {"masked": True}, {"stopped": True}, {"digest": ""})
    for changes in silent:
        state.comments[3] = []
        merged.comment(plan, **changes)
        state.requests[3].merged_at = state.now()
        refused("approves nothing")
    others: tuple[dict[str, Any], ...] = ({"site": "other"}, {"purpose": "run"}, {"purpose": "drift"})
    for changes in others:
        state.comments[3] = []
        merged.comment(plan, **changes)
        state.requests[3].merged_at = state.now()
        refused("no comment of ours")
    # an older comment that agrees is superseded by a newer one that does not
    state.comments[3] = []
    merged.comment(plan)
    merged.comment(plan, cut=True)
    state.requests[3].merged_at = state.now()
    refused("it was cut")
    state.requests[3] = Request(head=head)
    refused("it was pushed there directly")


def test_a_key_keeps_others_from_writing_what_we_would(merged: Merged) -> None:
    plan_of = merged.request(QUOTA)
    merged.merge()
    merged.job(RECONCILER_REVIEW_KEY="of-both-jobs")
    answer = merged.command("apply", "--reviewed", "--yes")
    assert (answer.status, "sealed with another key" in answer.words) == (6, True)
    assert "of-both-jobs" not in answer.out + answer.err
    merged.job(RECONCILER_REVIEW_KEY="", RECONCILER_REVIEW_KEY_FILE="/nowhere/key")
    answer = merged.command("apply", "--reviewed", "--yes")
    assert (answer.status, "/nowhere/key cannot be read" in answer.words) == (2, True)
    merged.job(RECONCILER_REVIEW_KEY="of-both-jobs")
    merged.forge.state.comments[3].remove(plan_of)
    merged.comment(merged.plan(), key=b"of-both-jobs")
    merged.forge.state.requests[3].merged_at = merged.forge.state.now()
    assert merged.command("apply", "--reviewed", "--yes").status == 0
    assert merged.quota(ANNA) == 20480


def test_the_token_of_the_job_reads_where_the_author_is_known(merged: Merged) -> None:
    merged.request(QUOTA)
    merged.merge()
    merged.job()
    merged.monkeypatch.delenv("RECONCILER_FORGE_TOKEN")
    merged.monkeypatch.setenv("CI_JOB_TOKEN", JOB_TOKEN)
    answer = merged.command("apply", "--reviewed", "--yes")
    assert (answer.status, "RECONCILER_FORGE_AUTHOR" in answer.words) == (9, True), answer
    author = str(merged.forge.state.users[BOT])
    merged.monkeypatch.setenv("RECONCILER_FORGE_AUTHOR", str(merged.forge.state.users[OTHER]))
    assert merged.command("apply", "--reviewed", "--yes").status == 6
    merged.monkeypatch.setenv("RECONCILER_FORGE_AUTHOR", author)
    merged.forge.state.job_token_reads = False  # an older GitLab
    answer = merged.command("apply", "--reviewed", "--yes")
    assert answer.status == 9, answer
    merged.forge.state.job_token_reads = True
    assert merged.command("apply", "--reviewed", "--yes").status == 0
    assert JOB_TOKEN not in answer.out + answer.err


def test_outside_of_a_job_after_a_merge_it_is_wrong_usage(merged: Merged) -> None:
    merged.request(QUOTA)
    answer = merged.command("apply", "--reviewed", "--yes")
    assert (answer.status, "no forge is known" in answer.words) == (2, True)
    merged.job(branch="")
    answer = merged.command("apply", "--reviewed", "--yes")
    assert (answer.status, "runs for no branch" in answer.words) == (2, True)
    merged.job()
    assert merged.command("apply", "plan.json", "--reviewed", "--yes").status == 2
    (merged.site.folder / "state" / "state.yaml").write_text("domain: pirat.alt\n")
    answer = merged.command("apply", "--reviewed", "--yes")
    assert (answer.status, "not committed" in answer.words) == (2, True)
    assert git(merged.site.folder, "status", "--porcelain") != ""
    assert merged.quota(ANNA) == 10240


def test_a_merge_whose_job_was_cancelled_is_done_by_the_next_one(merged: Merged) -> None:
    """Each by its own comment. The clone of a job may be too shallow to know of it: then it is named."""
    merged.request(QUOTA)
    merged.merge()
    merged.request(QUOTA, BERND_DECLARED, number=4)
    plan, state = merged.plan(), merged.forge.state
    # made before the other was merged
    only = plan.model_copy(update={"transitions": tuple(t for t in plan.transitions if t.subject == BERND)})
    state.comments[4] = []
    merged.comment(only, number=4, digest="0" * 64)
    merged.merge(4)
    shallow = merged.site.folder / ".git" / "shallow"
    shallow.write_text(git(merged.site.folder, "rev-parse", "HEAD"))
    merged.site.fault("down")
    answer = merged.apply()
    assert f"left: account {ANNA}" in answer.words, answer
    assert merged.quota(ANNA) == 10240
    shallow.unlink()
    merged.site.sound()
    answer = merged.apply()
    assert answer.status == 0, answer
    assert "merge_requests/3" in answer.words
    assert merged.quota(ANNA) == 20480
    assert merged.site.mailbox(BERND) is not None


def test_a_merge_about_which_nothing_was_to_be_said(merged: Merged) -> None:
    """It changes no YAML, so it has no comment, and its commit counts as reviewed as the one before it: at night dates
    are done. A state that differs has a comment, or nobody reviewed it."""

    def silent(number: int) -> None:
        head = merged.commit("Words")
        merged.forge.state.requests[number], merged.forge.state.comments[number] = Request(head=head), []
        merged.merge(number)

    silent(3)
    answer = merged.apply()
    assert (answer.status, "changes nothing of what is declared" in answer.words) == (0, True), answer
    merged.site.sql("UPDATE mailbox SET quota = 1024000 WHERE username LIKE 'anna%'")
    silent(4)
    answer = merged.apply()
    assert (answer.status, f"not reviewed, so left: account {ANNA}" in answer.words) == (4, True), answer
    night = merged.command("apply", "--due", "--yes")
    assert (night.status, "nobody is known to have reviewed it" in night.words) == (4, False), night
    assert merged.quota(ANNA) == 1
    merged.site.declare(ANNA_DECLARED, aliases=(*ALIASES, "presse: [anna.beispiel]"))
    silent(5)
    answer = merged.apply()
    assert (answer.status, "merge request 5 has no comment of ours" in answer.words) == (6, True), answer


def test_a_date_to_come_is_in_a_comment(merged: Merged) -> None:
    """Nothing is to be done yet; when the day comes, what is done was reviewed."""
    later = {"mailbox": "anna.beispiel", "date": str(today() + timedelta(days=30)), "reason": "left"}
    merged.site.declare(aliases=(), more={"removals": [{**later, "groupware_account": "keep"}]})
    git(merged.site.folder, "switch", "-q", "-c", "change")
    merged.commit("Anna leaves")
    assert merged.command("plan", "--base", "main", "--only", ANNA, "--out", "plan.json").status == 0
    merged.report()
    assert "is switched off on" in merged.forge.state.bodies()[-1]


def test_an_old_job_that_is_run_again_undoes_nothing(merged: Merged) -> None:
    """The very line of its comment is pending again, since a newer merge took it back."""
    merged.request(QUOTA)
    old = merged.merge()
    assert merged.apply().status == 0
    merged.request(ANNA_DECLARED, number=4)
    merged.merge(4)
    assert merged.apply().status == 0
    git(merged.site.folder, "checkout", "-q", old)
    answer = merged.apply()
    assert (answer.status, "this job is outdated" in answer.words) == (6, True), answer
    (merged.site.folder / ".git").rename(merged.site.folder / "git")  # as an administrator has it elsewhere
    merged.site.sql("DELETE FROM alias WHERE address LIKE 'vorstand@%'")
    by_hand = merged.command("apply", "--yes", "--only", "vorstand@pirat.alt", "--format", "json")
    assert (by_hand.status, by_hand.json["commit"]) == (0, "")
    (merged.site.folder / "git").rename(merged.site.folder / ".git")
    answer = merged.apply()
    assert (answer.status, "this job is outdated" in answer.words) == (6, True), answer
    git(merged.site.folder, "update-ref", "-d", "refs/heads/main")
    git(merged.site.folder, "reflog", "expire", "--expire=now", "--all")
    git(merged.site.folder, "gc", "-q", "--prune=now")  # as in a clone of the old commit
    answer = merged.apply()
    assert (answer.status, "this job is outdated" in answer.words) == (6, True), answer
    merged.forge.state.requests[4].merge_commit = merged.forge.state.requests[4].squash_commit = None
    answer = merged.apply()
    assert (answer.status, "this job is outdated" in answer.words) == (6, True), answer
    assert merged.quota(ANNA) == 10240


def test_who_took_over_an_account_unreviewed_is_not_noted(merged: Merged) -> None:
    """The gate about it speaks in the next plan, too."""
    merged.request(ANNA_DECLARED, BERND_DECLARED)
    other = ANNA_DECLARED.replace("10042", "10103")
    merged.site.declare(other, BERND_DECLARED, aliases=ALIASES)
    merged.merge()
    answer = merged.apply()
    assert answer.status == 5, answer
    assert f"left: account {ANNA}" in answer.words
    assert merged.site.mailbox(BERND) is not None
    planned = merged.command("plan")
    assert (planned.status, "member-changed" in planned.words) == (5, True), planned
