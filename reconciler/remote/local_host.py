"""This machine as a Host: for sites without `host`, and the demo."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
import tempfile
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import IO

from pydantic import SecretStr

from reconciler.remote.command import KILL_AFTER, check_parts, took_too_long
from reconciler.remote.host import Completed, Host

_PIECE = 2**16
_SECRET = re.compile(r"PASS(WORD|WD|PHRASE|FILE)|_PWD$|SECRET|TOKEN|CREDENTIAL|(PRIVATE|REVIEW)_KEY", re.IGNORECASE)
"""Names of variables that hold a secret by their own word: PGPASSWORD, MYSQL_PWD, PGPASSFILE, CI_JOB_TOKEN."""


class LocalHost(Host):
    """Runs processes as children in groups of their own. They inherit our environment without the variables that hold
    secrets: `hidden`, and those whose names say so. Output is kept in memory; what a process that was left running
    writes after its parent's end is no part of it."""

    name = "this machine"

    def __init__(self, hidden: Collection[str] = ()) -> None:
        self._hidden = frozenset(hidden)

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, SecretStr] | None = None,
        timeout: float = 60.0,
        repeatable: bool = False,  # noqa: ARG002  # no line that could break
    ) -> Completed:
        """See Host. A program that is missing ends with 127, one that cannot be started with 126, as in a shell."""
        check_parts(argv, env or {}, secrets or {})
        clear = {name: value.get_secret_value() for name, value in (secrets or {}).items()}
        try:
            child = await _Child.start(argv, {**self._inherited(), **(env or {}), **clear})
        except FileNotFoundError:
            return Completed(127, b"", f"{argv[0]}: not found\n".encode())
        except OSError as error:
            return Completed(126, b"", f"{argv[0]}: {error.strerror}\n".encode())
        try:
            async with asyncio.timeout(timeout):
                return await child.talk(stdin)
        except TimeoutError:
            raise took_too_long(self.name, argv, timeout) from None
        finally:
            await child.end()

    def _inherited(self) -> dict[str, str]:
        return {n: value for n, value in os.environ.items() if n not in self._hidden and not _SECRET.search(n)}

    async def close(self) -> None:
        """Nothing is held open between two commands."""


class _Child:
    """One process. asyncio's own helper hides the transport, which must be closed when somebody keeps the pipes."""

    def __init__(self, transport: asyncio.SubprocessTransport, process: Process, stdout: IO[bytes]) -> None:
        self._transport = transport
        self._process = process
        self._stdout = stdout
        self._done = False

    @classmethod
    async def start(cls, argv: Sequence[str], variables: Mapping[str, str]) -> _Child:
        loop = asyncio.get_running_loop()
        stdout = _in_memory()
        try:
            transport, protocol = await loop.subprocess_exec(
                lambda: SubprocessStreamProtocol(limit=_PIECE, loop=loop),
                # bytes, since Python would encode text by our locale
                *(part.encode("utf-8") for part in argv),
                stdin=PIPE,
                stdout=stdout,
                stderr=PIPE,
                env={_bytes(name): _bytes(value) for name, value in variables.items()},
                start_new_session=True,
            )
        except BaseException:
            stdout.close()
            raise
        return cls(transport, Process(transport, protocol, loop), stdout)

    async def talk(self, stdin: bytes) -> Completed:
        _, stderr = await self._process.communicate(stdin)
        self._done = True
        status = self._process.returncode
        assert status is not None
        # not `read`: the position is shared with whatever the program left running
        stdout = os.pread(self._stdout.fileno(), os.fstat(self._stdout.fileno()).st_size, 0)
        return Completed(status, stdout, stderr)

    async def end(self) -> None:
        """Ends the whole group when it did not end itself: SIGTERM first, so that it can clean up."""
        if not self._done:
            await self._signal(signal.SIGTERM)
            await self._signal(signal.SIGKILL)
        self._stdout.close()
        with suppress(PermissionError):  # a process of root's, by sudo: it ends when its pipes are closed
            self._transport.close()

    async def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(KILL_AFTER):
                await self._process.wait()


def _in_memory() -> IO[bytes]:
    """A file for an answer; on Linux never on a disk, since it may hold password hashes. A program that writes into a
    pipe waits whenever we compute, and the list of a big context is 70 MB long."""
    if not hasattr(os, "memfd_create"):
        return tempfile.TemporaryFile(buffering=0)
    file = os.memfd_create("stdout", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    # a program that opens /dev/stdout anew adds to it, as to a pipe, and cannot empty it
    fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
    fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    return os.fdopen(file, "w+b", buffering=0)


def _bytes(text: str) -> bytes:
    # what os.environ could not decode comes in as surrogates and goes out as it was
    return text.encode("utf-8", "surrogateescape")
