"""PostfixAdmin's database, and the ledger's where it has one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

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
from reconciler.errors import Unreadable
from reconciler.remote.database import connect, open_database
from reconciler.remote.database_errors import explained
from reconciler.settings import Settings, secret

AREA = "database"


class Source(NamedTuple):
    """One database as the site file names it: `key` is that of its URL."""

    key: str
    url: URL
    password: str


async def examine(context: DoctorContext) -> Sequence[Check]:
    """One after the other; each waits for its server alone."""
    settings, checks = context.settings, list[Check]()
    section = settings.postfixadmin
    if section is not None:
        file = settings.path(section.password_file) if section.password_file else None
        password = secret(section.password_env, file, "postfixadmin.password").get_secret_value()
        source = Source("postfixadmin.url", make_url(section.url), password)
        checks += await asyncio.to_thread(_postfixadmin, context, source)
        if section.read_url is not None:
            replica = Source("postfixadmin.read_url", make_url(section.read_url), password)
            checks += await asyncio.to_thread(_replica, settings, source, replica)
    if settings.ledger.url is not None:
        own = settings.ledger
        file = settings.path(own.password_file) if own.password_file else None
        password = secret(own.password_env, file, "ledger.password").get_secret_value()
        checks += await asyncio.to_thread(
            _ledger, context, Source("ledger.url", make_url(settings.ledger.url), password)
        )
    return checks


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


def _replica(settings: Settings, primary: Source, replica: Source) -> list[Check]:
    def look(here: _Look) -> Iterator[Check]:
        yield from here.checks("replica", replica_checks)

    del primary
    return _looked(settings, replica, look)


def _rights(connection: Connection, context: DoctorContext, url: URL, wanted: Wanted) -> list[Check]:
    section = context.settings.postfixadmin
    others = {str(make_url(each).database) for _, _, each in context.settings.database_urls()}
    prefix = section.table_prefix if section else ""
    needs = Needs(wanted, connection.dialect.name, str(url.database), prefix, others)
    return rights_checks(held_rights(connection), needs, context.account)


def held_rights(connection: Connection) -> Held:
    """What the user of this connection may do. Raises DBAPIError."""
    return mysql_rights(connection) if connection.dialect.name == "mysql" else postgresql_rights(connection)
