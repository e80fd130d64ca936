"""This machine as a Host: for sites without `host`, and the demo."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from pydantic import SecretStr

from reconciler.remote.command import KILL_AFTER, check_parts, took_too_long
from reconciler.remote.host import Completed, Host, Sink, W
from reconciler.remote.spool import Spool

_PIECE = 2**16
_PIPE = 2**20
"""Bytes that a pipe may hold (pipe(7): what any user may ask for)."""
_SECRET = re.compile(r"PASS(WORD|WD|PHRASE|FILE)|_PWD$|SECRET|TOKEN|CREDENTIAL|(PRIVATE|REVIEW)_KEY", re.IGNORECASE)
"""Names of variables that hold a secret by their own word: PGPASSWORD, MYSQL_PWD, PGPASSFILE, CI_JOB_TOKEN."""


class LocalHost(Host):
    """Runs processes as children in groups of their own. They inherit our environment without the variables that hold
    secrets: `hidden`, and those whose names say so. What a process that was left running writes after its parent's end
    is no part of the output."""

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
        """See Host."""
        spool = Spool()
        done = await self._run(argv, stdin, env or {}, secrets or {}, timeout, spool.fileno())
        return done._replace(stdout=spool.read())

    async def streamed(
        self,
        argv: Sequence[str],
        into: Callable[[], W],
        *,
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, SecretStr] | None = None,
        timeout: float = 60.0,
    ) -> tuple[Completed, W]:
        """See Host."""
        sink = into()
        with _pipe_to(sink) as stdout:
            done = await self._run(argv, b"", env or {}, secrets or {}, timeout, stdout)
        return done, sink

    async def _run(
        self,
        argv: Sequence[str],
        stdin: bytes,
        env: Mapping[str, str],
        secrets: Mapping[str, SecretStr],
        timeout: float,
        stdout: int,
    ) -> Completed:
        """How it ended, without what it printed. A program that is missing ends with 127, one that cannot be started
        with 126, as in a shell."""
        check_parts(argv, env, secrets)
        clear = {name: value.get_secret_value() for name, value in secrets.items()}
        try:
            child = await _Child.start(argv, {**self._inherited(), **env, **clear}, stdout)
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

    def __init__(self, transport: asyncio.SubprocessTransport, process: Process) -> None:
        self._transport = transport
        self._process = process
        self._done = False

    @classmethod
    async def start(cls, argv: Sequence[str], variables: Mapping[str, str], stdout: int) -> _Child:
        loop = asyncio.get_running_loop()
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
        return cls(transport, Process(transport, protocol, loop))

    async def talk(self, stdin: bytes) -> Completed:
        _, stderr = await self._process.communicate(stdin)
        self._done = True
        status = self._process.returncode
        assert status is not None
        return Completed(status, b"", stderr)

    async def end(self) -> None:
        """Ends the whole group when it did not end itself: SIGTERM first, so that it can clean up."""
        if not self._done:
            await self._signal(signal.SIGTERM)
            await self._signal(signal.SIGKILL)
        with suppress(PermissionError):  # a process of root's, by sudo: it ends when its pipes are closed
            self._transport.close()

    async def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(KILL_AFTER):
                await self._process.wait()


@contextmanager
def _pipe_to(sink: Sink) -> Iterator[int]:
    """Where a program writes, which hands on what comes; at the end what is there by then."""
    loop, (ours, theirs) = asyncio.get_running_loop(), os.pipe()
    os.set_blocking(ours, False)
    with suppress(AttributeError, OSError):  # bigger, since a program waits while we compute; of Linux
        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, _PIPE)
    try:
        loop.add_reader(ours, _take, ours, sink)
        yield theirs
        while _take(ours, sink):
            pass
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)


def _take(pipe: int, sink: Sink) -> bool:
    """Hands on what is there; whether there was anything."""
    try:
        piece = os.read(pipe, _PIPE)
    except BlockingIOError:
        return False
    sink.write(piece)
    return bool(piece)


def _bytes(text: str) -> bytes:
    # what os.environ could not decode comes in as surrogates and goes out as it was
    return text.encode("utf-8", "surrogateescape")
