"""The way to a host: the jump hosts that its ssh_config names, and the host itself. Called by `login` and, for
`validate`, by `declared`; nothing is connected here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from reconciler.errors import Unreadable
from reconciler.remote.host import Login
from reconciler.remote.ssh_config import Jump, SshConfig, Wrong, jumps, parse, read_text


class Hop(NamedTuple):
    """One machine on the way."""

    name: str
    """How messages call it."""
    login: Login
    place: str
    """Where people correct its user, address and key."""


def ssh_line(hop: Hop, before: Sequence[Hop] = (), command: str = "") -> str:
    """The ssh command that goes the same way."""
    stops = ",".join(f"{_user(stop.login)}{stop.login.address}:{stop.login.port}" for stop in before)
    way = f"-J {stops} " if stops else ""
    return f"ssh {way}-p {hop.login.port} {_user(hop.login)}{hop.login.address} {command}".rstrip()


def _user(login: Login) -> str:
    return f"{login.user}@" if login.user else ""


class Circle(Exception):
    """A host is reached through itself."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.message)
        self.wrong = wrong


def route(name: str, login: Login) -> tuple[Hop, ...]:
    """Every machine on the way to the host that the site file calls `name`, the host itself last. Raises Unreadable."""
    file = login.config
    if file is None:
        return (Hop(name, login, f"the site file under ssh: {name}:"),)
    try:
        config, wrong = parse(read_text(file.path))
        stops = () if wrong else way(config, file.host)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        hint = f"the user who runs reconciler has to read it; ssh: {name}: in the site file names it"
        raise Unreadable(f"{name}: the ssh_config {file.path} cannot be read: {reason}", hint=hint) from None
    except Circle as circle:
        wrong, stops = [circle.wrong], ()
    if wrong:
        first = wrong[0]
        message = f"{name}: {file.path}:{first.line}:{first.column}: {first.message}"
        raise Unreadable(message, hint=f"{first.hint}; reconciler validate shows everything that is wrong in it")
    place = f"{file.path}, `Host"
    hops = [Hop(f"{name}, jump host {j.host}", _jump(config, j, login), f"{place} {j.host}`") for j in stops]
    return (*hops, Hop(name, _target(config, login), f"{place} {file.host}`, or the site file under ssh: {name}:"))


def way(config: SshConfig, host: str, after: tuple[str, ...] = ()) -> tuple[Jump, ...]:
    """The jump hosts before `host`, the first one first. As for ssh, the first of a chain may have jump hosts of its
    own. Raises Circle."""
    value = config.of(host).get("proxyjump")
    stops = jumps(value) if value else ()
    if value is None or not stops:
        return ()
    seen = (*after, host)
    if stops[0].host in seen:
        names = (*seen, stops[0].host)
        message = f"ProxyJump leads in a circle: {' → '.join(names)}"
        way_out = (
            f"`Host {names[-1]}` with `ProxyJump none` above, or leave it out of this block: `Host * !{names[-1]}`"
        )
        raise Circle(Wrong(value.line, value.column, message, f"write {way_out}"))
    return (*way(config, stops[0].host, seen), *stops)


def _jump(config: SshConfig, jump: Jump, login: Login) -> Login:
    """What the file says of a jump host; the key of the host behind it where it names none."""
    found = _texts(config, jump.host)
    port, user = jump.port or int(found.get("port", 22)), jump.user or found.get("user")
    return _with_key(login._replace(address=_address(found, jump.host), port=port, user=user, config=None), found)


def _target(config: SshConfig, login: Login) -> Login:
    """What the file says of the host itself, where the site file says nothing."""
    assert login.config is not None
    host, written = login.config.host, login.config.written
    found = _texts(config, host)
    made = login._replace(
        address=login.address if "address" in written else _address(found, host),
        port=login.port if "port" in written else int(found.get("port", login.port)),
        user=login.user if "user" in written else found.get("user"),
        config=None,
    )
    return made if "key_file" in written else _with_key(made, found)


def _texts(config: SshConfig, host: str) -> dict[str, str]:
    return {option: value.text for option, value in config.of(host).items()}


def _with_key(login: Login, found: dict[str, str]) -> Login:
    key, certificate = (_path(found[name]) if name in found else None for name in ("identityfile", "certificatefile"))
    return login._replace(key_file=key or login.key_file, certificate=certificate)


def _address(found: dict[str, str], host: str) -> str:
    return found.get("hostname", host).replace("%h", host)


def _path(text: str) -> str:
    try:
        return str(Path(text).expanduser())
    except RuntimeError:  # no HOME, and a user without an entry in the user database
        raise Unreadable(
            f"{text} starts in the home folder, and this user has none",
            hint="set HOME, or write the whole path in the ssh_config",
        ) from None
