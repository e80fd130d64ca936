"""Runs the workflows of GitHub and Forgejo: the `run` lines as they are, in the environment and the order of a runner,
and in place of the five actions what they do."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.cli.site import DOMAIN, OX_ENV, OX_PASSWORD, StandInSite
from tests.pipelines.files import programs, pushed, read, state_repository
from tests.services.forges.server import FakeForge
from tests.services.forges.state import TOKEN
from tests.services.git import git


class Ended(NamedTuple):
    """How a workflow ended: the status of each job, the log, and the folder of its artifacts."""

    jobs: Mapping[str, int]
    log: str
    artifacts: Path


class Workflows:
    """Pull request 3 of a state repository. `before` is put before each shell: who runs it."""

    def __init__(
        self, folder: Path, site: StandInSite, forge: FakeForge, before: Sequence[str] = (), shards: int = 1
    ) -> None:
        self.folder, self.site, self.forge, self.before = folder, site, forge, before
        self.origin, self.work = folder / "origin.git", folder / "work"
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.origin))
        git(folder, "clone", "--quiet", str(self.origin), str(self.work))
        self.files = state_repository(site, forge.kind, shards)
        pushed(self.work, "main", self.files | {"state/state.yaml": f"domain: {DOMAIN}\n"})
        self.path = programs(folder / "programs")
        self._runs = 0
        self.summary = folder / "summary.md"

    def request(self, state: str) -> Ended:
        """Somebody pushes a branch with an open pull request; what is checked out is its merge with the target."""
        head = pushed(self.work, "request", {"state/state.yaml": f"domain: {DOMAIN}\n{state}\n"})
        self.forge.state.requests[3].head = head
        git(self.work, "switch", "--quiet", "--force-create", "merged", "main")
        self._merge()
        git(self.work, "push", "--quiet", "--force", "origin", "merged")
        return self._run("plan", git(self.work, "rev-parse", "merged"), self.forge.event(head), GITHUB_BASE_REF="main")

    def merge(self) -> Ended:
        """Somebody presses the button, and the workflow for the default branch runs."""
        git(self.work, "switch", "--quiet", "main")
        self._merge()
        git(self.work, "push", "--quiet", "origin", "main")
        request = self.forge.state.requests[3]
        request.merged, request.merged_at = True, self.forge.state.now()
        request.merge_commit = git(self.work, "rev-parse", "HEAD")
        return self.again()

    def again(self) -> Ended:
        """Somebody runs that workflow again."""
        return self._run("apply", git(self.work, "rev-parse", "main"), "{}")

    def night(self, *only: str) -> Ended:
        """The schedule's; or some of its jobs."""
        return self._run("drift", git(self.work, "rev-parse", "main"), "{}", only)

    def _merge(self) -> None:
        git(self.work, "merge", "--quiet", "--no-ff", "--message=Merge", "request")

    def _run(self, name: str, commit: str, event: str, only: Sequence[str] = (), **more: str) -> Ended:
        self._runs += 1
        folder = self.folder / f"run-{self._runs}"
        folder.mkdir()
        (folder / "event.json").write_text(event)
        text = next(text for path, text in self.files.items() if path.endswith(f"workflows/{name}.yml"))
        workflow, statuses, log = read(text), {}, ""
        env = {**self._environment(folder, commit), **more}
        for job_name in only or workflow["jobs"]:
            job = workflow["jobs"][job_name]
            for number in job.get("strategy", {}).get("matrix", {}).get("shard", [0]):
                one = f"{job_name}-{number}" if number else job_name
                run = _Job(self, folder, one, {**env, **workflow["env"]}, commit, number)
                statuses[one] = run.run(job)
                log += run.log
        return Ended(statuses, log, folder / "artifacts")

    def _environment(self, folder: Path, commit: str) -> dict[str, str]:
        files = {f"GITHUB_{name}": str(folder / name.lower()) for name in ("OUTPUT", "ENV", "PATH")}
        for made in (*map(Path, files.values()), self.summary):
            made.touch()
            made.chmod(0o666)
        job = self.forge.environment(str(folder / "event.json"))
        job.pop("RECONCILER_FORGE_TOKEN")
        more = {"GITHUB_SHA": commit, "CI": "true", "GITHUB_STEP_SUMMARY": str(self.summary), "GITHUB_RUN_NUMBER": "5"}
        known = {"PATH": f"{self.path}:{os.environ['PATH']}", "GITHUB_REF": "refs/heads/main"}
        return {**known, **job, **files, **more}


