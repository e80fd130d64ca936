"""`report --code-quality`, `--sarif`, `--junit`: each is what its readers demand (facts/forges.md 1.3, 2.2), from every
kind of document, whatever the values in it are."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft4Validator, FormatChecker

from reconciler.planning.command_status import Status
from reconciler.planning.finding import Finding, Severity
from reconciler.report.documents.about import numbers
from reconciler.report.documents.github import annotation_lines
from reconciler.report.json import findings_json, plan_json, run_json, written
from reconciler.report.run_without_end import run_without_end
from reconciler.systems.registry import register_kinds
from tests.cli.conftest import Command
from tests.report import samples
from tests.report.hostile import NAMES, plan_named
from tests.services.needs import require_npm_file

OPTIONS = ("--code-quality", "q.json", "--sarif", "r.sarif", "--junit", "t.xml")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    register_kinds()
    monkeypatch.chdir(tmp_path)
    texts = {
        "plan": plan_json(samples.dangerous()),
        "waiting": plan_json(samples.waiting()),
        "run": run_json(samples.half_run()),
        "findings": findings_json(samples.FINDINGS),
        "hostile": plan_json(plan_named("".join(NAMES) + "\x00\uffff\ufffe\U0001fffe")),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    return tmp_path


FILES = ("plan.json", "waiting.json", "run.json", "findings.json", "hostile.json")


def quality(file: Path) -> list[dict[str, Any]]:
    """What GitLab demands of it (facts/forges.md 1.3)."""
    entries = json.loads(file.read_bytes())
    assert isinstance(entries, list)
    for entry in entries:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert all(isinstance(entry[key], str) and entry[key] for key in ("description", "check_name", "fingerprint"))
        assert entry["location"]["path"]
        assert entry["location"]["lines"]["begin"] >= 1
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    return entries


def results(file: Path) -> list[dict[str, Any]]:
    """What SARIF 2.1.0 and GitHub demand of it."""
    document = json.loads(file.read_bytes())
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "reconciler"
    rules = [rule["id"] for rule in driver["rules"]]
    assert len(set(rules)) == len(rules)
    for rule in driver["rules"]:
        assert all(rule[key]["text"] for key in ("shortDescription", "fullDescription", "help"))
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("note", "warning", "error")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert re.fullmatch(r"[A-Za-z0-9._~%/-]+", place["artifactLocation"]["uri"])
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1
        assert result["partialFingerprints"]["primaryLocationLineHash"]
    prints = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(prints)) == len(prints)
    return list(run["results"])


@cache
def sarif_schema() -> Draft4Validator:
    """OASIS' schema of SARIF 2.1.0, as Microsoft publishes it."""
    file = require_npm_file("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json")
    return Draft4Validator(json.loads(file.read_bytes()), format_checker=FormatChecker())


def test_sarif_follows_its_schema(folder: Path, command: Command) -> None:
    (folder / "none.json").write_text(findings_json(()), encoding="utf-8")
    for documents in (FILES, ("none.json",)):
        assert command("report", *documents, "--sarif", "r.sarif").status == 0
        document = json.loads((folder / "r.sarif").read_bytes())
        assert list(sarif_schema().iter_errors(document)) == []
    document["runs"][0]["results"] = [{"level": "refusal"}]
    assert {error.json_path for error in sarif_schema().iter_errors(document)} == {
        "$.runs[0].results[0]",
        "$.runs[0].results[0].level",
    }


