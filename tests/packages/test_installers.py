"""Real pipx, uv and pre-commit, with homes elsewhere."""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import __version__
from release import locked
from release.source import copy_source
from tests.packages.conftest import ROOT, only
from tests.services.git import git

_INSTALLED = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"


def run(*command: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


def installs(name: str, dist: Path, folder: Path) -> Path:
    """Installs the wheel with its constraints, by pipx or uv, as docs/installing.md says; the environment."""
    wheel, constraints = str(only(dist, "*.whl")), str(dist / "constraints.txt")
    tools, programs = folder / "tools", folder / "bin"
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "XDG_CACHE_HOME": str(folder / "cache")}
    if name == "pipx":
        command = ["-m", "pipx", "install", "--python", sys.executable, f"--pip-args=--constraint {constraints}", wheel]
        env, installed = {"PIPX_HOME": str(tools), "PIPX_BIN_DIR": str(programs)}, tools / "venvs" / "reconciler"
    else:
        command = ["-m", "uv", "tool", "install", "--python", sys.executable, "--constraints", constraints, wheel]
        env, installed = {"UV_TOOL_DIR": str(tools), "UV_TOOL_BIN_DIR": str(programs)}, tools / "reconciler"
    done = run(sys.executable, *command, cwd=folder, **env, **home)
    assert done.returncode == 0, done.stderr
    return installed


@pytest.mark.parametrize("name", ["pipx", "uv"])
def test_an_installer_brings_the_tested_versions(name: str, dist: Path, tmp_path: Path) -> None:
    environment = installs(name, dist, tmp_path)
    found = json.loads(run(str(environment / "bin" / "python"), "-c", _INSTALLED, cwd=tmp_path).stdout)
    pins = [line.partition(" ; ")[0].split("==") for line in locked.constraints().splitlines()]
    here = {package.lower().replace("_", "-"): version for package, version in found.items()}
    assert {package: version for package, version in pins if here.get(package) not in (version, None)} == {}
    assert len(here) > 25
    program = str(tmp_path / "bin" / "reconciler")
    assert run(program, "--version", cwd=tmp_path).stdout == f"reconciler {__version__}\n"
    # the schemas are inside: no network, and no checkout
    (tmp_path / "schemas").mkdir()
    assert run("unshare", "--net", program, "schema", "--write", "schemas", cwd=tmp_path).returncode == 0
    names = [file.name for file in (ROOT / "schemas").iterdir()]
    assert filecmp.cmpfiles(ROOT / "schemas", tmp_path / "schemas", names, shallow=False)[0] == names


def test_the_hooks_of_pre_commit(tmp_path: Path) -> None:
    """As docs/editing.md shows them, from a clone with a tag."""
    program, state = tmp_path / "reconciler", tmp_path / "state-repository"
    copy_source(program)
    git(program, "init", "--quiet")
    git(program, "add", "--all")
    git(program, "commit", "--quiet", "--message", "a release")
    git(program, "tag", "v9")
    copied = run("cp", "-r", str(ROOT / "state"), str(ROOT / "schemas"), str(state.parent), cwd=tmp_path)
    assert copied.returncode == 0
    state.mkdir()
    for folder in ("state", "schemas"):
        (tmp_path / folder).rename(state / folder)
    hooks = f"repos: [{{repo: {program}, rev: v9, hooks: [{{id: reconciler-fmt}}, {{id: reconciler-validate}}]}}]\n"
    (state / ".pre-commit-config.yaml").write_text(hooks, encoding="utf-8")
    git(state, "init", "--quiet")
    git(state, "add", "--all")

    def commit_hooks() -> subprocess.CompletedProcess[str]:
        home = str(tmp_path / "home")
        return run(sys.executable, "-m", "pre_commit", "run", "--all-files", cwd=state, PRE_COMMIT_HOME=home)

    done = commit_hooks()
    assert done.returncode == 0, done.stdout + done.stderr
    broken = state / "state" / "broken.yaml"
    broken.write_text("aliases:\n  vorstand@mail.example: 5\n", encoding="utf-8")
    git(state, "add", "--all")
    done = commit_hooks()
    assert done.returncode == 1
    assert "broken.yaml:2" in done.stdout
