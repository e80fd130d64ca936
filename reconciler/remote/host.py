"""One machine: run an argv, read and replace a file. The same over SSH and on this machine; files through standard
tools, so that a restricted user without SFTP can do it too.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

from pydantic import SecretStr

from reconciler.errors import PermanentFailure, Unreadable

PLAIN = {"LC_ALL": "C"}
"""The tools answer in English, whatever the host's language is."""

# mktemp opens with O_EXCL and 0600. The size is checked because a line that is cut in the middle looks like the end of
# the input. The new name is in place after `mv`, so a folder that cannot be synced is no failure.
_REPLACE = """\
set -eu
umask 077
temporary=$(mktemp -- "$4/.reconciler.XXXXXXXXXX")
trap 'rm -f -- "$temporary"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 141' PIPE
trap 'exit 143' TERM
cat > "$temporary"
[ "$(wc -c < "$temporary")" -eq "$3" ] || { echo "only a part of the content arrived" >&2; exit 65; }
chmod -- "$2" "$temporary"
sync -- "$temporary"
mv -fT -- "$temporary" "$1"
sync -- "$4" || true
"""


class Completed(NamedTuple):
    """How a command ended. Streams are bytes: the caller knows their encoding."""

    status: int
    """Exit status; minus the signal number when a signal ended it."""
    stdout: bytes
    stderr: bytes


def reading(path: str) -> tuple[list[str], list[str]]:
    """What `Host.read` runs: the content of the file, and the names in its folder."""
    return ["cat", "--", path], ["ls", "-A", "--", f"{_folder(path)}/"]


class Sink(Protocol):
    """Takes what a program prints, piece by piece while it comes, and raises nothing."""

    def write(self, piece: bytes, /) -> object:
        """Takes the next piece."""
        ...


W = TypeVar("W", bound=Sink)


class Host(Protocol):
    """One machine. Every method raises Unreadable when the connection is down or the timeout is over. After that it is
    not known whether the effect of `run` or `replace` took place: look before you repeat."""

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
        """Runs `argv`; no shell parses it. `secrets` become environment variables of the remote process, sent over
        standard input, never in an argument list. `timeout` is in seconds. `repeatable` allows one retry on a new
        connection."""
        ...

    async def streamed(
        self,
        argv: Sequence[str],
        into: Callable[[], W],
        *,
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, SecretStr] | None = None,
        timeout: float = 60.0,
    ) -> tuple[Completed, W]:
        """Runs `argv`, which must be repeatable and may print very much: that goes to a new sink for each try, the last
        of which comes back, and `stdout` is empty. After an error a sink may have seen a part."""
        done, sink = await self.run(argv, env=env, secrets=secrets, timeout=timeout, repeatable=True), into()
        sink.write(done.stdout)
        return done._replace(stdout=b""), sink

    async def close(self) -> None:
        """Ends the connection."""
        ...

    async def read(self, path: str) -> bytes | None:
        """The content of the file; None when its folder can be searched and holds no such name."""
        content, names = reading(path)
        done = await self.run(content, env=PLAIN, repeatable=True)
        if done.status == 0:
            return done.stdout
        reason = _last_line(done.stderr) or f"cat ended with status {done.status}"
        if reason.endswith("No such file or directory"):
            # a folder that cannot be searched looks the same to `cat`, and so does a link that leads nowhere; no shell:
            # a forced command compares this argv with a fixed list
            listed = await self.run(names, env=PLAIN, repeatable=True)
            if listed.status == 0 and f"\n{posixpath.basename(path)}\n".encode() not in b"\n" + listed.stdout:
                return None
        raise Unreadable(f"{self.name}: {reason}", hint=f"make {path} readable for the user who logs in there")

    async def replace(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Writes beside `path`, syncs, renames over it: readers see the old or the new file, never a part. It belongs
        to the user who writes and has `mode`; a link at `path` is replaced itself. Only SIGKILL leaves the other file
        (`.reconciler.…`) behind.

        Raises PermanentFailure when the far side refused: the old file is in place. Raises Unreadable when nobody
        knows.
        """
        argv = ["sh", "-c", _REPLACE, "sh", path, f"{mode:04o}", str(len(content)), _folder(path)]
        done = await self.run(argv, stdin=content, env=PLAIN)
        if done.status < 0:
            raise Unreadable(
                f"{self.name}: writing {path} was ended by signal {-done.status}",
                hint="run `reconciler plan` to see whether the file was replaced",
            )
        if done.status:
            reason = _last_line(done.stderr) or f"status {done.status}"
            raise PermanentFailure(
                f"{self.name}: {path} was not replaced: {reason}",
                hint=f"the user who logs in there needs to write in {_folder(path)}, and space on that disk",
            )


class ConfigFile(NamedTuple):
    """The ssh_config that the site file names for a host."""

    path: str
    host: str
    """The name that its `Host` lines are compared with."""
    written: frozenset[str] = frozenset()
    """The keys that the site file has itself, for which the ssh_config does not count."""


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
    read_only: bool = False
    """The key runs `reconciler_remote` there, which only lists."""


def _folder(path: str) -> str:
    return posixpath.dirname(path) or "."


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""
