"""Runs `reconciler` as somebody at a terminal would: as a process of its own. Used here and by tests/integration."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

COMMAND = [sys.executable, "-c", "from reconciler.cli.main import main; main()"]
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


_NURSERY = """
import gc, json, os, sys
import pytest
import reconciler.cli.apply, reconciler.cli.history, reconciler.cli.ledger, reconciler.cli.plan, reconciler.cli.show
import reconciler.cli.validate
from reconciler.cli.main import run
from tests.services import quick
patch = pytest.MonkeyPatch()
quick.made_once(patch)
quick.make_now()
gc.freeze()
for line in sys.stdin:
    request = json.loads(line)
    child = os.fork()
    if not child:
        if request["tools_in_process"]:
            quick.tools_in_process(patch)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["env"])
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(request[name], os.O_WRONLY), number)
        sys.stdin = open(os.devnull)
        sys.argv = ["reconciler", *request["arguments"]]
        try:
            run()
        except SystemExit as left:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(left.code or 0)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """A process that has imported the commands and forks once for each call: each is a process of its own as ever, but
    without the second that the imports take, and with what tests/services/quick.py makes once. What is read while
    importing (COLUMNS, NO_COLOR) is the first call's."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _NURSERY],
            cwd=Path(__file__).parent.parent.parent,
            env=environment(PYTHONUTF8="1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self.close)

    def run(
        self, folder: Path, arguments: Sequence[str], env: Mapping[str, str], *, tools_in_process: bool = False
    ) -> Answer:
        """As `reconciler`; the tools of the OX stand-in are called, or processes as ever."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as err:
            request = {"folder": str(folder), "arguments": arguments, "out": out.name, "err": err.name}
            how = {"env": environment(**env), "tools_in_process": tools_in_process}
            self._process.stdin.write(json.dumps({**request, **how}) + "\n")
            self._process.stdin.flush()
            status = int(self._process.stdout.readline())
            answer = Answer(status, out.read().decode("utf-8"), err.read().decode("utf-8"))
        assert "Traceback" not in answer.out + answer.err, answer.err
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


@cache
def nursery() -> Nursery:
    """The one of this test run, started at the first call."""
    return Nursery()


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
