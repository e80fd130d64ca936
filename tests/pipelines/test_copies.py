"""One source: what is copied, what is included, and what `reconciler ci init` writes say the same."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from reconciler.setup.ci_files import FORGES, is_untouched
from reconciler.setup.repository import repository
from tests.cli.running import reconciler
from tests.pipelines.copies import COPIES, ROOT, USUAL
from tests.pipelines.files import read
from tests.services.git import git


@pytest.mark.parametrize("path", COPIES)
def test_a_copy_in_the_repository_is_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text("utf-8") == COPIES[path](), "run `make pages`"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A repository whose site file is that of the copies."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    (tmp_path / "reconciler.yaml").write_text(json.dumps({"site": "nrw", **USUAL}))
    return tmp_path


def written(folder: Path) -> dict[str, str]:
    files = (file for file in folder.rglob("*") if file.is_file() and ".git" not in file.relative_to(folder).parts)
    return {f.relative_to(folder).as_posix(): f.read_text("utf-8") for f in files if f.name != "reconciler.yaml"}


@pytest.mark.parametrize("forge", FORGES)
def test_ci_init_writes_the_copies(state: Path, forge: str) -> None:
    answer = reconciler(state, "ci", "init", forge)
    assert answer.status == 0, answer
    assert written(state) == {path: (ROOT / "ci" / forge / path).read_text("utf-8") for path in FORGES[forge]}
    again = reconciler(state, "ci", "init", forge)
    assert again.out.splitlines() == [f"{path}: unchanged" for path in FORGES[forge]]


def test_init_writes_what_ci_init_writes(tmp_path: Path) -> None:
    texts = repository({"site": "nrw", **USUAL})
    for forge in ("gitlab", "github"):
        assert {path: texts[path] for path in FORGES[forge]} == {
            path: (ROOT / "ci" / forge / path).read_text("utf-8") for path in FORGES[forge]
        }


def component(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs of a component, and its jobs when all have their defaults: GitLab reads the YAML first, and then puts
    them into its values."""
    head, _, body = (ROOT / "ci/gitlab/templates" / f"{name}.yml").read_text("utf-8").partition("\n---\n")
    inputs = read(head)["spec"]["inputs"]
    filled = re.sub(
        r"\$\[\[ inputs\.(\w+) \]\]", lambda found: str(inputs[found[1]]["default"]), json.dumps(read(body))
    )
    assert "$[[" not in filled
    used = set(re.findall(r"\$\[\[ inputs\.(\w+) \]\]", body))
    assert used == set(inputs), "an input that changes nothing"
    return inputs, json.loads(filled.replace(" ~/", ' \\"$HOME\\"/'))


def test_a_component_with_its_defaults_is_the_file_that_is_copied() -> None:
    for name, path in (("reconciler", ".gitlab-ci.yml"), ("drift", ".gitlab/reconciler-drift.yml")):
        copied = read((ROOT / "ci/gitlab" / path).read_text("utf-8"))
        copied.pop("include", None)
        assert component(name)[1] == copied


def test_a_reusable_workflow_is_the_copied_one_but_for_what_starts_it() -> None:
    for name in ("plan", "apply", "drift"):
        ours = read((ROOT / f".github/workflows/{name}.yml").read_text("utf-8"))
        copied = read((ROOT / f"ci/github/.github/workflows/{name}.yml").read_text("utf-8"))
        assert ours["jobs"] == copied["jobs"]
        assert list(ours["on"]) == ["workflow_call"], "it would run in this repository"
        passed = set(re.findall(r"secrets\.(\w+)", str(ours["jobs"])))
        assert set(ours["on"]["workflow_call"]["secrets"]) == passed


