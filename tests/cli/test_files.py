"""Files and folders that a command is pointed at: the site file, --out, what cannot be written or read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.running import COMMAND, environment
from tests.cli.site import ANNA, ANNA_DECLARED, OX_ENV, OX_PASSWORD, StandInSite


@pytest.mark.parametrize("target", ["no/such/folder/plan.json", "state", "/dev/full"])
def test_an_out_file_that_cannot_be_written(site: StandInSite, command: Command, target: str) -> None:
    site.declare(ANNA_DECLARED)
    answer = command("plan", "--out", target)
    assert answer.status == 2
    assert f"{target} cannot be written" in answer.words
    assert "--out" in answer.words


def test_the_site_file_is_found_in_the_current_folder_then_in_state(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """docs/site-file.md, first paragraph."""
    site.declare(ANNA_DECLARED)
    assert command("plan").status == 4
    other = tmp_path / "other"
    (other / "state").mkdir(parents=True)
    monkeypatch.chdir(other)
    assert command("plan").status == 2
    (other / "state" / "reconciler.yaml").write_text("site: other\nstate: .\n")
    answer = command("plan")
    assert (answer.status, "for other" in answer.words) == (0, True)


def test_the_variable_and_the_option_name_a_site_file_and_the_option_wins(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site.declare(ANNA_DECLARED)
    monkeypatch.chdir(tmp_path)
    assert command("plan").status == 2
    monkeypatch.setenv("RECONCILER_SITE", str(site.file))
    assert command("plan").status == 4
    assert command("validate", "--site", str(tmp_path / "none.yaml")).status == 2
    monkeypatch.setenv("RECONCILER_SITE", str(tmp_path / "none.yaml"))
    answer = command("plan")
    assert answer.status == 2
    assert "none.yaml" in answer.words
    assert command("plan", "--site", str(site.file)).status == 4


def test_a_relative_path_starts_at_the_site_file(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Cron runs elsewhere: state, register, database and outbox are found all the same."""
    site.declare(ANNA_DECLARED)
    monkeypatch.chdir(tmp_path)
    assert command("apply", "--yes", "--site", "site/reconciler.yaml").status == 0
    assert site.mailbox(ANNA) is not None
    assert list(site.letters()) == ["anna@gmx.example"]


def test_a_state_folder_that_is_missing(site: StandInSite, command: Command) -> None:
    site.write(state="nowhere")
    answer = command("plan")
    assert answer.status == 2
    assert "nowhere" in answer.words


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"- a\n", b"", b"\t- x"])
def test_a_site_file_that_is_none(site: StandInSite, command: Command, content: bytes) -> None:
    site.file.write_bytes(content)
    answer = command("validate")
    assert answer.status == 3
    assert "reconciler.yaml:" in answer.words


def test_a_reader_that_has_seen_enough_ends_the_report_quietly(site: StandInSite) -> None:
    """`reconciler plan | head -1`: no mistake of anybody, so not a word about it."""
    site.declare(*(f"role{number}: {{groupware: false}}" for number in range(2000)))  # more than a pipe holds
    line = ["sh", "-c", '"$@" | head -1', "sh", *COMMAND, "plan"]
    done = subprocess.run(
        line, cwd=site.folder, env=environment(**{OX_ENV: OX_PASSWORD}), capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("mail plan for nrw")
    assert done.stderr == ""
