"""The lock of a site: who works, on which host, since when, in which run. Called by `Ledger` inside its transactions.

It is a row whose `fence` grows with every taking. Who lost it can never write again, because every write begins with
`hold`, which finds the row only while it carries its own fence, and keeps it locked until that write is committed.
Time is the database's alone: hosts disagree about theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from reconciler.apply.ledger import process_check
from reconciler.apply.ledger.connect import SiteTables
from reconciler.errors import LockError

TTL = timedelta(minutes=2)
"""How long a lock stands without a heartbeat; `before` and `after` of every batch are one, `renew` another."""
_FREE = {"holder": "", "host": "", "pid": 0, "run": None, "since": None, "expires": None}


class database_now(FunctionElement[int]):
    """Milliseconds since 1970 by the database's clock, whatever the session's time zone is."""

    type = BigInteger()
    inherit_cache = True


_NOW = {
    # not UNIX_TIMESTAMP(NOW()), which is an hour wrong for an hour in October
    "mysql": "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)",
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
    "sqlite": "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)",
}


@compiles(database_now)
def _now(_element: database_now, compiler: Any, **_options: Any) -> str:
    return _NOW[compiler.dialect.name]


class Lease(NamedTuple):
    """A lock that was taken. It is worth something only while the row carries this fence."""

    fence: int
    ttl: timedelta
    after: Holder | None = None
    """From whom it was taken before it expired: its process is dead, on this very host."""


class OpenRun(NamedTuple):
    """A run that this process carries out, with the lease by which it may write."""

    id: int
    lease: Lease
    commit: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock. `expired`: by the database's clock, so anybody may take it. `alive`: whether its process is,
    where that can be told from here."""

    holder: str
    host: str
    pid: int
    run: int | None
    since: datetime
    expires: datetime
    fence: int
    expired: bool
    alive: bool | None = None


class Locked(LockError):
    """Somebody else is at work (status 7)."""

    def __init__(self, by: Holder) -> None:
        run = f" in run {by.run}" if by.run is not None else ""
        since, expires = (f"{moment:%Y-%m-%d %H:%M:%S} UTC" for moment in (by.since, by.expires))
        super().__init__(
            f"locked by {by.holder} on {by.host} (process {by.pid}){run} since {since}; "
            f"expires at {expires} without a new heartbeat" + (", its process is alive" if by.alive else ""),
            hint="wait for that run to end; if its process is dead, run `reconciler unlock` or wait until it expires",
        )
        self.by = by


class LockLost(LockError):
    """The lock is not ours any more: it expired and was taken over, was broken, or was given back (status 7)."""

    def __init__(self) -> None:
        super().__init__(
            "this run has lost its lock and writes nothing more",
            hint="run `reconciler history` to see who works now; when that has ended, run `reconciler plan`",
        )


def take(db: SiteTables, ttl: timedelta, holder: str, host: str, pid: int) -> Lease | None:
    """Takes the lock when it is free or expired, by one compare-and-set; else None."""
    lock = db.tables.lock
    taken = db.execute(
        update(lock)
        .where(lock.c.name == db.site, lock.c.expires.is_(None) | (lock.c.expires <= database_now()))
        .values(holder=holder, host=host, pid=pid, run=None, since=database_now(), expires=_from_now(ttl))
        .values(fence=lock.c.fence + 1)
    )
    if taken.rowcount != 1:
        return None
    # our own row: nobody changes it before this transaction ends
    return Lease(db.execute(select(lock.c.fence).where(lock.c.name == db.site)).scalar_one(), ttl)


def hold(db: SiteTables, lease: Lease) -> None:
    """Renews the lock, and keeps it ours until this transaction ends. Raises LockLost when it is not ours; one that
    expired and that nobody took is."""
    if not _change(db, lease.fence, expires=_from_now(lease.ttl)):
        raise LockLost


def free(db: SiteTables, fence: int) -> bool:
    """Gives it back, or breaks it; False when it carries another fence by now, or is free."""
    return _change(db, fence, **_FREE)


def note_run(db: SiteTables, run: int) -> None:
    """Says which run the lock is held for; after `hold`."""
    db.execute(update(db.tables.lock).where(db.tables.lock.c.name == db.site).values(run=run))


def add(db: SiteTables) -> None:
    """Makes the free lock of a site that has none yet. Raises IntegrityError when somebody was faster."""
    db.execute(db.tables.lock.insert().values(name=db.site, fence=0, **_FREE))


def read(db: SiteTables) -> Row[Any] | None:
    """The row with the database's `now`; None when the site has none yet."""
    lock = db.tables.lock
    return db.execute(select(lock, database_now().label("now")).where(lock.c.name == db.site)).one_or_none()


def holder_of(row: Row[Any] | None) -> Holder | None:
    """Who holds it; None when it is free."""
    if row is None or row.expires is None:
        return None
    host, alive = row.host.partition("/")[0], process_check.is_alive(row.host, row.pid)
    since, expires = (datetime.fromtimestamp(moment / 1000, UTC) for moment in (row.since, row.expires))
    return Holder(row.holder, host, row.pid, row.run, since, expires, row.fence, row.expires <= row.now, alive)


def _change(db: SiteTables, fence: int, **values: Any) -> bool:
    """Whether the lock is held under this fence, and was changed."""
    lock = db.tables.lock
    ours = (lock.c.name == db.site, lock.c.fence == fence, lock.c.expires.is_not(None))
    return db.execute(update(lock).where(*ours).values(**values)).rowcount == 1


def _from_now(ttl: timedelta) -> Any:
    return database_now() + ttl // timedelta(milliseconds=1)
