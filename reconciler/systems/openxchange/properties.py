"""OX' own rules, read from its properties files where the login may read them; for `reconciler doctor`.

A rule is never tried: what tells it is the file (facts/open-xchange.md 4), and OX reads that only when it starts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import NamedTuple

from reconciler.errors import Unreadable
from reconciler.remote.host import PLAIN, Host

USERS, DISPLAY_NAMES = "AdminUser.properties", "user.properties"
_NAMES = "USERNAME_CHANGEABLE|PRIMARY_MAIL_UNCHANGEABLE|com.openexchange.user.enforceUniqueDisplayName"
_FOLDERS = ("etc", "etc/admindaemon")
"""Beside sbin; the second in 6.20 (facts 8)."""
_LINE = re.compile(rf"^[ \t]*({_NAMES})[ \t]*[=:][ \t]*(\S*)[ \t]*$", re.MULTILINE)


class Properties(NamedTuple):
    """One file: its path, and the values of the rules that stand in it."""

    path: str
    values: Mapping[str, str]


async def read_properties(host: Host, sbin: str, file: str) -> Properties:
    """The rules of one file. Only their lines leave the host. Raises Unreadable when none of the usual places has a
    file that may be read."""
    base = posixpath.dirname(sbin.rstrip("/"))
    paths = [f"{base}/{folder}/{file}" for folder in _FOLDERS]
    said = ""
    for path in paths:
        done = await host.run(["grep", "-E", f"^[ \t]*({_NAMES})[ \t]*[=:]", path], env=PLAIN, repeatable=True)
        if done.status in (0, 1):  # 1: there is no such line
            found = _LINE.findall(done.stdout.decode("utf-8", "replace"))
            return Properties(path, {name: value.lower() for name, value in found})
        said = done.stderr.decode("utf-8", "replace").strip() if "No such file" not in said else said
        if "No such file" not in done.stderr.decode("utf-8", "replace"):
            break
    raise Unreadable(
        f"{host.name}: {file} cannot be read: {said or 'grep failed'}",
        hint=f"let the login read it: setfacl -m u:LOGIN:r {paths[0]}; or look there by hand",
    )
