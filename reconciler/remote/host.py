"""One machine: run an argv, read and replace a file. The same over SSH and on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from pydantic import SecretStr


class Completed(NamedTuple):
    """How a command ended. Streams are bytes: the caller knows their encoding."""

    status: int
    """Exit status; minus the signal number when a signal ended it."""
    stdout: bytes
    stderr: bytes


class Host(Protocol):
    """One machine. Every method raises Unreadable when the line is down or the time is over.

    After Unreadable from `run` or `replace` nobody knows whether the effect took place: look before you repeat.
    """

    name: str
    """For messages: the host's name, or `this machine`."""

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
        """Runs `argv` (no shell sees its content). `secrets` become environment variables of the remote process, fed
        over standard input, never part of an argument list. `timeout` in seconds. `repeatable` allows one retry on a
        new connection when the line breaks."""
        ...

    async def read(self, path: str) -> bytes | None:
        """The file's content; None when there certainly is no such file."""
        ...

    async def replace(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Puts `content` in the place of the file at once: readers see the old or the new one, never a part."""
        ...

    async def close(self) -> None:
        """Ends the connection."""
        ...


class ConfigFile(NamedTuple):
    """The ssh_config that the site file names for a host."""

    path: str
    host: str
    """The name that its `Host` lines are compared with."""
    said: frozenset[str] = frozenset()
    """What the site file says itself, so that the ssh_config does not count: the names of its keys."""


class Login(NamedTuple):
    """How to reach one host over SSH. Paths are absolute."""

    address: str
    port: int
    user: str | None
    key_file: str
    known_hosts: str
    certificate: str | None = None
    """The certificate of the key; None for the one beside it, where ssh-keygen writes it."""
    timezone: str = "UTC"
    """For moments in messages."""
    config: ConfigFile | None = None


class Hosts(Protocol):
    """All machines of a site, one connection each, opened when first needed."""

    def get(self, name: str | None) -> Host:
        """The host of this name, or this machine for None. Does not connect yet."""
        ...

    async def close(self) -> None:
        """Ends every connection."""
        ...
