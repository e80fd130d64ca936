"""What CI has to know of a site: which variables hold its secrets, who gets which, where keys are to lie. Pure."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from reconciler.declared.read.source import SITE_FILE
from reconciler.declared.site_file.planner import PLANNER, VARIABLE
from reconciler.settings import Ssh


@dataclass(frozen=True, slots=True)
class Login:
    """How CI logs in to a host, as who applies or as the planner. Paths are the site file's."""

    host: str
    key_file: str
    planner_key_file: str
    known_hosts: str


class CiFacts:
    """What the templates ask of the site. `data` is what the site file says; `site_file` is its path, from the top of
    the repository."""

    def __init__(self, data: Mapping[str, Any], site_file: str = SITE_FILE) -> None:
        data = {**data, "planner": data.get("planner")}
        applier, planner = _variables({**data, "planner": {}}), _variables(_as_planner(data))
        self.site_file = site_file
        self.apply_variables = [name for name in applier if name not in planner]
        self.plan_variables = [name for name in planner if name not in applier]
        self.shared_variables = [name for name in applier if name in planner]
        self.logins = list(_logins(data))
        self.hosts_variable = any(not _is_relative(login.known_hosts) for login in self.logins)
        keys = [key for login in self.logins for key in (login.key_file, login.planner_key_file)]
        self.private_files = dict.fromkeys(
            posixpath.normpath(path) for path in (*_files(data), *keys) if _is_relative(path)
        )
        self.has_planner = data["planner"] is not None
        self.role = f"{VARIABLE}: {PLANNER}" if self.has_planner else ""
        self.installs = list((data["planner"] or {}).get("ssh", {}))
        """Hosts whose way in for the planner is to be installed."""
        self.ox_here = "openxchange" in data and not data["openxchange"].get("host")

    def credentials(self, *, planner: bool) -> list[tuple[str, str]]:
        """What has to lie in a file for a job: (variable, the file as a word of sh), the keys before the host keys.
        Host keys that are in the repository itself are there already."""
        key = "RECONCILER_PLAN_SSH_KEY" if planner else "RECONCILER_SSH_KEY"
        files = [login.planner_key_file if planner else login.key_file for login in self.logins]
        hosts = [login.known_hosts for login in self.logins if not _is_relative(login.known_hosts)]
        found = [(key, path) for path in files] + [("RECONCILER_KNOWN_HOSTS", path) for path in hosts]
        return [(variable, self._for_shell(path)) for variable, path in dict.fromkeys(found)]

    def variables(self, *, planner: bool) -> list[str]:
        """The variables with passwords that a job gets."""
        return [*(self.plan_variables if planner else self.apply_variables), *self.shared_variables]

    def gets_any(self, *, planner: bool) -> bool:
        """Whether a job gets any variable: a site may have all its secrets in files of the runner."""
        return bool((planner and self.role) or self.variables(planner=planner) or self.credentials(planner=planner))

    def _for_shell(self, path: str) -> str:
        """A path of the site file as a word of sh, which knows no `~` in quotes."""
        if path.startswith("~/"):
            return f'"$HOME"/{shlex.quote(path[2:])}'
        return shlex.quote(self._beside(path) if _is_relative(path) else path)

    def _beside(self, path: str) -> str:
        """Relative paths start at the folder of the site file."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(self.site_file), path))


def _logins(data: Mapping[str, Any]) -> Iterator[Login]:
    planner = (data["planner"] or {}).get("ssh", {})
    for host, ssh in data.get("ssh", {}).items():
        key_file = ssh.get("key_file", Ssh().key_file)
        its = planner.get(host, {}).get("key_file", key_file)
        yield Login(host, key_file, its, ssh.get("known_hosts", Ssh().known_hosts))


def _as_planner(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the planner uses of a site file (declared.site_file.planner)."""
    seen, planner = deepcopy(dict(data)), data["planner"] or {}
    for name in ("letters", "planner"):
        seen.pop(name, None)
    openxchange, logins = seen.get("openxchange", {}), planner.get("ssh", {})
    for key in ("database_password_env", "database_password_file"):
        openxchange.pop(key, None)
    host = openxchange.get("host")
    if host in logins and logins[host].get("read_only", True):
        for key in ("admin_password_env", "admin_password_file"):
            openxchange.pop(key, None)
    if "database_user" in planner:
        for name in ("postfixadmin", "ledger"):
            for key in ("password_env", "password_file"):
                seen.get(name, {}).pop(key, None)
        seen["planner"] = {key: planner[key] for key in planner if key.startswith("database_password")}
    return seen


def _variables(section: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for key, value in section.items():
        if isinstance(value, Mapping):
            found += _variables(value)
        elif key.endswith("password_env"):
            found.append(str(value))
    return list(dict.fromkeys(found))


def _files(section: Mapping[str, Any]) -> Iterator[str]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _files(value)
        elif key.endswith("password_file"):
            yield str(value)


def _is_relative(path: str) -> bool:
    return not path.startswith(("/", "~"))
