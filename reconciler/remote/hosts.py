"""All machines of one site. Made by the workflow from the site file's `ssh` section."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.remote.host import Host, Login
from reconciler.remote.local_host import LocalHost


class SiteHosts:
    """One Host a name, the same one for everybody who asks, connected when first needed. A name without a Login is
    reached by ssh's defaults. No process of this machine gets the variables `hidden`."""

    def __init__(self, logins: Mapping[str, Login], hidden: Collection[str] = ()) -> None:
        self._logins = logins
        self._hidden = hidden
        self._hosts: dict[str | None, Host] = {}

    def get(self, name: str | None) -> Host:
        """The host of this name, or this machine for None."""
        if name not in self._hosts:
            self._hosts[name] = LocalHost(self._hidden) if name is None else self._over_ssh(name)
        return self._hosts[name]

    def _over_ssh(self, name: str) -> Host:
        # here and not on top: asyncssh takes a quarter of a second and 20 MB, and `validate` needs no line at all
        from reconciler.remote.ssh_host import SshHost

        return SshHost(name, self.login(name))

    def login(self, name: str) -> Login:
        """How the host of this name is reached. Raises UsageError."""
        return self._logins.get(name) or default_login(name)

    async def close(self) -> None:
        """Ends every connection."""
        for host in self._hosts.values():
            await host.close()


def default_login(name: str) -> Login:
    """What plain `ssh NAME` would use: port 22, our own user name, the files in ~/.ssh."""
    try:
        folder = Path("~/.ssh").expanduser()
    except RuntimeError:  # no HOME, and a user without an entry in the user database
        raise UsageError(
            f"the keys for {name} are in the home folder, and this user ({os.getuid()}) has none",
            hint=f"set HOME, or write `key_file` and `known_hosts` in the site file under ssh: {name}:",
        ) from None
    return Login(name, 22, None, str(folder / "id_ed25519"), str(folder / "known_hosts"))
