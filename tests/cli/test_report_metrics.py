"""`report --metrics`: a file for Prometheus' textfile collector, read by Prometheus' own parser."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reconciler.planning.plan import Plan
from reconciler.report.json import findings_json, plan_json, run_json
from reconciler.systems.registry import register_kinds
from tests.cli.conftest import Command
from tests.cli.running import COMMAND
from tests.report import samples
from tests.services.needs import UNPRIVILEGED, require

Labels = frozenset[tuple[str, str]]
DRIFT = frozenset({("site", "nrw"), ("command", "drift")})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    register_kinds()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(file: Path) -> dict[tuple[str, Labels], float]:
    """The numbers, after what the collector demands: it skips a whole file that breaks one of these rules."""
    text = file.read_text(encoding="utf-8")
    assert text.endswith("\n")
    found: dict[tuple[str, Labels], float] = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type == "gauge"
        assert text.count(f"# HELP {family.name} ") == text.count(f"# TYPE {family.name} ") == 1
        for sample in family.samples:
            assert sample.timestamp is None
            series = (sample.name, frozenset(sample.labels.items()))
            assert series not in found
            found[series] = sample.value
    return found


def drifted(plan: Plan, days: int = 0) -> str:
    return plan_json(replace(plan, purpose="drift", made=plan.made + timedelta(days=days)))


def success(file: Path) -> float | None:
    return written(file).get(("reconciler_last_success_timestamp_seconds", DRIFT))


def test_numbers_without_anybodys_address(folder: Path, command: Command) -> None:
    (folder / "drift.json").write_text(drifted(samples.waiting()), encoding="utf-8")
    (folder / "run.json").write_text(run_json(samples.half_run()), encoding="utf-8")
    (folder / "findings.json").write_text(findings_json(samples.FINDINGS), encoding="utf-8")
    assert command("report", "drift.json", "run.json", "findings.json", "--metrics", "m.prom").status == 0
    found = written(folder / "m.prom")
    assert found["reconciler_changes", DRIFT | {("action", "create")}] == 2
    assert found["reconciler_read_failed", DRIFT | {("system", "openxchange")}] == 1
    assert found["reconciler_read_failed", DRIFT | {("system", "postfix")}] == 0
    assert found["reconciler_last_exit_status", DRIFT] == 9
    assert found["reconciler_last_run_timestamp_seconds", DRIFT] == samples.MADE.timestamp()
    apply = frozenset({("site", "nrw"), ("command", "apply")})
    assert found["reconciler_run_changes", apply | {("result", "failed")}] == 1
    assert found["reconciler_run_duration_seconds", apply] == 2.4
    validate = frozenset({("site", "nrw"), ("command", "validate"), ("severity", "error")})
    assert found["reconciler_findings", validate] == 2
    assert "@" not in (folder / "m.prom").read_text()
    assert samples.DOMAIN not in (folder / "m.prom").read_text()


def test_the_last_success_is_kept_while_the_command_fails(folder: Path, command: Command) -> None:
    file = folder / "drift.prom"
    good, bad = replace(samples.busy(), findings=(), reads=()), samples.waiting()
    for plan, days, expected in ((bad, 0, None), (good, 1, 1), (bad, 2, 1), (bad, 3, 1), (good, 4, 4)):
        (folder / "drift.json").write_text(drifted(plan, days), encoding="utf-8")
        assert command("report", "drift.json", "--metrics", str(file)).status == 0
        wanted = None if expected is None else (samples.MADE + timedelta(days=expected)).timestamp()
        assert success(file) == wanted
    # a site whose name must be escaped is found again
    for plan in (replace(good, site='n"r\\w'), replace(bad, site='n"r\\w')):
        (folder / "drift.json").write_text(drifted(plan, 5), encoding="utf-8")
        assert command("report", "drift.json", "--metrics", str(file)).status == 0
    odd = frozenset({("site", 'n"r\\w'), ("command", "drift")})
    kept = written(file)["reconciler_last_success_timestamp_seconds", odd]
    assert kept == (samples.MADE + timedelta(days=5)).timestamp()


def test_a_file_that_is_no_metrics_is_replaced(folder: Path, command: Command) -> None:
    file = folder / "drift.prom"
    (folder / "drift.json").write_text(drifted(samples.waiting()), encoding="utf-8")
    begun = "reconciler_last_success_timestamp_seconds"
    file.write_bytes(
        f'\xff\n{begun}{{site="nrw"}} 1\n{begun} x\n{begun}{{site="nrw",command="drift"}} NaN\n'.encode("latin1")
    )
    assert command("report", "drift.json", "--metrics", str(file)).status == 0
    assert success(file) is None


def test_the_collector_may_read_it_and_never_sees_half_of_it(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0644 whatever the umask is; a name that does not end in .prom until it is whole; one rename within the folder."""
    (folder / "drift.json").write_text(drifted(samples.waiting()), encoding="utf-8")
    renamed = list(_watch(monkeypatch))
    before = os.umask(0o077)
    try:
        for _ in range(2):  # made, and replaced
            assert command("report", "drift.json", "--metrics", "m.prom").status == 0
            assert (folder / "m.prom").stat().st_mode & 0o777 == 0o644
            (folder / "m.prom").chmod(0o600)
    finally:
        os.umask(before)
    moved = renamed[0]
    assert len(moved) == 2
    for source, mode in moved:
        assert not source.name.endswith(".prom")
        assert mode == 0o644
    assert sorted(path.name for path in folder.iterdir()) == ["drift.json", "m.prom"]


