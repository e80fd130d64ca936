"""`plan --base REF` in the clones that CI makes: of one commit, detached, of another user, without a home folder."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.merge_request import base_of, causes, commit, plan
from tests.cli.site import ANNA, ANNA_DECLARED, BERND, BERND_DECLARED, StandInSite
from tests.services.git import git
from tests.services.needs import UNPRIVILEGED

NOBODY = 65534


@pytest.fixture
def origin(site: StandInSite) -> StandInSite:
    """What is cloned: two commits of `main` and one of `change`. What is live is named by whole paths."""
    folder = site.folder
    register, letters = {"csv": str(folder / "members.csv")}, {**site.sections["letters"], "outbox": f"{folder}/outbox"}
    site.write(postfixadmin={"url": f"sqlite:///{folder}/postfixadmin.sqlite"}, register=register, letters=letters)
    site.declare()
    base_of(site)
    git(folder, "switch", "-q", "main")
    site.declare(ANNA_DECLARED)
    commit(site)
    git(folder, "switch", "-q", "-C", "change")
    site.declare(ANNA_DECLARED, BERND_DECLARED)
    commit(site)
    return site


def clone(origin: StandInSite, monkeypatch: pytest.MonkeyPatch, *options: str) -> Path:
    """A clone of `change` as CI makes it, where commands run from now on."""
    folder = origin.folder.parent / "clone"
    git(origin.folder, "clone", "-q", "-b", "change", *options, f"file://{origin.folder}", str(folder))
    git(folder, "checkout", "-q", "--detach")
    monkeypatch.chdir(folder)
    return folder


def fetched(words: str, folder: Path) -> None:
    """Runs the `git fetch` that was printed, as it was printed."""
    line = next(
        line.strip() for line in words.replace("run: ", "\n").split("\n") if line.strip().startswith("git fetch")
    )
    subprocess.run(shlex.split(line), cwd=folder, check=True, capture_output=True)


def test_the_printed_fetch_brings_the_branch_into_a_clone_of_one_commit(
    origin: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = clone(origin, monkeypatch, "--depth=1")
    answer = command("plan", "--base", "origin/main")
    assert (answer.status, answer.out) == (2, "")
    assert "this clone does not have origin/main" in answer.words
    fetched(answer.err, folder)
    document = plan(command, base="origin/main")
    assert causes(document) == {ANNA: "waiting", BERND: "merge request"}
    assert document["base"]["contained"] is True


def test_the_printed_fetch_brings_a_commit_by_its_name(
    origin: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `CI_MERGE_REQUEST_DIFF_BASE_SHA` of GitLab has it."""
    folder, base = clone(origin, monkeypatch, "--depth=1"), git(origin.folder, "rev-parse", "main")
    fetched(command("plan", "--base", base).err, folder)
    assert causes(plan(command, base=base)) == {ANNA: "waiting", BERND: "merge request"}


