"""The files of a state repository: site files, CI for GitLab and GitHub, README, `.gitignore`. Pure but for `save`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.declared.json_schema import site_schema
from reconciler.declared.read.source import SITE_FILE
from reconciler.errors import UsageError
from reconciler.setup.ci_facts import CiFacts
from reconciler.setup.ci_files import ci_texts, paths, rendered
from reconciler.setup.remote_access import USER
from reconciler.setup.site_text import site_text

_SCHEMA = ".schema/site.schema.json"
_TEMPLATES = {
    ".gitignore": "gitignore.j2",
    "README.md": "readme.md.j2",
}
_FORGES = ("gitlab", "github")
"""Whose CI is written; somebody deletes the other, or calls `reconciler ci init forgejo`."""
FILES = (SITE_FILE, _SCHEMA, *_TEMPLATES, *(path for forge in _FORGES for path in paths(forge)), "state/.gitkeep")
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
    facts = CiFacts(data)
    texts = {
        SITE_FILE: site_text({key: each for key, each in data.items() if each is not None}, schema=_SCHEMA),
        _SCHEMA: json.dumps(site_schema(), indent=2, ensure_ascii=False) + "\n",
        "state/.gitkeep": "",
    }
    for path, template in _TEMPLATES.items():
        texts[path] = rendered(template, site=data["site"], facts=facts)
    for forge in _FORGES:
        texts |= ci_texts(forge, facts)
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
