"""`report --github`: annotations, the step's summary and its outputs, as the runner reads them (facts/forges.md 2)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from reconciler.planning.finding import Finding, Severity
from reconciler.report.json import findings_json, plan_json, run_json
from reconciler.systems.registry import register_kinds
from tests.cli.conftest import Command
from tests.report import samples
from tests.report.hostile import NAMES, plan_named


class Step(NamedTuple):
    """The files that the runner makes for a step."""

    folder: Path
    summary: Path
    output: Path

    def outputs(self) -> dict[str, str]:
        """As the runner reads them (FileCommandManager.cs): a name and a delimiter, lines, the delimiter."""
        found, lines = {}, iter(self.output.read_text(encoding="utf-8").splitlines())
        for line in lines:
            name, _, delimiter = line.partition("<<")
            assert delimiter
            found[name] = "\n".join(iter(lambda: next(lines), delimiter))
        return found


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    register_kinds()
    monkeypatch.chdir(tmp_path)
    step = Step(tmp_path, tmp_path / "summary", tmp_path / "output")
    step.output.touch()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(step.summary))
    monkeypatch.setenv("GITHUB_OUTPUT", str(step.output))
    return step


def commands(out: str) -> list[tuple[str, dict[str, str], str]]:
    """What the runner takes for commands: (name, properties, message)."""
    found, stopped = list[tuple[str, dict[str, str], str]](), ""
    for line in out.splitlines():
        match = re.match(r"\s*::([a-z-]+|reconciler-[0-9a-f]+)(?: (.*?))?::(.*)$", line)
        if stopped:
            stopped = "" if match and match[1] == stopped else stopped
        elif match and match[1] == "stop-commands":
            stopped = match[3]
        elif match:
            pairs = dict(pair.split("=", 1) for pair in (match[2] or "").split(",") if pair)
            found.append((match[1], {k: _read(v) for k, v in pairs.items()}, _read(match[3])))
    assert not stopped
    return found


def _read(text: str) -> str:
    for code, char in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, char)
    return text


def test_annotations_and_outputs(step: Step, command: Command) -> None:
    (step.folder / "plan.json").write_text(plan_json(samples.dangerous()), encoding="utf-8")
    (step.folder / "findings.json").write_text(findings_json(samples.FINDINGS), encoding="utf-8")
    answer = command("report", "plan.json", "findings.json", "--github")
    assert answer.status == 0
    found = commands(answer.out)
    assert {"file": "state/mailboxes.yaml", "line": "27", "col": "12", "title": "quota"} in [each[1] for each in found]
    assert [name for name, _, _ in found] == sorted(
        [name for name, _, _ in found], key=["error", "warning", "notice"].index
    )
    outputs = step.outputs()
    assert outputs["digest"] == samples.dangerous().digest
    assert (outputs["status"], outputs["delete"], outputs["errors"]) == ("5 3", "2", "2")
    assert "hilde.weg" in step.summary.read_text(encoding="utf-8")
    # what is there already is kept
    step.summary.write_text("mine\n", encoding="utf-8")
    assert command("report", "plan.json", "--github").status == 0
    assert step.summary.read_text(encoding="utf-8").startswith("mine\n")


def test_a_value_that_holds_the_delimiter_is_refused(
    step: Step, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A digest of a run that somebody wrote by hand would set the outputs that follow."""
    monkeypatch.setattr("secrets.token_hex", lambda size: "ab" * size)
    document = json.loads(run_json(samples.half_run()))
    for digest, status in (("x", 0), (f"x\nghadelimiter_{'ab' * 16}\nfailed<<y\n0\ny", 2)):
        step.output.write_text("")
        (step.folder / "run.json").write_text(json.dumps(document | {"plan": digest}), encoding="utf-8")
        answer = command("report", "run.json", "--github")
        assert answer.status == status, answer.err
    assert "holds the delimiter of its output" in answer.err
    assert step.outputs() == {}


def test_ten_of_each_type_and_the_last_counts_the_rest(step: Step, command: Command) -> None:
    odd = "50%0A: a,b\n::error::x\r"
    many = [Finding(Severity.ERROR, "qu::o,ta", f"a{n:02}", odd, "y" * 9000) for n in range(30)]
    for number, shown in ((10, 10), (11, 10), (30, 10)):
        (step.folder / "f.json").write_text(findings_json(many[:number]), encoding="utf-8")
        found = commands(command("report", "f.json", "--github").out)
        assert [name for name, _, _ in found] == ["error"] * shown
        more = f"and {number - 9} more" in found[-1][2]
        assert more == (number > 10)
        assert found[0][1] == {"title": "qu::o,ta"}
        assert found[0][2].startswith("a00: 50%0A: a,b\\n::error::x\\r")
        assert all(len(message) <= 4096 for _, _, message in found)


@pytest.mark.parametrize("name", [*NAMES, "::add-mask::a", "::stop-commands::x\n::x::", "%0A::error::x"])
def test_foreign_text_is_no_command(step: Step, command: Command, name: str) -> None:
    (step.folder / "plan.json").write_text(plan_json(plan_named(name)), encoding="utf-8")
    answer = command("report", "plan.json", "--github", "--junit", "-")
    assert "<testsuites" in answer.out
    assert [each[0] for each in commands(answer.out)] == ["error", "notice"]
    assert not re.search(r"(?m)^\s*[:/]", step.summary.read_text(encoding="utf-8"))


def test_a_summary_fits_whatever_was_written_before(step: Step, command: Command) -> None:
    many = tuple(Finding(Severity.NOTE, "note", f"a{n}", "ü" * 500) for n in range(800))
    (step.folder / "f.json").write_text(findings_json(many), encoding="utf-8")
    step.summary.write_text("x" * 500_000 + "\n", encoding="utf-8")
    assert command("report", "f.json", "--github").status == 0
    assert 950_000 < step.summary.stat().st_size <= 1_000_000
    assert "more remark" in step.summary.read_text(encoding="utf-8").splitlines()[-1]
    full = step.summary.read_bytes()
    answer = command("report", "f.json", "--github")
    assert answer.status == 0
    assert "is full" in answer.err
    assert step.summary.read_bytes() == full


@pytest.mark.parametrize("missing", ["GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"])
def test_elsewhere_than_on_github(step: Step, command: Command, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    (step.folder / "f.json").write_text(findings_json(samples.FINDINGS), encoding="utf-8")
    monkeypatch.delenv(missing)
    answer = command("report", "f.json", "--github", "--junit", "t.xml")
    assert (answer.status, answer.out) == (2, "")
    assert f"{missing} is not set" in answer.err
    assert not (step.folder / "t.xml").exists()
    monkeypatch.setenv(missing, str(step.folder / "no" / "where"))
    assert command("report", "f.json", "--github").status == 2


def test_a_run_says_what_it_was_of(step: Step, command: Command) -> None:
    run = replace(samples.half_run(), plan=samples.busy())
    (step.folder / "run.json").write_text(run_json(run), encoding="utf-8")
    assert command("report", "run.json", "--github").status == 0
    outputs = step.outputs()
    assert (outputs["digest"], outputs["failed"], outputs["status"]) == (samples.busy().digest, "1", "5")
