"""A process that has run each command once, and forks for each call of `reconciler`: each is a process of its own as
ever, with its own streams, signals and threads, but without the second that imports and first uses take, and with what
tests/services/quick.py makes once. What is read while importing (FORCE_COLOR, and NO_COLOR) is the first call's.

What is promised of the start itself, or of how Python opens the streams, needs an interpreter of its own: tests/cli
starts that as `COMMAND`. `python -m tests.services.nursery FD` is the process; `Nursery` is its end in the tests.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import termios
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest

_LARGEST = 1_000_000
"""Bytes of a request: the arguments, the environment, and code of a test."""


class Nursery:
    """The tests' end."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=Path(__file__).parent.parent.parent,
                env={**env, "PYTHONUTF8": "1"},
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        atexit.register(self.close)

    def start(
        self,
        code: str,
        arguments: Sequence[str],
        folder: Path,
        env: Mapping[str, str],
        streams: tuple[int, int, int],
        *,
        tools_in_process: bool = False,
        terminal: bool = False,
    ) -> int:
        """Runs the code with these arguments; gives the process id. With `terminal` its streams are one, and its own.
        The tools of the OX stand-in are called, or processes as ever."""
        request = {"code": code, "arguments": [*arguments], "folder": str(folder), "env": dict(env)}
        how = {"tools_in_process": tools_in_process, "terminal": terminal}
        pid = self._ask({**request, **how}, streams)
        assert pid is not None
        return pid

    def poll(self, pid: int) -> int | None:
        """How this child ended, as Popen says it; to be asked until it did, and not again."""
        return self._ask({"poll": pid})

    def wait(self, pid: int) -> int:
        """Waits for this child, as long as it takes."""
        status = self._ask({"wait": pid})
        assert status is not None
        return status

    def close(self) -> None:
        """Ends the process."""
        self._line.close()
        self._process.wait(60)

    def _ask(self, request: Mapping[str, Any], streams: Sequence[int] = ()) -> int | None:
        socket.send_fds(self._line, [json.dumps(request).encode()], streams)
        answer = self._line.recv(100)
        assert answer, "the nursery is gone"
        number: int | None = json.loads(answer)
        return number


@cache
def nursery() -> Nursery:
    """The one of this test run, started at the first call."""
    plain = ("RECONCILER_SITE", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
    return Nursery({name: value for name, value in os.environ.items() if name not in plain})


def _serve(line: socket.socket) -> None:
    while True:
        asked, streams, _, _ = socket.recv_fds(line, _LARGEST, 3)
        if not asked:
            return
        request = json.loads(asked)
        if "poll" in request or "wait" in request:
            pid, how = (request["wait"], 0) if "wait" in request else (request["poll"], os.WNOHANG)
            ended, status = os.waitpid(pid, how)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = os.fork()
            if not answer:
                line.close()
                _become(request, streams)
            for stream in streams:
                os.close(stream)
        line.send(json.dumps(answer).encode())


def _become(request: Mapping[str, Any], streams: Sequence[int]) -> NoReturn:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if request["terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Ctrl-C reaches the process
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    tempfile.tempdir = None  # TMPDIR may be another one
    by_line = 1 if os.isatty(1) else -1
    sys.stdin, sys.stdout, sys.stderr = (
        open(0, encoding="utf-8", closefd=False),  # noqa: SIM115  # all three for as long as the process lives
        open(1, "w", encoding="utf-8", closefd=False, buffering=by_line),  # noqa: SIM115  # see above
        open(2, "w", encoding="utf-8", closefd=False, buffering=1, errors="backslashreplace"),  # noqa: SIM115  # above
    )
    sys.argv = ["reconciler", *request["arguments"]]
    status = 1
    try:
        if request["tools_in_process"]:
            from tests.services import quick

            quick.tools_in_process(pytest.MonkeyPatch())
        exec(request["code"], {"__name__": "__main__"})
        status = 0
    except SystemExit as left:
        status = int(left.code or 0)
    except BaseException:  # noqa: BLE001  # as an interpreter does
        traceback.print_exc()
    try:
        sys.stdout.flush()
    except OSError:
        status = 120  # as an interpreter does
    os._exit(status)


def _main() -> None:
    import sqlalchemy.dialects.mysql.pymysql
    import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401  # all of them imported for the children

    from tests.services import quick

    quick.made_once(pytest.MonkeyPatch())
    _warm_up()
    assert threading.active_count() == 1, "a child would have only one of them, and all their locks"
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as line:
        _serve(line)


def _warm_up() -> None:
    """A few commands in this process: what they import and make for the first time, no child need."""
    from reconciler.cli.main import run
    from tests.cli.site import ANNA, ANNA_DECLARED, OX_ENV, OX_PASSWORD, StandInSite
    from tests.services import quick

    nowhere = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        patch.setenv(OX_ENV, OX_PASSWORD)
        patch.chdir(folder)
        quick.tools_in_process(patch)
        site = StandInSite(Path(folder))
        site.declare(ANNA_DECLARED, blocks=["domain: example.org, reason: spam"])
        for words in ("validate", "plan", "apply --yes", "plan --format json", "drift", f"show {ANNA}", "history"):
            patch.setattr(sys, "argv", ["reconciler", *words.split()])
            with suppress(SystemExit):
                run()


if __name__ == "__main__":
    _main()
