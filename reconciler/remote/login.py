"""Logging in to one host: the host key is always verified, and every refusal says what to do. Called by `ssh`."""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

import asyncssh

from reconciler.errors import Unreadable
from reconciler.remote.host import Login
from reconciler.remote.known_hosts import KnownHosts

CONNECT_TIMEOUT = 10.0
"""Seconds for the TCP connection."""
LOGIN_TIMEOUT = 30.0
"""Seconds for key exchange and login."""
KEEPALIVE = 15.0
"""Seconds between questions to a silent server; after three without an answer the line is down."""


async def log_in(name: str, login: Login) -> asyncssh.SSHClientConnection:
    """A connection to the host that the site file calls `name`. Raises Unreadable."""
    _keep_quiet()
    known = KnownHosts.read(name, login)
    options: dict[str, object] = {} if login.user is None else {"username": login.user}
    try:
        return await asyncssh.connect(
            login.address,
            login.port,
            config=None,  # nobody's ~/.ssh/config may switch the checks off
            known_hosts=known.table,
            server_host_key_algs=known.key_types(),
            client_keys=_client_keys(name, login),
            preferred_auth="publickey",
            connect_timeout=CONNECT_TIMEOUT,
            login_timeout=LOGIN_TIMEOUT,
            keepalive_interval=KEEPALIVE,
            **options,
        )
    except asyncssh.HostKeyNotVerifiable:
        raise known.refusal() from None
    except asyncssh.PermissionDenied:
        raise _refused(name, login) from None
    except TimeoutError:
        raise _unreachable(name, login, f"no answer within {CONNECT_TIMEOUT:g} s") from None
    except OSError as error:
        # asyncio's text names the call that failed; a name that is not found has no number of the system
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        raise _unreachable(name, login, reason) from None
    except asyncssh.Error as error:
        raise _unreachable(name, login, f"the connection ended while logging in: {error.reason}") from None


def _keep_quiet() -> None:
    # every reason reaches the reader as one of our errors; the library's own lines are for debugging
    if not logging.getLogger().isEnabledFor(logging.DEBUG):
        asyncssh.set_log_level(logging.CRITICAL)


def _client_keys(name: str, login: Login) -> list[asyncssh.SSHKey]:
    """The key of the key file; none when only the agent can open it. asyncssh asks the agent by itself."""
    path = Path(login.key_file)
    has_agent = bool(os.environ.get("SSH_AUTH_SOCK"))
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except FileNotFoundError:
        if has_agent:
            return []
        hint = f"make one with `ssh-keygen -t ed25519 -f {path}`, or name another as `key_file` in the site file"
        raise Unreadable(f"{name}: there is no key file {path}", hint=hint) from None
    except OSError as error:
        hint = "the user who runs reconciler has to read it"
        raise Unreadable(f"{name}: the key file {path} cannot be read: {error.strerror}", hint=hint) from None
    if mode & 0o077:
        raise Unreadable(f"{name}: others can read the key file {path} (mode {mode:04o})", hint=f"chmod 600 {path}")
    try:
        return [asyncssh.import_private_key(content)]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        if "assphrase" not in str(error):
            hint = "write the private key there, not the .pub file"
            raise Unreadable(f"{name}: {path} is not a private key: {error}", hint=hint) from None
    if has_agent:
        return []
    raise Unreadable(
        f"{name}: the key file {path} has a passphrase and no agent runs",
        hint=f"eval $(ssh-agent) && ssh-add {path}, then run again in the same shell",
    )


def _refused(name: str, login: Login) -> Unreadable:
    user = login.user or "the user who runs reconciler"
    public = f"{login.key_file}.pub"
    with suppress(OSError):
        if not Path(public).exists():
            public = f"the public half of {login.key_file}"
    return Unreadable(
        f"{name}: {login.address} port {login.port} refuses the login of {user}",
        hint=f"put {public} into ~/.ssh/authorized_keys of that user there, or name another `user` or `key_file` in"
        f" the site file under ssh: {name}:",
    )


def _unreachable(name: str, login: Login, reason: str) -> Unreadable:
    return Unreadable(
        f"{name}: {login.address} port {login.port} cannot be reached: {reason}",
        hint=f"try `ssh -p {login.port} {login.address}`; the site file names address and port under ssh: {name}:",
    )
