"""GitHub's API: what it does otherwise than Gitea (facts/forges.md 2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from reconciler.errors import ForgeError
from reconciler.forge.client import Comment, Issue, MergeRequest
from reconciler.forge.gitea import Gitea, Request, User
from reconciler.forge.session import Session

_HIDE = """mutation($id: ID!) {
  minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized } }
}"""
_VIEWER = "query { viewer { login } }"


def token_header(token: str) -> Mapping[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }


class GitHub(Gitea):
    """One repository, `owner/name`."""

    name = "GitHub"

    def __init__(self, session: Session, project: str) -> None:
        super().__init__(session, project)
        # GitHub Enterprise has REST at /api/v3 and GraphQL at /api/graphql
        self._graphql = "/../graphql" if session.url.endswith("/api/v3") else "/graphql"

    def _ask_user(self) -> str:
        """The token of a job belongs to an app, and may not ask REST who it is; GraphQL says its name, and REST the
        number that comments have of it."""
        try:
            return super()._ask_user()
        except ForgeError as error:
            if error.status != 403:
                raise
        viewer = self._asked(_VIEWER, {}).get("viewer")
        login = viewer.get("login") if isinstance(viewer, dict) else None
        answer = self._session.get(f"/users/{quote(str(login), safe='')}")
        return str(self._session.parsed(User, answer.data).id)

    def hide_comment(self, comment: Comment) -> None:
        self._asked(_HIDE, {"id": comment.node})

    def merge_requests_of(self, commit: str) -> list[MergeRequest]:
        path = f"{self._repository}/commits/{quote(commit, safe='')}/pulls"
        try:
            found: list[Request] = [self._session.parsed(Request, item) for item in self._session.pages(path)]
        except ForgeError as error:
            if error.status in (404, 422):  # no such commit here
                return []
            raise
        return [request.value() for request in found]

    def open_issue(self, title: str, body: str, label: str) -> Issue:
        """Who may not make labels is refused where this one is not there yet, and opens the issue without it."""
        try:
            return super().open_issue(title, body, label)
        except ForgeError as error:
            if error.status not in (403, 422) or error.temporary:
                raise
        given = {"title": title, "body": body}
        return self._issue(self._session.send("POST", f"{self._repository}/issues", given).data)

    def _labels(self, name: str) -> list[Any]:
        """Their names; GitHub makes those that are not there, or leaves them out where the user may not set any."""
        return [name]

    def _asked(self, query: str, variables: Mapping[str, str]) -> dict[str, Any]:
        """GraphQL's answer; its errors come with status 200."""
        answer = self._session.send("POST", self._graphql, {"query": query, "variables": dict(variables)})
        data = answer.data.get("data") if isinstance(answer.data, dict) else None
        if not isinstance(data, dict) or answer.data.get("errors"):
            raise ForgeError("GitHub does not answer this question", status=403)
        return data
