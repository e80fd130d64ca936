"""What is offered to a host at login: the key that the site file names, from its file or the agent, with its
certificate. Called by `login`."""

from __future__ import annotations

import asyncio
import base64
import os
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import asyncssh

from reconciler.errors import Unreadable
from reconciler.remote.certificates import Certificates
from reconciler.remote.host import Login

AGENT_TIMEOUT = 10.0
"""Seconds for the agent's list of keys."""
_MAGIC = b"openssh-key-v1\0"


class Identity(NamedTuple):
    """The keys in the order in which they are offered, and remarks for when none is accepted."""

    pairs: list[asyncssh.SSHKeyPair]
    remarks: list[str]


class _KeyFile(NamedTuple):
    """What is known without an agent: all of the key, its public half, or nothing."""

    private: asyncssh.SSHKey | None
    public: bytes | None
    problem: str
    """Why the agent is needed."""
    hint: str


@asynccontextmanager
async def identity(name: str, login: Login) -> AsyncIterator[Identity]:
    """The identity of one login, for as long as an agent has to sign. Raises Unreadable."""
    certificates = Certificates(login)
    key = _key_file(name, login)
    if key.private is not None:
        pairs = certificates.paired(list(asyncssh.load_keypairs([key.private])))
        yield Identity(pairs, certificates.remarks)
        return
    socket = os.environ.get("SSH_AUTH_SOCK")
    if not socket:
        raise Unreadable(f"{name}: {key.problem} and no agent runs", hint=key.hint)
    async with _Agent(socket, certificates.remarks) as agent:
        held = await _held(name, socket, key, agent)
        mine = [pair for pair in held if key.public is None or certificates.public_half(pair) == key.public]
        if not mine:
            what = "this key" if key.public else "any key"
            message = f"{name}: {key.problem}, and the agent at {socket} does not hold {what}"
            raise Unreadable(message, hint=f"give the key to the agent: ssh-add {login.key_file}")
        if key.public is None:
            certificates.remarks.append(
                f"all {len(mine)} keys of the agent were candidates, and a host refuses after a few (MaxAuthTries):"
                f" write the public half of the right one to {login.key_file}.pub, then only that one is shown"
            )
        yield Identity(certificates.paired(mine), certificates.remarks)


class _Agent(asyncssh.SSHAgentClient):
    """An agent client that notes what was not signed: asyncssh goes on to the next key without a message."""

    def __init__(self, socket: str, remarks: list[str]) -> None:
        super().__init__(socket)
        self._remarks = remarks

    async def sign(self, key_blob: bytes, data: bytes, flags: int = 0) -> bytes:
        try:
            return await super().sign(key_blob, data, flags)
        except ValueError as error:
            why = "it may have asked for a confirmation that nobody gave (ssh-add -c)"
            self._remarks.append(f"the agent did not sign: {error}; {why}")
            raise


async def _held(name: str, socket: str, key: _KeyFile, agent: asyncssh.SSHAgentClient) -> Sequence[asyncssh.SSHKeyPair]:
    try:
        async with asyncio.timeout(AGENT_TIMEOUT):
            return await agent.get_keys()
    except TimeoutError:
        reason = f"it does not answer within {AGENT_TIMEOUT:g} s"
    except (OSError, ValueError) as error:
        reason = str(error) or "it ended"
    raise Unreadable(
        f"{name}: {key.problem}, and the agent at {socket} (SSH_AUTH_SOCK) cannot be asked: {reason}",
        hint=f"start an agent that holds the key, and run again in the same shell; without one: {key.hint}",
    )


def _key_file(name: str, login: Login) -> _KeyFile:
    path = Path(login.key_file)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except FileNotFoundError:
        hint = f"make one with `ssh-keygen -t ed25519 -f {path}`, or name another as `key_file` in the site file"
        return _KeyFile(None, _public_file(path), f"there is no key file {path}", hint)
    except OSError as error:
        hint = "the user who runs reconciler has to read it"
        raise Unreadable(f"{name}: the key file {path} cannot be read: {error.strerror}", hint=hint) from None
    if mode & 0o077:
        raise Unreadable(f"{name}: others can read the key file {path} (mode {mode:04o})", hint=f"chmod 600 {path}")
    add = f"eval $(ssh-agent) && ssh-add {path}, then run again in the same shell"
    try:
        private = asyncssh.import_private_key(content)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        if "assphrase" not in str(error):
            hint = "write the private key there, not the .pub file"
            raise Unreadable(f"{name}: {path} is not a private key: {error}", hint=hint) from None
        public = _public_half(content) or _public_file(path)
        return _KeyFile(None, public, f"the key file {path} has a passphrase", add)
    if private.algorithm.startswith(b"sk-"):
        return _KeyFile(None, private.public_data, f"the key of {path} is in a security key", add)
    return _KeyFile(private, private.public_data, "", "")


def _public_half(content: bytes) -> bytes | None:
    """The public half that a key of OpenSSH's own format carries in clear beside the encrypted one (PROTOCOL.key)."""
    lines = content.split(b"-----")
    try:
        data = base64.b64decode(b"".join(lines[2].split()), validate=True)
    except (IndexError, ValueError):
        return None
    if not data.startswith(_MAGIC):
        return None
    rest = data[len(_MAGIC) :]
    for _ in range(3):  # cipher, key derivation, its options
        rest = rest[4 + int.from_bytes(rest[:4], "big") :]
    length = int.from_bytes(rest[4:8], "big")
    return rest[8 : 8 + length] or None


def _public_file(path: Path) -> bytes | None:
    try:
        return asyncssh.read_public_key(f"{path}.pub").public_data
    except (OSError, asyncssh.KeyImportError):
        return None
