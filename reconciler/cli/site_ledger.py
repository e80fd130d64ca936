"""The ledger of a site, for commands that ask no system, and for the session of those that do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy.engine import make_url

from reconciler.apply.ledger import Ledger, open_engine
from reconciler.errors import UsageError
from reconciler.secret_sources import secret
from reconciler.settings import Settings


@asynccontextmanager
async def opened_ledger(site: Settings, *, create: bool = False) -> AsyncIterator[Ledger]:
    """The ledger alone, for a command that asks no system. Raises UsageError when the site has no place for one."""
    ledger = build_ledger(site, create=create)
    if ledger is None:
        hint = "write `ledger: {url: sqlite:///ledger.sqlite}` in the site file"
        raise UsageError("the site file names no database for a ledger", hint=hint)
    try:
        yield ledger
    finally:
        await ledger.close()


def build_ledger(site: Settings, *, create: bool = False) -> Ledger | None:
    """The ledger of a site, not connected yet: at its own URL, else beside PostfixAdmin's tables; None without both.
    `create` lets a new SQLite file come to be."""
    own, beside = site.ledger, site.postfixadmin
    if own.url is not None:
        key, url, variable, file, prefix = "ledger", own.url, own.password_env, own.password_file, ""
    elif beside is not None:
        key, url, variable, file = "postfixadmin", beside.url, beside.password_env, beside.password_file
        prefix = beside.table_prefix
    else:
        return None
    full = make_url(url)
    password = secret(variable, site.path(file) if file else None, f"{key}.password").get_secret_value()
    if full.get_backend_name() == "sqlite":  # a file takes no password
        full = full.set(database=str(site.path(full.database or "")))
    elif password:
        full = full.set(password=password)
    made = create and own.url is not None
    engine = open_engine(full, create=made, if_missing=_IF_MISSING[key], resolve=site.path)
    return Ledger(engine, site.site, clock=lambda: datetime.now(UTC), prefix=prefix)


# never an empty one by itself: it would know of no unsent letter, and of nothing that is ours
_IF_MISSING = {
    "ledger": "the first time: reconciler ledger init; later bring the file back from the backup, or correct"
    " `ledger.url` in the site file",
    "postfixadmin": "it is PostfixAdmin's database, which is never made here: correct `postfixadmin.url` in the site"
    " file, or bring the file back",
}
