"""Runs `reconciler` as somebody at a terminal would: as a process of its own, which tests/services/nursery.py forks.
Used here, by tests/integration and by tests/proof."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.services.nursery import nursery

COMMAND = [sys.executable, "-c", "from reconciler.cli.main import main; main()"]
"""The console script, also where none is installed; for tests of what an interpreter does when it starts."""
AFRESH = f"import os, sys; os.execv(sys.executable, [*{COMMAND!r}, *sys.argv[1:]])"
"""Code for `start` and `Terminal`: such an interpreter after all, in the same process."""
_ENOUGH = 10_000_000
"""More bytes than any command writes."""

PERSONS = ("GITLAB_USER_LOGIN", "GITHUB_ACTOR", "SUDO_USER", "CI_JOB_URL", "GITHUB_SERVER_URL")
"""Where the command finds who started it."""
_OURS = ("RECONCILER_CACHE", "RECONCILER_SITE", "RECONCILER_ROLE", "NO_COLOR", "FORCE_COLOR", "COLUMNS", *PERSONS)


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
    def timeless(self) -> str:
        """Standard output without the minute in which the systems were read, which may end between two commands."""
        return re.sub(r"\bread (?:\d{4}-\d\d-\d\d )?\d\d:\d\d [+-]\d{4}", "read", self.out)

    @property
    def json(self) -> dict[str, Any]:
        """Standard output, which must be one JSON document and nothing else."""
        document = json.loads(self.out)
        assert isinstance(document, dict)
        # plans and runs say how the command ended; reports depend on it
        assert document.get("status", self.status) == self.status
        return document


def environment(**changes: str) -> dict[str, str]:
    """The environment without what would change how the command looks, which site it takes or who started it."""
    return {name: value for name, value in os.environ.items() if name not in _OURS} | changes


class Process:
    """The command at work in `folder`, with a file at its standard input: `piped`, else an empty one. `code` replaces
    the console script's."""

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[str],
        env: Mapping[str, str] | None,
        code: str,
        *,
        tools: bool = True,
        piped: bytes = b"",
    ) -> None:
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  # until it has ended
        with tempfile.TemporaryFile() as given:
            given.write(piped)
            given.seek(0)
            streams = (given.fileno(), self._out.fileno(), self._err.fileno())
            env = environment(**(env or {}))
            self.pid = nursery().start(code, arguments, folder, env, streams, tools_in_process=not tools)
        self.status: int | None = None

    @property
    def err(self) -> str:
        """What is on its standard error by now."""
        return os.pread(self._err.fileno(), _ENOUGH, 0).decode("utf-8")

    def poll(self) -> int | None:
        """Its exit status, when it has ended."""
        if self.status is None:
            self.status = nursery().poll(self.pid)
        return self.status

    def send_signal(self, number: int) -> None:
        """Unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, seconds: float = 120) -> Answer:
        """Its answer, once it has ended. A traceback in it fails the test: no mistake of a user may show one."""
        until = time.monotonic() + seconds
        while (status := self.poll()) is None:
            assert time.monotonic() < until, self.err
            time.sleep(0.005)
        with self._out, self._err:
            answer = Answer(status, os.pread(self._out.fileno(), _ENOUGH, 0).decode("utf-8"), self.err)
        assert "Traceback" not in answer.out + answer.err, answer.err
        return answer


def start(folder: Path, *arguments: str, env: Mapping[str, str] | None = None, code: str = COMMAND[2]) -> Process:
    """The command, at work from now on."""
    return Process(folder, arguments, env, code)


def reconciler(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, tools: bool = True, piped: bytes = b""
) -> Answer:
    """Runs the command to its end. The tools of the OX stand-in are processes, or with `tools` false its calls."""
    process = Process(folder, arguments, env, COMMAND[2], tools=tools, piped=piped)
    process.status = nursery().wait(process.pid)
    return process.wait()


def killed(process: Process) -> None:
    """kill -9, as the kernel does when memory is short: nothing is cleaned up."""
    assert process.poll() is None, "it was over before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait(60)


def eventually(true: Callable[[], bool], process: Process | None = None, seconds: float = 60) -> None:
    """Waits until `true()`, as long as the process runs."""
    until = time.monotonic() + seconds
    while not true():
        if process is not None and process.poll() is not None:
            pytest.fail(f"it was over before: {process.wait()}")
        if time.monotonic() > until:
            pytest.fail("it never came true")
        time.sleep(0.005)
