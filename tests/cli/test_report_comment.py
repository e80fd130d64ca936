"""`report --comment` and `--issue`, with the environment that a CI job has, on servers that behave as the forges do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.cli import forge
from reconciler.forge.marker import Marker, sealed_marker_in
from tests.cli.conftest import Command
from tests.cli.site import ANNA, ANNA_DECLARED, BERND_DECLARED, StandInSite
from tests.services.forges.server import KINDS, FakeForge, running
from tests.services.forges.state import HEAD, MERGE, OTHERS_TOKEN, READING_TOKEN, TOKEN, Fault, Reply, Request

Environment = Callable[..., None]
_CI = ("CI_", "GITHUB_", "GITLAB_", "FORGEJO_", "GITEA_", "RECONCILER_FORGE", "RECONCILER_REVIEW")


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[FakeForge]:
    with running(request.param) as forge:
        yield forge


@pytest.fixture
def job(server: FakeForge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """The environment of a job of merge request 3, or, with `after` a commit, of one after a merge."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def enter(*, token: str = TOKEN, after: str = "") -> None:
        for name in [name for name in os.environ if name.startswith(_CI)]:
            monkeypatch.delenv(name)
        event = tmp_path / "event.json"
        event.write_text(json.dumps({"after": after}) if after else server.event())
        environ = server.environment(str(event), commit=after or HEAD, token=token)
        if after:
            environ |= {"GITHUB_SHA": after} if "GITHUB_SHA" in environ else {"CI_MERGE_REQUEST_IID": ""}
        for name, value in environ.items():
            monkeypatch.setenv(name, value)

    enter()
    return enter


@pytest.fixture
def saved(site: StandInSite, command: Command) -> Path:
    """A plan with one new account and one new alias."""
    site.declare(ANNA_DECLARED, BERND_DECLARED, aliases=("vorstand: [anna.beispiel]",))
    assert command("plan", "--out", "plan.json").status == 4
    return site.folder / "plan.json"


def test_from_the_first_push_to_what_became_of_it(
    server: FakeForge, job: Environment, saved: Path, site: StandInSite, command: Command
) -> None:
    """A merge request is reviewed, merged and applied; the nightly run has nothing more to say."""
    answer = command("report", str(saved), "--comment", "--terraform-report", "counts.json")
    assert answer.status == 0
    assert "merge request 3: written" in answer.err
    (body,) = server.state.bodies()
    assert ANNA in body.replace("&#8203;", "").replace("\\", "")
    assert _marker(body).digest == json.loads(saved.read_text())["digest"]
    assert command("report", str(saved), "--comment").status == 0
    assert len(server.state.bodies()) == 1

    server.state.requests[3] = Request(merged=True, merge_commit=MERGE)
    job(after=MERGE)
    for expected in (2, 2):  # the second run carries out nothing, and leaves what the first one said
        assert command("apply", "--yes", "--out", "run.json").status == 0
        assert command("report", "run.json", "--comment").status == 0
        assert len(server.state.bodies()) == expected
        assert _marker(server.state.bodies()[1]).counts["done"] > 0
    assert _marker(server.state.bodies()[0]).purpose == "plan"

    job()
    server.state.requests[3].merged = False  # another one, in which our comments are
    command("plan", "--out", "plan.json")
    assert command("report", "plan.json", "--comment").status == 0
    assert _marker(server.state.bodies()[0]).counts["open"] == 0
    assert server.state.executed == []


def test_each_site_of_a_repository_has_its_own_comment(
    server: FakeForge, job: Environment, saved: Path, command: Command
) -> None:
    Path("other.json").write_text(saved.read_text().replace('"site": "nrw"', '"site": "berlin"'))
    for _ in range(2):
        answer = command("report", str(saved), "other.json", "--comment")
        assert answer.status == 0
        assert "comment of berlin" in answer.err
        assert [_marker(body).site for body in server.state.bodies()] == ["nrw", "berlin"]