def cases(file: Path) -> Iterator[tuple[str, str, str]]:
    """(suite, case, outcome), after what Jenkins' junit-10.xsd demands."""
    root = ElementTree.fromstring(file.read_bytes())
    assert root.tag == "testsuites"
    total = 0
    for suite in root:
        assert suite.tag == "testsuite"
        assert re.fullmatch(r"\d{4}(-\d\d){2}T\d\d:\d\d:\d\d", suite.get("timestamp", "2026-11-22T10:00:00"))
        outcomes = []
        names = []
        for case in suite:
            assert case.tag == "testcase"
            assert case.get("name")
            assert case.get("classname")
            assert [child.tag for child in case] in (["failure"], ["error"], ["skipped"], ["system-out"], [])
            outcome = next((child.tag for child in case if child.tag != "system-out"), "passed")
            outcomes.append(outcome)
            names.append((case.get("classname"), case.get("name")))
            yield str(suite.get("name")), str(case.get("name")), outcome
        assert len(set(names)) == len(names), "forges take cases of one name for one"
        numbers = {"failures": "failure", "errors": "error", "skipped": "skipped"}
        assert {key: int(suite.get(key, "")) for key in numbers} == {k: outcomes.count(v) for k, v in numbers.items()}
        assert int(suite.get("tests", "")) == len(outcomes)
        total += len(outcomes)
    assert int(root.get("tests", "")) == total


def test_every_format_from_every_document_in_one_call(folder: Path, command: Command) -> None:
    assert command("report", *FILES, *OPTIONS).status == 0
    texts = [(folder / name).read_bytes() for name in OPTIONS[1::2]]
    found = quality(folder / "q.json")
    assert {entry["severity"] for entry in found} == {"critical", "major", "minor", "info"}
    assert {"quota", "groupware-delete", "unread", "failed", "unknown-system"} <= {e["check_name"] for e in found}
    assert {r["ruleId"] for r in results(folder / "r.sarif")} == {entry["check_name"] for entry in found}
    ended = set(cases(folder / "t.xml"))
    assert ("plan nrw", "delete hilde.weg@pirat.alt", "failure") in ended  # a gate refuses it
    assert ("plan nrw", "delete hans.weg@pirat.alt", "passed") in ended
    assert ("plan nrw", "openxchange can be read", "error") in ended
    assert ("plan nrw", "create bernd.neu@pirat.alt", "skipped") in ended  # it waits for that
    assert ("apply nrw", "create bernd.neu@pirat.alt", "failure") in ended
    assert ("validate", "the declared state is valid", "failure") in ended
    # the same documents give the same text
    assert command("report", *FILES, *OPTIONS).status == 0
    assert [(folder / name).read_bytes() for name in OPTIONS[1::2]] == texts


def test_nothing_to_say_is_valid_too(folder: Path, command: Command) -> None:
    (folder / "none.json").write_text(findings_json(()), encoding="utf-8")
    assert command("report", "none.json", *OPTIONS).status == 0
    assert quality(folder / "q.json") == results(folder / "r.sarif") == []
    assert list(cases(folder / "t.xml")) == [("validate", "the declared state is valid", "passed")]


@pytest.mark.parametrize(
    ("status", "severity", "outcome", "words"),
    [
        (
            Status.STALE,
            "critical",
            "failure",
            "CRITICAL: apply nrw: something is not as it was reviewed: nobody saw it",
        ),
        (Status.LOCKED, "minor", "failure", "WARNING: apply nrw: another run is under way: nobody saw it"),
        (Status.UNREADABLE, "critical", "failure", "UNKNOWN: apply nrw: a system could not be read: nobody saw it"),
        (Status.PENDING, "info", "skipped", "WARNING: apply nrw: changes are pending: nobody saw it"),
    ],
)
def test_a_run_that_carried_out_nothing_is_said_in_every_format(
    folder: Path, command: Command, status: Status, severity: str, outcome: str, words: str
) -> None:
    began = (datetime.now(UTC), datetime.now(UTC))
    document = run_without_end("nrw", "9f3c21a", began, status=status, error=("nobody saw it", "reconciler plan"))
    (folder / "none.json").write_text(written(document), encoding="utf-8")
    answer = command("report", "none.json", *OPTIONS, "--check")
    assert answer.out.startswith(words)
    assert [(e["check_name"], e["severity"]) for e in quality(folder / "q.json")] == [("run", severity)]
    assert [r["ruleId"] for r in results(folder / "r.sarif")] == ["run"]
    assert list(cases(folder / "t.xml")) == [("apply nrw", "the run came to its end", outcome)]
    assert "::nobody saw it → reconciler plan" in annotation_lines([document])
    assert numbers(document)["errors"] == (severity == "critical")


