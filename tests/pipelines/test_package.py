"""Where the jobs get reconciler from. PyPI has another project of that name, and these jobs hold passwords that write:
nothing is installed that nobody named."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.setup.ci_facts import CiFacts
from reconciler.setup.ci_files import FORGES, ci_texts
from tests.cli.running import reconciler
from tests.pipelines.copies import COPIES, FACTS
from tests.pipelines.files import jobs, programs, read, steps
from tests.pipelines.test_copies import state

__all__ = ["state"]
WHEEL = "https://forge.example/reconciler-0.1.0-py3-none-any.whl#sha256=5f3e"


def installing(forge: str) -> list[str]:
    """What each job runs to get reconciler."""
    found = jobs(ci_texts(forge, FACTS)).values()
    if forge == "gitlab":
        return [job["before_script"][0] for job in found]
    return [step["run"] for job in found for step in steps(job) if step.get("name") == "install"]


def run(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", "-ec", script], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("forge", FORGES)
def test_without_a_name_nothing_is_installed(tmp_path: Path, forge: str) -> None:
    pip = f'#!/bin/sh\n[ "$1 $2" != "-P -m" ] || echo "$@" >> {tmp_path}/installed\n'
    path = programs(tmp_path / "bin", python3=pip, **{"apt-get": pip})
    (path / "reconciler").unlink()
    for name in ("mktemp", "sh"):
        (path / name).symlink_to(str(shutil.which(name)))
    scripts = installing(forge)
    assert len(scripts) >= 6
    environment = {"PATH": str(path), "HOME": str(tmp_path), "RUNNER_TEMP": "/nowhere"}
    done = run(scripts[0], environment | {"RECONCILER_PACKAGE": ""})
    assert done.returncode == 2, done
    assert "set RECONCILER_PACKAGE to the URL of its wheel" in done.stderr
    assert not (tmp_path / "installed").exists()
    run(scripts[0], environment | {"RECONCILER_PACKAGE": WHEEL})
    if forge != "forgejo":  # which installs into an environment of its own
        assert (tmp_path / "installed").read_text() == f"-P -m pip install --quiet {WHEEL}\n"
    assert len(set(scripts)) == 1
    assert not [path for path, text in COPIES.items() if "reconciler==" in text()]


@pytest.mark.parametrize("forge", FORGES)
def test_ci_init_writes_the_package_and_keeps_it(state: Path, forge: str) -> None:
    answer = reconciler(state, "ci", "init", forge, "--package", "reconciler==0.1.0")
    assert answer.status == 2, answer
    assert "PyPI's reconciler is another project" in answer.words
    answer = reconciler(state, "ci", "init", forge, "--package", "a'b/c.whl")
    assert answer.status == 2, answer
    assert sorted(path.name for path in state.iterdir()) == [".git", "reconciler.yaml"]
    answer = reconciler(state, "ci", "init", forge, "--package", WHEEL)
    assert (answer.status, "RECONCILER_PACKAGE" in answer.words) == (0, False), answer
    texts = {path: (state / path).read_text() for path in FORGES[forge]}
    assert all(WHEEL in text for text in texts.values())
    again = reconciler(state, "ci", "init", forge)
    assert again.out.splitlines() == [f"{path}: unchanged" for path in FORGES[forge]]
    without = reconciler(state, "ci", "init", forge, "--package", "")
    assert "no job installs reconciler" in without.words


@pytest.mark.parametrize("forge", FORGES)
def test_a_site_whose_secrets_are_files_of_the_runner(forge: str) -> None:
    """GitHub takes no `env:` without a variable."""
    facts = CiFacts({"postfixadmin": {"url": "sqlite:///postfixadmin.sqlite"}})
    for text in ci_texts(forge, facts).values():
        for job in read(text).get("jobs", {}).values():
            assert [step["env"] for step in job["steps"] if "env" in step and not step["env"]] == []
