"""PostfixAdmin's database, and the ledger's where it has one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError

from reconciler.doctor import database_server, database_tables
from reconciler.doctor.check import Check, Verdict, unknown
from reconciler.doctor.context import DoctorContext
from reconciler.doctor.held_rights import Held
from reconciler.doctor.mysql_rights import mysql_rights
from reconciler.doctor.postgresql_rights import postgresql_rights
from reconciler.doctor.replica import replica_checks
from reconciler.doctor.rights_checks import Needs, rights_checks
from reconciler.doctor.wanted_rights import LEDGER, OWN, Wanted, wanted_rights
from reconciler.errors import ReconcilerError, Unreadable
from reconciler.remote.database import connect, open_database
from reconciler.remote.database_errors import explained
from reconciler.secret_sources import secret
from reconciler.settings import Ledger, PostfixAdmin, Settings

AREA = "database"
_Section: TypeAlias = PostfixAdmin | Ledger


class Source(NamedTuple):
    """One database as the site file names it: `key` is that of its URL."""

    key: str
    url: URL
    password: str


async def examine(context: DoctorContext) -> Sequence[Check]:
    """One after the other; each waits for its server alone, and one that cannot be tried holds no other up."""
    checks: list[Check] = []
    for key, url, section, look in _databases(context.settings):
        try:
            source = Source(key, make_url(url), _password(context.settings, section, key.partition(".")[0]))
            checks += await asyncio.to_thread(look, context, source)
        except ReconcilerError as error:
            checks.append(unknown(AREA, f"reachable ({key})", error))
    return checks


def _databases(
    settings: Settings,
) -> Iterator[tuple[str, str, _Section, Callable[[DoctorContext, Source], list[Check]]]]:
    """The key and the URL of each, the section that has its password, and what is looked at."""
    section, ledger = settings.postfixadmin, settings.ledger
    if section is not None:
        yield "postfixadmin.url", section.url, section, _postfixadmin
        if section.read_url is not None:
            yield "postfixadmin.read_url", section.read_url, section, _replica
    if ledger.url is not None:
        yield "ledger.url", ledger.url, ledger, _ledger


def _password(settings: Settings, section: _Section, name: str) -> str:
    """Raises Unreadable."""
    file = settings.path(section.password_file) if section.password_file else None
    return secret(section.password_env, file, f"{name}.password").get_secret_value()


class _Look(NamedTuple):
    """A connection, and how its checks are run: one that fails is unknown, and the others go on."""

    connection: Connection
    key: str

    def checks(self, name: str, look: Callable[[Connection], Iterable[Check]]) -> list[Check]:
        try:
            return list(look(self.connection))
        except DBAPIError as error:
            self.connection.rollback()  # PostgreSQL answers nothing more in a transaction that failed
            message, hint = explained(error, self.key)
            return [unknown(AREA, name, Unreadable(message, hint=hint))]


def _looked(settings: Settings, source: Source, look: Callable[[_Look], Iterator[Check]]) -> list[Check]:
    """What `look` finds there; one unknown check when the database cannot be reached."""
    target = source.url.render_as_string(hide_password=True)
    engine = open_database(source.url, source.password, settings.path, read_only=True)
    try:
        with connect(engine) as connection:
            reached = Check(AREA, f"reachable ({source.key})", Verdict.OK, f"{target} answers, and the login works")
            return [reached, *look(_Look(connection, source.key))]
    except DBAPIError as error:
        message, hint = explained(error, source.key)
        return [unknown(AREA, f"reachable ({source.key})", Unreadable(f"{target}: {message}", hint=hint))]
    finally:
        engine.dispose()


def _postfixadmin(context: DoctorContext, source: Source) -> list[Check]:
    settings = context.settings
    section = settings.postfixadmin
    assert section is not None
    tables = database_tables.Tables(section.table_prefix)

    def look(here: _Look) -> Iterator[Check]:
        version = database_tables.version(here.connection, tables)
        yield from here.checks("schema version", lambda _: [database_tables.version_check(version)])
        if (wanted := wanted_rights(settings, version or 0).get(OWN)) is not None:
            yield from here.checks("rights", lambda c: _rights(c, context, source.url, wanted))
        yield from here.checks("tables", lambda c: database_tables.checks(c, tables))
        yield from here.checks("server", lambda c: database_server.checks(c, source.url, source.key))

    return _looked(settings, source, look)


def _ledger(context: DoctorContext, source: Source) -> list[Check]:
    def look(here: _Look) -> Iterator[Check]:
        if (wanted := wanted_rights(context.settings).get(LEDGER)) is not None:
            yield from here.checks("rights", lambda c: _rights(c, context, source.url, wanted))

    return _looked(context.settings, source, look)


def _replica(context: DoctorContext, source: Source) -> list[Check]:
    def look(here: _Look) -> Iterator[Check]:
        yield from here.checks("replica", replica_checks)

    return _looked(context.settings, source, look)


def _rights(connection: Connection, context: DoctorContext, url: URL, wanted: Wanted) -> list[Check]:
    section = context.settings.postfixadmin
    others = {str(make_url(each).database) for _, _, each in context.settings.database_urls()}
    prefix = section.table_prefix if section else ""
    needs = Needs(wanted, connection.dialect.name, str(url.database), prefix, others)
    return rights_checks(held_rights(connection), needs, context.role)


def held_rights(connection: Connection) -> Held:
    """What the user of this connection may do. Raises DBAPIError."""
    return mysql_rights(connection) if connection.dialect.name == "mysql" else postgresql_rights(connection)
