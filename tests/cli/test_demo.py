"""`reconciler demo`: the whole story, again and again, touching nothing but its folder."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.cli.demo import _invitation
from reconciler.errors import UsageError
from reconciler.sandbox.demo_folder import MARK, clear, remember
from tests.cli.running import Answer, environment, reconciler

ROOT = Path(__file__).parents[2]
STATE = ROOT / "state"
OUTSIDE = ("home", "temporary")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Answer, float]:
    """The demo in a folder, what it said, and the seconds that it took."""
    top = tmp_path_factory.mktemp("demo")
    for name in ("work", *OUTSIDE):
        (top / name).mkdir()
    folder, home = top / "work" / "site", str(top / "home")
    begun = time.monotonic()
    env = {"HOME": home, "XDG_CACHE_HOME": home, "TMPDIR": str(top / "temporary")}
    answer = reconciler(folder.parent, "demo", str(folder), "--state", str(STATE), env=env)
    return folder, answer, time.monotonic() - begun


def test_the_demo_runs_to_its_end(demo: tuple[Path, Answer, float]) -> None:
    _, answer, seconds = demo
    assert (answer.status, answer.err) == (0, "")
    chapters = (
        *("What would be done", "Doing it", "nothing to do", "a new surname", "The power fails", "finishes its work"),
        *("Nothing is left to do", "changes things by hand", "What cron would report"),
        *("changed by hand since the last apply", "Now you"),
    )
    places = [answer.out.index(chapter) for chapter in chapters]
    assert places == sorted(places)
    assert "✗" not in answer.out
    assert seconds < 60  # aimed at is half of it; this machine may be busy


def test_nothing_but_its_folder_is_touched(demo: tuple[Path, Answer, float]) -> None:
    """Neither beside it, nor at home, nor among the temporary files."""
    folder, _, _ = demo
    assert [path.name for path in folder.parent.iterdir()] == ["site"]
    assert [path.name for name in OUTSIDE for path in (folder.parents[1] / name).iterdir()] == []


def test_the_site_stays_there_to_play_with(demo: tuple[Path, Answer, float]) -> None:
    folder, _, _ = demo
    env = {"RECONCILER_SITE": str(folder / "reconciler.yaml")}
    assert reconciler(folder.parent, "drift", env=env).status == 4
    assert reconciler(folder.parent, "show", "10042", env=env).status == 0
    assert reconciler(folder.parent, "apply", "--yes", env=env).status == 0
    assert reconciler(folder.parent, "drift", env=env).status == 0


def test_every_command_that_it_prints_works(demo: tuple[Path, Answer, float]) -> None:
    """As it stands, one after the other, from a shell in which `reconciler` is no command yet."""
    _, answer, _ = demo
    printed = [line.strip() for line in answer.out.partition("Now you")[2].splitlines() if line.startswith("    ")]
    lines = [line.partition("   ")[0] for line in printed]
    assert len(lines) >= 7
    exports = "; ".join(line for line in lines if line.startswith("export "))
    for line in lines:
        done = subprocess.run(
            ["sh", "-c", f"{exports}; {line}"],
            cwd="/",
            env=environment(PATH="/usr/bin:/bin"),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        pending = 4 if line == "reconciler plan" else 0  # a test above may have applied it
        assert done.returncode in (0, pending), (line, done.stderr)


def test_no_path_is_printed_where_the_command_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert "PATH" not in _invitation(Path("/srv/demo"), Path("/srv/demo/outbox"))


def test_the_schema_that_its_files_name_is_there(demo: tuple[Path, Answer, float]) -> None:
    folder, _, _ = demo
    first = (folder / "state" / "mailboxes.yaml").read_text().splitlines()[0]
    assert json.loads((folder / "state" / first.partition("$schema=")[2]).read_text())["title"]


def test_a_second_demo_into_the_same_folder_makes_it_anew(demo: tuple[Path, Answer, float]) -> None:
    folder, first, _ = demo
    env = {"RECONCILER_SITE": str(folder / "reconciler.yaml")}
    assert reconciler(folder.parent, "apply", "--yes", env=env).status == 0  # live things are no edits
    answer = reconciler(folder.parent, "demo", str(folder), "--state", str(STATE))
    assert (answer.status, answer.err) == (0, "")
    assert [place.name for place in folder.parent.iterdir()] == [folder.name]
    assert answer.out.count("\n") == first.out.count("\n")


def test_a_merge_request_as_the_page_has_it(demo: tuple[Path, Answer, float]) -> None:
    folder, _, _ = demo
    page = (ROOT / "docs" / "demo.md").read_text("utf-8").partition("## A merge request")[2]
    lines = page.partition("```sh\n")[2].partition("```")[0].replace("demo-site", str(folder))
    program = f"reconciler() {{ '{sys.executable}' -m reconciler \"$@\"; }}"
    names = {f"GIT_{who}_{what}": "anna@mail.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = environment(RECONCILER_SITE=str(folder / "reconciler.yaml"), **names)
    done = subprocess.run(["sh", "-ec", f"{program}\n{lines}"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done
    ours = done.stdout.partition("**this merge request**")[2].partition("**waiting already")[0]
    assert "| + | example.com | sender block (domain): sells addresses" in ours
    assert "<h1" in (folder / "plan.html").read_text("utf-8")


def _edited(folder: Path) -> None:
    with (folder / "state" / "aliases.yaml").open("a") as file:
        file.write("# mine\n")


def _written(folder: Path) -> None:
    (folder / "mine").write_text("mine")


def _stopped_half_way(folder: Path) -> None:
    (folder / MARK).write_text("a demo is being built here\n")


@pytest.mark.parametrize("change", [_edited, _written, _stopped_half_way])
def test_a_demo_site_in_which_somebody_wrote_is_kept(tmp_path: Path, change: Callable[[Path], None]) -> None:
    folder = tmp_path / "site"
    (folder / "state").mkdir(parents=True)
    (folder / "state" / "aliases.yaml").write_text("aliases: {}\n")
    for number in (1, 2):
        remember(folder)
        change(folder)
        before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        kept = clear(folder)
        assert kept == tmp_path / f"site.old-{number}"
        assert {
            folder / file.relative_to(kept): file.read_bytes() for file in kept.rglob("*") if file.is_file()
        } == before
        assert list(folder.iterdir()) == []
        (folder / "state").mkdir()
    remember(folder)
    assert clear(folder) is None


def test_a_folder_that_somebody_is_in_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="you are in"):
        clear(Path())
    assert (tmp_path / MARK).exists()


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
    assert "there is no state in no-state" in answer.words
    assert not (tmp_path / "site").exists()


def test_a_state_that_would_be_made_anew_itself(tmp_path: Path) -> None:
    (tmp_path / "site" / "state").mkdir(parents=True)
    remember(tmp_path / "site")
    answer = reconciler(tmp_path, "demo", "site", "--state", "site/state")
    assert answer.status == 2
    assert "is in site" in answer.words
    assert (tmp_path / "site" / "state").exists()


def test_the_example_state_is_not_touched(demo: tuple[Path, Answer, float]) -> None:
    done = subprocess.run(
        ["git", "status", "--porcelain", "--", "."], cwd=STATE, capture_output=True, text=True, check=False
    )
    new = [line for line in done.stdout.splitlines() if line.startswith("??")]
    assert new == []
