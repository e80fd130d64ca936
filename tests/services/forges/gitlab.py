"""GitLab's part (docs/facts/forges.md 1.1)."""

from __future__ import annotations

import re
from typing import Any

from tests.services.forges.state import (
    JOB_TOKEN,
    LONGEST,
    PROJECT,
    READING_TOKEN,
    Asked,
    Reply,
    Request,
    State,
    Ticket,
    Written,
    lines_outside_code,
    merged_at,
    paged,
)

BASE = "/api/v4"
_PROJECT = r"/projects/(?:11|mail%2Fstate)"
_ACTION = re.compile(r"^/(close|merge|label|assign|reopen|approve|lock)\b.*$")


def user_of(state: State, asked: Asked) -> str | None:
    return state.tokens.get(asked.headers.get("private-token", ""))


def answer(state: State, asked: Asked, path: str, query: dict[str, str]) -> Reply:
    if asked.headers.get("job-token") == JOB_TOKEN and state.job_token_reads:
        if asked.method != "GET" or path == "/user":
            return Reply(401, {"message": "401 Unauthorized"})
        asked = asked._replace(headers={**asked.headers, "private-token": READING_TOKEN})
    user = user_of(state, asked)
    if user is None:
        return Reply(401, {"message": "401 Unauthorized"})
    if asked.method != "GET" and (state.archived or asked.headers["private-token"] == READING_TOKEN):
        return Reply(403, {"message": "403 Forbidden"})
    if path == "/user":
        return Reply(200, {"id": state.users[user], "username": user})
    if found := re.fullmatch(rf"{_PROJECT}/merge_requests/(\d+)(/notes(?:/(\d+))?)?", path):
        return _merge_request(state, asked, query, user, *found.groups())
    if found := re.fullmatch(rf"{_PROJECT}/repository/commits/(\w+)/merge_requests", path):
        known = [_request(n, r) for n, r in state.requests.items() if found[1] in _commits(r)]
        return _page(known, query) if known else Reply(404, {"message": "404 Commit Not Found"})
    if found := re.fullmatch(rf"{_PROJECT}/issues(?:/(\d+))?(/notes)?", path):
        return _issue(state, asked, query, user, *found.groups())
    return Reply(404, {"error": "404 Not Found"})


def _merge_request(
    state: State, asked: Asked, query: dict[str, str], user: str, number: str, notes: str | None, id: str | None
) -> Reply:
    request = state.requests.get(int(number))
    if request is None:
        return Reply(404, {"message": "404 Not found"})
    if notes is None:
        return Reply(200, _request(int(number), request))
    written = state.comments[int(number)]
    if asked.method == "GET":
        ordered = sorted(written, key=lambda each: each.created, reverse=query.get("sort") != "asc")
        return _page([_note(state, each) for each in ordered], query)
    body, acted = _run_quick_actions(state, asked.body["body"])
    if len(asked.body["body"]) > LONGEST["gitlab"]:
        return Reply(400, {"message": {"note": ["is too long (maximum is 1000000 characters)"]}})
    if asked.method == "POST":
        if not body.strip() and acted:
            return Reply(202, {"commands_changes": {}, "summary": ["Closed this merge request."]})
        return Reply(201, _note(state, state.write(body, user, number=int(number))))
    found = next((each for each in written if str(each.id) == id), None)
    if found is None or found.author != user:
        return Reply(404 if found is None else 403, {"message": "404 Not found" if found is None else "403 Forbidden"})
    found.body, found.updated = body, state.now()
    return Reply(200, _note(state, found))


def _issue(
    state: State, asked: Asked, query: dict[str, str], user: str, number: str | None, notes: str | None
) -> Reply:
    if number is None and asked.method == "GET":
        wanted = set(filter(None, query.get("labels", "").split(",")))
        found = [(n, t) for n, t in state.issues.items() if wanted <= set(t.labels)]
        found = [
            (n, t) for n, t in found if query.get("state", "all") in ("all", "opened" if not t.closed else "closed")
        ]
        found = [(n, t) for n, t in found if query.get("author_id") in (None, str(state.users[t.author]))]
        return _page([_ticket(state, n, t) for n, t in found], query)
    given = asked.body or {}
    if number is None:
        body, _ = _run_quick_actions(state, given["description"])
        made = state.open_issue(given["title"], body, user, list(filter(None, given.get("labels", "").split(","))))
        return Reply(201, _ticket(state, made, state.issues[made]))
    ticket = state.issues.get(int(number))
    if ticket is None:
        return Reply(404, {"message": "404 Not found"})
    if notes is not None:
        body, _ = _run_quick_actions(state, given["body"])
        ticket.comments.append(Written(state.next_id(), user, body, state.now()))
        return Reply(201, _note(state, ticket.comments[-1]))
    if asked.method == "PUT":
        if "description" in given:
            ticket.body, _ = _run_quick_actions(state, given["description"])
        ticket.title = given.get("title", ticket.title)
        if given.get("state_event") == "close":
            ticket.closed, ticket.closed_by = state.now(), user
        elif given.get("state_event") == "reopen":
            ticket.closed, ticket.closed_by = None, ""
    return Reply(200, _ticket(state, int(number), ticket))


def _run_quick_actions(state: State, body: str) -> tuple[str, bool]:
    """What is left of the body, and whether anything was carried out."""
    acted = [line for line in lines_outside_code(body) if _ACTION.match(line)]
    state.executed += acted
    return "\n".join(line for line in body.split("\n") if line not in acted), bool(acted)


def _page(items: list[Any], query: dict[str, str]) -> Reply:
    shown, page, pages = paged(items, query, 100)
    return Reply(200, shown, {"x-next-page": str(page + 1) if page < pages else "", "x-page": str(page)})


def _note(state: State, written: Written) -> dict[str, Any]:
    author = {"id": state.users[written.author], "username": written.author}
    return {
        "id": written.id,
        "body": written.body,
        "author": author,
        "system": written.system,
        "resolvable": False,
        "created_at": written.created.isoformat(),
        "updated_at": (written.updated or written.created).isoformat(),
    }


def _commits(request: Request) -> set[str | None]:
    return {request.head, request.merge_commit, request.squash_commit}


def _request(number: int, request: Request) -> dict[str, Any]:
    return {
        "iid": number,
        "sha": request.head,
        "target_branch": request.target,
        "merged_at": merged_at(request),
        "merge_commit_sha": request.merge_commit,
        "squash_commit_sha": request.squash_commit,
        "web_url": f"https://git.example/{PROJECT}/-/merge_requests/{number}",
    }


def _ticket(state: State, number: int, ticket: Ticket) -> dict[str, Any]:
    closed = {"id": state.users[ticket.closed_by]} if ticket.closed_by else None
    return {
        "iid": number,
        "title": ticket.title,
        "description": ticket.body,
        "state": "closed" if ticket.closed else "opened",
        "labels": ticket.labels,
        "author": {"id": state.users[ticket.author]},
        "closed_at": ticket.closed.isoformat() if ticket.closed else None,
        "closed_by": closed,
        "web_url": f"https://git.example/{PROJECT}/-/issues/{number}",
    }
