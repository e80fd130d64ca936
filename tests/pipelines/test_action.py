"""The composite action for workflows that somebody writes: its lines run as they are, with what its inputs say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from reconciler.setup.ci_files import composite_action
from tests.pipelines.files import read
from tests.pipelines.test_roles import run

ACTION = read(composite_action())
Act = Callable[..., CompletedProcess[str]]


@pytest.fixture
def act(tmp_path: Path) -> Act:
    """A step of this name, with these inputs; in capitals variables, the workflow's."""

    def done(name: str, **given: str) -> CompletedProcess[str]:
        inputs = {key: value["default"] for key, value in ACTION["inputs"].items()}
        inputs |= {key.replace("_", "-"): value for key, value in given.items() if key.islower()}
        (step,) = (step for step in ACTION["runs"]["steps"] if step.get("name") == name)
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an input would be a part of the script"
        env = {
            key: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], value)
            for key, value in step["env"].items()
        }
        (tmp_path / "work").mkdir(exist_ok=True)
        env |= {"GITHUB_ENV": str(tmp_path / "env")} | {key: value for key, value in given.items() if key.isupper()}
        return run(step["run"], tmp_path / "work", tmp_path, **env)

    return done


def test_it_puts_the_key_where_the_site_file_looks_and_tells_the_next_steps(tmp_path: Path, act: Act) -> None:
    """In a container without a home, in a checkout of another user."""
    done = act("keys", ssh_key="the key", key_file=".ssh/reconciler plan", known_hosts="mail.example ssh-ed25519 A")
    assert done.returncode == 0, done
    told = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    key, hosts = (Path(told["HOME"]) / ".ssh" / name for name in ("reconciler plan", "known_hosts"))
    assert (key.read_text(), key.stat().st_mode & 0o777) == ("the key\n", 0o600)
    assert hosts.read_text() == "mail.example ssh-ed25519 A\n"
    assert {name: value for name, value in told.items() if name != "HOME"} == {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": str(tmp_path / "work"),
    }
    again = act("keys", ssh_key="the key", key_file=".ssh/reconciler plan", HOME=told["HOME"])
    assert (again.returncode, hosts.read_text()) == (0, "mail.example ssh-ed25519 A\n")


def test_it_leaves_a_key_of_the_machine_and_without_an_input_writes_none(tmp_path: Path, act: Act) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    assert act("keys", HOME=str(home)).returncode == 0
    assert list((home / ".ssh").iterdir()) == []
    (home / ".ssh" / "id_ed25519").write_text("the machine's own\n")
    refused = act("keys", ssh_key="the secret key", HOME=str(home))
    assert (refused.returncode, "is another key than SSH_KEY" in refused.stderr) == (2, True), refused
    assert (home / ".ssh" / "id_ed25519").read_text() == "the machine's own\n"
    assert "secret" not in refused.stdout + refused.stderr


def test_it_installs_what_is_named_where_there_is_no_reconciler(tmp_path: Path, act: Act) -> None:
    asked = tmp_path / "asked"
    pip = f'#!/bin/sh\necho "$@" >> {asked}\n'
    assert act("install", package="https://forge.example/a b.whl", python3=pip).returncode == 0
    assert not asked.exists(), "the runner has one"
    absent = tmp_path / "absent"
    absent.mkdir()
    (absent / "python3").write_text(pip)
    (absent / "python3").chmod(0o755)
    done = act("install", PATH=f"{absent}:/usr/bin:/bin")
    assert (done.returncode, "set RECONCILER_PACKAGE" in done.stderr, asked.exists()) == (2, True, False), done
    assert act("install", package="https://forge.example/a b.whl", PATH=f"{absent}:/usr/bin:/bin").returncode == 0
    assert asked.read_text() == "-P -m pip install --quiet https://forge.example/a b.whl\n"
