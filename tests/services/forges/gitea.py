"""The part of Gitea and Forgejo, and what GitHub does as they do (docs/facts/forges.md 2.1, 3)."""

from __future__ import annotations

import re
from typing import Any

from tests.services.forges.state import (
    LONGEST,
    PROJECT,
    READING_TOKEN,
    Asked,
    Reply,
    Request,
    State,
    Ticket,
    Written,
    merged_at,
    paged,
)

BASE = "/api/v1"
_REPOSITORY = f"/repos/{PROJECT}"


def user_of(state: State, asked: Asked) -> str | None:
    return state.tokens.get(_token(asked))


def _token(asked: Asked) -> str:
    return asked.headers.get("authorization", "").rpartition(" ")[2]


def answer(state: State, asked: Asked, path: str, query: dict[str, str]) -> Reply:
    github, user = state.kind == "github", user_of(state, asked)
    if user is None:
        return Reply(401, {"message": "Bad credentials" if github else "invalid username, password or token"})
    if github and path == "/graphql":
        return _graphql(state, asked)
    if asked.method != "GET" and state.archived:
        return Reply(403 if github else 423, {"message": "Repository was archived so is read-only."})
    if asked.method != "GET" and _token(asked) == READING_TOKEN:
        return Reply(403, {"message": "Resource not accessible by integration"})
    if path == "/user":
        if not github and not state.may_ask_who:
            return Reply(403, {"message": "token does not have at least one of required scope(s): [read:user]"})
        if state.app_token:
            return Reply(403, {"message": "Resource not accessible by integration"})
        return Reply(200, {"id": state.users[user], "login": user})
    if github and path == f"/users/{BOT_AUTHOR}":
        return Reply(200, {"id": state.users[BOT_AUTHOR], "login": BOT_AUTHOR})
    if found := re.fullmatch(rf"{_REPOSITORY}/issues/(\d+)/comments", path):
        return _comments(state, asked, query, user, int(found[1]))
    if found := re.fullmatch(rf"{_REPOSITORY}/issues/comments/(\d+)", path):
        return _change(state, asked, user, int(found[1]))
    if found := re.fullmatch(rf"{_REPOSITORY}/pulls/(\d+)", path):
        request = state.requests.get(int(found[1]))
        return Reply(200, _request(int(found[1]), request)) if request else Reply(404, {"message": "Not Found"})
    if found := re.fullmatch(rf"{_REPOSITORY}/commits/(\w+)/pulls?", path):
        return _of_commit(state, query, found[1])
    if found := re.fullmatch(rf"{_REPOSITORY}/issues(?:/(\d+))?", path):
        return _issue(state, asked, query, user, found[1])
    if path == f"{_REPOSITORY}/labels":
        return _labels(state, asked, query)
    return Reply(404, {"message": "Not Found"})


def _comments(state: State, asked: Asked, query: dict[str, str], user: str, number: int) -> Reply:
    ticket = state.issues.get(number)
    if ticket is None and number not in state.requests:
        return Reply(404, {"message": "Not Found"})
    written = ticket.comments if ticket else state.comments[number]
    if asked.method == "GET":
        shown = [_comment(state, each) for each in written if not each.system]
        # Gitea gives all comments of an issue at once, whatever page is asked for
        return _page(shown, query) if state.kind == "github" else Reply(200, shown)
    if len(asked.body["body"]) > LONGEST[state.kind]:
        return Reply(422, {"message": "Validation Failed: Body is too long (maximum is 65536 characters)"})
    written.append(Written(state.next_id(), user, asked.body["body"], state.now()))
    return Reply(201, _comment(state, written[-1]))


def _change(state: State, asked: Asked, user: str, id: int) -> Reply:
    found = state.find(id)
    if found is None:
        return Reply(404, {"message": "Not Found"})
    if found.author != user:
        return Reply(403, {"message": "Must have admin rights to Repository."})
    found.body, found.updated = asked.body["body"], state.now()
    return Reply(200, _comment(state, found))


def _of_commit(state: State, query: dict[str, str], commit: str) -> Reply:
    known = [_request(n, r) for n, r in state.requests.items() if commit in (r.head, r.merge_commit)]
    if state.kind == "github":
        return _page(known, query) if known else Reply(422, {"message": f"No commit found for SHA: {commit}"})
    merged = [each for each in known if each["merged_at"]]
    return Reply(200, merged[0]) if merged else Reply(404, {"message": "pull request does not exist"})


