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
from reconciler.remote.hosts import SiteHosts
from reconciler.remote.mailer import Mailer
from reconciler.settings import Settings


class Fence(Protocol):
    """Checked before every effect: nothing is written once the lock is lost, and nothing is begun once somebody asked
    to stop. Entering raises LockLost when this run lost its lock (then nothing more may be written anywhere), and
    Unreadable when that is not known."""

    def effect(self, owner: Owner) -> AbstractAsyncContextManager[None]:
        """Around one effect for this owner outside a database transaction. Entering also raises Halted."""
        ...

    def halt(self) -> None:
        """Raises Halted when somebody asked to stop. For work in threads, before each part of it."""
        ...

    def committing(self, connection: Connection, steps: Sequence[Step]) -> AbstractContextManager[None]:
        """Around the commit of a transaction, with the steps that it carries out: while the block runs nobody else can
        take the lock. In the ledger's own database they are noted as done in that transaction. When entering raises,
        the transaction must be rolled back."""
        ...


class NoFence:
    """The fence of a command that carries nothing out."""

    @asynccontextmanager
    async def effect(self, owner: Owner) -> AsyncIterator[None]:  # noqa: ARG002  # as in Fence
        yield

    def halt(self) -> None:
        """See Fence."""

    @contextmanager
    def committing(self, connection: Connection, steps: Sequence[Step]) -> Iterator[None]:  # noqa: ARG002  # as in Fence
        yield


@dataclass(frozen=True, slots=True)
class SystemContext:
    """One site, for one run: its settings, connections to its hosts, its mail server, the passwords of this run."""

    settings: Settings
    hosts: SiteHosts
    mailer: Mailer
    passwords: Passwords
    fence: Fence = field(default_factory=NoFence)
