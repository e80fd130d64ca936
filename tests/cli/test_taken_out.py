"""An alias or a block that goes names the commit that took it out; where git does not know, the plan says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.site import ANNA_DECLARED, DOMAIN, StandInSite
from tests.services.git import git

ALIASES = ("vorstand: [anna.beispiel]", "presse: [anna.beispiel]")
BLOCK = "domain: example.org, reason: spam"


@pytest.fixture
def repository(site: StandInSite, command: Command) -> StandInSite:
    """A site in git; two aliases and a block are applied."""
    site.write(policy={"limits": {"removals": {"number": 9, "at_least": 9}}})
    git(site.folder, "init", "-q", "-b", "main")
    site.declare(ANNA_DECLARED, aliases=ALIASES, blocks=[BLOCK])
    commit(site, "Board and press")
    assert command("apply", "--yes").status == 0
    return site


def commit(site: StandInSite, subject: str) -> str:
    git(site.folder, "add", "state", "reconciler.yaml")
    git(site.folder, "commit", "-q", "-m", subject)
    return git(site.folder, "rev-parse", "--short", "HEAD")


def reasons(command: Command, *options: str) -> dict[str, str]:
    return {t["subject"]: t["reason"] for t in command("plan", "--format", "json", *options).json["transitions"]}


def test_each_names_its_own_commit(repository: StandInSite, command: Command) -> None:
    """Also after others: an entry that is written otherwise, and one that moves to another file."""
    repository.declare(ANNA_DECLARED, aliases=("Vorstand: [anna.beispiel]", ALIASES[1]), blocks=[BLOCK])
    commit(repository, "Written otherwise")
    repository.declare(ANNA_DECLARED, aliases=ALIASES[1:], blocks=[BLOCK])
    board = commit(repository, "The board is gone")
    (repository.folder / "state" / "blocks.yaml").write_text(f"sender_blocks: [{{{BLOCK}}}]\n")
    repository.declare(ANNA_DECLARED, aliases=ALIASES[1:])
    commit(repository, "Blocks have a file")
    (repository.folder / "state" / "blocks.yaml").unlink()
    repository.declare(ANNA_DECLARED, aliases=[f'"presse@{DOMAIN}" : anna.beispiel'])
    lifted = commit(repository, "No spam from there any more")
    repository.declare(ANNA_DECLARED)
    assert reasons(command) == {
        f"vorstand@{DOMAIN}": f"no longer declared ({board}, Anna Beispiel, {_day(board, repository)}: "
        "The board is gone)",
        f"presse@{DOMAIN}": "no longer declared (not committed yet)",
        "example.org": f"no longer declared ({lifted}, Anna Beispiel, {_day(lifted, repository)}: "
        "No spam from there any more)",
    }


def _day(name: str, site: StandInSite) -> str:
    return git(site.folder, "show", "-s", "--format=%as", name)


def test_a_shallow_clone_that_is_cut_off_says_unknown(
    repository: StandInSite, command: Command, tmp_path: Path
) -> None:
    repository.declare(ANNA_DECLARED, aliases=ALIASES[1:], blocks=[BLOCK])
    commit(repository, "The board is gone")
    git(repository.folder, "commit", "-q", "--allow-empty", "-m", "Later")
    origin = tmp_path / "origin.git"
    git(tmp_path, "clone", "-q", "--bare", str(repository.folder), str(origin))
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{origin}", str(tmp_path / "shallow"))
    shallow = str(tmp_path / "shallow" / "state")
    assert reasons(command, "--state", shallow) == {f"vorstand@{DOMAIN}": "no longer declared (commit unknown)"}


def test_without_git_it_is_unknown(site: StandInSite, command: Command) -> None:
    site.declare(ANNA_DECLARED, aliases=ALIASES[:1])
    assert command("apply", "--yes").status == 0
    site.declare(ANNA_DECLARED)
    answer = command("plan")
    assert "no longer declared (commit unknown)" in answer.words


def test_characters_that_mean_something_to_an_expression(repository: StandInSite, command: Command) -> None:
    """Of a catch-all, and of an address with a plus and dots."""
    repository.declare(ANNA_DECLARED, aliases=('"*": [anna.beispiel]', "a.b+c: [anna.beispiel]"), blocks=[BLOCK])
    commit(repository, "Strange ones")
    assert command("apply", "--yes").status == 0
    repository.declare(ANNA_DECLARED, blocks=[BLOCK])
    gone = commit(repository, "Strange ones are gone")
    said = reasons(command)
    assert set(said) == {f"*@{DOMAIN}", f"a.b+c@{DOMAIN}"}
    assert all(gone in reason for reason in said.values())
