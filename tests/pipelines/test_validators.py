"""The files are what GitLab and GitHub take: by their schemas (check-jsonschema has GitLab's and GitHub's with it), by
action-validator, and zizmor finds nothing dangerous in them. Forgejo's are checked by the schema of GitHub, whose
language it reads."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from reconciler.setup.ci_files import FORGES, ci_texts
from tests.pipelines.copies import COPIES, FACTS, ROOT
from tests.pipelines.files import jobs
from tests.pipelines.test_copies import component
from tests.report.test_pages import PICTURES
from tests.services.needs import require_installed, require_npm

OWN = ".github/workflows/ci.yml"
"""What tests this repository itself."""
WORKFLOWS = [OWN, *(path for path in COPIES if "/workflows/" in path)]
GITLAB = [path for path in COPIES if path.startswith("ci/gitlab/.gitlab")]
ACTION = ".github/actions/reconciler/action.yml"
EMPTY = "name: x\non: push\njobs: {a: {runs-on: [x], steps: [{run: 1, uses: x}]}}\n"
PWNED = """\
name: x
on: pull_request_target
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {ref: "${{ github.event.pull_request.head.sha }}"}
      - run: echo ${{ github.event.pull_request.title }}
"""


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program of the virtual environment, without network."""
    return subprocess.run([require_installed(name), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def schema(name: str, *files: str) -> subprocess.CompletedProcess[str]:
    transform = ("--data-transform", "gitlab-ci") if name == "gitlab-ci" else ()
    return tool("check-jsonschema", "--builtin-schema", f"vendor.{name}", *transform, *files)


def action_validator(file: str) -> subprocess.CompletedProcess[str]:
    command = [*require_npm("action-validator"), file]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def with_shards(folder: Path, forge: str) -> list[str]:
    """The files in which four jobs make a plan."""
    files = [folder / Path(path).name for path in FORGES[forge]]
    for file, text in zip(files, ci_texts(forge, FACTS, shards=4).values(), strict=True):
        file.write_text(text)
    return list(map(str, files))


def test_gitlab_files_follow_the_schema(tmp_path: Path) -> None:
    for name in ("reconciler", "drift"):
        (tmp_path / f"{name}.json").write_text(json.dumps(component(name)[1]))
    done = schema("gitlab-ci", *GITLAB, *map(str, tmp_path.glob("*.json")), *with_shards(tmp_path, "gitlab"))
    assert done.returncode == 0, done.stdout
    (tmp_path / "wrong.yml").write_text("a: {script: [x], allow_failure: {exit_codes: four}}\n")
    assert schema("gitlab-ci", str(tmp_path / "wrong.yml")).returncode == 1


def test_workflows_follow_the_schema(tmp_path: Path) -> None:
    (tmp_path / "forgejo").mkdir()
    shards = with_shards(tmp_path, "github") + with_shards(tmp_path / "forgejo", "forgejo")
    done = schema("github-workflows", *WORKFLOWS, *shards)
    assert done.returncode == 0, done.stdout
    done = schema("github-actions", ACTION)
    assert done.returncode == 0, done.stdout
    (tmp_path / "wrong.yml").write_text(EMPTY)
    assert schema("github-workflows", str(tmp_path / "wrong.yml")).returncode == 1


def test_action_validator_takes_them(tmp_path: Path) -> None:
    for path in (
        *(path for path in WORKFLOWS if path.startswith("ci/github/")),
        ACTION,
        *with_shards(tmp_path, "github"),
    ):
        done = action_validator(path)
        assert done.returncode == 0, done.stdout
    (tmp_path / "wrong.yml").write_text(EMPTY)
    assert action_validator(str(tmp_path / "wrong.yml")).returncode == 1


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    files = [path for path in (*WORKFLOWS, ACTION) if ".forgejo" not in path]
    shards = with_shards(tmp_path, "github")
    done = tool("zizmor", "--offline", "--no-progress", *files, *shards)
    assert done.returncode == 0, done.stdout + done.stderr
    (tmp_path / "wrong.yml").write_text(PWNED)
    done = tool("zizmor", "--offline", "--no-progress", str(tmp_path / "wrong.yml"))
    assert done.returncode != 0
    for rule in ("dangerous-triggers", "template-injection", "unpinned-uses"):
        assert rule in done.stdout


@pytest.mark.parametrize("path", [path for path in WORKFLOWS if ".forgejo" not in path])
def test_actions_are_pinned(path: str) -> None:
    used = re.findall(r"uses: (\S+)", (ROOT / path).read_text("utf-8"))
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", each) for each in used)


def test_pictures_of_the_report_are_kept_to_be_looked_at() -> None:
    """Also of tests that failed. Their folder is hidden, which the action leaves out unless it is told."""
    (job,) = jobs({OWN: (ROOT / OWN).read_text("utf-8")}).values()
    *_, tests, upload = job["steps"]
    assert tests["run"] == "bash .ci/run"
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert upload["if"] == "${{ !cancelled() }}"
    assert ROOT / upload["with"]["path"] == PICTURES
    assert upload["with"]["include-hidden-files"] is True
