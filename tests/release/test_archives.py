"""What is in the wheel and the source archive, and when a version is that of a release."""

from __future__ import annotations

import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from release import archives, locked, source
from release.source import NotARelease, Source, check_release, copy_source
from tests.services.git import git

ROOT = Path(__file__).parent.parent.parent


def tracked(*under: str) -> set[str]:
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard", *under]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    return {name for name in names if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the source archive, built while a file lies about that git is told to ignore."""
    folder = tmp_path_factory.mktemp("built")
    stray = ROOT / "reconciler" / "__pycache__" / "stray.json"
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("{}", encoding="utf-8")
    try:
        copied = copy_source(folder / "source")
    finally:
        stray.unlink()
    return archives.build(copied, folder)


def test_the_wheel_has_each_file_of_the_package_and_no_other(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    example = {f"reconciler/sandbox/example_state/{Path(name).name}" for name in tracked("state")}
    assert packed == tracked("reconciler") | example
    assert {Path(name).suffix for name in packed} >= {".py", ".j2", ".sql"}


def test_the_source_archive_has_what_builds_and_tests_it(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as archive:
        members = archive.getmembers()
    packed = {member.name.partition("/")[2] for member in members if member.isfile()}
    assert tracked() - packed == set()
    assert not any("stray" in name for name in packed)
    assert {(member.mtime, member.uid, member.uname) for member in members} == {(members[0].mtime, 0, "")}


def test_constraints_are_the_lock_without_hashes() -> None:
    names = re.findall(r"^([\w.-]+==\S+)", locked.LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    lines = locked.constraints().splitlines()
    assert [line.partition(" ; ")[0] for line in lines] == names
    assert len(names) > 20
    assert "hash" not in locked.constraints()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one commit, of version 1.2.3, with its changes described and its tag."""
    folder = tmp_path / "repository"
    (folder / "reconciler").mkdir(parents=True)
    (folder / "reconciler" / "__init__.py").write_text('__version__ = "1.2.3"\n', encoding="utf-8")
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3\n", encoding="utf-8")
    git(folder, "init", "--quiet")
    commit(folder)
    git(folder, "tag", "v1.2.3")
    monkeypatch.setattr(source, "ROOT", folder)
    return folder


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a commit")


def copied(folder: Path) -> Source:
    return copy_source(folder.parent / "copy")


def test_a_tagged_described_commit_is_a_release(repository: Path) -> None:
    check_release(copied(repository))


def test_a_commit_after_the_tag_is_none(repository: Path) -> None:
    (repository / "more.md").write_text("more\n", encoding="utf-8")
    commit(repository)
    with pytest.raises(NotARelease, match=r"no tag v1\.2\.3 → git tag"):
        check_release(copied(repository))


def test_a_change_that_is_not_committed_is_named(repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3\n\n- more\n", encoding="utf-8")
    with pytest.raises(NotARelease, match=r"not committed:\n ?M CHANGELOG\.md"):
        check_release(copied(repository))


def test_changes_without_a_section_of_their_version(repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n## 1.2.3\n", encoding="utf-8")
    commit(repository)
    git(repository, "tag", "--force", "v1.2.3")
    with pytest.raises(NotARelease, match="begins with Unreleased"):
        check_release(copied(repository))


def test_a_version_that_no_archive_can_have(repository: Path) -> None:
    (repository / "reconciler" / "__init__.py").write_text('__version__ = "1.2"\n', encoding="utf-8")
    with pytest.raises(NotARelease, match="three numbers"):
        copied(repository)
