"""Carries steps out: accounts in chunks, a chunk in one transaction, so that a reader sees an account whole or not.

Rows are read again under a lock and compared with what the plan was made from (facts/postfixadmin.md 13.17, 14 and
16.4). The number of statements is the same however many accounts a chunk has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext

from pydantic import SecretStr
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from reconciler.errors import Halted, Unreadable
from reconciler.model.records import AliasRow, MailboxRow, PasswordRow
from reconciler.planning.changes import Action, Outcome, Result, Step
from reconciler.remote.database_errors import is_about_one_row, is_temporary, server_text
from reconciler.settings import PostfixAdmin
from reconciler.systems.postfixadmin import observe
from reconciler.systems.postfixadmin.connect import Database, unreadable
from reconciler.systems.postfixadmin.observe import CHUNK, FreshRows
from reconciler.systems.postfixadmin.password_hashes import hash_all
from reconciler.systems.postfixadmin.stored_values import Spellings, odd_spellings
from reconciler.systems.postfixadmin.transaction_rows import (
    AccountSteps,
    Batch,
    LockedRows,
    Outcomes,
    applied_in,
    by_account,
    domains_of,
    rows_of,
)
from reconciler.systems.postfixadmin.write_statements import RowsChanged, write
from reconciler.systems.system_context import SystemContext

_CHARACTERS = 250_000
"""Of alias targets in one statement: there it stands twice (new and old) beside a few bytes a row."""


class Writer:
    """Writes the steps of one batch. Made for each batch: it holds the hashes and spellings of this one."""

    def __init__(self, database: Database, section: PostfixAdmin, context: SystemContext) -> None:
        self._database = database
        self._tables = database.tables
        self._section = section
        self._passwords = context.passwords
        self._fence = context.fence
        self._spellings: Spellings = {}
        self._hashes: dict[str, str] = {}

    def perform(self, steps: Sequence[Step]) -> list[Outcome]:
        """One outcome a step, in order. Raises Unreadable when the tables cannot be looked at, and LockLost when this
        run may write nothing any more: what is not committed is rolled back."""
        try:  # hashing is slow, and others wait for our locks
            self._hashes = hash_all(self._section.password_scheme, self._needed_passwords(steps), self._fence.halt)
        except Halted as error:
            return [Outcome.of(error)] * len(steps)
        with self._database.look() as connection:
            self._spellings = odd_spellings(connection, self._tables)
        outcomes: Outcomes = {}
        for part in _chunks(by_account(steps)):
            outcomes |= self._chunk(part)
        return [outcomes[step.id] for step in steps]

    def _needed_passwords(self, steps: Sequence[Step]) -> dict[str, SecretStr]:
        needed = {}
        for step in steps:
            row = step.change.after
            if isinstance(row, PasswordRow) or (isinstance(row, MailboxRow) and step.change.action is Action.CREATE):
                needed[row.key] = self._passwords.of(row.account)
        return needed

    def _chunk(self, part: Sequence[AccountSteps]) -> Outcomes:
        """One transaction; when a row is refused, two halves, so that one bad account does not stop the others."""
        try:
            self._fence.halt()
            return self._transaction(part)
        except Halted as error:
            failure, divisible = Outcome.of(error), False
        except Unreadable as error:  # no transaction can be begun, or nobody can tell whose the lock is
            failure, divisible = Outcome.of(error), False
        except RowsChanged as error:
            failure, divisible = Outcome.lost_race(error.message, error.hint), True
        except DBAPIError as error:
            failure, divisible = _failure(error, self._database.target), is_about_one_row(error)
        if divisible and len(part) > 1:
            middle = len(part) // 2
            return self._chunk(part[:middle]) | self._chunk(part[middle:])
        return {step.id: failure for account in part for step in account}

    def _transaction(self, part: Sequence[AccountSteps]) -> Outcomes:
        with self._database.transaction() as connection:
            batch = Batch(self._locked_rows(connection, part), self._section, self._hashes)
            for account in part:
                batch.add(account)
            write(connection, self._tables, batch.writes)
            done = [s for account in part for s in account if batch.outcomes[s.id].result is Result.DONE]
            with self._fence.committing(connection, done) if done else nullcontext():
                try:
                    connection.commit()
                except DBAPIError as error:
                    broken = error
                else:
                    return batch.outcomes
        # only the tables show on which side of the commit the connection broke
        return self._settled(part, batch.outcomes, broken)

    def _locked_rows(self, connection: Connection, part: Sequence[AccountSteps]) -> LockedRows:
        steps = [step for account in part for step in account]
        found = self._rows(connection, steps, lock=True)
        domains = {domain for step in steps for domain in domains_of(step.change)}
        days = observe.password_days(connection, self._tables, domains)
        return LockedRows(found, days, observe.database_clock(connection))

    def _settled(self, part: Sequence[AccountSteps], planned: Outcomes, broken: DBAPIError) -> Outcomes:
        """The outcomes after a broken commit, by a fresh read."""
        steps = [step for account in part for step in account if planned[step.id].result is Result.DONE]
        reason = unreadable(broken, self._database.target)
        message = f"nothing of the transaction was written when it was to be committed: {reason.message}"
        nothing = Outcome(Result.FAILED, message, reason.hint, temporary=is_temporary(broken))
        with self._database.look() as connection:
            found = self._rows(connection, steps)
            keys = [step.change.key for step in steps if isinstance(step.change.row, PasswordRow)]
            stored = observe.stored_passwords(connection, self._tables, keys)
        there = {s.id for s in steps if s.readable and applied_in(found, s)}
        there |= {s.id for s in steps if not s.readable and stored.get(s.change.key) == self._hashes[s.change.key]}
        return planned | {s.id: nothing for s in steps if s.id not in there}

    def _rows(self, connection: Connection, steps: Sequence[Step], *, lock: bool = False) -> FreshRows:
        keys, multiplier = {key for step in steps for key in rows_of(step)}, self._section.quota_multiplier
        return observe.rows(connection, self._tables, keys, self._spellings, multiplier, lock=lock)


def _chunks(everybody: Sequence[AccountSteps]) -> Iterator[list[AccountSteps]]:
    """What one transaction writes: as many accounts as fit into statements of `LEAST_PACKET` bytes."""
    chunk: list[AccountSteps] = []
    characters = 0
    for account in everybody:
        more = sum(map(_characters, account))
        if chunk and (len(chunk) == CHUNK or characters + more > _CHARACTERS):
            yield chunk
            chunk, characters = [], 0
        chunk.append(account)
        characters += more
    if chunk:
        yield chunk


def _characters(step: Step) -> int:
    """Of the targets that a statement holds, as they are and as they are to be; the rest of a row is short."""
    rows = (step.change.before, step.change.after)
    return sum(len(target) + 1 for row in rows if isinstance(row, AliasRow) for target in row.goto)


def is_applied(database: Database, section: PostfixAdmin, steps: Sequence[Step]) -> list[bool]:
    """Whether each effect is in place, by a fresh read; passwords and mails never are. Raises Unreadable."""
    readable = [step for step in steps if step.readable]
    if not readable:
        return [False] * len(steps)
    with database.look() as connection:
        spellings = odd_spellings(connection, database.tables)
        keys = {key for step in readable for key in rows_of(step)}
        found = observe.rows(connection, database.tables, keys, spellings, section.quota_multiplier)
    return [step.readable and applied_in(found, step) for step in steps]


def _failure(error: DBAPIError, target: str) -> Outcome:
    if is_about_one_row(error):
        return Outcome(Result.FAILED, server_text(error), "run `reconciler plan` again, and correct what is declared")
    explained = unreadable(error, target)
    return Outcome(Result.FAILED, explained.message, explained.hint, temporary=is_temporary(error))
