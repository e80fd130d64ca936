"""The rights that a planner and an applier need in each database of a site: one list, printed and compared with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy.engine import make_url

from reconciler.apply.ledger import rights as of_ledger
from reconciler.doctor.context import Role
from reconciler.remote.database_url import with_user
from reconciler.remote.grants import Grant
from reconciler.settings import Settings
from reconciler.systems.postfixadmin import rights as of_postfixadmin
from reconciler.systems.postfixadmin.rights import WITH_APP_PASSWORDS

OWN, LEDGER = "postfixadmin", "ledger"


class Wanted(NamedTuple):
    """What each account needs in one database."""

    planner: Sequence[Grant]
    applier: Sequence[Grant]
    domains: Sequence[Grant] = ()
    """What the applier needs beside, where git declares domains or alias domains."""

    optional: Sequence[Grant] = ()
    """What the planner may have beside, to explain what drifts."""

    def of(self, role: Role) -> Sequence[Grant]:
        """What this account needs."""
        return self.planner if role is Role.PLANNER else self.applier


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
        optional = of_postfixadmin.optional_grants(prefix)
        wanted[OWN] = Wanted(planner, applier, of_postfixadmin.domain_grants(prefix), optional)
    if url is not None and (dialect := _dialect(url)) != "sqlite":
        wanted[LEDGER] = Wanted(of_ledger.planner_grants(""), of_ledger.applier_grants("", dialect))
    return wanted


def statements(grants: Sequence[Grant], url: str, login: str = "") -> list[str]:
    """What the database's administrator runs there, for the user of the URL, or for `login`."""
    database = make_url(url)
    dialect = database.get_backend_name()
    login = login or (f"{database.username}@'%'" if dialect == "mysql" else str(database.username))
    return [f"{grant.statement(dialect, str(database.database), login)};" for grant in grants]


def grant_lines(settings: Settings, role: Role) -> Iterator[str]:
    """All statements that this account needs, in each database; what only some sites need is behind `--`, as comments
    are in SQL."""
    section, own = settings.postfixadmin, settings.ledger.url
    wanted = wanted_rights(settings)
    if section is not None and OWN in wanted:
        url = _url_of(settings, section.url, role)
        yield from statements(wanted[OWN].of(role), url)
        if role is Role.PLANNER:
            yield "-- optional, for how big a mailbox is and who changed something by hand:"
            yield from (f"-- {line}" for line in statements(wanted[OWN].optional, url))
        if role is Role.APPLIER:
            late = [g for g in wanted_rights(settings, WITH_APP_PASSWORDS)[OWN].applier if g not in wanted[OWN].applier]
            yield "-- where PostfixAdmin is 4.0 or later:"
            yield from (f"-- {line}" for line in statements(late, url))
            yield "-- where git declares domains or alias domains:"
            yield from (f"-- {line}" for line in statements(wanted[OWN].domains, url))
    if own is not None and LEDGER in wanted:
        yield "-- in the ledger's database:"
        yield from statements(wanted[LEDGER].of(role), _url_of(settings, own, role))


def _url_of(settings: Settings, url: str, role: Role) -> str:
    """As the planner's user, where the site file names one."""
    user = settings.planner.database_user if settings.planner is not None else None
    return with_user(url, user) if user is not None and role is Role.PLANNER else url


def _dialect(url: str) -> str:
    return make_url(url).get_backend_name()