def test_what_was_reviewed_as_something_else_is_a_failure(folder: Path, command: Command) -> None:
    run = samples.bound_run(samples.half_run())
    (folder / "left.json").write_text(run_json(run), encoding="utf-8")
    assert command("report", "left.json", *OPTIONS).status == 0
    (differs,) = (entry for entry in quality(folder / "q.json") if entry["check_name"] == "not-as-reviewed")
    assert "reviewed with goto" in differs["description"]
    found = [name for _, name, outcome in cases(folder / "t.xml") if outcome == "failure"]
    assert samples.changed_alias().owner.subject in found


def test_a_line_that_is_inserted_above_makes_no_finding_new(folder: Path, command: Command) -> None:
    assert command("report", "findings.json", *OPTIONS).status == 0
    known = [(e["fingerprint"], e["location"]["lines"]["begin"]) for e in quality(folder / "q.json")]
    prints = [r["partialFingerprints"] for r in results(folder / "r.sarif")]
    names = list(cases(folder / "t.xml"))
    moved = tuple(f._replace(place=f.place and f.place._replace(line=f.place.line + 40)) for f in samples.FINDINGS)
    (folder / "findings.json").write_text(findings_json(moved), encoding="utf-8")
    assert command("report", "findings.json", *OPTIONS).status == 0
    again = [(e["fingerprint"], e["location"]["lines"]["begin"]) for e in quality(folder / "q.json")]
    assert [print for print, _ in again] == [print for print, _ in known]
    assert [line for _, line in again] != [line for _, line in known]
    assert [r["partialFingerprints"] for r in results(folder / "r.sarif")] == prints
    assert list(cases(folder / "t.xml")) == names


def test_alike_findings_stay_apart(folder: Path, command: Command) -> None:
    """Those of equal fingerprints or names would be shown as one."""
    alike = Finding(Severity.ERROR, "yaml", "", "a tab where spaces must be", place=samples.RENAME_PLACE)
    other = alike._replace(place=samples.RENAME_PLACE._replace(line=99))
    (folder / "alike.json").write_text(findings_json((alike, other)), encoding="utf-8")
    assert command("report", "alike.json", *OPTIONS).status == 0
    assert len(quality(folder / "q.json")) == len(results(folder / "r.sarif")) == 2
    assert len(list(cases(folder / "t.xml"))) == 3


@pytest.mark.parametrize("start", ["mail", "mail/state", "."])
def test_paths_are_relative_to_the_repository_wherever_the_command_ran(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    """From the top, from the site's folder, and from one below: forges know files by their path from the top."""
    (tmp_path / "mail" / "state").mkdir(parents=True)
    (tmp_path / "mail" / "reconciler.yaml").write_text("site: nrw\nstate: state\n", encoding="utf-8")
    (tmp_path / "mail" / "state" / "böse 1.yaml").write_text("mailboxes: [\n", encoding="utf-8")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.chdir(tmp_path / start)
    answer = command("validate", "--site", str(tmp_path / "mail" / "reconciler.yaml"), "--format", "json")
    assert answer.status == 3
    found = tmp_path / "findings.json"
    found.write_text(answer.out, encoding="utf-8")
    monkeypatch.chdir(tmp_path)  # the report is another job's
    assert command("report", str(found), *OPTIONS).status == 0
    assert {entry["location"]["path"] for entry in quality(tmp_path / "q.json")} == {"mail/state/böse 1.yaml"}
    (result,) = results(tmp_path / "r.sarif")
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "mail/state/b%C3%B6se%201.yaml"
    root = ElementTree.fromstring((tmp_path / "t.xml").read_bytes())
    assert {case.get("file") for case in root.iter("testcase")} == {None, "mail/state/böse 1.yaml"}


def test_two_reports_are_not_written_to_one_place(folder: Path, command: Command) -> None:
    for where in ("-", "one"):
        answer = command("report", "plan.json", "--junit", where, "--sarif", where)
        assert (answer.status, answer.out) == (2, "")
        assert "name another file" in answer.err
    assert not (folder / "one").exists()
    nothing = command("report", "plan.json")
    assert nothing.status == 2
    assert "no report is asked for" in nothing.err
