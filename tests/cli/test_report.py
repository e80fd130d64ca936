"""`report`: from documents alone, without a site."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.report.json import plan_json, run_json
from tests.cli.conftest import Command
from tests.cli.site import ANNA_DECLARED, BERND_DECLARED, StandInSite
from tests.report import samples


@pytest.fixture
def saved(site: StandInSite, command: Command) -> Path:
    """A plan with one new account and one new alias."""
    site.declare(ANNA_DECLARED, BERND_DECLARED, aliases=("vorstand: [anna.beispiel]",))
    assert command("plan", "--out", "plan.json").status == 4
    return site.folder / "plan.json"


def test_counts_for_gitlab(saved: Path, command: Command, tmp_path: Path) -> None:
    """A rename counts as a change, and several plans are added up."""
    dangerous, run = tmp_path / "dangerous.json", tmp_path / "run.json"
    dangerous.write_text(plan_json(samples.dangerous()))
    run.write_text(run_json(samples.half_run()))  # what was carried out counts nothing
    for documents, counts in (
        ([saved], {"create": 3, "update": 0, "delete": 0}),
        ([dangerous, run], {"create": 1, "update": 2, "delete": 2}),
        ([saved, dangerous], {"create": 4, "update": 2, "delete": 2}),
    ):
        answer = command("report", *map(str, documents), "--terraform-report", "-")
        assert (answer.status, answer.err, json.loads(answer.out)) == (0, "", counts)


def test_markdown_is_what_the_command_itself_writes(saved: Path, command: Command) -> None:
    shown = command("plan", "--format", "markdown", "--out", "again.json").out
    answer = command("report", str(saved.parent / "again.json"), "--markdown", "-")
    assert answer.status == 0
    assert answer.out == shown
    assert shown.startswith("**mail plan for ")


def test_one_page_says_which_job_wrote_it(
    saved: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI_JOB_URL", "https://gitlab.example/mail/state/-/jobs/815")
    answer = command(
        "report", str(saved), "--html", str(tmp_path / "plan.html"), "--markdown", str(tmp_path / "plan.md")
    )
    assert answer.status == 0
    page = (tmp_path / "plan.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "https://gitlab.example/mail/state/-/jobs/815" in page
    assert json.loads(saved.read_text())["digest"] in page
    assert (tmp_path / "plan.md").read_text().startswith("**mail plan for ")


def test_what_is_no_document_is_refused_before_anything_is_written(
    saved: Path, command: Command, tmp_path: Path
) -> None:
    other, out = tmp_path / "other.json", tmp_path / "counts.json"
    for content in ("", "{}", '{"$schema": "plan.schema.json"}', saved.read_text()[:-100]):
        other.write_text(content)
        answer = command("report", str(saved), str(other), "--terraform-report", str(out))
        assert answer.status == 2
        assert str(other) in answer.err
        assert not out.exists()
