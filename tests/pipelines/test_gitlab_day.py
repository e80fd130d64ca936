"""The GitLab file as a runner runs it: merge request, comment, merge, apply, a job that is killed, the next one, the
night. On a real ledger, PostfixAdmin's tables and the stand-in of OX."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.sandbox.openxchange import control
from tests.cli.running import eventually
from tests.cli.site import ANNA, ANNA_DECLARED, OX_PASSWORD, StandInSite
from tests.pipelines.files import first_seen, last_success
from tests.pipelines.gitlab import Project
from tests.services.forges.server import running
from tests.services.forges.state import TOKEN
from tests.services.git import git

ANNAS = f"mailboxes:\n  {ANNA_DECLARED}\n"


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    for name in ("site", "project"):
        (tmp_path / name).mkdir()
    with running("gitlab") as forge:
        components = getattr(request, "param", "") == "components"
        yield Project(tmp_path / "project", StandInSite(tmp_path / "site"), forge, components=components)
        assert forge.state.executed == []


@pytest.mark.parametrize("project", ["components"], indirect=True)
def test_from_the_merge_request_to_the_night(project: Project) -> None:
    """By the components; with their defaults they are the files that are copied (test_copies), as the tests below
    have them."""
    site, state = project.site, project.forge.state
    before = site.live()
    seen = project.request(ANNAS)
    assert seen.jobs == {"validate": "PASS", "plan": "PASS", "plan-comment": "PASS"}, seen.log
    (comment,) = state.bodies()
    assert "anna.beispiel" in comment
    assert site.live() == before
    assert "anna.beispiel" in (seen.folder / "plan.html").read_text()
    project.merge()
    done = project.push()
    assert done.jobs == {"validate": "PASS", "apply": "PASS", "apply-comment": "PASS"}, done.log
    assert git(done.folder, "rev-parse", "--is-shallow-repository", "--abbrev-ref", "HEAD").split() == ["true", "HEAD"]
    assert site.mailbox(ANNA)
    assert len(site.letters()) == 1
    assert len(state.bodies()) == 2
    assert re.search(r"\bhead\b", done.log)
    site.sql("UPDATE mailbox SET quota = 1 WHERE username = ?", ANNA)
    night = project.night()
    assert night.jobs == {"apply": "PASS", "drift": "PASS", "drift-issue": "PASS"}, night.log
    (issue,) = state.issues.values()
    assert "anna.beispiel" in issue.body
    assert site.sql("SELECT quota FROM mailbox WHERE username = ?", ANNA) == [{"quota": 1}]  # nobody's merge request
    first = first_seen(night.folder / "drift.json")
    succeeded = last_success(night.folder / "mail.prom")
    site.fault("down")
    failed = project.night("drift", "drift-issue")
    assert failed.jobs == {"drift": "FAIL", "drift-issue": "PASS"}, failed.log
    assert first_seen(failed.folder / "drift.json") == first
    assert last_success(failed.folder / "mail.prom") == succeeded > 0, "that of the first night"
    for log in (seen.log, done.log, night.log):
        assert OX_PASSWORD not in log
        assert TOKEN not in log


def test_a_job_that_is_killed_and_the_next_one(project: Project) -> None:
    site = project.site
    project.request(ANNAS)
    project.merge()
    site.fault("slow", tool="createuser", first=1, seconds=6)
    control.forget_calls(site.ox)
    killed = project.started("push", "apply")
    eventually(lambda: "createuser" in control.calls(site.ox))
    other = project.push("apply")
    assert other.jobs == {"apply": "FAIL"}, other.log
    assert re.search(r"/-/jobs/\d+", other.log), "whoever is kept out is told which job has the lock"
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait(30)
    eventually(lambda: len(control.users(site.ox)) == 2)  # the tool lives on
    site.sound()
    again = project.push("apply")
    assert again.jobs["apply"] == "PASS", again.log
    assert len(site.letters()) == 1


def test_a_fork_and_a_site_file_that_leads_elsewhere(project: Project) -> None:
    fork = project.request(ANNAS, fork=True)
    assert fork.jobs == {"validate": "PASS"}, fork.log
    assert not project.forge.state.bodies()
    site_file = (project.work / "reconciler.yaml").read_text().replace('"nrw"', '"elsewhere"')
    seen = project.request(ANNAS, files={"reconciler.yaml": site_file})
    assert seen.jobs["plan"] == "PASS", seen.log
    assert '"site":"nrw"' in (seen.folder / "plan.json").read_text().replace(" ", "")
    wrong = project.request("mailboxes:\n  1234: {}\n")
    assert wrong.jobs["validate"] == wrong.jobs["plan"] == "FAIL", wrong.log
    assert wrong.jobs["plan-comment"] == "PASS", wrong.log
    assert "1234" in project.forge.state.bodies()[-1]
