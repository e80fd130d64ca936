"""`report --check`: one line and an exit status for Nagios and Icinga, whatever happened."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.cli import report_files
from reconciler.planning.plan import Plan
from reconciler.report.documents import nagios
from reconciler.report.json import findings_json, plan_json, run_json
from reconciler.systems.registry import register_kinds
from tests.cli.conftest import Command
from tests.cli.running import Answer
from tests.cli.site import ANNA_DECLARED, StandInSite
from tests.report import samples
from tests.report.hostile import NAMES, plan_named

CALM = replace(samples.busy(), transitions=(), findings=(), purpose="drift")
_DATA = re.compile(r"'[a-z0-9_]+'=\d+s?;\d*;;0")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    register_kinds()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(plan: Plan, hours: float = 0) -> Path:
    """Its document, as if it had been made so long ago."""
    file = Path("d.json")
    file.write_text(plan_json(replace(plan, made=datetime.now(UTC) - timedelta(hours=hours))), encoding="utf-8")
    return file


def checked(answer: Answer) -> tuple[int, str]:
    """Status and words of an answer as a monitoring system reads it."""
    assert answer.status in (0, 1, 2, 3)
    first, *details = answer.out.rstrip("\n").split("\n")
    said, _, data = first.partition(" | ")
    state, _, words = said.partition(": ")
    assert state == ("OK", "WARNING", "CRITICAL", "UNKNOWN")[answer.status]
    assert all(_DATA.fullmatch(each) for each in data.split()), data
    labels = [each.partition("=")[0] for each in data.split()]
    assert len(set(labels)) == len(labels)
    assert "|" not in said + "".join(details)
    assert len(details) <= 21
    assert not any(ord(char) < 32 for line in (first, *details) for char in line)
    return answer.status, words


@pytest.mark.parametrize(
    ("plan", "state", "words"),
    [
        (CALM, 0, "drift nrw: no drift"),
        (replace(samples.busy(), purpose="drift", findings=(), reads=()), 1, "drift nrw: drift, "),
        (samples.busy(), 2, "plan nrw: a gate refuses something"),
        (samples.waiting(), 3, "plan nrw: a system could not be read"),
        (plan_named("".join(NAMES)), 2, "plan nrw: a gate refuses something"),
    ],
)
def test_what_a_document_says_of_itself(command: Command, plan: Plan, state: int, words: str) -> None:
    status, said = checked(command("report", str(made(plan)), "--check", "--max-age", "26h"))
    assert status == state
    assert said.startswith(words)


def test_what_is_stale_is_unknown_and_so_is_what_is_not_there(command: Command, folder: Path) -> None:
    made(CALM, hours=25.9)
    assert command("report", "d.json", "--check", "--max-age", "26h").status == 0
    made(CALM, hours=26.1)
    assert checked(command("report", "d.json", "--check", "--max-age", "26h")) == (
        3,
        "drift nrw: made 26 h ago, which is too old (no drift)",
    )
    assert command("report", "d.json", "--check").status == 0
    made(CALM, hours=-1)
    assert "in the future" in checked(command("report", "d.json", "--check"))[1]
    for content in (None, "", "{}", plan_json(CALM)[:-100]):
        Path("d.json").unlink(missing_ok=True)
        if content is not None:
            Path("d.json").write_text(content, encoding="utf-8")
        assert checked(command("report", "d.json", "--check"))[0] == 3
    assert "26 hours" in checked(command("report", "d.json", "--check", "--max-age", "26 hours"))[1]


def test_what_this_user_may_not_read_is_unknown(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document is its maker's alone, and monitoring is another user. The shell's 2 would be CRITICAL."""
    made(CALM)

    def refused(file: Path) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    monkeypatch.setattr(os, "access", lambda *asked, **options: False)  # as for a user who is not root
    monkeypatch.setattr(report_files, "_content", refused)
    status, words = checked(command("report", "d.json", "--check"))
    assert (status, "Permission denied (who made it" in words) == (3, True)


def test_a_site_says_which_state_a_status_is(command: Command, folder: Path) -> None:
    drift = str(made(replace(samples.busy(), purpose="drift", findings=(), reads=())))
    for option, state in (("4=critical", 2), ("4=ok", 0), ("4=warning", 1), ("5=warning", 1)):
        assert checked(command("report", drift, "--check", "--check-as", option))[0] == state, option
    made(samples.busy())
    both = ("--check-as", "4=critical", "--check-as", "5=Warning")
    assert checked(command("report", drift, "--check", *both))[0] == 1
    made(samples.busy(), hours=27)
    assert checked(command("report", drift, "--check", "--max-age", "26h", *both))[0] == 3
    for wrong in ("5=ok", "9=warning", "0=critical", "4=3", "4", "=", "pending=critical"):
        status, words = checked(command("report", drift, "--check", "--check-as", wrong))
        assert (status, f"--check-as {wrong}: expected" in words) == (3, True)
    answer = command("report", drift, "--markdown", "-", "--check-as", "4=ok")
    assert (answer.status, "belongs to --check" in answer.err) == (2, True)


def test_findings_and_runs(command: Command, folder: Path) -> None:
    Path("f.json").write_text(findings_json(samples.FINDINGS), encoding="utf-8")
    half = samples.half_run()
    Path("r.json").write_text(run_json(replace(half, plan=replace(half.plan, findings=()))), encoding="utf-8")
    assert checked(command("report", "f.json", "--check"))[0] == 2
    status, words = checked(command("report", "r.json", "--check"))
    assert (status, words) == (2, "apply nrw: partly applied")
    aged = checked(command("report", "f.json", "--check", "--max-age", "1h"))
    assert aged == (3, "validate: it does not say when it was made; leave out --max-age")


def test_of_several_the_worst_comes_first(command: Command, folder: Path) -> None:
    made(CALM)
    Path("f.json").write_text(findings_json(samples.FINDINGS), encoding="utf-8")
    status, words = checked(command("report", "d.json", "gone.json", "f.json", "--check", "--metrics", "m.prom"))
    assert (status, Path("m.prom").exists()) == (3, False)  # nothing is written when one of them cannot be read
    status, words = checked(command("report", "d.json", "gone.json", "f.json", "--check"))
    assert status == 2
    assert re.match(r"validate: .*; .*gone.json cannot be read: .*; drift nrw: no drift$", words)
    assert command("report", "d.json", "--check", "--metrics", "m.prom").status == 0
    assert Path("m.prom").exists()


def test_a_bug_is_unknown_and_no_warning(command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(CALM)
    monkeypatch.setattr(nagios, "numbers", lambda document: 1 / 0)
    monkeypatch.setenv("TMPDIR", str(folder))
    answer = command("report", "d.json", "--check")
    assert checked(answer)[0] == 3
    assert "a bug in reconciler" in answer.err


def test_an_age_alone_is_a_mistake(command: Command, folder: Path) -> None:
    made(CALM)
    answer = command("report", "d.json", "--junit", "t.xml", "--max-age", "26h")
    assert (answer.status, Path("t.xml").exists()) == (2, False)
    assert "--check" in answer.err


def test_from_the_command_to_the_check(site: StandInSite, command: Command) -> None:
    """The exit status in the document is that of the command; no file of a whole run is OK by accident."""
    site.declare(ANNA_DECLARED)
    file = site.folder / "drift.json"
    for status, state in ((4, 1), (0, 0)):
        answer = command("drift", "--format", "json")
        assert answer.status == status
        file.write_text(answer.out, encoding="utf-8")
        assert checked(command("report", str(file), "--check", "--max-age", "1h"))[0] == state
        command("apply", "--yes")
