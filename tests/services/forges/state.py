"""What a forge knows, whatever its API looks like: users, merge requests, comments, issues."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple

BOT, OTHER = "reconciler-bot", "anna"
TOKEN, OTHERS_TOKEN, READING_TOKEN = "glpat-open-sesame-11", "glpat-somebody-12", "glpat-only-reads-13"
JOB_TOKEN = "glcbt-64_of-the-job"
HEAD, MERGE, SQUASH = "a1" * 20, "b2" * 20, "c3" * 20
PROJECT = "mail/state"
LONGEST = {"gitlab": 1_000_000, "github": 65_536, "forgejo": 65_536, "gitea": 65_536}


class Asked(NamedTuple):
    """A request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


class Reply(NamedTuple):
    """An answer; `data` becomes JSON, None is an empty body."""

    status: int
    data: Any = None
    headers: Mapping[str, str] = {}


@dataclass
class Fault:
    """What goes wrong with the next `times` requests that match. `after`: only once they were carried out."""

    reply: Reply | None = None
    method: str = ""
    path: str = ""
    times: int = 1
    after: bool = False
    raw: bytes | None = None
    """The body as it goes out, instead of JSON."""
    cut: bool = False
    """Half of the answer comes, and then the connection breaks."""
    slow: float = 0.0
    drip: float = 0.0
    """Seconds between two bytes of the answer."""

    def hits(self, asked: Asked) -> bool:
        found = self.times > 0 and self.method in ("", asked.method) and re.search(self.path, asked.path) is not None
        self.times -= found
        return found


@dataclass
class Written:
    """A comment or a system note."""

    id: int
    author: str
    body: str
    created: datetime
    system: bool = False
    hidden: bool = False
    updated: datetime | None = None


@dataclass
class Request:
    """A merge request."""

    head: str = HEAD
    target: str = "main"
    merged: bool = False
    merged_at: datetime | None = None
    merge_commit: str | None = None
    squash_commit: str | None = None


@dataclass
class Ticket:
    """An issue."""

    author: str
    title: str
    body: str
    labels: list[str]
    created: datetime
    closed: datetime | None = None
    closed_by: str = ""
    comments: list[Written] = field(default_factory=list)


class State:
    """Everything of one project."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.users = {BOT: 41, OTHER: 7, "ghost": -1}
        self.tokens = {TOKEN: BOT, OTHERS_TOKEN: OTHER, READING_TOKEN: BOT}
        self.requests: dict[int, Request] = {3: Request()}
        self.comments: dict[int, list[Written]] = {3: []}
        self.issues: dict[int, Ticket] = {}
        self.labels: list[str] = []
        self.executed: list[str] = []
        """Quick actions that a body of ours made GitLab carry out."""
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.archived = False
        self.app_token = False
        """GitHub: the token is a job's, which REST does not tell who it is."""
        self.may_hide = True
        self.may_label = True
        self.may_ask_who = True
        """Gitea: whether the token has the scope `read:user`; one for single repositories cannot have it."""
        self.job_token_reads = True
        """GitLab: whether it is new enough that the token of a job reads merge requests and notes."""
        self._ids = count(100)
        self._clock = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)

    def now(self) -> datetime:
        """Each moment is another one, so that the order is certain."""
        self._clock += timedelta(seconds=1)
        return self._clock

    def write(self, body: str, author: str = OTHER, *, number: int = 3, system: bool = False) -> Written:
        """Somebody comments."""
        written = Written(next(self._ids), author, body, self.now(), system)
        self.comments.setdefault(number, []).append(written)
        return written

    def open_issue(self, title: str, body: str, author: str, labels: list[str]) -> int:
        number = max((*self.issues, *self.requests), default=0) + 1
        self.issues[number] = Ticket(author, title, body, labels, self.now())
        return number

    def find(self, id: int) -> Written | None:
        places = (*self.comments.values(), *(issue.comments for issue in self.issues.values()))
        return next((each for comments in places for each in comments if each.id == id), None)

    def next_id(self) -> int:
        return next(self._ids)

    def bodies(self, number: int = 3, author: str = BOT) -> list[str]:
        """What one user wrote on a merge request, oldest first."""
        return [each.body for each in self.comments[number] if each.author == author]

    def writes(self) -> list[Asked]:
        """Requests that were to change something; a question to GraphQL is none."""
        return [asked for asked in self.asked if asked.method != "GET" and "query {" not in str(asked.body)]

    def hit(self, asked: Asked, *, after: bool) -> Fault | None:
        return next((fault for fault in self.faults if fault.after == after and fault.hits(asked)), None)


def merged_at(request: Request) -> str | None:
    """When it was merged, as the APIs write it."""
    if not request.merged:
        return None
    return request.merged_at.isoformat() if request.merged_at else "2026-11-20T10:00:00Z"


def paged(items: list[Any], query: Mapping[str, str], most: int) -> tuple[list[Any], int, int]:
    """One page, its number, and how many there are."""
    size = min(int(query.get("per_page") or query.get("limit") or 20), most)
    page = int(query.get("page", 1))
    return items[(page - 1) * size : page * size], page, max(1, -(-len(items) // size))


def lines_outside_code(body: str) -> Iterator[str]:
    """The lines in which GitLab looks for quick actions: not in fences (GL:lib/gitlab/quick_actions/extractor.rb)."""
    fenced = False
    for line in body.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield line
