"""What a forge answers, the same for all: `gitlab`, `github` and `gitea` implement it, `connect` chooses.

Every method raises ForgeError. Its `status` is HTTP's, 0 without an answer; an `uncertain` one may have been carried
out all the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

LONGEST = 60_000
"""Bytes of one comment or issue. GitHub takes 65,536 characters, GitLab 1,000,000; nobody reads more than this."""


class Comment(NamedTuple):
    """A comment on the merge request `number`; `author` is the id of the user that wrote it, `node` what GraphQL calls
    it (GitHub only), `updated` when it was last changed, by whomever."""

    id: str
    number: int
    author: str
    body: str
    created: datetime
    url: str = ""
    node: str = ""
    updated: datetime | None = None


class MergeRequest(NamedTuple):
    """A merge request (pull request). `head` is the newest commit of its source branch, `landed` holds the commits that
    the merge made on the target branch, as far as the forge says: merge, squash and head."""

    number: int
    head: str
    target_branch: str
    merged: datetime | None
    landed: frozenset[str] = frozenset()
    url: str = ""


class Issue(NamedTuple):
    """An issue; `author` is the id of the user that opened it."""

    number: int
    author: str
    body: str
    open: bool
    closed: datetime | None
    url: str = ""


class Forge(ABC):
    """One project on one forge, as the user of the token sees it."""

    name: str
    """For people: GitLab, GitHub, Forgejo."""

    def __init__(self) -> None:
        self._user = ""

    def user(self) -> str:
        """The id of the token's user, asked once."""
        if not self._user:
            self._user = self._ask_user()
        return self._user

    def assume(self, user: str) -> None:
        """Somebody says who the token's user is: not every token may ask."""
        self._user = user

    @abstractmethod
    def _ask_user(self) -> str:
        """The id of the token's user."""

    @abstractmethod
    def comments(self, number: int) -> list[Comment]:
        """All comments of a merge request that users wrote, of all pages, oldest first."""

    @abstractmethod
    def add_comment(self, number: int, body: str) -> Comment:
        """Writes a new one: a plain comment, no thread that somebody must resolve."""

    @abstractmethod
    def change_comment(self, comment: Comment, body: str) -> Comment:
        """Replaces the body of a comment."""

    def hide_comment(self, comment: Comment) -> None:  # noqa: B027  # a forge that cannot hide leaves it as it is
        """Folds a superseded comment away, where the forge can; its body says already that it is superseded."""

    @abstractmethod
    def merge_request(self, number: int) -> MergeRequest:
        """One merge request as it is now."""

    @abstractmethod
    def merge_requests_of(self, commit: str) -> list[MergeRequest]:
        """The merge requests that brought, or would bring, a commit."""

    @abstractmethod
    def own_issues(self, label: str) -> list[Issue]:
        """The issues that the token's user opened, open and closed, oldest first; with this label, or any without."""

    @abstractmethod
    def open_issue(self, title: str, body: str, label: str) -> Issue:
        """Opens one. Where the token's user may not set labels, it has none."""

    @abstractmethod
    def change_issue(self, issue: Issue, body: str, *, open: bool) -> Issue:
        """Replaces its body, and opens or closes it."""

    @abstractmethod
    def comment_on_issue(self, issue: Issue, body: str) -> None:
        """Says something below it."""

    def own_comments(self, number: int) -> list[Comment]:
        """Those of the token's user, oldest first. Anybody may write our marker into theirs, so these alone count."""
        user = self.user()
        return [comment for comment in self.comments(number) if comment.author == user]

    def merged_by(self, commit: str) -> MergeRequest | None:
        """The merge request whose merge made this commit of the target branch; None when there is none, or when it
        cannot be told which of several."""
        return chosen(commit, self.merge_requests_of(commit))


def chosen(commit: str, found: Iterable[MergeRequest]) -> MergeRequest | None:
    """Of merged ones that which landed as this commit; else the only merged one."""
    merged = [request for request in found if request.merged is not None]
    landed = [request for request in merged if commit in request.landed]
    candidates = landed or merged
    return candidates[0] if len(candidates) == 1 else None
