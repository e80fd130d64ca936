"""The content of a site file while it is being made: which keys `init` asks for, and every key by its name with dots,
like `postfixadmin.url` or `ssh.mail.example.user`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from getpass import getuser
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reconciler.declared.parse.scalars import plain_value
from reconciler.settings import Site

SYSTEMS = {
    "postfixadmin": ("url", "password_env"),
    "openxchange": ("host", "sbin", "context", "admin", "admin_password_env"),
    "postfix": ("host", "sender_access", "privilege"),
}
"""The three systems, each with the keys that are asked for."""
LOGIN = ("address", "user", "port", "key_file", "known_hosts")
"""What is asked about each host that a system names."""
PROPOSED = {
    "postfixadmin.password_env": "RECONCILER_DB_PASSWORD",
    "openxchange.admin_password_env": "RECONCILER_OX_PASSWORD",
}
"""Where a password is looked for, when nothing else is said."""
LEFT_OUT = "-"
"""The answer for: leave this key out."""


class Answers:
    """What the site file will say. `sources`: where a value comes from that nobody typed."""

    def __init__(self, folder: Path) -> None:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", folder.absolute().name).strip("-._")
        self.data: dict[str, Any] = {"site": name or "site", "state": "state"}
        self.sources: dict[str, str] = {}
        self._said: set[str] = set()

    def get(self, key: str) -> Any:
        """The value of a key; None when it is not set."""
        found: Any = self.data
        for part in parts_of(key):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    def say(self, key: str, text: str) -> None:
        """Somebody typed this value; `-` leaves the key out. A password's name with a slash in it is a file."""
        if key.endswith("password_env") and "/" in text:
            self.say(key, LEFT_OUT)
            key = f"{key.removesuffix('_env')}_file"
        elif key.endswith("password_env"):
            self._drop(f"{key.removesuffix('_env')}_file")
        self._said.add(key)
        self.sources.pop(key, None)
        self._set(key, text)

    def propose(self, key: str, text: str, source: str) -> bool:
        """A value that was found, unless somebody said something else."""
        if key in self._said:
            return False
        self._set(key, text)
        self.sources[key] = source
        return True

    def complete(self) -> None:
        """Adds what follows from the rest: where passwords are looked for, and a ledger where PostfixAdmin's database
        holds none."""
        for key, variable in PROPOSED.items():
            system, _, name = key.partition(".")
            file = f"{key.removesuffix('_env')}_file"
            section = self.data.get(system)
            if (
                isinstance(section, dict)
                and not self.is_file(system)
                and key not in self._said
                and self.get(file) is None
            ):
                section.setdefault(name, variable)
        for host in self.hosts():
            self.login(host)
        if not self.has("postfixadmin") and self.get("ledger.url") is None:
            self._set("ledger.url", "sqlite:///ledger.sqlite")

    def login(self, host: str) -> None:
        """There is a login to this host, as somebody who is named: CI is another user than whoever asks."""
        logins = self.data.setdefault("ssh", {})
        section = logins.setdefault(host, {}) if isinstance(logins, dict) else None
        if isinstance(section, dict) and f"ssh.{host}.user" not in self._said:
            section.setdefault("user", getuser())

    def has(self, system: str) -> bool:
        """Whether the system is managed."""
        return system in self.data

    def is_file(self, system: str) -> bool:
        """Whether it is a SQLite file, which has no password."""
        return str(self.get(f"{system}.url")).startswith("sqlite:")

    def add(self, system: str) -> None:
        """The system is managed, with what is to be said about it."""
        self.data.setdefault(system, {})

    def leave_out(self, system: str) -> None:
        """The system is not managed."""
        self.data.pop(system, None)

    def hosts(self) -> list[str]:
        """The machines that are logged in to, each once."""
        named = (self.get(f"{system}.host") for system in SYSTEMS)
        return list(dict.fromkeys(str(host) for host in named if host is not None))

    def variables(self, system: str) -> list[str]:
        """The variables of this system that hold passwords."""
        return [
            str(value) for key in SYSTEMS[system] if key.endswith("_env") and (value := self.get(f"{system}.{key}"))
        ]

    def _set(self, key: str, text: str) -> None:
        if text == LEFT_OUT:
            self._drop(key)
            return
        *above, last = parts_of(key)
        section = self.data
        for part in above:
            inner = section.setdefault(part, {})
            if not isinstance(inner, dict):  # `site.x` below a plain value: said when the whole is checked
                inner = section[part] = {}
            section = inner
        section[last] = _typed(key, text)

    def _drop(self, key: str) -> None:
        *above, last = parts_of(key)
        section: Any = self.data
        for part in above:
            section = section.get(part, {}) if isinstance(section, dict) else {}
        section.pop(last, None)


def default_of(key: str) -> Any:
    """The default of a key of the site file; None for none."""
    field = _field(key)
    return None if field is None or field.is_required() else field.default


def model_of(key: str) -> str:
    """The name of the model that has the key."""
    models = list(_models(parts_of(key)))
    return models[-1].__name__


def inner_model(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, alone or by name; None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := inner_model(part))), None)


_BY_HOST = ("ssh", "planner.ssh")
"""Sections whose keys are names of hosts, with dots in them."""


def parts_of(key: str) -> list[str]:
    """A key, step by step: `ssh.mail.example.user` is a key of the host mail.example; elsewhere each dot is a step."""
    for section in _BY_HOST:
        rest = key.removeprefix(f"{section}.")
        if rest != key and "." in rest:
            host, _, last = rest.rpartition(".")
            return [*section.split("."), host, last]
    return key.split(".")


def _models(parts: list[str]) -> Iterator[type[BaseModel]]:
    """The models that lead to a key, as far as there are any; the name of a host leads to no other."""
    model: type[BaseModel] | None = Site
    steps = iter(parts)
    for part in steps:
        if model is None:
            return
        yield model
        field = _fields(model).get(part)
        model = inner_model(field.annotation) if field else None
        if field is not None and str(field.annotation).startswith("dict"):
            next(steps, None)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _field(key: str) -> FieldInfo | None:
    parts = parts_of(key)
    models = list(_models(parts))
    by_host = parts[:-2] and ".".join(parts[:-2]) in _BY_HOST
    wanted = len(parts) - 1 if by_host else len(parts)
    return _fields(models[-1]).get(parts[-1]) if len(models) == wanted else None


def _typed(key: str, text: str) -> object:
    """What is typed for a text stays one (a password's name of digits, say); numbers and true are what YAML says."""
    field = _field(key)
    kinds = set(_plain_types(field.annotation)) if field else {str}
    if list in kinds:
        return [part.strip() for part in text.split(",")]
    return plain_value(text) if kinds & {int, bool, float} else text


def _plain_types(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from _plain_types(part)
        return
    yield origin or annotation
    if origin is not None and origin is not list:
        yield from _plain_types(get_args(annotation)[0])
