"""What our child processes get, what the demo leaves readable, and what is closed when one thing cannot be."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from reconciler.remote.hosts import SiteHosts
from reconciler.remote.outbox import OutboxMailer
from reconciler.sandbox.demo_site import build
from reconciler.systems.letters.system import LetterSystem
from reconciler.systems.openxchange.system import OpenXchangeSystem
from reconciler.systems.postfix.system import SenderMap
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from tests.cli.conftest import Command
from tests.cli.running import COMMAND, environment
from tests.cli.site import OX_ENV, OX_PASSWORD, StandInSite


async def test_no_child_gets_the_password_variables_of_the_site(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that libpq, MariaDB's client or CI reads a secret from; what is given to this one child it gets."""
    ours = ("RECONCILER_TEST_DB", "PGPASSWORD", "PGPASSFILE", "MYSQL_PWD", "CI_JOB_TOKEN", "aws_secret_access_key")
    for name in (*ours, "RECONCILER_FORGE_TOKEN", "RECONCILER_REVIEW_KEY"):
        monkeypatch.setenv(name, "geheim-1")
    host = SiteHosts({}, {"RECONCILER_TEST_DB"}).get(None)
    answer = await host.run(["/usr/bin/env"], secrets={"ADMIN_PASSWORD": SecretStr("its own")})
    assert b"PATH=" in answer.stdout
    assert b"ADMIN_PASSWORD=its own" in answer.stdout
    assert b"geheim-1" not in answer.stdout


def test_neither_git_nor_postfix_s_tools_see_a_password(site: StandInSite, tmp_path: Path) -> None:
    """Programs of these names write down what they were given; git is asked in a repository alone."""
    subprocess.run(["git", "init", "-q", site.folder], check=True)
    folder, seen = tmp_path / "bin", tmp_path / "seen"
    folder.mkdir()
    for name in ("git", "postmap", "postconf"):
        program = folder / name
        program.write_text(f'#!/bin/sh\nenv >> "{seen}"\nPATH=/usr/bin:/bin:/usr/sbin exec {name} "$@"\n')
        program.chmod(0o755)
    site.declare(blocks=["domain: example.org, reason: spam"])
    env = environment(**{OX_ENV: OX_PASSWORD, "PATH": f"{folder}:{os.environ['PATH']}"})
    subprocess.run([*COMMAND, "apply", "--yes"], cwd=site.folder, env=env, check=True, capture_output=True)
    assert "PATH=" in seen.read_text()
    assert OX_ENV not in seen.read_text()


def test_the_planner_s_tools_do_not_see_the_applier_s_password(site: StandInSite, tmp_path: Path) -> None:
    """A machine may have both, as where somebody tries the planner's login out."""
    applier, planner, seen = "RECONCILER_TEST_APPLIER_DB", "RECONCILER_TEST_PLAN_DB", tmp_path / "seen"
    (tmp_path / "sbin").mkdir()
    tool = tmp_path / "sbin" / "listuser"
    tool.write_text(f'#!/bin/sh\nenv >> "{seen}"\nexit 1\n')
    tool.chmod(0o755)
    section = {"database_user": "planner", "database_password_env": planner}
    site.write(
        postfixadmin={"url": "mysql+pymysql://applier@127.0.0.1:1/pfa", "password_env": applier},
        ledger={"url": "sqlite:///ledger.sqlite"},
        openxchange={"sbin": str(tmp_path / "sbin"), "admin_password_env": OX_ENV},
        planner=section,
    )
    site.run("ledger", "init")
    site.declare()
    both = {applier: "geheim-1", planner: "geheim-2", OX_ENV: OX_PASSWORD, "RECONCILER_ROLE": "planner"}
    planned = subprocess.run(
        [*COMMAND, "plan"], cwd=site.folder, env=environment(**both), check=False, capture_output=True
    )
    assert planned.returncode == 9, planned  # no server is there
    assert "PATH=" in seen.read_text()
    assert "geheim" not in seen.read_text()


def test_what_cannot_be_closed_keeps_nothing_else_open(
    site: StandInSite, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of them it is; what it says is told, as the bug that it is."""
    closed: list[str] = []
    parts = (SiteHosts, OutboxMailer, PostfixAdminSystem, OpenXchangeSystem, SenderMap, LetterSystem)
    site.declare()
    for broken in parts:

        def close_of(part: type, broken: type = broken) -> Callable[[object], Awaitable[None]]:
            async def close(_: object) -> None:
                closed.append(part.__name__)
                if part is broken:
                    raise OSError("the line is dead")

            return close

        for part in parts:
            monkeypatch.setattr(part, "close", close_of(part))
        answer = command("plan")
        assert "OSError" in answer.words
        assert sorted(closed) == sorted(part.__name__ for part in parts)
        closed.clear()


def test_the_demo_s_secrets_are_its_owner_s_under_any_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (tmp_path / "demo").mkdir()
        build(tmp_path / "demo", Path(__file__).parents[2] / "state")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "demo" / "ox-password").stat().st_mode) == 0o600
