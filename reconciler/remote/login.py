"""Logging in to one host: the host key is always verified, and every refusal says what to do. Called by `ssh_host`."""

from __future__ import annotations

import getpass
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import asyncssh

from reconciler.errors import Unreadable
from reconciler.remote.host import Login
from reconciler.remote.jump_hosts import Hop, route, ssh_line
from reconciler.remote.known_hosts import KnownHosts
from reconciler.remote.login_keys import Identity, identity

CONNECT_TIMEOUT = 10.0
"""Seconds for the TCP connection."""
LOGIN_TIMEOUT = 30.0
"""Seconds for key exchange and login."""
KEEPALIVE = 15.0
"""Seconds between questions to a silent server; after three without an answer the line is down."""
_TOO_MANY = "authentication failures"
"""How sshd ends a connection that has shown more keys than its MaxAuthTries."""


async def log_in(name: str, login: Login) -> asyncssh.SSHClientConnection:
    """A connection to the host that the site file calls `name`, over the jump hosts of its ssh_config. Closing it
    closes those to the jump hosts too. Raises Unreadable."""
    # every failure becomes one of our errors; the library's log is for debugging
    if not logging.getLogger().isEnabledFor(logging.DEBUG):
        asyncssh.set_log_level(logging.CRITICAL)
    hops = route(name, login)
    reached: asyncssh.SSHClientConnection | None = None
    try:
        for number, hop in enumerate(hops):
            opened = await _log_in(hop, hops[:number], reached)
            opened.set_tunnel(reached)
            reached = opened
    except BaseException:
        if reached is not None:
            reached.abort()
            await reached.wait_closed()
        raise
    assert reached is not None
    return reached


async def _log_in(
    hop: Hop, before: Sequence[Hop], tunnel: asyncssh.SSHClientConnection | None
) -> asyncssh.SSHClientConnection:
    login = hop.login
    _name_the_user(hop)
    known = KnownHosts.read(hop.name, login, before)
    options: dict[str, object] = {} if login.user is None else {"username": login.user}
    async with identity(hop.name, login) as own:
        try:
            return await asyncssh.connect(
                login.address,
                login.port,
                tunnel=tunnel or (),
                config=None,  # nobody's ~/.ssh/config may switch the checks off
                known_hosts=known.table,
                x509_trusted_certs=None,  # nor a list in ~/.ssh widen them; a user may have no home at all
                x509_trusted_cert_paths=None,
                server_host_key_algs=known.key_types(),
                client_keys=own.pairs,
                agent_path=None,  # `identity` has asked it
                preferred_auth="publickey",
                connect_timeout=CONNECT_TIMEOUT,
                login_timeout=LOGIN_TIMEOUT,
                keepalive_interval=KEEPALIVE,
                **options,
            )
        except asyncssh.HostKeyNotVerifiable:
            raise known.refusal() from None
        except asyncssh.PermissionDenied:
            raise _refused(hop, own) from None
        except asyncssh.ChannelOpenError as error:
            raise _not_forwarded(hop, before, error) from None
        except TimeoutError:
            raise _unreachable(hop, before, f"no answer within {CONNECT_TIMEOUT:g} s") from None
        except OSError as error:
            # asyncio's text names the call that failed; a name that is not found has no number of the system
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
            raise _unreachable(hop, before, reason) from None
        except asyncssh.Error as error:
            if _TOO_MANY in error.reason:
                raise _refused(hop, own) from None
            raise _unreachable(hop, before, f"the connection ended while logging in: {error.reason}") from None


def _name_the_user(hop: Hop) -> None:
    """asyncssh looks up the name and home of the user who runs this, also where it does not use them. In containers
    there may be neither; then these variables have substitutes. Raises Unreadable when the name is needed."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        number = os.getuid()
        if hop.login.user is None:
            message = f"{hop.name}: no user is named to log in as, and this one ({number}) has no name"
            raise Unreadable(message, hint=f"write the user in {hop.place}") from None
        os.environ["LOGNAME"] = f"uid-{number}"
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/nonexistent"


def _refused(hop: Hop, own: Identity) -> Unreadable:
    login = hop.login
    user = login.user or "the user who runs reconciler"
    public = f"{login.key_file}.pub"
    with suppress(OSError):
        if not Path(public).exists():
            public = f"the public half of {login.key_file}"
    remedy = f"put {public} into ~/.ssh/authorized_keys of that user there, or name another user or key in {hop.place}"
    return Unreadable(
        f"{hop.name}: {login.address} port {login.port} refuses the login of {user}",
        hint="; ".join([*own.remarks, remedy]),
    )


def _unreachable(hop: Hop, before: Sequence[Hop], reason: str) -> Unreadable:
    login = hop.login
    through = f" through {before[-1].login.address} port {before[-1].login.port}" if before else ""
    return Unreadable(
        f"{hop.name}: {login.address} port {login.port} cannot be reached{through}: {reason}",
        hint=f"try `{ssh_line(hop, before)}`; address and port come from {hop.place}",
    )


def _not_forwarded(hop: Hop, before: Sequence[Hop], error: asyncssh.ChannelOpenError) -> Unreadable:
    """The jump host did not open the way to the next one."""
    if not before or error.code != asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return _unreachable(hop, before, error.reason)
    login, jump = hop.login, before[-1]
    return Unreadable(
        f"{jump.name}: its sshd does not forward to {login.address} port {login.port}: {error.reason}",
        hint="AllowTcpForwarding and PermitOpen in its sshd_config, and the options of the key there, have to allow it",
    )
