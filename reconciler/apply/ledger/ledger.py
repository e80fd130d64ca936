"""The ledger of a site: the only way to its tables. The workflow and the commands call it.

Every write begins by renewing the lock in its own transaction (`lock.hold`), so that a run which lost it writes
nothing. Public methods are coroutines that work in a thread; `done_in`, on the caller's connection, and `held` run in
the caller's. Database errors come out as LedgerUnusable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from reconciler.apply.ledger import (
    address_history,
    inventory,
    lock,
    migrations,
    prune,
    run_queries,
    run_statements,
    table_check,
    verify,
)
from reconciler.apply.ledger.connect import (
    SiteTables,
    chunks,
    explained,
    readable,
    single_read,
    snapshot,
    transaction,
    with_retries,
)
from reconciler.apply.ledger.lock import TTL, Holder, Lease, Locked, OpenRun
from reconciler.apply.ledger.run_statements import NewRun
from reconciler.apply.ledger.tables import declare
from reconciler.model.records import Owner, Records
from reconciler.planning.changes import Outcome, Result, RowId, Step
from reconciler.planning.concern import Concern
from reconciler.planning.direction import Applied
from reconciler.planning.history_check import HistoryCheck
from reconciler.planning.ledger_pruning import Pruned, PruningPlan
from reconciler.planning.ledger_state import InventoryEntry, OneShot, OpenLetter, PastRun, Remembered, RunState
from reconciler.remote.database import connect

P = ParamSpec("P")
T = TypeVar("T")

_ENTRIES = 10_000
"""Inventory entries in one transaction: the lock's row is not held for minutes."""


