"""A merge request on a site of stand-ins: the branch `main` as it was, and a commit of a branch that is checked out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.cli.running import Answer
from tests.cli.site import StandInSite
from tests.services.git import git

_LIVE = ("/ox/", "/map/", "/postfix/", "/outbox/", "/*.sqlite*", "/members.csv", "/home/")


def base_of(site: StandInSite, **files: str) -> None:
    """Commits the site file, the state and these files as `main`, and goes to a branch. What is live is not tracked."""
    git(site.folder, "init", "-q", "-b", "main")
    (site.folder / ".gitignore").write_text("\n".join(_LIVE) + "\n")
    write(site, files)
    commit(site, "Base")
    git(site.folder, "switch", "-q", "-c", "change")


def write(site: StandInSite, files: Mapping[str, str]) -> None:
    """Files of the repository; an empty text takes one out."""
    for name, text in files.items():
        file = site.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def commit(site: StandInSite, message: str = "Change") -> str:
    """Everything that is not ignored; the commit."""
    git(site.folder, "add", "--all")
    git(site.folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(site.folder, "rev-parse", "HEAD")


def plan(command: Callable[..., Answer], *arguments: str, base: str = "main") -> dict[str, Any]:
    """The document of `plan --base`."""
    answer = command("plan", "--base", base, "--format", "json", *arguments)
    assert answer.out, answer.err
    return answer.json


def causes(document: Mapping[str, Any]) -> dict[str, str]:
    """What brings each line, by the address."""
    return {line["subject"]: line["cause"] for line in document["transitions"]}


def ssh_site(folder: Path) -> Mapping[str, Any]:
    """Sections of a site file whose OX is on another host."""
    return {"ssh": {"mail.example": {"known_hosts": "known_hosts", "key_file": str(folder / "home" / "key")}}}
