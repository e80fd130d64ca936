"""What `reconciler doctor` prints for a database called `postfixadmin` and users called as on the page."""

from __future__ import annotations

from pathlib import Path

from reconciler.doctor.context import Role
from reconciler.doctor.wanted_rights import OWN, statements, wanted_rights
from reconciler.settings import Settings

_URLS = {"MariaDB": "mysql+pymysql://{}@db.example/postfixadmin", "PostgreSQL": "postgresql+psycopg://{}@db.example/p"}
_USERS = {Role.PLANNER: "planner", Role.APPLIER: "reconciler"}


def optional(database: str) -> list[str]:
    """What the planner may have beside."""
    return granted(database, Role.PLANNER, beside=True)


def granted(database: str, account: Role, *, beside: bool = False) -> list[str]:
    """The statements, a line each, with their semicolons."""
    url = _URLS[database].format(_USERS[account])
    settings = Settings.model_validate({"site": "nrw", "folder": Path("/"), "postfixadmin": {"url": url}})
    wanted = wanted_rights(settings)[OWN]
    return statements(wanted.optional if beside else wanted.of(account), url)