class Ledger:
    """What one site's runs did, own and hold."""

    def __init__(self, engine: Engine, site: str, *, clock: Callable[[], datetime], prefix: str = "") -> None:
        self.tables = declare(prefix)
        self._prefix = prefix
        self._engine = engine
        self._site = site
        self._clock = clock

    async def close(self) -> None:
        """Closes the connections."""
        await asyncio.to_thread(self._engine.dispose)

    # the tables

    async def init(self) -> None:
        """Makes the missing tables. Raises LedgerUnusable, and changes nothing, when others have their names, or they
        are of another version (of an older one: `session.upgrade`)."""
        await with_retries(table_check.create, self._engine, self.tables)

    async def begin_migration(self) -> list[Ledger]:
        """Notes that older tables are being changed, so that no run begins any more. Returns the ledgers of all sites,
        whose locks must be held meanwhile; none when there is nothing to change."""
        if not await with_retries(migrations.mark, self._engine, self.tables):
            return []
        locks = await self._read(lambda db: db.execute(select(db.tables.lock.c.name)).scalars().all())
        return [Ledger(self._engine, s, clock=self._clock, prefix=self._prefix) for s in sorted({self._site, *locks})]

    async def migrate(self) -> None:
        """Brings the tables to today's version. Safe to repeat: it goes on from the last step that was noted."""
        await with_retries(migrations.run, self._engine, self.tables)
        await self.check()

    async def check(self) -> None:
        """Raises LedgerUnusable when the tables are missing, unfinished, or of another version or shape."""
        await with_retries(table_check.check, self._engine, self.tables)

    async def exists(self) -> bool:
        """Whether any of the tables is there. Raises LedgerUnusable when nobody answers."""
        return bool(await self._read(lambda db: table_check.present(db.connection, db.tables)))

    # the lock

    async def acquire(
        self, holder: str, host: str, pid: int, ttl: timedelta = TTL, *, migrating: bool = False
    ) -> Lease:
        """Takes the lock, also one that expired or whose holder is dead on this very host; of tables of another version
        only for `migrating` them. Raises Locked, and LedgerUnusable."""
        return await with_retries(self._acquire, holder, host, pid, ttl, migrating)

    async def renew(self, lease: Lease) -> None:
        """A heartbeat: `ttl` counts from now again. Raises LockLost; and LedgerUnusable, which is worth a retry, when a
        transaction with `done_in` takes too long."""
        await self._write(lease, lambda _db: None)

    async def holds(self, lease: Lease) -> bool:
        """Whether the lock is still ours; reads only."""
        return await with_retries(self._holds, lease)

    async def release(self, lease: Lease) -> None:
        """Gives the lock back; nothing happens when it was lost."""
        await self._write(None, lock.free, lease.fence)

    async def holder(self) -> Holder | None:
        """Who holds the lock, even if it expired; None when it is free."""
        return await self._read(lambda db: lock.holder_of(lock.read(db)))

    async def break_lock(self, shown: Holder) -> bool:
        """Takes the lock from the holder that a person was shown; False when somebody else holds it by now."""
        return await self._write(None, lock.free, shown.fence)

    # runs

    async def begin(self, lease: Lease, new: NewRun) -> OpenRun:
        """Writes a new run with all its steps pending, in one transaction; runs that crashed become INTERRUPTED. Raises
        LockLost."""

        def work(db: SiteTables) -> int:
            run_statements.interrupt_running(db)
            run = run_statements.insert_run(db, new)
            lock.note_run(db, run)
            return run

        return OpenRun(await self._write(lease, work), lease, new.commit)

    async def note_uncertain(self, run: OpenRun, owners: Collection[Owner]) -> None:
        """Notes effects that a run may have had after it lost its lock, and after those of another run: as a run of its
        own, later than that one, whose passwords nobody was told. Needs no lock: nobody else writes these rows, and the
        next plan puts it right."""
        await self._write(None, run_statements.insert_uncertain, run.id, owners)

    async def before(self, run: OpenRun, steps: Sequence[Step]) -> None:
        """Notes steps as begun. Raises LockLost, and PermanentFailure when one is done already."""
        await self._write(run.lease, run_statements.begin_steps, run.id, steps)

    async def after(self, run: OpenRun, ended: Sequence[tuple[Step, Outcome]]) -> None:
        """Notes how steps ended, with the inventory in the same transaction. Safe to repeat. Raises LockLost."""
        await self._write(run.lease, run_statements.end_steps, run, ended)

    def done_in(self, connection: Connection, run: OpenRun, steps: Sequence[Step]) -> None:
        """The same for DONE, in the transaction of the effect itself, which the caller commits or rolls back.
        `connection` is to the ledger's own database and in a transaction. From here to its end the lock's row is held:
        no other method of this ledger returns meanwhile. Raises DBAPIError, and LockLost: then commit nothing."""
        db = self._on(connection)
        lock.hold(db, run.lease)
        run_statements.end_steps(db, run, [(step, Outcome(Result.DONE)) for step in steps])

    @contextmanager
    def held(self, lease: Lease) -> Iterator[None]:
        """Nobody takes or breaks the lock while the block commits in another database; whoever tries waits. In the
        caller's thread; no other method returns meanwhile. Entering raises LockLost and LedgerUnusable."""
        with explained(self._engine):
            connection = connect(self._engine)
        try:
            with explained(self._engine):
                connection.begin()
                lock.hold(self._on(connection), lease)
            yield
        finally:
            with suppress(DBAPIError):  # what the block did counts; the next write reports a lost ledger
                connection.rollback()
            connection.close()

    async def finish(self, run: OpenRun, state: RunState) -> None:
        """The run is over; steps that are still pending were not tried. Raises LockLost."""
        await self._write(run.lease, run_statements.finish_run, run.id, state)

    async def supersede(self, run: OpenRun, owners: Collection[Owner]) -> None:
        """Nothing is open for `owners` (former addresses) any more: `run` gave the accounts their passwords under other
        addresses. Raises LockLost."""
        await self._write(run.lease, run_statements.supersede, run.id, owners)

    async def missed(self, run: OpenRun, one_shots: Collection[OneShot]) -> None:
        """Notes operations whose date is over. Raises LockLost."""
        await self._write(run.lease, run_statements.insert_missed, run.id, one_shots)

    # the inventory

    async def record(self, entries: Iterable[InventoryEntry], run: OpenRun) -> None:
        """What we manage from now on, beyond what `run` did itself: adopted rows. Safe to repeat. Raises LockLost."""
        for batch in chunks(entries, _ENTRIES):
            await self._write(run.lease, inventory.record, run, batch)

    async def forget(self, keys: Collection[RowId], run: OpenRun) -> None:
        """What we do not manage any more. Raises LockLost."""
        await self._write(run.lease, inventory.forget, keys)

    async def last_applied(self, rows: Collection[RowId]) -> Mapping[RowId, Applied]:
        """What was last applied of these records, of those that are ours."""
        return await self._read(inventory.applied, rows) if rows else {}

    async def touched(self, after: int, owners: Collection[Owner]) -> frozenset[Owner]:
        """Those of the owners of whom a run after this one did something."""
        return await self._read(run_queries.touched, after, owners) if owners else frozenset()

    # history

    async def remember(
        self,
        window_hours: int,
        wanted: Mapping[str, Records] | None = None,
        numbers: Mapping[str, str] | None = None,
        aliases: Mapping[Any, object] | None = None,
        about: Concern | None = None,
    ) -> Remembered:
        """What planning asks of the past, as of one moment. `wanted` (by system) is what it wants now: of the inventory
        it gets the rest, and the bare keys of that. `numbers` are the declared member numbers by address, `aliases` the
        declared aliases. With `about` only what concerns that part."""
        since = self._clock() - timedelta(hours=window_hours)
        return await self._read(run_queries.remember, since, wanted or {}, numbers or {}, aliases or {}, about)

    async def mailboxes(self, addresses: Collection[str]) -> Mapping[RowId, InventoryEntry]:
        """What is kept of mailboxes at these addresses, of those that are ours."""
        return await self._read(inventory.mailboxes, addresses) if addresses else {}

    async def made(self, addresses: Collection[str]) -> Mapping[str, datetime]:
        """When we made these mailboxes, in UTC; those that were there before us are left out."""
        return await self._read(run_queries.made, addresses) if addresses else {}

    async def used(self, digest: str) -> PastRun | None:
        """The latest run that carried out this plan."""
        return await self._read(run_queries.used, digest)

    async def first_of(self, commit: str) -> int:
        """The number of the first run of this commit; 0 when there was none."""
        return await self._read(run_queries.first_of, commit)

    async def left_open(self) -> PastRun | None:
        """The latest run, with its steps, when it did not end as DONE."""
        latest = await self.history(1)
        return await self.run(latest[0].id) if latest and latest[0].state is not RunState.DONE else None

    async def half_way(self) -> frozenset[Owner]:
        """Owners whom a run left with an effect undone that no system can show: a password, a letter."""
        return frozenset(await self._read(run_queries.unseen))

    async def open_letters(self) -> list[OpenLetter]:
        """Letters that are owed, or may not have arrived."""
        return await self._read(run_queries.open_letters)

    async def history(self, limit: int) -> list[PastRun]:
        """The latest runs, newest first, without their steps."""
        return await self._read(run_queries.runs, limit)

    async def of_address(self, asked: str, limit: int) -> list[PastRun]:
        """The latest runs that touched an address, a local part or a block, with their steps about it."""
        return await self._read(address_history.of_address, asked, limit)

    async def run(self, number: int) -> PastRun | None:
        """One run with all its steps; None when the site has no such run."""
        return await self._read(run_queries.one_run, number)

    async def plan_document(self, number: int) -> str:
        """The plan of a run, as it was saved; empty when there is none."""
        return await self._read(run_queries.document, number)

    async def verify(self, noted: str | None = None) -> HistoryCheck:
        """Whether history is as it was written; `noted` is the hash of a head that was noted elsewhere."""
        return await self._read(verify.verify, noted)

    # pruning

    async def look_for_old(self, before: datetime) -> PruningPlan:
        """What `prune` would take out of the runs that ended before then."""
        return await self._read(prune.look, before)

    async def prune(self, lease: Lease, before: datetime) -> Pruned:
        """Takes it out, some runs in one transaction, oldest first. Dying in between is no harm: again, it goes on.
        Raises LockLost, and LedgerUnusable."""
        gone = Pruned()
        for runs in await self._read(prune.batches, before):
            gone += await self._write(lease, prune.prune, runs)
        return gone + await self._write(lease, prune.forget_people, before)

    # threads and transactions

    def _on(self, connection: Connection) -> SiteTables:
        return SiteTables(connection, self.tables, self._site, self._clock)

    async def _read(self, work: Callable[Concatenate[SiteTables, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        def read() -> T:
            with readable(), snapshot(self._engine) as connection:
                return work(self._on(connection), *args, **kwargs)

        return await with_retries(read)

    async def _write(
        self, lease: Lease | None, work: Callable[Concatenate[SiteTables, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Without a lease, what needs no lock."""

        def write() -> T:
            with transaction(self._engine) as connection:
                db = self._on(connection)
                if lease is not None:
                    lock.hold(db, lease)
                return work(db, *args, **kwargs)

        return await with_retries(write)

    def _acquire(self, holder: str, host: str, pid: int, ttl: timedelta, migrating: bool) -> Lease:
        dead: Holder | None = None
        while True:  # again when others took or freed it in between
            with readable(), transaction(self._engine) as connection:
                db = self._on(connection)
                lease = lock.take(db, ttl, holder, host, pid)
                row = lock.read(db)
                if lease is not None and not migrating:  # the tables may have been migrated since this run checked them
                    table_check.refuse_other_version(migrations.read_version(connection, self.tables))
            if lease is not None:
                return lease._replace(after=dead)
            with readable():
                found = lock.holder_of(row)
            if found is not None and not found.expired:
                if found.alive is not False:
                    raise Locked(found)
                with transaction(self._engine) as connection:
                    dead = found if lock.free(self._on(connection), found.fence) else None
            if row is None:
                # another run may have added it a moment earlier
                with explained(self._engine), suppress(IntegrityError), self._engine.begin() as connection:
                    lock.add(self._on(connection))

    def _holds(self, lease: Lease) -> bool:
        with readable(), single_read(self._engine) as connection:
            row = lock.read(self._on(connection))
        return row is not None and row.fence == lease.fence and row.expires is not None
