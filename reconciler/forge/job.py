"""Which forge, project and merge request a CI job belongs to, from its variables (facts/forges.md 1.2, 2, 3). Pure but
for the event file of GitHub and its kin.

Forgejo and Gitea come before GitHub, whose variables they set, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from pydantic_core import from_json

from reconciler.errors import UsageError
from reconciler.forge.marker import LONGEST_TEXT
from reconciler.report.sanitize import visible
from reconciler.setting_values import LOOPBACK


class Kind(StrEnum):
    """The forges whose API this room speaks. Forgejo's is Gitea's, under another name."""

    GITLAB = "gitlab"
    GITHUB = "github"
    FORGEJO = "forgejo"
    GITEA = "gitea"


@dataclass(frozen=True, slots=True)
class Job:
    """Where to write. `url` is the API's; `number` None where the job belongs to no merge request; `commit` is the head
    of the source branch as this job knows it, and `link` leads to the job."""

    kind: Kind
    url: str
    project: str
    number: int | None = None
    commit: str = ""
    link: str = ""
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What options say instead of the job's variables; None where they say nothing."""

    kind: Kind | None = None
    url: str | None = None
    project: str | None = None
    number: int | None = None
    ca_file: Path | None = None
    plain_http: bool = False


NOTHING_SAID = Said()


def said_by(environ: Mapping[str, str]) -> Said:
    """The same from RECONCILER_FORGE and its kin, for commands without such options. Raises UsageError."""
    number, ca_file = environ.get("RECONCILER_MERGE_REQUEST"), environ.get("RECONCILER_FORGE_CA")
    if number and not number.isdecimal():
        raise UsageError(f"RECONCILER_MERGE_REQUEST is {number}, and no number", hint="correct it, or leave it out")
    kind = environ.get("RECONCILER_FORGE") or None
    if kind is not None and kind not in list(Kind):
        raise UsageError(f"RECONCILER_FORGE is {kind}", hint=f"it is one of {', '.join(Kind)}")
    return Said(
        kind=Kind(kind) if kind else None,
        url=environ.get("RECONCILER_FORGE_URL") or None,
        project=environ.get("RECONCILER_FORGE_PROJECT") or None,
        number=int(number) if number else None,
        ca_file=Path(ca_file) if ca_file else None,
        plain_http=environ.get("RECONCILER_FORGE_PLAIN_HTTP", "") in ("1", "true"),
    )


def job_of(environ: Mapping[str, str], said: Said = NOTHING_SAID) -> Job | None:
    """The job's forge; None where this is no CI job that we know and the options name no forge. Raises UsageError for
    half of an answer, and for a URL over which the token would travel in clear text."""
    kind = said.kind or _kind(environ)
    if kind is None:
        return None
    found = _gitlab(environ) if kind is Kind.GITLAB else _github(kind, environ)
    job = replace(found, **{name: value for name, value in _overrides(said).items() if value is not None})
    for name, value in (("url", job.url), ("project", job.project)):
        if not value:
            message = f"no {name} is known for {kind}: this is not one of its CI jobs"
            raise UsageError(message, hint=f"name it: {setting(name)}")
    _check_url(job.url, plain_http=said.plain_http)
    # both go into comments; what is none is left out
    return replace(
        job,
        commit=job.commit if _COMMIT.fullmatch(job.commit) else "",
        link=job.link if len(job.link) <= LONGEST_TEXT else "",
    )


_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def _overrides(said: Said) -> dict[str, Any]:
    return {"url": said.url, "project": said.project, "number": said.number, "ca_file": said.ca_file}


def _kind(environ: Mapping[str, str]) -> Kind | None:
    if environ.get("FORGEJO_ACTIONS"):
        return Kind.FORGEJO
    if environ.get("GITEA_ACTIONS"):
        return Kind.GITEA
    if environ.get("GITLAB_CI"):
        return Kind.GITLAB
    if environ.get("GITHUB_ACTIONS"):
        return Kind.GITHUB
    return None


