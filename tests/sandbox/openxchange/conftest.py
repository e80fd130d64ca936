"""A stand-in in a folder of its own, whose tools are run as what they are: programs."""

from __future__ import annotations

import csv
import io
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from reconciler.sandbox.openxchange.control import set_switches, user
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.openxchange.users import User

ADMIN_PASSWORD = "admin geheim"
PASSWORD = "anna geheim"
ANNA = ("-u", "anna", "-d", "Anna Beispiel", "-g", "Anna", "-s", "Beispiel", "-e", "anna@pirat.alt")
BERND = ("-u", "bernd", "-d", "Bernd Beispiel", "-g", "Bernd", "-s", "Beispiel", "-e", "bernd@pirat.alt")


class Result(NamedTuple):
    """How a tool ended."""

    status: int
    out: str
    err: str


class Ox:
    """The tools of one stand-in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"LC_ALL": "C.UTF-8", "ADMIN_PASSWORD": ADMIN_PASSWORD}

    def argv(self, tool: str, *arguments: str, login: tuple[str, ...] = ("-c", "1", "-A", "oxadmin")) -> list[str]:
        """The command line of a tool, administrator included."""
        return [str(self.folder / "sbin" / tool), *login, *arguments]

    def bare(self, tool: str, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Runs exactly this, with the environment `env` on top of the usual one."""
        done = subprocess.run(
            [str(self.folder / "sbin" / tool), *arguments],
            capture_output=True,
            env={**self.environment, **(env or {})},
            check=False,
            timeout=60,
        )
        return Result(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))

    def run(self, tool: str, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Runs a tool as the context admin."""
        return self.bare(tool, "-c", "1", "-A", "oxadmin", *arguments, env=env)

    def ok(self, tool: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """As `run`, and it must succeed without a word on stderr. Returns stdout."""
        result = self.run(tool, *arguments, env=env)
        assert (result.status, result.err) == (0, ""), result
        return result.out

    def refused(self, tool: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """As `run`, and the server must refuse it with 103. Returns the message."""
        result = self.run(tool, *arguments, env=env)
        assert (result.status, result.out) == (103, ""), result
        return message(result)

    def create(self, *arguments: str, password: str = PASSWORD) -> str:
        """createuser with a password; must succeed."""
        return self.ok("createuser", *arguments, env={"NEW_USER_PASSWORD": password})

    def rows(self, *arguments: str) -> dict[str, dict[str, str]]:
        """listuser --csv, by login; every value as it reads for a CSV reader."""
        reader = csv.DictReader(io.StringIO(self.ok("listuser", "--csv", *arguments), newline=""))
        return {row["Name"]: row for row in reader}

    def user(self, login: str) -> User:
        """What the store holds."""
        return user(self.folder, login)

    def switch(self, **changes: object) -> None:
        """Sets switches."""
        set_switches(self.folder, **changes)

    def fault(self, kind: str, **details: object) -> None:
        """One fault and no other."""
        set_switches(self.folder, faults=[{"kind": kind, **details}])


def message(result: Result) -> str:
    """The one line after `Server response:`, without its blank."""
    lines = result.err.split("\n")
    answer = lines[lines.index("Server response:") + 1]
    assert answer.startswith(" "), result
    return answer[1:]


@pytest.fixture
def ox(tmp_path: Path) -> Ox:
    """A stand-in with its context admin and nobody else."""
    folder = tmp_path / "ox"
    install(folder, admin_password=ADMIN_PASSWORD)
    return Ox(folder)


@pytest.fixture
def anna(ox: Ox) -> Ox:
    """A stand-in with anna (id 3), who has a second address."""
    ox.create(*ANNA, "-a", "a.beispiel@pirat.alt")
    return ox
