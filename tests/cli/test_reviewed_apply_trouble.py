"""`apply --reviewed` when jobs fail, die, meet, or come in another order: what was reviewed is finished by the job that
comes next, and the comment tells what is true."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.conftest import Command
from tests.cli.merged import ALIASES, Merged
from tests.cli.running import eventually, killed, start
from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED, OX_ENV, OX_PASSWORD, StandInSite
from tests.services.forges.server import FakeForge, running
from tests.services.forges.state import OTHER

QUOTA = ANNA_DECLARED.replace("10240 MB", "20480 MB")


@pytest.fixture
def forge() -> Iterator[FakeForge]:
    with running("gitlab") as server:
        yield server


@pytest.fixture
def merged(site: StandInSite, command: Command, forge: FakeForge, monkeypatch: pytest.MonkeyPatch) -> Merged:
    return Merged(site, command, forge, monkeypatch)


def only(merged: Merged, number: int, address: str) -> None:
    """Merge request `number` showed this account alone: its plan was made before the others were merged."""
    plan = merged.plan()
    lines = tuple(line for line in plan.transitions if line.subject == address)
    merged.forge.state.comments[number] = []
    merged.comment(plan.model_copy(update={"transitions": lines}), number=number, digest="0" * 64)


def test_what_a_failed_job_left_is_finished_by_that_of_the_next_merge(merged: Merged) -> None:
    """Of another merge request, whose comment was made before, so that it shows nothing of it; also after a second
    failure."""
    merged.request(ANNA_DECLARED, BERND_DECLARED)
    merged.merge()
    merged.site.fault("storage_error", tool="createuser")
    assert merged.apply().status == 8
    merged.request(QUOTA, BERND_DECLARED, number=4)
    only(merged, 4, ANNA)
    merged.merge(4)
    assert merged.apply().status == 8
    assert merged.quota(ANNA) == 20480
    merged.request(QUOTA, BERND_DECLARED, aliases=(*ALIASES, "presse: [anna.beispiel]"), number=5)
    only(merged, 5, "presse@pirat.alt")
    merged.merge(5)
    merged.site.sound()
    answer = merged.apply("--out", "run.json")
    assert answer.status == 0, answer
    assert "not reviewed" not in answer.words
    assert merged.site.letters().keys() == {"anna@gmx.example", "bernd@gmx.example"}
    assert merged.command("plan").status == 0
    assert "not reviewed" not in merged.told()


def test_two_jobs_at_once_and_one_that_dies_after_it_read_the_comment(merged: Merged) -> None:
    """Whoever is kept out says whose job holds the lock; the dead one changed nothing, and its document says so."""
    site, state = merged.site, merged.forge.state
    merged.request(QUOTA)
    merged.merge()
    before = site.live()
    env = {OX_ENV: OX_PASSWORD, **merged.environment(), "CI_JOB_URL": "https://git.example/-/jobs/9"}
    site.fault("slow", tool="listuser", first=1, seconds=20)
    first = start(site.folder, "apply", "--reviewed", "--yes", "--out", "run.json", env=env)
    eventually(lambda: any(asked.path.partition("?")[0].endswith("/notes") for asked in state.asked), first)
    second = merged.apply("--out", "other.json")
    assert second.status == 7, second
    assert "/-/jobs/9" in second.words
    killed(first)
    site.sound()
    assert site.live() == before
    assert "nothing was carried out" in merged.told()
    answer = merged.apply("--out", "run.json")
    assert answer.status == 0, answer
    assert merged.quota(ANNA) == 20480
    assert "applied" in merged.told()


def test_what_was_merged_from_a_fork_is_refused_and_told_there(merged: Merged) -> None:
    """Its jobs had no token, so that no comment of ours shows its plan; a comment of its author is none of ours."""
    comment = merged.request(QUOTA)
    comment.author = OTHER
    merged.merge()
    answer = merged.apply("--out", "run.json")
    assert answer.status == 6, answer
    assert "has no comment of ours" in answer.words
    assert merged.quota(ANNA) == 10240
    told = merged.told()
    assert "nothing was carried out" in told
    assert "open a merge request" in told
    # the way on: a branch of the project, with nothing new in it
    merged.propose(4)
    merged.merge(4)
    assert merged.apply().status == 0
    assert merged.quota(ANNA) == 20480


def test_resume_by_hand_and_the_comment_says_it(merged: Merged) -> None:
    merged.request(ANNA_DECLARED, BERND_DECLARED)
    merged.merge()
    merged.site.fault("storage_error", tool="createuser")
    assert merged.apply("--out", "run.json").status == 8
    told = merged.told()
    assert "partly applied" in told
    assert "resume" in told
    merged.site.sound()
    resumed = merged.command("resume", "--yes", "--out", "run.json")
    assert resumed.status == 0, resumed
    told = merged.told()
    assert "partly" not in told
    assert "bernd.muster" in told
    assert len(merged.forge.state.bodies()) == 2  # the plan's and the run's
    again = merged.apply("--out", "run.json")
    assert again.status == 0, again
    assert merged.site.letters().keys() == {"anna@gmx.example", "bernd@gmx.example"}