def test_a_shallow_clone_with_both_ends_does_not_know_whether_it_is_behind(
    origin: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown counts as behind; the printed command answers it, here with yes."""
    git(origin.folder, "switch", "-q", "main")
    commit(origin, "Others")
    folder = clone(origin, monkeypatch, "--depth=1", "--no-single-branch")
    document = plan(command, base="origin/main")
    assert (document["base"]["contained"], causes(document)) == (None, {ANNA: "waiting", BERND: "merge request"})
    text = command("plan", "--base", "origin/main").out
    assert text.startswith(" ✗ this branch may be behind origin/main")
    fetched(text, folder)
    base = plan(command, base="origin/main")["base"]
    assert (base["contained"], base["fetch"]) == (False, "")


def test_a_complete_clone_of_one_branch(origin: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = clone(origin, monkeypatch, "--single-branch")
    answer = command("plan", "--base", "origin/main")
    assert "git fetch origin +refs/heads/main:refs/remotes/origin/main" in answer.words
    fetched(answer.err, folder)
    assert plan(command, base="origin/main")["base"]["contained"] is True
    for short in ("main", "refs/heads/main"):
        git(folder, "update-ref", "-d", "refs/remotes/origin/main")
        fetched(command("plan", "--base", short).err, folder)
        assert plan(command, base=short)["base"]["ref"] == "origin/main"
    git(origin.folder, "switch", "-q", "main")
    begins = commit(origin, "Others")[:9]
    fetched(command("plan", "--base", begins).err, folder)
    assert plan(command, base=begins)["base"]["contained"] is False


def test_a_clone_without_files_says_how_to_get_them(
    origin: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--filter` leaves out what is not checked out; plan fetches nothing."""
    git(origin.folder, "config", "uploadpack.allowFilter", "true")
    folder = clone(origin, monkeypatch, "--filter=blob:none")
    answer = command("plan", "--base", "origin/main")
    assert (answer.status, answer.out) == (2, "")
    line = answer.err.partition("run: ")[2].strip()
    subprocess.run(shlex.split(line), cwd=folder, check=True, capture_output=True)
    assert causes(plan(command, base="origin/main")) == {ANNA: "waiting", BERND: "merge request"}


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Every file of a clone with its size, time and inode."""
    return {str(f): (s.st_size, s.st_mtime_ns, s.st_ino) for f in folder.rglob("*") for s in [f.lstat()]}


@pytest.mark.skipif(UNPRIVILEGED, reason="only root can give a repository to another user")
def test_a_clone_of_another_user_without_a_home_folder_and_nothing_is_written(
    origin: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = clone(origin, monkeypatch)
    head = git(folder, "rev-parse", "HEAD")
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    for name in ("HOME", "XDG_CONFIG_HOME", "SUDO_UID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CI", "true")
    before = listing(folder)
    document = plan(command, base="origin/main")
    assert causes(document) == {ANNA: "waiting", BERND: "merge request"}
    assert document["commit"] == head
    assert "git" not in {finding["rule"] for finding in document["findings"]}
    assert listing(folder) == before


def test_a_tag_or_a_branch_called_like_the_base_is_not_the_base(
    origin: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may push a branch may push a tag, which git takes first; its site file would connect elsewhere."""
    main = git(origin.folder, "rev-parse", "main")
    folder = clone(origin, monkeypatch)
    git(folder, "branch", "main", "origin/main")
    (folder / "reconciler.yaml").write_text('{"site": "evil"}')
    git(folder, "commit", "-q", "-a", "-m", "Evil")
    for how, name in (("tag", "origin/main"), ("branch", "origin/main"), ("tag", "main")):
        git(folder, how, name, "HEAD")
    for base in ("origin/main", "refs/heads/main"):
        document = plan(command, base=base)
        assert (document["site"], document["base"]["commit"]) == ("nrw", main)
    twice = command("plan", "--base", "main")
    assert (twice.status, twice.out) == (2, "")
    assert "main is a branch and a tag, of different commits" in twice.words
    assert "--base refs/heads/main" in twice.words
    git(folder, "update-ref", "-d", "refs/heads/main")
    assert "--base origin/main" in command("plan", "--base", "main").words
    for evil in ("origin/main", main):  # branches of the remote that are called like that
        git(folder, "update-ref", f"refs/remotes/origin/{evil}", "HEAD")
    assert plan(command, base=main)["site"] == "nrw"
    git(folder, "update-ref", "-d", "refs/remotes/origin/main")
    assert "this clone does not have origin/main" in command("plan", "--base", "origin/main").words


def test_without_a_repository_there_is_nothing_to_compare_with(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.declare(ANNA_DECLARED)
    answer = command("plan", "--base", "main")
    assert (answer.status, "is in no git repository" in answer.words) == (2, True)
    git(site.folder, "init", "-q")
    assert "has no commit yet" in command("plan", "--base", "main").words
    head = site.folder / ".git" / "HEAD"
    branch = head.read_text()
    head.write_text("none\n")
    assert "git cannot read" in command("plan", "--base", "main").words
    head.write_text(branch)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    assert "missing config key GIT_CONFIG_KEY_0" in command("plan", "--base", "main").words
