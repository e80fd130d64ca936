"""What one login over SSH is like, on a connection of its own: what it prints unasked, and how many sessions it gets.

For `reconciler doctor`; commands run through `ssh_host`, which copes with both."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import asyncssh

from reconciler.errors import Unreadable
from reconciler.remote.command import for_ssh
from reconciler.remote.host import Login
from reconciler.remote.login import log_in

_WAIT = 30.0
"""Seconds for each of the two looks."""
_COLLECTED = 3.0
"""Seconds: sshd counts a session until it has collected its process."""


class Sessions(NamedTuple):
    """What was seen."""

    opened: int
    """Sessions that were open at the same time, of those that were wanted."""
    noise: int
    """Bytes that the login printed before the command that was asked for. What they say is not kept: it may be what
    nobody should read."""


async def look_at_sessions(name: str, login: Login, wanted: int) -> Sessions:
    """Opens one connection, and on it so many sessions. Raises Unreadable."""
    connection = await log_in(name, login)
    try:
        async with asyncio.timeout(_WAIT):
            noise = await _noise(connection)
        async with asyncio.timeout(_WAIT):
            return Sessions(await _opened(connection, wanted), noise)
    except TimeoutError:
        hint = "log in there by hand, and see what the login waits for"
        raise Unreadable(
            f"{name}: the login works, and a command gives no answer within {_WAIT:g} s", hint=hint
        ) from None
    except (asyncssh.Error, OSError) as error:
        raise Unreadable(f"{name}: the connection broke: {error}", hint="look into sshd's log there") from None
    finally:
        connection.close()
        await connection.wait_closed()


async def _noise(connection: asyncssh.SSHClientConnection) -> int:
    command = for_ssh(["true"], {}, {}, _WAIT)
    process = await connection.create_process(command.line, encoding=None)
    process.stdin.write_eof()
    streams = await process.communicate()
    return sum(max(stream.find(command.marker), 0) for stream in streams if isinstance(stream, bytes))


async def _opened(connection: asyncssh.SSHClientConnection, wanted: int) -> int:
    opened: list[asyncssh.SSHClientProcess[bytes]] = []
    clock = asyncio.get_running_loop().time
    until = clock() + _COLLECTED
    try:
        while len(opened) < wanted and clock() < until:
            try:
                # waits for its input, so that it is still there when the next one is opened
                opened.append(await connection.create_process("exec cat", encoding=None))
            except asyncssh.ChannelOpenError:
                await asyncio.sleep(0.1)
    finally:
        for process in opened:
            process.close()
    return len(opened)


async def look_at_login(name: str, login: Login) -> None:
    """Logs in, and asks for nothing. Raises Unreadable."""
    connection = await log_in(name, login)
    connection.close()
    await connection.wait_closed()
