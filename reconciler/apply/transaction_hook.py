"""What systems write into the ledger themselves, in the transaction of an effect. Made by `cli.site_session` for a
command, opened by `session` for a run, called by the systems.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection

from reconciler.apply.ledger import Ledger, OpenRun
from reconciler.planning.changes import Step


class TransactionHook:
    """Given to systems before any run exists; once a run is open, nothing commits without its lock, and effects in the
    ledger's own database are noted in their own transaction. See `systems.system_context.TransactionHook`."""

    def __init__(self, ledger: Ledger | None, *, same_database: bool) -> None:
        self._ledger = ledger
        self._same_database = same_database
        self._run: OpenRun | None = None

    def open(self, run: OpenRun) -> None:
        """From now on effects belong to this run."""
        self._run = run

    @contextmanager
    def committing(self, connection: Connection, steps: Sequence[Step]) -> Iterator[None]:
        """Notes the steps as done on the caller's connection; in another database, holds the lock's row meanwhile."""
        if self._ledger is None or self._run is None:
            yield
        elif self._same_database:
            self._ledger.done_in(connection, self._run, steps)
            yield
        else:
            with self._ledger.held(self._run.lease):
                yield
