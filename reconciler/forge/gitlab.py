"""GitLab's API, version 4 (facts/forges.md 1.1). Plain notes, never threads: an unresolved one stops a merge."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from pydantic import BaseModel

from reconciler.errors import ForgeError
from reconciler.forge.client import Comment, Forge, Issue, MergeRequest
from reconciler.forge.session import Session


class User(BaseModel):
    """Who wrote, or closed, something."""

    id: int


class Note(BaseModel):
    """A note on a merge request; a `system` note tells what somebody did, and nobody wrote it."""

    id: int
    body: str
    author: User
    created_at: datetime
    updated_at: datetime | None = None
    system: bool = False


class Request(BaseModel):
    """A merge request; `sha` is the head of its source branch."""

    iid: int
    sha: str | None
    target_branch: str
    merged_at: datetime | None = None
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    web_url: str = ""

    def value(self) -> MergeRequest:
        commits = (self.merge_commit_sha, self.squash_commit_sha, self.sha)
        return MergeRequest(
            self.iid, self.sha or "", self.target_branch, self.merged_at, frozenset(filter(None, commits)), self.web_url
        )


class Ticket(BaseModel):
    """An issue."""

    iid: int
    description: str | None
    state: str
    author: User
    closed_at: datetime | None = None
    web_url: str = ""

    def value(self) -> Issue:
        is_open = self.state == "opened"
        return Issue(self.iid, str(self.author.id), self.description or "", is_open, self.closed_at, self.web_url)


def token_header(token: str) -> Mapping[str, str]:
    """Project, group and personal access tokens alike."""
    return {"PRIVATE-TOKEN": token}


def job_token_header(token: str) -> Mapping[str, str]:
    """For the token that GitLab gives to every job: since 17.10 it reads merge requests and their notes."""
    return {"JOB-TOKEN": token}


class GitLab(Forge):
    """One project, by its number or its path."""

    name = "GitLab"

    def __init__(self, session: Session, project: str) -> None:
        super().__init__()
        self._session = session
        self._project = f"/projects/{quote(project, safe='')}"

    def _ask_user(self) -> str:
        return str(self._session.parsed(User, self._session.get("/user").data).id)

    def comments(self, number: int) -> list[Comment]:
        found = [self._session.parsed(Note, item) for item in self._session.pages(self._notes(number), sort="asc")]
        return [_comment(number, note) for note in sorted(found, key=lambda note: note.id) if not note.system]

    def add_comment(self, number: int, body: str) -> Comment:
        answer = self._session.send("POST", self._notes(number), {"body": body})
        return self._written(number, answer.data)

    def change_comment(self, comment: Comment, body: str) -> Comment:
        answer = self._session.send("PUT", f"{self._notes(comment.number)}/{comment.id}", {"body": body})
        return self._written(comment.number, answer.data)

    def merge_request(self, number: int) -> MergeRequest:
        answer = self._session.get(f"{self._project}/merge_requests/{number}")
        request: Request = self._session.parsed(Request, answer.data)
        return request.value()

    def merge_requests_of(self, commit: str) -> list[MergeRequest]:
        path = f"{self._project}/repository/commits/{quote(commit, safe='')}/merge_requests"
        try:
            found = [self._session.parsed(Request, item) for item in self._session.pages(path)]
        except ForgeError as error:
            if error.status == 404:  # GitLab does not know the commit: nobody pushed it
                return []
            raise
        return [request.value() for request in found]

    def own_issues(self, label: str) -> list[Issue]:
        named = {"labels": label} if label else {}
        user = self.user()
        items = self._session.pages(f"{self._project}/issues", sort="asc", author_id=user, scope="all", **named)
        found: list[Issue] = [self._session.parsed(Ticket, item).value() for item in items]
        return sorted(issue for issue in found if issue.author == user)

    def open_issue(self, title: str, body: str, label: str) -> Issue:
        given = {"title": title, "description": body, "labels": label}
        return self._issue(self._session.send("POST", f"{self._project}/issues", given).data)

    def change_issue(self, issue: Issue, body: str, *, open: bool) -> Issue:
        given = {"description": body}
        if issue.open != open:
            given["state_event"] = "reopen" if open else "close"
        return self._issue(self._session.send("PUT", f"{self._project}/issues/{issue.number}", given).data)

    def comment_on_issue(self, issue: Issue, body: str) -> None:
        self._session.send("POST", f"{self._project}/issues/{issue.number}/notes", {"body": body})

    def _issue(self, data: object) -> Issue:
        ticket: Ticket = self._session.parsed(Ticket, data)
        return ticket.value()

    def _notes(self, number: int) -> str:
        return f"{self._project}/merge_requests/{number}/notes"

    def _written(self, number: int, data: object) -> Comment:
        """What GitLab kept. A body of nothing but quick actions leaves no note and an answer without an id."""
        note: Note = self._session.parsed(Note, data)
        return _comment(number, note)


def _comment(number: int, note: Note) -> Comment:
    author = str(note.author.id)
    return Comment(str(note.id), number, author, note.body, note.created_at, updated=note.updated_at)
