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
from reconciler.errors import UsageError
from reconciler.settings import Ssh
from reconciler.setup.site_text import site_text

PLAN_SITE_FILE = "reconciler-plan.yaml"
"""The same site for merge requests and drift."""
_SCHEMA = ".schema/site.schema.json"
_TEMPLATES = {
    ".gitignore": "gitignore.j2",
    "README.md": "readme.md.j2",
    ".gitlab-ci.yml": "gitlab-ci.yml.j2",
    ".github/workflows/reconciler.yml": "github.yml.j2",
    ".github/workflows/reconciler-nightly.yml": "github-nightly.yml.j2",
}
FILES = (SITE_FILE, PLAN_SITE_FILE, _SCHEMA, *_TEMPLATES, "state/.gitkeep")
"""Everything that is written; the last keeps the folder in git while it is empty."""
PLANNER = "planner"
"""The database user of docs/database.md who may only read."""
_PLAN_NOTE = f"""\
This is `{SITE_FILE}` for merge requests and drift: the same site with credentials of its own, of a database user who \
only reads. What you change there, change here."""


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
    planner = _planner(data)
    facts = _Facts(data, planner)
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
        SITE_FILE: site_text(data, schema=_SCHEMA),
        PLAN_SITE_FILE: site_text(planner, schema=_SCHEMA, note=_PLAN_NOTE),
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


def _planner(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same site with credentials of its own."""
    made = deepcopy(dict(data))
    for system, key in (("postfixadmin", "password"), ("openxchange", "admin_password")):
        section = made.get(system, {})
        for name in (f"{key}_env", f"{key}_file"):
            if section.pop(name, None) is not None:
                section[f"{key}_env"] = f"RECONCILER_PLAN_{'DB' if system == 'postfixadmin' else 'OX'}_PASSWORD"
    if "password_env" in made.get("postfixadmin", {}):
        made["postfixadmin"]["url"] = _as_user(made["postfixadmin"]["url"], PLANNER)
        if "read_url" in made["postfixadmin"]:
            made["postfixadmin"]["read_url"] = _as_user(made["postfixadmin"]["read_url"], PLANNER)
    return made


def _as_user(url: str, user: str) -> str:
    driver, _, rest = url.partition("://")
    server, slash, path = rest.partition("/")
    return f"{driver}://{user}@{server.rpartition('@')[2]}{slash}{path}"


@dataclass(frozen=True, slots=True)
class _Login:
    """How CI logs in to a host. Paths are the site file's."""

    host: str
    key_file: str
    known_hosts: str

    def key(self, folder: str) -> str:
        """The key as a word of sh; `folder` is that of the site file, with a slash, as another."""
        return _for_shell(self.key_file, folder)

    def hosts(self, folder: str) -> str:
        """The file of host keys as such a word; empty for one of the repository itself, which is there already."""
        return "" if _is_relative(self.known_hosts) else _for_shell(self.known_hosts, folder)


class _Facts:
    """What the templates ask of the site."""

    def __init__(self, data: Mapping[str, Any], planner: Mapping[str, Any]) -> None:
        self.apply_variables = [name for name in _variables(data) if name not in _variables(planner)]
        self.plan_variables = [name for name in _variables(planner) if name not in _variables(data)]
        self.shared_variables = [name for name in _variables(data) if name in _variables(planner)]
        self.logins = [
            _Login(host, ssh.get("key_file", Ssh().key_file), ssh.get("known_hosts", Ssh().known_hosts))
            for host, ssh in data.get("ssh", {}).items()
        ]
        self.hosts_variable = any(login.hosts("") for login in self.logins)
        keys = [login.key_file for login in self.logins]
        self.private_files = [posixpath.normpath(path) for path in (*_files(data), *keys) if _is_relative(path)]
        self.has_ox = "openxchange" in data
        self.gitlab_condition = "".join(f" && ${name}" for name in self.plan_variables)
        self.github_condition = " && ".join(f"secrets.{name} != ''" for name in self.plan_variables) or "true"
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
