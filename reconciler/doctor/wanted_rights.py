"""The rights that a planner and an applier need in each database of a site: one list, printed and compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.engine import make_url

from reconciler.apply.ledger import rights as of_ledger
from reconciler.doctor.context import Account
from reconciler.remote.grants import Grant
from reconciler.settings import Settings
from reconciler.systems.postfixadmin import rights as of_postfixadmin

OWN, LEDGER = "postfixadmin", "ledger"


class Wanted(NamedTuple):
    """What each account needs in one database."""

    planner: Sequence[Grant]
    applier: Sequence[Grant]
    domains: Sequence[Grant] = ()
    """What the applier needs beside, where git declares domains or alias domains."""

    def of(self, account: Account) -> Sequence[Grant]:
        """What this account needs."""
        return self.planner if account is Account.PLANNER else self.applier


def wanted_rights(settings: Settings, version: int = 0) -> dict[str, Wanted]:
    """By the section of the site file that names the database; a ledger beside PostfixAdmin's tables is among theirs.
    SQLite has no rights, so a file is left out. `version`: PostfixAdmin's `config.version`, 0 for the oldest."""
    section, url = settings.postfixadmin, settings.ledger.url
    wanted: dict[str, Wanted] = {}
    if section is not None and (dialect := _dialect(section.url)) != "sqlite":
        prefix = section.table_prefix
        planner = of_postfixadmin.planner_grants(prefix)
        applier = of_postfixadmin.applier_grants(prefix, dialect, version)
        if url is None:
            planner += of_ledger.planner_grants(prefix)
            applier += of_ledger.applier_grants(prefix, dialect)
        wanted[OWN] = Wanted(planner, applier, of_postfixadmin.domain_grants(prefix))
    if url is not None and (dialect := _dialect(url)) != "sqlite":
        wanted[LEDGER] = Wanted(of_ledger.planner_grants(""), of_ledger.applier_grants("", dialect))
    return wanted


def statements(grants: Sequence[Grant], url: str, login: str = "") -> list[str]:
    """What the database's administrator runs there, for the user of the URL, or for `login`."""
    database = make_url(url)
    dialect = database.get_backend_name()
    login = login or (f"{database.username}@'%'" if dialect == "mysql" else str(database.username))
    return [f"{grant.statement(dialect, str(database.database), login)};" for grant in grants]


def _dialect(url: str) -> str:
    return make_url(url).get_backend_name()
