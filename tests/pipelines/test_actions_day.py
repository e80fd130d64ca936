"""The workflows of GitHub and Forgejo, their lines run as they are: pull request, comment, merge, apply, the night."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.site import ANNA, ANNA_DECLARED, OX_PASSWORD, StandInSite
from tests.cli.test_surroundings import as_nobody
from tests.pipelines.actions import Ended, Workflows
from tests.pipelines.files import first_seen, last_success
from tests.services.forges.server import running
from tests.services.forges.state import TOKEN
from tests.services.git import git
from tests.services.needs import UNPRIVILEGED

ANNAS = f"mailboxes:\n  {ANNA_DECLARED}\n"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """pytest's own folders are closed to other users, and git finds no repository in them."""
    with tempfile.TemporaryDirectory(prefix="reconciler-ci-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(UNPRIVILEGED, reason="only root can become a user without a name")
@pytest.mark.parametrize(("kind", "shards"), [("github", 1), ("forgejo", 2)])
def test_from_the_pull_request_to_the_night(open_folder: Path, kind: str, shards: int) -> None:
    """As a user without a name and a home, to whom the checkout does not belong, detached. On Forgejo two jobs make the
    plan; the lines of GitHub are the same (test_shards)."""
    for name in ("site", "project"):
        (open_folder / name).mkdir()
    site = StandInSite(open_folder / "site")
    nobody = (*as_nobody(site.folder), "env", "-u", "HOME")
    with running(kind) as forge:
        day, state = Workflows(open_folder / "project", site, forge, nobody, shards), forge.state
        day.folder.chmod(0o777)
        seen = day.request(ANNAS)
        plans = {"plan": 0} if shards == 1 else {"plan-1": 0, "plan-2": 0}
        assert seen.jobs == {"validate": 0, **plans, "comment": 0}, seen.log
        checkout = day.folder / "run-1" / "validate-workspace"
        assert git(checkout, "rev-parse", "--is-shallow-repository", "--abbrev-ref", "HEAD").split() == ["true", "HEAD"]
        who = subprocess.run(
            [*nobody, "sh", "-c", "id -u; echo ${HOME-none}"], capture_output=True, text=True, check=True
        )
        uid, home = who.stdout.split()
        assert (int(uid) != checkout.stat().st_uid, home) == (True, "none")
        (comment,) = state.bodies()
        assert "anna.beispiel" in comment
        assert site.mailbox(ANNA) is None
        if kind == "github":
            assert "anna.beispiel" in day.summary.read_text()
        done = day.merge()
        assert done.jobs == {"apply": 0, "comment": 0}, done.log
        assert site.mailbox(ANNA)
        assert len(site.letters()) == 1
        if kind == "github":
            assert day.again().jobs == {"apply": 0, "comment": 0}
            assert len(site.letters()) == 1
        site.sql("UPDATE mailbox SET quota = 1 WHERE username = ?", ANNA)
        day.summary.unlink()
        night = day.night()
        assert night.jobs == {"due": 0, "drift": 0, "issue": 0}, night.log
        if kind == "github":
            assert day.summary.read_text().count("anna.beispiel") >= 2, "what is left, and what has drifted"
        (issue,) = state.issues.values()
        assert "anna.beispiel" in issue.body
        if kind == "forgejo":
            _the_next_night(day, night)
    for log in (seen.log, done.log, night.log):
        assert OX_PASSWORD not in log
        assert TOKEN not in log


def _the_next_night(day: Workflows, night: Ended) -> None:
    """OX is down: what differed still does since the first night, which was the last one that was whole."""
    day.site.fault("down")
    failed = day.night("drift", "issue")
    assert failed.jobs == {"drift": 9, "issue": 0}, failed.log
    seen = [first_seen(each.artifacts / "reconciler-drift" / "drift.json") for each in (night, failed)]
    assert seen[0] == seen[1]
    succeeded = [last_success(each.artifacts / "mail-metrics" / "mail.prom") for each in (night, failed)]
    assert succeeded[0] == succeeded[1] > 0
