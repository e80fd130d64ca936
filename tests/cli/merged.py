"""A merge request on a forge: planned in its branch, commented, merged; and the job after the merge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reconciler.forge.marker import with_marker
from reconciler.forge.plan_marker import plan_marker
from reconciler.report.json_plan_models import PlanDocument
from reconciler.report.read_document import read_plan
from tests.cli.conftest import Command
from tests.cli.running import Answer
from tests.cli.site import ANNA_DECLARED, StandInSite
from tests.services.forges.server import FakeForge
from tests.services.forges.state import BOT, TOKEN, Request, Written
from tests.services.git import git

ALIASES = ("vorstand: [anna.beispiel]",)


class Merged:
    """A site in git, applied once, and its forge."""

    def __init__(self, site: StandInSite, command: Command, forge: FakeForge, monkeypatch: pytest.MonkeyPatch) -> None:
        self.site, self.command, self.forge, self.monkeypatch = site, command, forge, monkeypatch
        for name in ("GITLAB_CI", "GITHUB_ACTIONS", "FORGEJO_ACTIONS", "GITEA_ACTIONS", "CI_JOB_TOKEN", "GITHUB_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        git(site.folder, "init", "-q", "-b", "main")
        (site.folder / ".gitignore").write_text("*\n!state/\n!state/*\n!reconciler.yaml\n")
        site.declare(ANNA_DECLARED, aliases=ALIASES)
        self.commit("Anna")
        answer = command("apply", "--yes")
        assert answer.status == 0, answer

    def commit(self, words: str) -> str:
        git(self.site.folder, "add", "state", "reconciler.yaml")
        git(self.site.folder, "commit", "-q", "--allow-empty", "-m", words)
        return git(self.site.folder, "rev-parse", "HEAD").strip()

    def plan(self) -> PlanDocument:
        """Of the state as it is."""
        assert self.command("plan", "--out", "plan.json").status in (0, 4, 5)
        return read_plan((self.site.folder / "plan.json").read_text(encoding="utf-8"))

    def comment(self, plan: PlanDocument, *, number: int = 3, key: bytes | None = None, **changes: Any) -> Written:
        """What `report --comment` writes; `changes` are of the marker."""
        marker = plan_marker(plan).model_copy(update=changes)
        return self.forge.state.write(with_marker("## the plan\n\n1 change", marker, key), BOT, number=number)

    def request(self, *mailboxes: str, aliases: Sequence[str] = ALIASES, number: int = 3, **changes: Any) -> Written:
        """A merge request that declares this, commented."""
        self.site.declare(*mailboxes, aliases=aliases)
        return self.propose(number, **changes)

    def propose(self, number: int = 3, **changes: Any) -> Written:
        """The same with the state as it is in the folder."""
        head = self.commit(f"Merge request {number}")
        self.forge.state.requests[number] = Request(head=head)
        self.forge.state.comments.setdefault(number, [])
        return self.comment(self.plan(), number=number, **changes)

    def report(self) -> None:
        """The job of merge request 3 reports the plan that was saved last."""
        event = self.file("event.json")
        event.write_text(self.forge.event(self.forge.state.requests[3].head))
        for name, value in self.forge.environment(str(event), commit=self.forge.state.requests[3].head).items():
            self.monkeypatch.setenv(name, value)
        answer = self.command("report", "plan.json", "--comment")
        assert answer.status == 0, answer

    def told(self) -> str:
        """The job after the merge reports the run; the comment about it."""
        self.job(GITHUB_SHA=git(self.site.folder, "rev-parse", "HEAD").strip())
        self.monkeypatch.setenv("CI_COMMIT_SHA", git(self.site.folder, "rev-parse", "HEAD").strip())
        answer = self.command("report", "run.json", "--comment")
        assert answer.status == 0, answer
        return self.forge.state.bodies()[-1]

    def merge(self, number: int = 3, *, how: str = "squash", target: str = "main") -> str:
        """The commit that the merge made."""
        state, request = self.forge.state, self.forge.state.requests[number]
        landed = request.head if how == "fast-forward" else self.commit(f"Merged {number} by {how}")
        request.merged, request.merged_at, request.target = True, state.now(), target
        if how == "squash" and self.forge.kind == "gitlab":
            request.squash_commit = landed
        elif how != "fast-forward":
            request.merge_commit = landed
        return landed

    def job(self, *, token: str = TOKEN, branch: str = "main", **changed: str) -> None:
        """The variables of the job after the merge."""
        for name in ("CI_MERGE_REQUEST_PROJECT_ID", "CI_MERGE_REQUEST_IID", "GITHUB_EVENT_PATH"):
            self.monkeypatch.delenv(name, raising=False)
        for name, value in self.environment(token, branch).items():
            self.monkeypatch.setenv(name, value)
        for name, value in changed.items():
            self.monkeypatch.setenv(name, value)

    def environment(self, token: str = TOKEN, branch: str = "main") -> dict[str, str]:
        found = self.forge.environment(token=token)
        for name in ("CI_MERGE_REQUEST_PROJECT_ID", "CI_MERGE_REQUEST_IID", "GITHUB_EVENT_PATH"):
            found.pop(name, None)
        if self.forge.kind == "gitlab":
            return found | {"CI_PROJECT_ID": "11", "CI_COMMIT_BRANCH": branch}
        return found | {"GITHUB_REF": f"refs/heads/{branch}"}

    def apply(self, *options: str) -> Answer:
        """The job after the merge."""
        self.job()
        return self.command("apply", "--reviewed", "--yes", *options)

    def quota(self, address: str) -> int:
        box = self.site.mailbox(address)
        assert box is not None
        return int(box["quota"]) // 1024000

    def file(self, name: str) -> Path:
        return self.site.folder / name