class _Job:
    def __init__(
        self, all: Workflows, folder: Path, name: str, env: Mapping[str, str], commit: str, shard: int
    ) -> None:
        self.all, self.folder, self.commit, self.shard, self.log = all, folder, commit, shard, ""
        self.kept: Mapping[str, str] = {}
        self.workspace, self.temp = folder / f"{name}-workspace", folder / f"{name}-temp"
        for made in (self.workspace, self.temp):
            made.mkdir()
            made.chmod(0o777)  # another user may be the one who runs
        self.env = {**env, "GITHUB_WORKSPACE": str(self.workspace), "RUNNER_TEMP": str(self.temp)}

    def run(self, job: Mapping[str, Any]) -> int:
        status = 0
        for step in job["steps"]:
            if status and not re.search(r"cancelled\(\)|always\(\)", step.get("if", "")):
                continue
            if "run" in step:
                status = self._shell(step) or status
            else:
                given = {key: self._value(str(value)) for key, value in step.get("with", {}).items()}
                getattr(self, re.sub(r"\W", "_", step["uses"].partition("@")[0].rpartition("/")[2]))(given)
        if self.kept and not status:
            self._keep()
        return status

    def _shell(self, step: Mapping[str, Any]) -> int:
        own = {name: self._value(str(value)) for name, value in step.get("env", {}).items()}
        env = {name: self._value(value) for name, value in {**self.env, **own}.items()}
        done = subprocess.run(
            [*self.all.before, "bash", "-e", "-c", step["run"]],
            cwd=self.workspace,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.log += done.stdout
        return done.returncode

    def _value(self, text: str) -> str:
        """With GitHub's expressions filled in: the first alternative that is not empty."""
        known = {
            "github.token": TOKEN,
            "runner.temp": str(self.temp),
            "github.run_id": self.folder.name,
            "github.run_attempt": "1",
            "matrix.shard": str(self.shard),
            f"secrets.{OX_ENV}": OX_PASSWORD,
        }

        def filled(match: re.Match[str]) -> str:
            words = [word.strip() for word in match[1].split("||")]
            values = [word.strip("'") if word.startswith("'") else known.get(word, "") for word in words]
            return next((value for value in values if value), "")

        return re.sub(r"\$\{\{ (.*?) \}\}", filled, text)

    def checkout(self, given: Mapping[str, str]) -> None:
        depth = [] if given.get("fetch-depth") == "0" else ["--depth=1"]
        where = "+refs/heads/*:refs/remotes/origin/*"
        git(self.workspace, "init", "--quiet", "--initial-branch=none")
        git(self.workspace, "remote", "add", "origin", self.all.origin.as_uri())
        git(self.workspace, "fetch", "--quiet", *depth, "origin", *([self.commit] if depth else [where]))
        git(self.workspace, "checkout", "--quiet", "--detach", self.commit)

    def cache(self, given: Mapping[str, str]) -> None:
        """Brings the file of this key, else the newest whose key begins as it may; `_keep` saves it."""
        self.kept, file = given, Path(given["path"])
        begin = str(self.all.folder / "cache" / given["restore-keys"])
        known = sorted((self.all.folder / "cache").glob("*"), key=lambda kept: kept.stat().st_mtime_ns)
        file.parent.mkdir(exist_ok=True)
        file.parent.chmod(0o777)
        for found in [kept for kept in known if str(kept).startswith(begin)][-1:]:
            shutil.copy(found, file)
            file.chmod(0o666)

    def _keep(self) -> None:
        """After the job, unless it failed; of a key that is there nothing is saved."""
        to = self.all.folder / "cache" / self.kept["key"]
        if Path(self.kept["path"]).exists() and not to.exists():
            to.parent.mkdir(exist_ok=True)
            shutil.copy(self.kept["path"], to)

    def setup_python(self, given: Mapping[str, str]) -> None:
        """The tests have one."""

    def upload_artifact(self, given: Mapping[str, str]) -> None:
        asked = self.workspace / given["path"]
        for file in asked.parent.glob(asked.name):
            (self.folder / "artifacts" / given["name"]).mkdir(parents=True)
            shutil.copy(file, self.folder / "artifacts" / given["name"] / file.name)

    def download_artifact(self, given: Mapping[str, str]) -> None:
        for artifact in (self.folder / "artifacts").glob("*"):
            if fnmatch.fnmatch(artifact.name, given["pattern"]):
                shutil.copytree(artifact, given["path"], dirs_exist_ok=True)
                for path in (Path(given["path"]), *Path(given["path"]).iterdir()):
                    path.chmod(0o777)  # they are the runner's user's