def _issue(state: State, asked: Asked, query: dict[str, str], user: str, number: str | None) -> Reply:
    if number is None and asked.method == "GET":
        return _issues(state, query)
    given = asked.body or {}
    if number is None:
        named = given.get("labels", [])
        if named and not state.may_label:
            return Reply(403, {"message": "Resource not accessible by integration"})
        # GitHub makes labels that are not there; Gitea wants their numbers
        labels = named if state.kind == "github" else [state.labels[id - 1] for id in named]
        made = state.open_issue(given["title"], given["body"], user, labels)
        return Reply(201, _ticket(state, made, state.issues[made]))
    ticket = state.issues.get(int(number))
    if ticket is None:
        return Reply(404, {"message": "Not Found"})
    if asked.method == "PATCH":
        ticket.body, ticket.title = given.get("body", ticket.body), given.get("title", ticket.title)
        if given.get("state") == "closed":
            ticket.closed, ticket.closed_by = state.now(), user
        elif given.get("state") == "open":
            ticket.closed, ticket.closed_by = None, ""
    return Reply(200, _ticket(state, int(number), ticket))


def _issues(state: State, query: dict[str, str]) -> Reply:
    wanted = set(filter(None, query.get("labels", "").split(",")))
    found = [(n, t) for n, t in state.issues.items() if wanted <= set(t.labels)]
    found = [(n, t) for n, t in found if query.get("state", "open") in ("all", "closed" if t.closed else "open")]
    listed = [_ticket(state, n, t) for n, t in found]
    if state.kind == "github":  # its list of issues has the pull requests, too; here they quote an issue
        quoted = next((ticket.body for ticket in state.issues.values()), "")
        listed += [{**_ticket(state, n, Ticket(BOT_AUTHOR, "a pull request", quoted, list(wanted), state.now())),
                    "pull_request": {"url": "…"}} for n in state.requests]  # fmt: skip
    return _page(listed, query)


BOT_AUTHOR = "reconciler-bot"


def _labels(state: State, asked: Asked, query: dict[str, str]) -> Reply:
    if asked.method == "POST" and not state.may_label:
        return Reply(403, {"message": "user should have a permission to write to a repo"})
    if asked.method == "POST":
        state.labels.append(asked.body["name"])
        return Reply(201, {"id": len(state.labels), "name": state.labels[-1]})
    return _page([{"id": id, "name": name} for id, name in enumerate(state.labels, 1)], query)


def _graphql(state: State, asked: Asked) -> Reply:
    if "viewer" in asked.body["query"]:
        return Reply(200, {"data": {"viewer": {"login": BOT_AUTHOR}}})
    found = state.find(int(asked.body["variables"]["id"].removeprefix("IC_")))
    if found is None or not state.may_hide:
        return Reply(200, {"data": {"minimizeComment": None}, "errors": [{"type": "FORBIDDEN"}]})
    found.hidden = True
    return Reply(200, {"data": {"minimizeComment": {"minimizedComment": {"isMinimized": True}}}})


def _page(items: list[Any], query: dict[str, str]) -> Reply:
    shown, page, pages = paged(items, query, 50)
    links = [f'<https://git.example/?page={page + 1}>; rel="next"'] if page < pages else []
    links += [f'<https://git.example/?page={page - 1}>; rel="prev"'] if page > 1 else []
    return Reply(200, shown, {"link": ", ".join(links)} if links else {})


def _comment(state: State, written: Written) -> dict[str, Any]:
    user = {"id": state.users[written.author], "login": written.author} if written.author != "ghost" else None
    return {
        "id": written.id,
        "node_id": f"IC_{written.id}",
        "body": written.body,
        "user": user,
        "created_at": written.created.isoformat(),
        "updated_at": (written.updated or written.created).isoformat(),
        "html_url": f"https://git.example/{PROJECT}/pulls/3#issuecomment-{written.id}",
    }


def _request(number: int, request: Request) -> dict[str, Any]:
    return {
        "number": number,
        "head": {"ref": "change", "sha": request.head},
        "base": {"ref": request.target, "sha": "d4" * 20},
        "merged_at": merged_at(request),
        "merge_commit_sha": request.merge_commit,
        "html_url": f"https://git.example/{PROJECT}/pulls/{number}",
    }


def _ticket(state: State, number: int, ticket: Ticket) -> dict[str, Any]:
    closed = {"id": state.users[ticket.closed_by]} if ticket.closed_by else None
    return {
        "number": number,
        "title": ticket.title,
        "body": ticket.body,
        "state": "closed" if ticket.closed else "open",
        "labels": [{"id": 1, "name": name} for name in ticket.labels],
        "user": {"id": state.users[ticket.author]},
        "closed_at": ticket.closed.isoformat() if ticket.closed else None,
        **({"closed_by": closed} if state.kind == "github" else {}),  # Gitea does not say
        "html_url": f"https://git.example/{PROJECT}/issues/{number}",
    }
