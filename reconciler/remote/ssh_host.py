"""One machine over SSH as a Host. Made by `hosts`; only this, `login` and what it calls import asyncssh."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

import asyncssh
from pydantic import SecretStr

from reconciler.errors import Unreadable
from reconciler.remote.command import KILL_AFTER, Command, Frame, check_parts, for_ssh, took_too_long, was_ended
from reconciler.remote.host import Completed, Host, Login, Sink, W
from reconciler.remote.login import log_in
from reconciler.remote.read_only import Request, request

SESSIONS = 8
"""Commands at the same time: sshd's MaxSessions is 10 (sshd_config(5))."""
OPENING = 60.0
"""Seconds that starting a command may take."""
PATIENCE = 30.0
"""Seconds to wait while sshd says that it has no session left; less than OPENING, so that this is what is reported."""

_SLACK = 3.0
"""Seconds that the output of a command that was ended may take to arrive."""

T = TypeVar("T")
_Process: TypeAlias = asyncssh.SSHClientProcess[bytes]


class _ConnectionBroke(Exception):
    """The connection ended under a command, or (`started` is false) before sshd had heard of it."""

    def __init__(self, reason: str, *, started: bool = True) -> None:
        super().__init__(reason)
        self.started = started


class SshHost(Host):
    """One connection, opened when first needed; as many sessions on it as sshd allows."""

    def __init__(self, name: str, login: Login) -> None:
        self.name = name
        self._login = login
        self._sessions = asyncio.Semaphore(SESSIONS)
        self._opening: asyncio.Task[asyncssh.SSHClientConnection] | None = None

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, SecretStr] | None = None,
        timeout: float = 60.0,
        repeatable: bool = False,
    ) -> Completed:
        """See Host."""
        command = self._command(argv, env or {}, secrets or {}, timeout)

        async def once() -> Completed:
            stdout = io.BytesIO()
            frame = command.frame(stdout)
            done = await self._once(argv, command, stdin, timeout)
            frame.write(done.stdout)
            return self._answer(argv, command, done, frame)._replace(stdout=stdout.getvalue())

        return await self._tried(argv, once, repeatable=repeatable)

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
        command = self._command(argv, env or {}, secrets or {}, timeout)

        async def once() -> tuple[Completed, W]:
            sink = into()
            frame = command.frame(sink)
            done = await self._once(argv, command, b"", timeout, _Into(frame))
            return self._answer(argv, command, done, frame), sink

        return await self._tried(argv, once, repeatable=True)

    def _answer(self, argv: Sequence[str], command: Command | Request, done: Completed, stdout: Frame) -> Completed:
        """How it ended, without what it printed. Raises Unreadable when it is no answer of the program, or no whole
        one."""
        stderr = io.BytesIO()
        errors = command.frame(stderr)
        errors.write(done.stderr)
        if not all([stdout.close(done.status), errors.close(done.status)]):
            raise command.refused(self.name, argv, done._replace(stdout=stdout.before), begun=stdout.begun)
        return Completed(done.status, b"", stderr.getvalue())

    def _command(
        self, argv: Sequence[str], env: Mapping[str, str], secrets: Mapping[str, SecretStr], timeout: float
    ) -> Command | Request:
        check_parts(argv, env, secrets)
        if self._login.read_only:
            return request(self.name, argv, env, secrets, timeout)
        return for_ssh(argv, env, secrets, timeout)

    async def _tried(self, argv: Sequence[str], once: Callable[[], Awaitable[T]], *, repeatable: bool) -> T:
        async with self._sessions:
            try:
                try:
                    return await once()
                except _ConnectionBroke as broke:
                    if broke.started and not repeatable:
                        raise
                return await once()
            except _ConnectionBroke as broke:
                raise self._broken(argv, broke) from None

    async def close(self) -> None:
        """Ends the connection; the next command would open a new one."""
        opening, self._opening = self._opening, None
        if opening is None:
            return
        opening.cancel()
        await asyncio.wait({opening})
        if not opening.cancelled() and opening.exception() is None:
            opening.result().close()
            await opening.result().wait_closed()

    async def _connection(self) -> asyncssh.SSHClientConnection:
        """The one connection. Whoever asks while it is being opened waits for the same attempt."""
        if self._opening is None or _is_over(self._opening):
            self._opening = asyncio.create_task(log_in(self.name, self._login))
        return await asyncio.shield(self._opening)

    async def _once(
        self,
        argv: Sequence[str],
        command: Command | Request,
        stdin: bytes,
        timeout: float,
        stdout: _Into | None = None,
    ) -> Completed:
        """All that both streams had, but what `stdout` takes. The far side ends the command after `timeout` too,
        unless sudo made it another user's process; waiting for the connection or a free session does not count."""
        connection = await self._connection()
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(OPENING):
                started, process = await self._open(connection, command, stdout)
        except (asyncssh.Error, OSError) as error:  # TimeoutError too: the command may be running
            raise _ConnectionBroke(str(error) or f"no answer within {OPENING:g} s") from None
        try:
            async with asyncio.timeout(timeout + KILL_AFTER + _SLACK):
                done = await _talk(process, command.prefix + stdin)
        except TimeoutError:
            raise took_too_long(self.name, argv, timeout) from None
        if was_ended(done.status) and clock() - started >= timeout:
            raise took_too_long(self.name, argv, timeout)
        return done

    async def _open(
        self, connection: asyncssh.SSHClientConnection, command: Command | Request, stdout: _Into | None
    ) -> tuple[float, _Process]:
        """The running command, and when it was begun. sshd counts a session until it has collected its process, and
        its MaxSessions may be lower than ours; an open that it refuses has started nothing, so it is asked again."""
        clock = asyncio.get_running_loop().time
        first = started = clock()
        while True:
            try:
                target: Any = asyncssh.PIPE if stdout is None else stdout
                return started, await connection.create_process(command.line, encoding=None, stdout=target)
            except asyncssh.ChannelOpenError as error:
                unstarted = error.code == asyncssh.OPEN_CONNECT_FAILED
                if connection.is_closed():
                    raise _ConnectionBroke(error.reason, started=not unstarted) from None
                if not unstarted or clock() - first > PATIENCE:
                    raise self._no_session(error) from None
            await asyncio.sleep(0.05)
            started = clock()

    def _no_session(self, error: asyncssh.ChannelOpenError) -> Unreadable:
        return Unreadable(
            f"{self.name}: sshd opened no session: {error.reason}",
            hint="its MaxSessions must not be 0, and the login must be allowed to run commands",
        )

    def _broken(self, argv: Sequence[str], broke: _ConnectionBroke) -> Unreadable:
        return Unreadable(
            f"{self.name}: the connection broke while {argv[0]} ran ({broke}); it is not known how far it got",
            hint="when the host answers again, look at the live state with `reconciler plan`",
        )


class _Into(io.RawIOBase):
    """A file for asyncssh, which hands on what is written; it has no number, as asyncssh expects of what is no pipe."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, piece: Any) -> int:
        self._sink.write(bytes(piece))
        return len(piece)


async def _talk(process: _Process, stdin: bytes) -> Completed:
    try:
        with suppress(BrokenPipeError):  # it may end without reading; its status tells
            process.stdin.write(stdin)
            process.stdin.write_eof()
        stdout, stderr = await process.communicate()
        if process.returncode is None:
            raise _ConnectionBroke("it ended without an exit status")
        return Completed(process.returncode, stdout, stderr)
    except asyncssh.Error as error:
        raise _ConnectionBroke(error.reason) from None
    finally:
        # after a timeout or a cancel: sshd passes the signal on, except to root's sessions; `timeout` ends those
        with suppress(OSError):
            process.kill()
        process.close()


def _is_over(opening: asyncio.Task[asyncssh.SSHClientConnection]) -> bool:
    """Whether this attempt failed, or its connection has ended since."""
    if not opening.done():
        return False
    return opening.cancelled() or opening.exception() is not None or opening.result().is_closed()
