"""What git knows of the state: with git, without it, and for files that it does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.declared.git.blame import blame
from reconciler.model.source_places import Place
from tests.declared.samples import BOX, load
from tests.services.git import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "a.yaml").write_text(f"domain: mail.example\nmailboxes:\n  anna: {BOX}\n  bernd: {BOX}\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "Accounts")
    return tmp_path


def test_the_commit_is_named_and_a_plus_says_that_files_differ(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    (repository / "elsewhere.txt").write_text("not state")
    assert load(repository / "state", {}).state.commit == head
    assert load(repository / "state", {"new.yaml": "confirm:\n"}).state.commit == head + "+"


def test_state_that_git_ignores_is_in_no_commit(repository: Path) -> None:
    """The demo's site lies in a clone, and is of none of its commits."""
    (repository / ".gitignore").write_text("/demo/\nb.yaml\n*.pyc\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "Ignore")
    head = git(repository, "rev-parse", "HEAD")
    (repository / "demo" / "state").mkdir(parents=True)
    (repository / "state" / "x.pyc").write_text("no state")
    assert load(repository / "demo" / "state", {"a.yaml": "confirm:\n"}).state.commit == ""
    assert load(repository / "state", {}).state.commit == head
    assert load(repository / "state", {"b.yaml": "confirm:\n"}).state.commit == head + "+"


def test_blame_names_commit_and_author_of_committed_lines(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    found = load(repository / "state", {"b.yaml": f"mailboxes: {{c@mail.example: {BOX}}}\n"})
    path = repository / "state" / "a.yaml"
    path.write_text(path.read_text().replace("bernd: {", "bernd: { "))
    places = [found.locate(mailbox.origin) for mailbox in found.state.mailboxes.values()]
    blamed = blame(repository / "state", places)
    assert [place[:3] for place in blamed] == [place[:3] for place in places]
    assert [(place.commit, place.author) for place in blamed] == [(head, "Anna Beispiel"), ("", ""), ("", "")]


def test_blame_asks_once_a_file_and_not_about_more_than_anybody_reads(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def answer(_folder: Path, *arguments: str) -> None:
        asked.append(arguments)

    monkeypatch.setattr("reconciler.declared.git.blame.ask", answer)
    places = [Place("a.yaml", line) for line in (4, 3, 3)] + [Place("b.yaml", 1)]
    assert blame(repository, places) == places
    lines = [[a for a in arguments if a.startswith("-L")] for arguments in asked if arguments[0] == "blame"]
    assert lines == [["-L3,3", "-L4,4"], ["-L1,1"]]
    asked.clear()
    many = [Place("a.yaml", line) for line in range(1, 10_000)]
    assert blame(repository, many) == many
    assert (len(asked), len(asked[1])) == (2, 505)


def test_without_git_nothing_is_known_and_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(tmp_path, "confirm:\n").state.commit == ""
    assert blame(tmp_path, [Place(str(tmp_path / "a.yaml"), 1)]) == [Place(str(tmp_path / "a.yaml"), 1)]
    monkeypatch.setenv("PATH", "")
    assert load(tmp_path, "confirm:\n").state.commit == ""
