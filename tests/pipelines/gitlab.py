"""A project on GitLab, as far as this machine has one: a bare repository, the API of tests/services/forges, and
gitlab-ci-local as the runner, which knows rules, needs, artifacts and the environments of variables."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

from tests.cli.site import DOMAIN, OX_ENV, OX_PASSWORD, StandInSite
from tests.pipelines.copies import ROOT
from tests.pipelines.files import programs, pushed, state_repository
from tests.services.forges.server import FakeForge
from tests.services.forges.state import TOKEN
from tests.services.git import git
from tests.services.needs import require_npm

PREDEFINED = (
    "CI_PIPELINE_SOURCE,CI_API_V4_URL,CI_PROJECT_ID,CI_COMMIT_SHA,CI_DEFAULT_BRANCH,CI_COMMIT_BRANCH,CI_COMMIT_REF_NAME"
)
_NUMBER = "3"
SERVER = "https://git.example"
INCLUDING = """\
stages: [look, do]
include:
  - component: $CI_SERVER_FQDN/tools/reconciler/reconciler@v1
    inputs: {check_stage: look, apply_stage: do, environment: post, resource_group: post}
  - component: $CI_SERVER_FQDN/tools/reconciler/drift@v1
    inputs: {drift_stage: do, environment: post}
"""


class Pipeline(NamedTuple):
    """How one ended: PASS, WARN or FAIL of each job that ran, the log, and the folder in which they ran."""

    jobs: Mapping[str, str]
    log: str
    folder: Path


class Project:
    """Merge request 3 of a state repository, whose CI files `reconciler ci init` wrote, with so many shards; or one
    that includes the components of another project on this GitLab, in an environment and stages of its own."""

    def __init__(
        self, folder: Path, site: StandInSite, forge: FakeForge, *, components: bool = False, shards: int = 1
    ) -> None:
        self.folder, self.site, self.forge = folder, site, forge
        self.origin, self.work = folder / "origin.git", folder / "work"
        self._builds = 0
        self.cache = folder / "cache"
        """The runner's, which outlives its clones: a folder for each key."""
        self.cache.mkdir()
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.origin))
        git(folder, "clone", "--quiet", str(self.origin), str(self.work))
        self.path = programs(folder / "programs")
        files = state_repository(site, "gitlab", shards)
        if components:
            self._publish_components()
            files = {name: text for name, text in files.items() if "gitlab" not in name} | {".gitlab-ci.yml": INCLUDING}
        self.commit("main", "", files)
        self._write_variables("post" if components else "mail")

    def commit(self, branch: str, state: str, files: Mapping[str, str] = {}) -> str:
        """Pushes a branch with this state, and these files beside it; the commit."""
        return pushed(self.work, branch, {"state/state.yaml": f"domain: {DOMAIN}\n{state}\n", **files})

    def request(self, state: str, *, fork: bool = False, files: Mapping[str, str] = {}) -> Pipeline:
        """Somebody pushes a branch with an open merge request."""
        head = self.commit("request", state, files)
        self.forge.state.requests[3].head = head
        of_request = {
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_MERGE_REQUEST_IID": _NUMBER,
            "CI_MERGE_REQUEST_PROJECT_ID": "11",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "99" if fork else "11",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_DEFAULT_BRANCH": "main",
            "CI_PROJECT_ID": "99" if fork else "11",
        }
        return self._run(head, of_request, "--unset-variable", "CI_COMMIT_BRANCH", depth=0)

    def merge(self) -> None:
        """Somebody presses the button."""
        git(self.work, "switch", "--quiet", "main")
        git(self.work, "merge", "--quiet", "--no-ff", "--message=Merge", "request")
        git(self.work, "push", "--quiet", "origin", "main")
        request = self.forge.state.requests[3]
        request.merged, request.merged_at = True, self.forge.state.now()
        request.merge_commit = git(self.work, "rev-parse", "HEAD")

    def push(self, *only: str) -> Pipeline:
        """The pipeline of the default branch, after a merge; or some of its jobs."""
        return self._default_branch("push", *only)

    def night(self, *only: str) -> Pipeline:
        """The schedule's; or some of its jobs."""
        return self._default_branch("schedule", *only)

    def started(self, source: str, *only: str) -> subprocess.Popen[str]:
        """Such a pipeline, at work in a group of its own, so that all of it can be killed."""
        command, folder = self._command(git(self.work, "rev-parse", "main"), self._of_main(source), depth=1)
        command += only
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(
            command,
            cwd=folder,
            env=self._environment(),
            stdout=nowhere,
            stderr=nowhere,
            text=True,
            process_group=0,
        )

    def _default_branch(self, source: str, *only: str) -> Pipeline:
        return self._run(git(self.work, "rev-parse", "main"), self._of_main(source), *only, depth=1)

    def _of_main(self, source: str) -> dict[str, str]:
        return {
            "CI_PIPELINE_SOURCE": source,
            "CI_PROJECT_ID": "11",
            "CI_COMMIT_BRANCH": "main",
            "CI_DEFAULT_BRANCH": "main",
        }

    def _run(self, commit: str, variables: Mapping[str, str], *options: str, depth: int) -> Pipeline:
        command, folder = self._command(commit, variables, depth=depth)
        done = subprocess.run(
            [*command, *options], cwd=folder, env=self._environment(), capture_output=True, text=True, check=False
        )
        log = done.stdout + done.stderr
        jobs = {
            name: state
            for state, name in re.findall(r"^ (PASS|WARN|FAIL)  (\S+(?: \[[^]]*\])?)", done.stdout, re.MULTILINE)
        }
        assert jobs, log
        return Pipeline(jobs, log, folder)

    def _command(self, commit: str, variables: Mapping[str, str], *, depth: int) -> tuple[list[str], Path]:
        """gitlab-ci-local in a clone as GitLab's runner makes it: of one commit, detached, one for each pipeline."""
        self._builds += 1
        build = self.folder / f"build-{self._builds}"
        git(self.folder, "init", "--quiet", "--initial-branch=none", str(build))
        git(build, "remote", "add", "origin", self.origin.as_uri())
        git(build, "remote", "add", "gcl-origin", f"{SERVER}/mail/state.git")  # whence it knows GitLab's address
        git(build, "fetch", "--quiet", *([f"--depth={depth}"] if depth else []), "origin", commit)
        git(build, "checkout", "--quiet", "--detach", "FETCH_HEAD")
        given = {**variables, "CI_COMMIT_SHA": commit, "CI_API_V4_URL": self.forge.url}
        options = [word for name, value in given.items() for word in ("--variable", f"{name}={value}")]
        home = ["--home", str(self.folder / "home"), "--ignore-predefined-vars", PREDEFINED]
        apart = ["--force-shell-executor", "--shell-isolation"]  # a job has what git, artifacts and the cache bring
        (build / ".gitlab-ci-local").mkdir()
        (build / ".gitlab-ci-local" / "cache").symlink_to(self.cache)
        return [*require_npm("gitlab-ci-local"), *apart, *home, *options], build

    def _environment(self) -> dict[str, str]:
        known = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
        return {"PATH": f"{self.path}:{os.environ['PATH']}", "HOME": str(self.folder / "home"), **known}

    def _publish_components(self) -> None:
        """A project with this repository's ci/gitlab/, at a tag; and git finds what is on GitLab in a folder."""
        project, copy = self.folder / "server" / "tools" / "reconciler.git", self.folder / "components"
        shutil.copytree(ROOT / "ci" / "gitlab" / "templates", copy / "templates")
        git(copy, "init", "--quiet", "--initial-branch=main")
        git(copy, "add", ".")
        git(copy, "commit", "--quiet", "--message=Components")
        git(copy, "tag", "v1")
        git(self.folder, "clone", "--quiet", "--bare", str(copy), str(project))
        git(project, "config", "uploadpack.allowFilter", "true")
        home = self.folder / "home"
        home.mkdir()
        instead = f'[url "{project.parent.as_uri()}/"]\n  insteadOf = {SERVER}/{project.parent.name}/\n'
        (home / ".gitconfig").write_text(instead)

    def _write_variables(self, environment: str) -> None:
        """Those of the project, each for its environments (docs/ci.md)."""
        home = self.folder / "home" / ".gitlab-ci-local"
        home.mkdir(parents=True)
        scoped = {
            OX_ENV: {environment: OX_PASSWORD, f"{environment}/plan": OX_PASSWORD},
            "RECONCILER_FORGE_TOKEN": {environment: TOKEN, f"{environment}/comment": TOKEN},
        }
        with (home / "variables.yml").open("w") as out:
            YAML().dump({"global": {name: {"values": values} for name, values in scoped.items()}}, out)
