"""Which host keys are trusted, and what to say when a host shows another one. Called by `login`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from reconciler.errors import Unreadable
from reconciler.remote.host import Login
from reconciler.remote.jump_hosts import Hop, ssh_line


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The known_hosts file of one login. `table` is never None, which would switch asyncssh's check off."""

    name: str
    login: Login
    table: asyncssh.SSHKnownHosts
    before: Sequence[Hop] = ()
    """The jump hosts on the way, which see a host that this machine may not see."""

    @classmethod
    def read(cls, name: str, login: Login, before: Sequence[Hop] = ()) -> KnownHosts:
        """The file that the login names. Raises Unreadable when it cannot be read: then nobody is trusted."""
        try:
            return cls(name, login, asyncssh.read_known_hosts(login.known_hosts), before)
        except OSError as error:
            reason = error.strerror
        except ValueError:  # asyncssh quotes the line, and the path may be that of a password by mistake
            reason = f"line {_bad_line(Path(login.known_hosts))} is not valid in known_hosts(5)"
        raise Unreadable(f"{name}: {login.known_hosts}: {reason}", hint=_fetch(login, before))

    def key_types(self) -> list[str]:
        """The types of host keys to ask for: known ones first, then all others, so that a key of another type is a
        changed key and no failed connection (ssh does the same)."""
        keys, authorities = self._trusted()
        usual = get_default_public_key_algs()
        known = [kind for key in keys for kind in key.sig_algorithms if kind in usual]
        certified = get_default_certificate_algs() if authorities else []
        return [kind.decode("ascii") for kind in dict.fromkeys([*certified, *known, *usual])]

    def refusal(self) -> Unreadable:
        """The error for a key that is not trusted."""
        login = self.login
        shown, fetch = f"{login.address} port {login.port}", _fetch(login, self.before)
        if not any(self._trusted()):
            return Unreadable(f"{self.name}: the host key of {shown} is not in {login.known_hosts}", hint=fetch)
        known_as = login.address if login.port == 22 else f"[{login.address}]:{login.port}"
        return Unreadable(
            f"{self.name}: THE HOST KEY HAS CHANGED: {shown} shows another one than {login.known_hosts} holds, or one"
            " that is revoked there. Somebody may be listening in; nothing was sent",
            hint="ask the host's admins whether the key was changed; if so: ssh-keygen -R"
            f" '{known_as}' -f {login.known_hosts}; then {fetch}",
        )

    def _trusted(self) -> tuple[list[asyncssh.SSHKey], list[asyncssh.SSHKey]]:
        """Keys of the host itself, and of authorities that sign host keys."""
        port = None if self.login.port == 22 else self.login.port
        keys, authorities, *_ = self.table.match(self.login.address, "", port)
        return list(keys), list(authorities)


def _bad_line(file: Path) -> int:
    for number, line in enumerate(file.read_bytes().split(b"\n"), 1):
        try:
            asyncssh.import_known_hosts(line.decode("utf-8"))
        except ValueError:
            return number
    return 0


def _fetch(login: Login, before: Sequence[Hop]) -> str:
    scan = f"ssh-keyscan -p {login.port} {login.address}"
    if before:
        scan = ssh_line(before[-1], before[:-1], scan)
    return (
        f"{scan} >> {login.known_hosts}, and compare `ssh-keygen -lf"
        f" {login.known_hosts}` with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the host itself"
    )
