"""`reconciler fmt` through the command, and as the hook of pre-commit that this repository offers."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from reconciler.declared.parse.exact import read_tree
from tests.cli.conftest import Command
from tests.cli.site import ANNA_DECLARED, BERND_DECLARED, DOMAIN, Site
from tests.cli.test_edit import SYSTEMS, done
from tests.cli.test_help import parsed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path, **SYSTEMS)
    site.declare(f"{ANNA_DECLARED}   # of Anna", aliases=["x: anna.beispiel"])
    tidy = "# yaml-language-server: $schema=../s.json\nremovals:\n"
    (tmp_path / "state" / "tidy.yaml").write_text(tidy)
    return site


def texts(site: Site) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in (site.folder / "state").iterdir()}


def test_check_shows_and_fmt_writes_what_check_shows(files: Site, command: Command) -> None:
    before = texts(files)
    checked = command("fmt", "--check")
    assert checked.status == 4
    assert "1 file of 2 not in the layout next: reconciler fmt" in checked.words
    assert texts(files) == before
    answer = done(command("fmt"))
    assert answer.out == "state/state.yaml\n"
    after = texts(files)
    assert after["tidy.yaml"] == before["tidy.yaml"]
    assert after["state.yaml"] == (
        f"# yaml-language-server: $schema=../s.json\ndomain: {DOMAIN}\n\nmailboxes:\n  anna.beispiel:\n"
        "    given_name: Anna\n    surname: Beispiel\n    member: 10042\n    quota: 10240 MB  # of Anna\n\n"
        "aliases:\n  x: anna.beispiel\n"
    )
    shown = {line[1:] for line in checked.out.splitlines() if line[:1] == "+" and line[:3] != "+++"}
    assert shown == set(after["state.yaml"].splitlines()) - set(before["state.yaml"].splitlines())
    assert "2 files, all in the layout" in done(command("fmt", "--check")).words
    assert done(command("fmt")).out == ""


def test_an_invalid_state_is_not_formatted(files: Site, command: Command) -> None:
    files.declare(ANNA_DECLARED, BERND_DECLARED.replace("10077", "10042"))
    before = texts(files)
    answer = command("fmt")
    assert answer.status == 3
    assert "member 10042 has two accounts" in answer.words
    assert texts(files) == before


def test_the_hooks_of_pre_commit_call_commands_that_there_are() -> None:
    root = read_tree((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")).root
    assert root is not None
    hooks = {hook["id"]: hook for hook in root.data()}
    assert set(hooks) == {"reconciler-validate", "reconciler-fmt"}
    for hook in hooks.values():
        assert hook["language"] == "python"
        assert hook["pass_filenames"] is False, "the state is read as a whole"
        parsed(shlex.join(shlex.split(hook["entry"])))


def test_the_example_state_is_in_the_layout(command: Command) -> None:
    assert done(command("fmt", "--check", "--site", str(ROOT / "state" / "reconciler.yaml")))
