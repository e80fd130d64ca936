"""Runs `reconciler` as somebody at a terminal would: as a process of its own. Used here and by tests/integration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

COMMAND = [sys.executable, "-c", "from reconciler.cli.main import run; run()"]
"""The console script, also where none is installed."""

_OURS = ("RECONCILER_SITE", "NO_COLOR", "FORCE_COLOR", "COLUMNS")


class Answer(NamedTuple):
    """How one command ended."""

    status: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Everything that was said, however it was wrapped."""
        return " ".join(f"{self.out} {self.err}".split())

    @property
    def json(self) -> dict[str, Any]:
        """Standard output, which must be one JSON document and nothing else."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document


def environment(**changes: str) -> dict[str, str]:
    """The environment without what would change how the command looks or which site it takes."""
    return {name: value for name, value in os.environ.items() if name not in _OURS} | changes


def start(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, command: list[str] | None = None
) -> subprocess.Popen[str]:
    """The command, running in `folder`, with nobody at its standard input. `command` replaces the console script."""
    return subprocess.Popen(
        [*(command or COMMAND), *arguments],
        cwd=folder,
        env=environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def ended(process: subprocess.Popen[str], seconds: float = 120) -> Answer:
    """Its answer. A traceback in it fails the test: no mistake of a user may show one."""
    out, err = process.communicate(timeout=seconds)
    assert "Traceback" not in out + err, err
    return Answer(process.returncode, out, err)


def reconciler(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, command: list[str] | None = None
) -> Answer:
    """Runs the command to its end."""
    return ended(start(folder, *arguments, env=env, command=command))


def killed(process: subprocess.Popen[str]) -> None:
    """kill -9, as the kernel does when memory is short: nothing is cleaned up."""
    assert process.poll() is None, "it was over before it could be killed"
    process.kill()
    process.communicate(timeout=60)


def eventually(true: Callable[[], bool], process: subprocess.Popen[str] | None = None, seconds: float = 60) -> None:
    """Waits until `true()`, as long as the process runs."""
    until = time.monotonic() + seconds
    while not true():
        if process is not None and process.poll() is not None:
            pytest.fail(f"it was over before: {process.communicate()}")
        if time.monotonic() > until:
            pytest.fail("it never came true")
        time.sleep(0.002)
