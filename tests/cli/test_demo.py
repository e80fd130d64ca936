"""`reconciler demo`: the whole story, again and again, touching nothing but its folder."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.running import Answer, reconciler

STATE = Path(__file__).parents[2] / "state"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer, float]:
    """The demo in a folder, what it said, and the seconds that it took."""
    folder = tmp_path_factory.mktemp("demo") / "site"
    begun = time.monotonic()
    answer = reconciler(folder.parent, "demo", str(folder), "--state", str(STATE))
    return folder, answer, time.monotonic() - begun


def test_the_demo_runs_to_its_end(demo: tuple[Path, Answer, float]) -> None:
    _, answer, seconds = demo
    assert (answer.status, answer.err) == (0, "")
    chapters = (
        *("What would be done", "Doing it", "nothing to do", "a new surname", "The power fails", "its work finished"),
        *("Nothing is left to do", "changes things by hand", "What cron would report", "Now you"),
    )
    places = [answer.out.index(chapter) for chapter in chapters]
    assert places == sorted(places)
    assert "✗" not in answer.out
    assert seconds < 60  # aimed at is half of it; this machine may be busy


def test_the_site_stays_there_to_play_with(demo: tuple[Path, Answer, float]) -> None:
    folder, _, _ = demo
    env = {"RECONCILER_SITE": str(folder / "reconciler.yaml")}
    assert reconciler(folder.parent, "drift", env=env).status == 4
    assert reconciler(folder.parent, "show", "10042", env=env).status == 0
    assert reconciler(folder.parent, "apply", "--yes", env=env).status == 0
    assert reconciler(folder.parent, "drift", env=env).status == 0


def test_every_command_that_it_prints_works(demo: tuple[Path, Answer, float]) -> None:
    folder, answer, _ = demo
    printed = [line.strip() for line in answer.out.partition("Now you")[2].splitlines() if line.startswith("    ")]
    lines = [line.partition("   ")[0] for line in printed]
    assert len(lines) >= 5
    exported = next(line for line in lines if line.startswith("export "))
    for line in lines:
        if not line.startswith("reconciler "):  # those are tested above; the program need not be in this PATH
            shell = ["sh", "-c", f"{exported}; {line}"]
            done = subprocess.run(shell, cwd=folder.parent, capture_output=True, stdin=subprocess.DEVNULL, check=False)
            assert done.returncode == 0, (line, done.stderr)


def test_a_second_demo_into_the_same_folder_makes_it_anew(demo: tuple[Path, Answer, float]) -> None:
    folder, first, _ = demo
    (folder / "mine").write_text("mine")
    answer = reconciler(folder.parent, "demo", str(folder), "--state", str(STATE))
    assert answer.status == 0
    assert not (folder / "mine").exists()
    assert answer.out.count("\n") == first.out.count("\n")


@pytest.mark.parametrize("content", ["letters", ".hidden"])
def test_a_folder_of_somebody_else_is_refused_and_left(tmp_path: Path, content: str) -> None:
    (tmp_path / content).write_text("mine")
    answer = reconciler(tmp_path, "demo", ".", "--state", str(STATE))
    assert answer.status == 2
    assert "not a demo site" in answer.words
    assert [file.name for file in tmp_path.iterdir()] == [content]


@pytest.mark.parametrize("where", ["a-file", "a-file/below"])
def test_a_file_where_the_folder_should_be(tmp_path: Path, where: str) -> None:
    (tmp_path / "a-file").write_text("mine")
    answer = reconciler(tmp_path, "demo", where, "--state", str(STATE))
    assert answer.status == 2
    assert (tmp_path / "a-file").read_text() == "mine"


def test_a_state_that_is_not_there(tmp_path: Path) -> None:
    answer = reconciler(tmp_path, "demo", "site", "--state", "no-state")
    assert answer.status == 2
    assert "no-state is not a folder" in answer.words
    assert not (tmp_path / "site").exists()


def test_the_example_state_is_not_touched(demo: tuple[Path, Answer, float]) -> None:
    done = subprocess.run(
        ["git", "status", "--porcelain", "--", "."], cwd=STATE, capture_output=True, text=True, check=False
    )
    new = [line for line in done.stdout.splitlines() if line.startswith("??")]
    assert new == []
