"""The API that Gitea and Forgejo have, and GitHub nearly has, too (facts/forges.md 3): a pull request is an issue, and
its comments are the issue's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from reconciler.errors import ForgeError
from reconciler.forge.client import Comment, Forge, Issue, MergeRequest
from reconciler.forge.session import Session


class User(BaseModel):
    """Who wrote, or closed, something. A user who is gone has none, or is Ghost with id -1."""

    id: int


class IssueComment(BaseModel):
    """A comment on an issue or a pull request."""

    id: int
    body: str | None
    user: User | None
    created_at: datetime
    updated_at: datetime | None = None
    html_url: str = ""
    node_id: str = ""


class Branch(BaseModel):
    """One side of a pull request."""

    ref: str
    sha: str


class Request(BaseModel):
    """A pull request."""

    number: int
    head: Branch
    base: Branch
    merged_at: datetime | None = None
    merge_commit_sha: str | None = None
    html_url: str = ""

    def value(self) -> MergeRequest:
        commits = frozenset(filter(None, (self.merge_commit_sha, self.head.sha)))
        return MergeRequest(self.number, self.head.sha, self.base.ref, self.merged_at, commits, self.html_url)


class Ticket(BaseModel):
    """An issue; GitHub's lists have pull requests among them."""

    number: int
    body: str | None
    state: str
    user: User | None
    closed_at: datetime | None = None
    html_url: str = ""
    pull_request: object = None

    def value(self) -> Issue:
        author = str(self.user.id) if self.user else ""
        return Issue(self.number, author, self.body or "", self.state == "open", self.closed_at, self.html_url)


class Label(BaseModel):
    """A label of the repository."""

    id: int
    name: str


def token_header(token: str) -> Mapping[str, str]:
    return {"Authorization": f"token {token}"}


class Gitea(Forge):
    """One repository, `owner/name`."""

    name = "Gitea"

    def __init__(self, session: Session, project: str) -> None:
        super().__init__()
        self._session = session
        self._repository = f"/repos/{quote(project)}"

    def _ask_user(self) -> str:
        return str(self._session.parsed(User, self._session.get("/user").data).id)

    def comments(self, number: int) -> list[Comment]:
        items = self._session.pages(f"{self._repository}/issues/{number}/comments")
        found = [self._session.parsed(IssueComment, item) for item in items]
        return [_comment(number, each) for each in sorted(found, key=lambda each: each.id)]

    def add_comment(self, number: int, body: str) -> Comment:
        answer = self._session.send("POST", f"{self._repository}/issues/{number}/comments", {"body": body})
        return _comment(number, self._session.parsed(IssueComment, answer.data))

    def change_comment(self, comment: Comment, body: str) -> Comment:
        answer = self._session.send("PATCH", f"{self._repository}/issues/comments/{comment.id}", {"body": body})
        if answer.data is None:  # 204: Gitea's answer for what is no comment, an event in the timeline
            raise ForgeError(f"{self.name} says that comment {comment.id} is none", status=404)
        return _comment(comment.number, self._session.parsed(IssueComment, answer.data))

    def merge_request(self, number: int) -> MergeRequest:
        request: Request = self._session.parsed(Request, self._session.get(f"{self._repository}/pulls/{number}").data)
        return request.value()

    def merge_requests_of(self, commit: str) -> list[MergeRequest]:
        try:
            answer = self._session.get(f"{self._repository}/commits/{quote(commit, safe='')}/pull")
        except ForgeError as error:
            if error.status == 404:  # pushed without a pull request, or not at all
                return []
            raise
        request: Request = self._session.parsed(Request, answer.data)
        return [request.value()]

    def own_issues(self, label: str) -> list[Issue]:
        named = {"labels": label} if label else {}
        items = self._session.pages(f"{self._repository}/issues", state="all", **named)
        tickets: list[Ticket] = [self._session.parsed(Ticket, item) for item in items]
        user = self.user()
        return sorted(ticket.value() for ticket in tickets if not ticket.pull_request and ticket.value().author == user)

    def open_issue(self, title: str, body: str, label: str) -> Issue:
        given = {"title": title, "body": body, "labels": self._labels(label)}
        return self._issue(self._session.send("POST", f"{self._repository}/issues", given).data)

    def change_issue(self, issue: Issue, body: str, *, open: bool) -> Issue:
        given = {"body": body, "state": "open" if open else "closed"}
        return self._issue(self._session.send("PATCH", f"{self._repository}/issues/{issue.number}", given).data)

    def comment_on_issue(self, issue: Issue, body: str) -> None:
        self._session.send("POST", f"{self._repository}/issues/{issue.number}/comments", {"body": body})

    def _labels(self, name: str) -> list[Any]:
        """The numbers of labels, which an issue takes here; none where the label cannot be made."""
        path = f"{self._repository}/labels"
        for item in self._session.pages(path):
            label: Label = self._session.parsed(Label, item)
            if label.name == name:
                return [label.id]
        try:
            made: Label = self._session.parsed(
                Label, self._session.send("POST", path, {"name": name, "color": "#ededed"}).data
            )
        except ForgeError as error:
            if error.status in (403, 404) and not error.temporary:
                return []
            raise
        return [made.id]

    def _issue(self, data: object) -> Issue:
        ticket: Ticket = self._session.parsed(Ticket, data)
        return ticket.value()


class Forgejo(Gitea):
    """Gitea's API under its own name."""

    name = "Forgejo"


def _comment(number: int, found: IssueComment) -> Comment:
    author = str(found.user.id) if found.user else ""
    return Comment(
        str(found.id),
        number,
        author,
        found.body or "",
        found.created_at,
        found.html_url,
        found.node_id,
        found.updated_at,
    )
