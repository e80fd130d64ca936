"""What a system is built from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Connection

from reconciler.model.records import Owner
from reconciler.model.secrets import Passwords
from reconciler.planning.changes import Step
from reconciler.remote.host import Hosts
from reconciler.remote.mailer import Mailer
from reconciler.settings import Settings


class TransactionHook(Protocol):
    """Lets an effect and its ledger row commit in one transaction, and nothing commit once the lock is lost."""

    def committing(self, connection: Connection, steps: Sequence[Step]) -> AbstractContextManager[None]:
        """Around the commit of a transaction, with the steps that it carries out: while the block runs nobody else can
        take the lock. In the ledger's own database they are noted as done in that transaction. Entering raises LockLost
        when this run lost its lock, and Unreadable when that is not known: then the transaction must be rolled back."""
        ...


class NoTransactionHook:
    """The transaction_hook of a command that carries nothing out."""

    @contextmanager
    def committing(self, connection: Connection, steps: Sequence[Step]) -> Iterator[None]:  # noqa: ARG002  # as in TransactionHook
        yield


class Fence(Protocol):
    """Checked before every effect outside a database transaction."""

    def effect(self, owner: Owner) -> AbstractAsyncContextManager[None]:
        """One effect for this owner, inside the block. Entering raises Halted when somebody asked to stop,
        LockLost when this run lost its lock (then nothing more may be written anywhere), and Unreadable when that is
        not known."""
        ...

    def halt(self) -> None:
        """Raises Halted when somebody asked to stop. For work in threads, before each part of it."""
        ...


class NoFence:
    """The fence of a command that carries nothing out."""

    @asynccontextmanager
    async def effect(self, owner: Owner) -> AsyncIterator[None]:  # noqa: ARG002  # the port's signature
        yield

    def halt(self) -> None:
        """See Fence."""


@dataclass(frozen=True, slots=True)
class SystemContext:
    """One site, for one run: its settings, connections to its hosts, its mail server, the passwords of this run."""

    settings: Settings
    hosts: Hosts
    mailer: Mailer
    passwords: Passwords
    transaction_hook: TransactionHook = field(default_factory=NoTransactionHook)
    fence: Fence = field(default_factory=NoFence)