def _gitlab(environ: Mapping[str, str]) -> Job:
    # in a fork's pipeline CI_PROJECT_ID is the fork; the merge request is in the target project
    project = environ.get("CI_MERGE_REQUEST_PROJECT_ID") or environ.get("CI_PROJECT_ID", "")
    ca_file = environ.get("CI_SERVER_TLS_CA_FILE")
    commit = environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "")
    if not commit and environ.get("CI_MERGE_REQUEST_EVENT_TYPE") not in ("merged_result", "merge_train"):
        commit = environ.get("CI_COMMIT_SHA", "")  # of the other two it is in no branch
    return Job(
        kind=Kind.GITLAB,
        url=environ.get("CI_API_V4_URL", ""),
        project=project,
        number=_number(environ.get("CI_MERGE_REQUEST_IID")),
        commit=commit,
        link=environ.get("CI_JOB_URL", ""),
        ca_file=Path(ca_file) if ca_file else None,
    )


def _github(kind: Kind, environ: Mapping[str, str]) -> Job:
    def variable(name: str) -> str:
        own = {Kind.FORGEJO: "FORGEJO_", Kind.GITEA: "GITEA_"}.get(kind, "GITHUB_")
        return environ.get(own + name) or environ.get("GITHUB_" + name, "")

    server, project = variable("SERVER_URL"), variable("REPOSITORY")
    # on Forgejo and Gitea a run's page has its number in the repository
    run = variable("RUN_ID") if kind is Kind.GITHUB else variable("RUN_NUMBER")
    url = variable("API_URL")
    if not url and server:
        url = f"{server.rstrip('/')}/api/{'v3' if kind is Kind.GITHUB else 'v1'}"
    request = _pull_request(variable("EVENT_PATH"))
    return Job(
        kind=kind,
        url=url,
        project=project,
        number=_number(request.get("number")),
        commit=_text(request.get("head"), "sha") or variable("SHA"),
        link=f"{server}/{quote(project)}/actions/runs/{quote(run)}" if server and project and run else "",
    )


def _pull_request(path: str) -> dict[str, Any]:
    """The pull request of the event that started the job; empty where it was another event. Raises UsageError."""
    if not path:
        return {}
    try:
        event = from_json(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not JSON"
        hint = "name the pull request: RECONCILER_MERGE_REQUEST (report: --merge-request)"
        raise UsageError(f"the event file {path} cannot be read: {why}", hint=hint) from None
    request = event.get("pull_request") if isinstance(event, dict) else None
    return request if isinstance(request, dict) else {}


def _text(found: object, key: str) -> str:
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def _number(found: object) -> int | None:
    text = str(found or "")
    return int(text) if text.isdecimal() else None


def setting(name: str) -> str:
    """How that is said. Only `report` has options for it."""
    return f"RECONCILER_FORGE_{name.upper()} (report: --forge-{name.replace('_', '-')})"


def _check_url(url: str, *, plain_http: bool) -> None:
    if "@" in url.partition("//")[2].partition("/")[0]:
        raise UsageError("the address of the forge holds a login", hint="the token belongs into RECONCILER_FORGE_TOKEN")
    if not _can_be_asked(url):
        hint = f"write it like https://git.example/api/v4: {setting('url')}"
        raise UsageError(f"{visible(url)} is no address of an API", hint=hint)
    parts = urlsplit(url)
    if parts.scheme == "http" and not plain_http and parts.hostname not in LOOPBACK:
        message = f"the token would travel in clear text to {parts.hostname}"
        raise UsageError(message, hint=f"use https; on a network that you trust, set {setting('plain_http')}")


def _can_be_asked(url: str) -> bool:
    """Whether it has a scheme, a name that a host can have, and a port: what else would be refused halfway."""
    try:
        parts, asked = urlsplit(url), httpx.URL(url)
        name = asked.host and asked.raw_host.decode("ascii").encode("idna")
        return parts.scheme in ("https", "http") and bool(parts.hostname and name) and parts.port != 0
    except (ValueError, httpx.InvalidURL):
        return False
