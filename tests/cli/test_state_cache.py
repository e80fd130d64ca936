"""`RECONCILER_CACHE`: commands say and do the same with it; where it cannot be trusted it is left, and that is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.declared.parse import documents
from tests.cli.conftest import Command
from tests.cli.merge_request import base_of, commit
from tests.cli.running import start
from tests.cli.site import ANNA_DECLARED, BERND, BERND_DECLARED, DOMAIN, StandInSite

SAID = ("transitions", "gates", "findings", "digest", "flow", "taken_back", "counts")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Named, and not made yet."""
    monkeypatch.setenv("RECONCILER_CACHE", str(tmp_path / "made" / "cache"))
    monkeypatch.delenv("CI", raising=False)
    return tmp_path / "made" / "cache"


@pytest.fixture
def site_with_changes(site: StandInSite) -> StandInSite:
    site.declare(ANNA_DECLARED, aliases=["board: [anna.beispiel, nobody]"])
    (site.folder / "state" / "more.yaml").write_text(f"domain: {DOMAIN}\nmailboxes:\n  {BERND_DECLARED}\n")
    return site


def test_a_plan_is_the_same(
    site_with_changes: StandInSite, cache: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned(*arguments: str) -> dict[str, object]:
        document = command("plan", "--format", "json", *arguments).json
        return {name: document.get(name) for name in SAID}

    base_of(site_with_changes)
    (site_with_changes.folder / "state" / "new.yaml").write_text(f"aliases:\n  info@{DOMAIN}: anna.beispiel@{DOMAIN}\n")
    commit(site_with_changes)
    monkeypatch.delenv("RECONCILER_CACHE")
    plain, against, part = planned(), planned("--base", "main"), planned("--only", BERND)
    monkeypatch.setenv("RECONCILER_CACHE", str(cache))
    assert (planned(), planned("--base", "main"), planned("--only", BERND)) == (plain, against, part)
    assert len(list(cache.iterdir())) == 3 + 2, "files, and what was said of both commits"

    def read_one(_: str) -> object:
        raise AssertionError("everything is known")

    monkeypatch.setattr(documents, "read_fast", read_one)
    assert (planned(), planned("--base", "main"), planned("--only", BERND)) == (plain, against, part)
    assert cache.stat().st_mode & 0o077 == 0
    assert all(entry.stat().st_mode & 0o077 == 0 for entry in cache.iterdir())


def test_two_at_once(site: StandInSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    cache = tmp_path / "cache"
    for number in range(20):
        text = f"domain: {DOMAIN}\nmailboxes:\n  role{number}: {{groupware: false}}\n"
        (site.folder / "state" / f"{number}.yaml").write_text(text)
    env = {"RECONCILER_CACHE": str(cache)}
    both = [start(site.folder, "validate", env=env) for _ in range(2)]
    first, second = (process.wait() for process in both)
    assert (first.status, first) == (0, second), first.words
    assert "20 mailboxes" in first.words
    assert len(list(cache.iterdir())) == 20 + 1


def test_where_it_cannot_be_trusted_it_is_left_and_that_is_said(
    site_with_changes: StandInSite, cache: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("validate").err.count("RECONCILER_CACHE") == 0
    (kept,) = [entry for entry in cache.iterdir() if b"Bernd" in entry.read_bytes()]
    kept.chmod(0o666)
    left = command("validate")
    assert (left.status, "1 file in" in left.words, "others may write" in left.words) == (0, True, True), left.words
    kept.unlink()
    cache.chmod(0o777)
    left = command("validate")
    assert (left.status, f"{cache} is not used: others may write there" in left.words) == (0, True), left.words
    cache.chmod(0o700)
    assert not kept.exists()
    monkeypatch.setenv("CI", "true")
    left = command("validate")
    assert (left.status, "other jobs may have written there" in left.words) == (0, True), left.words
    assert not kept.exists()
    monkeypatch.delenv("CI")
    monkeypatch.setenv("RECONCILER_CACHE", os.devnull)
    left = command("validate")
    assert (left.status, f"{os.devnull} is not used" in left.words) == (0, True), left.words
    monkeypatch.setenv("RECONCILER_CACHE", "cache")
    wrong = command("validate")
    assert (wrong.status, "no absolute path" in wrong.words) == (2, True), wrong.words
    assert not Path("cache").exists()