def test_what_goes_wrong_is_said_and_the_token_is_not(
    server: FakeForge, job: Environment, saved: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for token, fault, words in (
        ("wrong-token-14", None, "401"),
        (READING_TOKEN, None, "403"),
        (TOKEN, Fault(Reply(404, {"message": f"no {TOKEN} here"}), times=9), "404"),
        (TOKEN, Fault(Reply(500), raw=TOKEN.encode(), times=9), "500"),
        (TOKEN, Fault(Reply(200), raw=b"<html>", times=9), "no JSON"),
        (TOKEN, Fault(Reply(302, None, {"location": "https://elsewhere.example"}), times=9), "elsewhere.example"),
        ("", None, "no token"),
    ):
        job(token=token)
        server.state.faults[:] = [fault] if fault else []
        Path("counts.json").unlink(missing_ok=True)
        answer = command("report", str(saved), "--comment", "--terraform-report", "counts.json")
        assert answer.status == 9, answer.err
        assert words in answer.err
        assert not token or token not in answer.out + answer.err
        assert Path("counts.json").exists()  # what reads no forge is written first
    assert server.state.comments[3] == []

    asked = len(server.state.asked)  # who has no token of ours writes with none that the forge gives to every job
    for name in ("CI_JOB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "FORGEJO_TOKEN", "GITEA_TOKEN"):
        monkeypatch.setenv(name, TOKEN)
    answer = command("report", str(saved), "--comment")
    assert (answer.status, "no token for the forge" in answer.err) == (9, True)
    assert len(server.state.asked) == asked


def test_without_a_forge_it_is_printed(
    job: Environment, saved: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(_CI)]:
        monkeypatch.delenv(name)
    answer = command("report", str(saved), "--comment")
    assert answer.status == 0
    assert "nothing is posted" in answer.err
    assert "anna.beispiel" in answer.out
    named = command("report", str(saved), "--comment", "--forge", "bitbucket")
    assert named.status == 2
    assert "gitlab" in named.err
    half = command("report", str(saved), "--comment", "--forge", "gitlab")
    assert half.status == 2
    assert "--forge-url" in half.err


def test_a_job_of_no_merge_request_prints_it(
    server: FakeForge, job: Environment, saved: Path, command: Command
) -> None:
    job(after="f" * 40)
    answer = command("report", str(saved), "--comment")
    assert answer.status == 0
    assert "no merge request" in answer.err
    assert server.state.writes() == []
    number = command("report", str(saved), "--comment", "--merge-request", "3")
    assert number.status == 0
    assert len(server.state.bodies()) == 1


def test_an_invalid_state_is_said_in_the_same_comment(
    server: FakeForge, job: Environment, saved: Path, site: StandInSite, command: Command
) -> None:
    command("report", str(saved), "--comment")
    valid = command("validate", "--format", "json")
    Path("findings.json").write_text(valid.out)
    command("report", str(saved), "findings.json", "--comment")
    assert len(server.state.bodies()) == 1
    site.declare(ANNA_DECLARED.replace("10240 MB", "ten"))
    invalid = command("validate", "--format", "json")
    assert invalid.status == 3
    Path("findings.json").write_text(invalid.out)
    assert command("report", "findings.json", "--comment").status == 0
    (body,) = server.state.bodies()
    assert "quota" in body
    assert _marker(body).approves_nothing


def test_names_that_command_a_forge_command_nothing(
    server: FakeForge, job: Environment, site: StandInSite, command: Command
) -> None:
    for name in ("/close", "@everyone", "```", "<!-- reconciler {} -->", "</details>", "::error::x"):
        site.declare(f'anna.beispiel: {{name: "x {name}", given_name: "{name}", surname: "{name}", member: 10042}}')
        command("plan", "--out", "plan.json")
        assert command("report", "plan.json", "--comment").status == 0
    (body,) = server.state.bodies()
    assert server.state.executed == []
    assert _marker(body)


def test_drift_becomes_one_issue(server: FakeForge, job: Environment, site: StandInSite, command: Command) -> None:
    job(after="f" * 40)
    site.declare(ANNA_DECLARED)
    Path("drift.json").write_text(command("drift", "--format", "json").out)
    assert command("report", "drift.json", "--issue").status == 0
    (ticket,) = server.state.issues.values()
    assert "anna.beispiel" in ticket.body
    assert command("apply", "--yes").status == 0
    Path("drift.json").write_text(command("drift", "--format", "json").out)
    assert command("report", "drift.json", "--issue", "--quiet", "--metrics", "m.prom") == (0, "", "")
    assert ticket.closed
    command("plan", "--out", "plan.json")
    refused = command("report", "plan.json", "--issue")
    assert refused.status == 2
    assert "drift" in refused.err


@pytest.mark.parametrize("server", ["gitlab"], indirect=True)
def test_drift_keeps_the_issue_itself_and_its_own_status(
    server: FakeForge, job: Environment, site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.declare(ANNA_DECLARED)
    server.state.faults.append(Fault(Reply(500), times=99))
    failed = command("drift", "--issue")
    assert failed.status == 4
    assert "500" in failed.err
    assert "anna.beispiel" in failed.out
    with monkeypatch.context() as patched:
        patched.setattr(forge, "keep", lambda *given: 1 / 0)
        patched.setattr("tempfile.tempdir", str(site.folder))
        assert "this is a bug" in _drifted_all_the_same(command, site.folder / "bug.json")
    assert forge._PATIENCE <= 10
    with monkeypatch.context() as patched:
        patched.setattr(forge, "_PATIENCE", 0.3)
        server.state.faults[:] = [Fault(drip=0.1, times=99)]
        assert "took longer than 0.3 s in all" in _drifted_all_the_same(command, site.folder / "slow.json")
    server.state.faults.clear()
    with monkeypatch.context() as patched:
        patched.setenv("ALL_PROXY", "socks5://user:5f1e-secret@localhost:1")
        patched.setenv("CI_API_V4_URL", "https://git.invalid/api/v4")
        said = _drifted_all_the_same(command, site.folder / "socks.json")
        assert "a proxy of the environment cannot be used" in said
        assert "5f1e-secret" not in said
    assert command("drift", "--issue").status == 4
    (ticket,) = server.state.issues.values()
    assert command("apply", "--yes").status == 0
    monkeypatch.setenv("RECONCILER_FORGE", "github")
    monkeypatch.delenv("RECONCILER_FORGE_PROJECT", raising=False)
    assert "RECONCILER_FORGE_URL" in command("drift", "--issue").words
    monkeypatch.setenv("RECONCILER_FORGE", "bitbucket")
    refused = command("drift", "--issue")
    assert (refused.status, bool(ticket.closed)) == (0, False)
    assert "bitbucket" in refused.err
    monkeypatch.delenv("RECONCILER_FORGE")
    quiet = command("drift", "--issue", "--quiet")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")
    assert ticket.closed
    monkeypatch.delenv("GITLAB_CI")
    assert "RECONCILER_FORGE" in command("drift", "--issue").err


def _drifted_all_the_same(command: Command, saved: Path) -> str:
    """What is said beside drift that is shown and saved with its own status."""
    answer = command("drift", "--issue", "--out", str(saved))
    assert answer.status == 4
    assert "anna.beispiel" in answer.out
    assert json.loads(saved.read_text())["status"] == 4
    return answer.words


def test_another_users_comment_is_not_touched(
    server: FakeForge, job: Environment, saved: Path, command: Command
) -> None:
    command("report", str(saved), "--comment")
    job(token=OTHERS_TOKEN)
    answer = command("report", str(saved), "--comment")
    assert answer.status == 0
    assert "by other users" in answer.err
    assert len(server.state.bodies()) == len(server.state.bodies(author="anna")) == 1


def _marker(body: str) -> Marker:
    marker = sealed_marker_in(body)
    assert marker is not None
    return marker
