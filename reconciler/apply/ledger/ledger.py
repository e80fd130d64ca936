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
from itertools import islice
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from reconciler.apply.ledger import (
    address_history,
    inventory,
    lock,
    migrations,
    run_queries,
    run_statements,
    table_check,
)
from reconciler.apply.ledger.connect import explained, glance, patiently, snapshot, transaction
from reconciler.apply.ledger.inventory import Source
from reconciler.apply.ledger.lock import TTL, Holder, Lease, Locked
from reconciler.apply.ledger.run_rows import NewRun
from reconciler.apply.ledger.run_statements import OpenRun
from reconciler.apply.ledger.tables import LedgerTables, declare
from reconciler.model.records import Owner, Records
from reconciler.model.source_places import Place
from reconciler.planning.changes import Outcome, Result, Step
from reconciler.planning.ledger_state import (
    Effect,
    InventoryEntry,
    InventoryKey,
    OneShot,
    PastRun,
    Remembered,
    RunState,
)
from reconciler.remote.database import connect

P = ParamSpec("P")
T = TypeVar("T")

_ENTRIES = 10_000
"""Inventory entries in one transaction: the lock's row is not held for minutes."""


class Ledger:
    """What one site's runs did, own and hold."""

    def __init__(self, engine: Engine, site: str, *, clock: Callable[[], datetime], prefix: str = "") -> None:
        self.tables: LedgerTables = declare(prefix)
        self._prefix = prefix
        self._engine = engine
        self._site = site
        self._clock = clock

    async def close(self) -> None:
        """Lets the connections go."""
        await asyncio.to_thread(self._engine.dispose)

    # the tables

    async def init(self) -> bool:
        """Makes the missing tables. False when they are of an older version: see `session.bring_up_to_date`. Raises
        LedgerUnusable, and changes nothing, when others have their names."""
        return await patiently(table_check.create, self._engine, self.tables)

    async def begin_migration(self) -> list[Ledger]:
        """Notes that older tables are being changed, so that no run begins any more. The ledgers of all sites, whose
        locks must be held meanwhile; none when there is nothing to change."""
        if not await patiently(migrations.mark, self._engine, self.tables):
            return []
        sites = {self._site, *await self._read(lambda c, tables: list(c.execute(select(tables.lock.c.name)).scalars()))}
        return [Ledger(self._engine, site, clock=self._clock, prefix=self._prefix) for site in sorted(sites)]

    async def migrate(self) -> None:
        """Brings the tables to today's version. Whoever dies here, or does it a second time, begins where it stands."""
        await patiently(migrations.run, self._engine, self.tables)
        await self.check()

    async def check(self) -> None:
        """Raises LedgerUnusable when the tables are missing, unfinished, or of another version or shape."""
        await patiently(table_check.check, self._engine, self.tables)

    async def exists(self) -> bool:
        """Whether any of the tables is there. Raises LedgerUnusable when nobody answers."""
        return bool(await self._read(table_check.present))

    # the lock

    async def acquire(
        self, holder: str, host: str, pid: int, run: int | None = None, ttl: timedelta = TTL, *, migrating: bool = False
    ) -> Lease:
        """Takes the lock, also one that expired or whose holder is dead on this very host; of tables of another version
        only for `migrating` them. Raises Locked, and LedgerUnusable."""
        return await patiently(self._acquire, holder, host, pid, run, ttl, migrating)

    async def renew(self, lease: Lease) -> None:
        """A heartbeat: `ttl` counts from now again. Raises LockLost.

        Waits while a transaction with `done_in` is open; LedgerUnusable, when that takes too long, is worth a retry.
        """
        await self._write(lease, lambda _connection: None)

    async def holds(self, lease: Lease) -> bool:
        """Whether the lock is still ours; only looks."""
        return await patiently(self._holds, lease)

    async def release(self, lease: Lease) -> None:
        """Gives the lock back; nothing happens when it was lost."""
        await patiently(self._free, lease.fence)

    async def holder(self) -> Holder | None:
        """Who holds the lock, even if it expired; None when it is free."""
        return await patiently(self._holder)

    async def break_lock(self, shown: Holder) -> bool:
        """Takes the lock from the holder that a person was shown; False when somebody else holds it by now."""
        return await patiently(self._free, shown.fence)

    # runs

    async def begin(
        self,
        lease: Lease,
        plan_document: str,
        digest: str,
        commit: str,
        who: str,
        host: str,
        pid: int,
        steps: Sequence[Step],
        places: Mapping[Owner, Place],
        *,
        counted: Mapping[Owner, Effect],
        one_shots: Mapping[str, OneShot] | None = None,
    ) -> OpenRun:
        """Writes a new run with all its steps pending, in one transaction. Raises LockLost.

        `counted` says what the transition of each owner counts as;
        `one_shots` which steps (by id) carry out which operation. Runs that crashed become INTERRUPTED.
        """
        new = NewRun(plan_document, digest, commit, who, host, pid, steps, places, counted, one_shots or {})

        def work(connection: Connection) -> int:
            run_statements.leave_behind(connection, self.tables, self._site, self._clock())
            run = run_statements.insert_run(connection, self.tables, self._site, new, self._clock())
            lock.note_run(connection, self.tables.lock, self._site, run)
            return run

        return OpenRun(await self._write(lease, work), lease, commit)

    async def note_uncertain(self, run: OpenRun, owners: Collection[Owner]) -> None:
        """A run that lost its lock may have told other systems something about these owners after another run did: it
        counts as a run of its own, later than that one, whose passwords nobody was told. Needs no lock: nobody else
        writes these rows, and the next plan puts it right."""
        await patiently(self._note_uncertain, run, owners)

    async def before(self, run: OpenRun, steps: Sequence[Step]) -> None:
        """These are begun now. Raises LockLost, and PermanentFailure when one is done already."""
        await self._write(run.lease, lambda c: run_statements.begin_steps(c, self.tables, run.id, steps, self._clock()))

    async def after(self, run: OpenRun, ended: Sequence[tuple[Step, Outcome]]) -> None:
        """How these ended; the inventory follows in the same transaction. Safe to repeat. Raises LockLost."""
        await self._write(
            run.lease, lambda c: run_statements.end_steps(c, self.tables, self._source(run), ended, self._clock())
        )

    def done_in(self, connection: Connection, run: OpenRun, steps: Sequence[Step]) -> None:
        """The same for DONE, in the transaction of the effect itself, which the caller commits or rolls back.
        `connection` is to the ledger's own database and in a transaction. From here to its end the lock's row is held:
        no other method of this ledger returns meanwhile. Raises DBAPIError, and LockLost: then commit nothing."""
        lock.hold(connection, self.tables.lock, self._site, run.lease)
        ended = [(step, Outcome(Result.DONE)) for step in steps]
        run_statements.end_steps(connection, self.tables, self._source(run), ended, self._clock())

    @contextmanager
    def held(self, lease: Lease) -> Iterator[None]:
        """Nobody takes or breaks the lock while the block commits in another database; whoever tries waits. In the
        caller's thread; no other method returns meanwhile. Entering raises LockLost and LedgerUnusable."""
        with explained(self._engine):
            connection = connect(self._engine)
        try:
            with explained(self._engine):
                connection.begin()
                lock.hold(connection, self.tables.lock, self._site, lease)
            yield
        finally:
            with suppress(DBAPIError):  # what the block did counts; the next write says that the ledger is gone
                connection.rollback()
            connection.close()

    async def finish(self, run: OpenRun, state: RunState) -> None:
        """The run is over; steps that are still pending were not tried. Raises LockLost."""
        await self._write(run.lease, lambda c: run_statements.finish_run(c, self.tables, run.id, state, self._clock()))

    async def supersede(self, run: OpenRun, owners: Collection[Owner]) -> None:
        """`run` has told the accounts their passwords under other addresses: nothing is open for `owners` (the former
        ones) any more. Raises LockLost."""
        await self._write(run.lease, lambda c: run_statements.supersede(c, self.tables, self._site, run.id, owners))

    async def missed(self, run: OpenRun, one_shots: Collection[OneShot]) -> None:
        """Notes operations whose date is over. Raises LockLost."""
        await self._write(run.lease, lambda c: run_statements.insert_missed(c, self.tables, run.id, one_shots))

    # the inventory

    async def record(self, entries: Iterable[InventoryEntry], run: OpenRun) -> None:
        """What we manage from now on, beyond what `run` did itself: adopted rows. Safe to repeat. Raises LockLost."""
        walk = iter(entries)
        while batch := list(islice(walk, _ENTRIES)):
            await self._write(run.lease, self._recording(batch, run))

    async def forget(self, keys: Collection[InventoryKey], run: OpenRun) -> None:
        """What we do not manage any more. Raises LockLost."""
        await self._write(run.lease, lambda c: inventory.forget(c, self.tables, self._site, keys))

    async def inventory(self) -> Mapping[InventoryKey, InventoryEntry]:
        """Everything that we manage."""
        return await self._read(inventory.whole, self._site)

    # looking back

    async def remember(
        self,
        window_hours: int,
        wanted: Mapping[str, Records] | None = None,
        numbers: Mapping[str, str] | None = None,
    ) -> Remembered:
        """What planning asks of the past, as of one moment. `wanted` (by system) is what it wants now: of the inventory
        it gets the rest, and the bare keys of that. `numbers` are the declared member numbers by address_history."""
        since = self._clock() - timedelta(hours=window_hours)
        return await self._read(run_queries.remember, self._site, since, wanted or {}, numbers or {})

    async def made(self, addresses: Collection[str]) -> Mapping[str, datetime]:
        """When we made these mailboxes, in UTC; those that were there before us are left out."""
        return await self._read(run_queries.made, self._site, addresses) if addresses else {}

    async def used(self, digest: str) -> PastRun | None:
        """The latest run that carried out this plan."""
        runs = self.tables.runs
        query = select(runs).where(runs.c.site == self._site, runs.c.digest == digest).order_by(runs.c.id.desc())
        found = await self._read(run_queries.runs, query.limit(1))
        return found[0] if found else None

    async def left_open(self) -> PastRun | None:
        """The latest run, with its steps, when it did not end as DONE."""
        latest = await self.history(1)
        return await self.run(latest[0].id) if latest and latest[0].state is not RunState.DONE else None

    async def half_way(self) -> frozenset[Owner]:
        """Whoever any run left with an effect undone that no system can show: a password, a letter."""
        return frozenset(await self._read(run_queries.unseen, self._site))

    async def history(self, limit: int) -> list[PastRun]:
        """The latest runs, newest first, without their steps."""
        runs = self.tables.runs
        query = select(runs).where(runs.c.site == self._site).order_by(runs.c.id.desc()).limit(limit)
        return await self._read(run_queries.runs, query)

    async def of_address(self, asked: str, limit: int) -> list[PastRun]:
        """The latest runs that touched an address_history, a local part or a block, with their steps about it."""
        return await self._read(address_history.of_address, self._site, asked, limit)

    async def run(self, number: int) -> PastRun | None:
        """One run with all its steps; None when the site has no such run."""
        return await self._read(run_queries.one_run, self._site, number)

    async def plan_document(self, number: int) -> str:
        """The plan of a run, as it was saved; empty when there is none."""
        return await self._read(run_queries.document, self._site, number)

    # threads and transactions

    async def _read(
        self, work: Callable[Concatenate[Connection, LedgerTables, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        def read() -> T:
            with snapshot(self._engine) as connection:
                return work(connection, self.tables, *args, **kwargs)

        return await patiently(read)

    async def _write(self, lease: Lease, work: Callable[[Connection], T]) -> T:
        def write() -> T:
            with transaction(self._engine) as connection:
                lock.hold(connection, self.tables.lock, self._site, lease)
                return work(connection)

        return await patiently(write)

    def _acquire(self, holder: str, host: str, pid: int, run: int | None, ttl: timedelta, migrating: bool) -> Lease:
        dead: Holder | None = None
        while True:  # every turn but the last means that somebody else took or freed it in between
            with transaction(self._engine) as connection:
                lease = lock.take(connection, self.tables.lock, self._site, ttl, holder, host, pid, run)
                row = lock.read(connection, self.tables.lock, self._site)
                if lease is not None and not migrating:  # they may have changed since this run looked at them
                    table_check.refuse_other_version(migrations.read_version(connection, self.tables))
            if lease is not None:
                return lease._replace(after=dead)
            found = lock.holder_of(row)
            if found is not None and not found.expired:
                if found.alive is not False:
                    raise Locked(found)
                dead = found if self._free(found.fence) else None
            if row is None:
                self._add_lock()

    def _note_uncertain(self, run: OpenRun, owners: Collection[Owner]) -> None:
        with transaction(self._engine) as connection:
            run_statements.insert_uncertain(connection, self.tables, run.id, owners, self._clock())

    def _add_lock(self) -> None:
        # somebody else's, a moment earlier, is as good
        with explained(self._engine), suppress(IntegrityError), self._engine.begin() as connection:
            lock.add(connection, self.tables.lock, self._site)

    def _holds(self, lease: Lease) -> bool:
        with glance(self._engine) as connection:
            row = lock.read(connection, self.tables.lock, self._site)
        return row is not None and row.fence == lease.fence and row.expires is not None

    def _free(self, fence: int) -> bool:
        with transaction(self._engine) as connection:
            return lock.free(connection, self.tables.lock, self._site, fence)

    def _holder(self) -> Holder | None:
        with snapshot(self._engine) as connection:
            return lock.holder_of(lock.read(connection, self.tables.lock, self._site))

    def _source(self, run: OpenRun) -> Source:
        return Source(self._site, run.id, run.commit)

    def _recording(self, batch: Sequence[InventoryEntry], run: OpenRun) -> Callable[[Connection], None]:
        return lambda c: inventory.record(c, self.tables, self._source(run), batch, self._clock())
