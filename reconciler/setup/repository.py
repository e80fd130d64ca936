"""The files of a state repository: site files, CI for GitLab and GitHub, README, `.gitignore`. Pure but for `save`."""

from __future__ import annotations

import json
import posixpath
import shlex
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from reconciler import __version__
from reconciler.declared.json_schema import site_schema
from reconciler.declared.read.source import SITE_FILE
from reconciler.declared.site_file.planner import VARIABLE as ROLE
from reconciler.errors import UsageError
from reconciler.settings import Ssh
from reconciler.setup.remote_access import USER
from reconciler.setup.site_text import site_text

_SCHEMA = ".schema/site.schema.json"
_TEMPLATES = {
    ".gitignore": "gitignore.j2",
    "README.md": "readme.md.j2",
    ".gitlab-ci.yml": "gitlab-ci.yml.j2",
    ".github/workflows/reconciler.yml": "github.yml.j2",
    ".github/workflows/reconciler-nightly.yml": "github-nightly.yml.j2",
}
FILES = (SITE_FILE, _SCHEMA, *_TEMPLATES, "state/.gitkeep")
"""Everything that is written; the last keeps the folder in git while it is empty."""
PLANNER = {
    "database_user": "planner",  # of docs/database.md
    "database_password_env": "RECONCILER_PLAN_DB_PASSWORD",
}
_PLANNER_LOGIN = {"user": USER, "key_file": "~/.ssh/reconciler-plan"}


def refuse_existing(folder: Path) -> None:
    """Nothing that is there is overwritten. Raises UsageError."""
    there = [name for name in FILES if (folder / name).exists() or (folder / name).is_symlink()]
    if there:
        hint = "name another folder; or move these away, and copy what you need of them afterwards"
        raise UsageError(f"{folder} has {', '.join(there)} already, and init overwrites nothing", hint=hint)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is not a folder", hint="name a folder; it is made when it is not there")


def repository(data: Mapping[str, Any]) -> dict[str, str]:
    """The text of each file, for a site file that says `data`."""
    data = {**data, "planner": data.get("planner") or _planner(data)}
    facts = _Facts(data)
    # `{{` is GitHub's own
    environment = Environment(
        loader=PackageLoader("reconciler.setup"),
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # YAML and Markdown, not HTML
    )
    texts = {
        SITE_FILE: site_text({key: each for key, each in data.items() if each is not None}, schema=_SCHEMA),
        _SCHEMA: json.dumps(site_schema(), indent=2, ensure_ascii=False) + "\n",
        "state/.gitkeep": "",
    }
    for path, template in _TEMPLATES.items():
        texts[path] = environment.get_template(template).render(site=data["site"], version=__version__, facts=facts)
    return texts


def save(texts: Mapping[str, str], folder: Path) -> None:
    """Writes the files, or none of them. Raises UsageError."""
    refuse_existing(folder)
    made: list[Path] = []
    try:
        for name, text in texts.items():
            path = folder / name
            for above in reversed([each for each in path.parents if not each.exists()]):
                above.mkdir()
                made.append(above)
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink()
        hint = "nothing is left there of what was written: make room, or correct the rights, and run it again"
        raise UsageError(f"{folder} cannot be written: {error.strerror}", hint=hint) from None


def _planner(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """The logins of those who only read; None where nobody logs in anywhere."""
    database = PLANNER if _password(data.get("postfixadmin", {}), "password") else {}
    sections = (data.get(system, {}) for system in ("openxchange", "postfix"))
    hosts = dict.fromkeys(section["host"] for section in sections if section.get("host"))
    logins = {"ssh": {host: dict(_PLANNER_LOGIN) for host in hosts}} if hosts else {}
    return {**database, **logins} or None


def _password(section: Mapping[str, Any], name: str) -> str | None:
    """Where the password is: the key that names it, if one does."""
    return next((key for key in (f"{name}_env", f"{name}_file") if section.get(key) is not None), None)


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


@dataclass(frozen=True, slots=True)
class _Login:
    """How CI logs in to a host, as who applies or as the planner. Paths are the site file's."""

    host: str
    key_file: str
    planner_key_file: str
    known_hosts: str

    def key(self, folder: str, *, planner: bool = False) -> str:
        """The key as a word of sh; `folder` is that of the site file, with a slash, as another."""
        return _for_shell(self.planner_key_file if planner else self.key_file, folder)

    def hosts(self, folder: str) -> str:
        """The file of host keys as such a word; empty for one of the repository itself, which is there already."""
        return "" if _is_relative(self.known_hosts) else _for_shell(self.known_hosts, folder)


def _logins(data: Mapping[str, Any]) -> Iterator[_Login]:
    planner = (data["planner"] or {}).get("ssh", {})
    for host, ssh in data.get("ssh", {}).items():
        key_file = ssh.get("key_file", Ssh().key_file)
        its = planner.get(host, {}).get("key_file", key_file)
        yield _Login(host, key_file, its, ssh.get("known_hosts", Ssh().known_hosts))


class _Facts:
    """What the templates ask of the site."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        applier, planner = _variables({**data, "planner": {}}), _variables(_as_planner(data))
        self.apply_variables = [name for name in applier if name not in planner]
        self.plan_variables = [name for name in planner if name not in applier]
        self.shared_variables = [name for name in applier if name in planner]
        self.logins = list(_logins(data))
        self.hosts_variable = any(login.hosts("") for login in self.logins)
        keys = [key for login in self.logins for key in (login.key_file, login.planner_key_file)]
        self.private_files = dict.fromkeys(
            posixpath.normpath(path) for path in (*_files(data), *keys) if _is_relative(path)
        )
        self.has_planner = data["planner"] is not None
        self.role = f"{ROLE}: planner" if self.has_planner else ""
        self.installs = list((data["planner"] or {}).get("ssh", {}))
        """Hosts whose way in for the planner is to be installed."""
        self.ox_here = "openxchange" in data and not data["openxchange"].get("host")
        self.needed = needed = [*self.plan_variables, *(["RECONCILER_PLAN_SSH_KEY"] if self.logins else [])]
        self.gitlab_condition = "".join(f" && ${name}" for name in needed)
        self.github_condition = " && ".join(f"secrets.{name} != ''" for name in needed) or "true"
        """That the credentials for a plan are there."""


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


def _for_shell(path: str, folder: str) -> str:
    """A path of the site file as a word of sh, which knows no `~` in quotes."""
    if path.startswith("~/"):
        return f'"$HOME"/{shlex.quote(path[2:])}'
    return f"{folder}{shlex.quote(path)}" if _is_relative(path) else shlex.quote(path)