def test_what_somebody_changed_is_shown_and_left(state: Path) -> None:
    reconciler(state, "ci", "init", "gitlab")
    file = state / ".gitlab-ci.yml"
    before = written(state)
    file.write_text(before[".gitlab-ci.yml"].replace("python:3.12", "registry.example/mail:1"))
    (state / ".gitlab/reconciler-drift.yml").unlink()
    changed = written(state)
    answer = reconciler(state, "ci", "init", "gitlab")
    assert answer.status == 2, answer
    assert "somebody changed .gitlab-ci.yml, and nothing was written" in answer.words
    assert "-  image: registry.example/mail:1" in answer.out
    assert written(state) == changed
    answer = reconciler(state, "ci", "init", "gitlab", "--replace")
    assert answer.out.splitlines() == [".gitlab-ci.yml: replaced", ".gitlab/reconciler-drift.yml: new"]
    assert written(state) == before


def test_ci_init_keeps_the_number_of_shards(state: Path) -> None:
    one = [reconciler(state, "ci", "init", "gitlab").status, written(state)]
    four = [reconciler(state, "ci", "init", "gitlab", "--shards", "4").status, written(state)]
    assert [reconciler(state, "ci", "init", "gitlab").status, written(state)] == four != one
    assert [reconciler(state, "ci", "init", "gitlab", "--shards", "1").status, written(state)] == one


def test_what_an_older_release_wrote_is_brought_up_to_date(state: Path) -> None:
    file = state / ".github/workflows/plan.yml"
    reconciler(state, "ci", "init", "github")
    first, _, text = file.read_text("utf-8").partition("\n")
    older = text.replace("ubuntu-latest", "ubuntu-22.04")
    stamp = hashlib.sha256(older.encode()).hexdigest()[:16]
    file.write_text(f"{first.rpartition(' ')[0]} {stamp}.\n{older}")
    assert is_untouched(file.read_text("utf-8"))
    answer = reconciler(state, "ci", "init", "github")
    assert answer.status == 0, answer
    assert ".github/workflows/plan.yml: updated" in answer.out
    assert file.read_text("utf-8") == (ROOT / "ci/github/.github/workflows/plan.yml").read_text("utf-8")


def test_nothing_is_written_through_a_link(state: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (state / ".github").symlink_to(elsewhere)
    for options in ((), ("--replace",)):
        answer = reconciler(state, "ci", "init", "github", *options)
        assert answer.status == 2, answer
        assert "nothing was written" in answer.words
    assert not list(elsewhere.iterdir())


def test_a_site_file_in_a_folder_of_the_repository(state: Path) -> None:
    (state / "mail").mkdir()
    data = {"site": "nrw", **USUAL, "ssh": {"mail.example": {"key_file": "keys/its key"}}}
    (state / "mail" / "site.yaml").write_text(json.dumps(data))
    answer = reconciler(state / "mail", "ci", "init", "gitlab", "--site", "site.yaml")
    assert answer.status == 0, answer
    assert answer.out.splitlines()[0] == f"{state}/.gitlab-ci.yml: new"
    assert "git repository" not in answer.words
    text = (state / ".gitlab-ci.yml").read_text("utf-8")
    assert read(text)[".reconciler"]["variables"]["RECONCILER_SITE"] == "mail/site.yaml"
    assert "\"${RECONCILER_SSH_KEY:-}\" 'mail/keys/its key'\n" in text


def test_in_the_role_of_the_planner_nothing_is_written(state: Path) -> None:
    answer = reconciler(state, "ci", "init", "gitlab", env={"RECONCILER_ROLE": "planner"})
    assert answer.status == 2, answer
    assert "unset RECONCILER_ROLE" in answer.words
    assert not written(state)


def test_without_a_planner_it_says_what_merge_requests_get(state: Path) -> None:
    site = {key: section for key, section in USUAL.items() if key != "planner"}
    (state / "reconciler.yaml").write_text(json.dumps({"site": "nrw", **site}))
    shutil.rmtree(state / ".git")
    answer = reconciler(state, "ci", "init", "gitlab")
    assert "the jobs of merge requests get the logins that write" in answer.words
    assert f"{state} is in no git repository" in answer.words