@pytest.mark.skipif(UNPRIVILEGED, reason="only root can become another user")
def test_a_user_who_is_in_the_group_of_the_folder_writes_there() -> None:
    """As docs/monitoring.md has it on Debian: the folder is root's, and the job's group may write."""
    with TemporaryDirectory(prefix="reconciler-metrics-") as name:  # pytest's own folders are closed to others
        Path(name).chmod(0o755)
        collected, document = Path(name) / "node-exporter", Path(name) / "drift.json"
        document.write_text(drifted(samples.waiting()), encoding="utf-8")
        collected.mkdir(mode=0o755)
        (setpriv,) = require("util-linux", "setpriv")
        ids = ("--reuid=54321", "--regid=54321", "--clear-groups")
        rights = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")  # the interpreter may be root's
        ours = [setpriv, *ids, *rights, *COMMAND, "report", str(document), "--quiet"]
        ours += ["--metrics", str(collected / "reconciler_drift.prom")]
        refused = subprocess.run(ours, capture_output=True, text=True, check=False)
        assert (refused.returncode, "cannot be written" in refused.stderr) == (2, True), refused
        os.chown(collected, 0, 54321)
        collected.chmod(0o775)
        for _ in range(2):  # made, and replaced
            done = subprocess.run(ours, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
        (made,) = collected.iterdir()
        assert (made.name, made.stat().st_mode & 0o777) == ("reconciler_drift.prom", 0o644)


def _watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Path, int]]]:
    moved: list[tuple[Path, int]] = []
    replace_file = Path.replace

    def noted(self: Path, target: Path) -> Path:
        moved.append((self, self.stat().st_mode & 0o777))
        assert self.parent.resolve() == Path(target).parent.resolve()
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    yield moved


def test_of_two_documents_of_one_command_the_newest_counts(folder: Path, command: Command) -> None:
    (folder / "old.json").write_text(drifted(samples.busy(), 1), encoding="utf-8")
    (folder / "new.json").write_text(drifted(samples.waiting(), 2), encoding="utf-8")
    assert command("report", "new.json", "old.json", "--metrics", "m.prom").status == 0
    assert written(folder / "m.prom")["reconciler_last_exit_status", DRIFT] == 9
