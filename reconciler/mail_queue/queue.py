"""The queue of one Postfix: what is in it, and having mail of it tried again. Changes are in `change`."""

from __future__ import annotations

import asyncio
import time

from reconciler.errors import PermanentFailure
from reconciler.mail_queue.read import read_queue
from reconciler.mail_queue.select import Filter, address_key
from reconciler.model.queued_mail import (
    QueuedMessage,
    QueueListing,
    QueueName,
    QueueOutcome,
    QueueResult,
    QueueRun,
    QueueVerb,
    oldest_first,
)
from reconciler.remote.concurrency import together
from reconciler.remote.host import PLAIN, Host
from reconciler.settings import Postfix
from reconciler.systems.postfix.queue_tools import QueueTools

_AT_ONCE = 8
"""Processes that tell Postfix of one message each."""


class MailQueue:
    """What the commands talk to. Nothing is kept between two calls: ids are read anew each time."""

    def __init__(self, host: Host, section: Postfix) -> None:
        self.host = host
        self.tools = QueueTools(section)

    async def read(self) -> dict[str, QueuedMessage]:
        """Every message by its id. Raises Unreadable."""
        return (await read_queue(self.host, self.tools)).messages

    async def select(self, asked: Filter) -> QueueListing:
        """The messages that are asked for, oldest first. Raises Unreadable."""
        everything, warning = await read_queue(self.host, self.tools)
        now = time.time()
        chosen = [message for message in everything.values() if asked.takes(message, now)]
        return QueueListing(
            host=self.host.name,
            read=int(now),
            messages=oldest_first(chosen),
            total=len(everything),
            warning=warning,
        )

    async def flush(self, domain: str | None) -> QueueRun:
        """Has deferred mail tried again now: all of it, or what has a recipient in the domain. Raises Unreadable, and
        PermanentFailure where Postfix was not told."""
        deferred = [m for m in (await self.read()).values() if m.queue is QueueName.DEFERRED]
        if domain is None:
            await self._told(self.tools.flush)
        else:
            deferred = [m for m in deferred if any(address_key(r.address).domain == domain for r in m.recipients)]
            await self._told_of_each(deferred)
        outcomes = tuple(QueueOutcome(message, QueueResult.ASKED) for message in oldest_first(deferred))
        return QueueRun(verb=QueueVerb.FLUSH, host=self.host.name, about=domain or "", outcomes=outcomes)

    async def _told_of_each(self, messages: list[QueuedMessage]) -> None:
        # `postqueue -s DOMAIN` knows only the domains of fast_flush_domains (facts/postfix.md 6.1)
        free = asyncio.Semaphore(_AT_ONCE)

        async def tell(message: QueuedMessage) -> None:
            async with free:
                await self._told(self.tools.retry(message.id))

        await together(tell(message) for message in messages)

    async def _told(self, argv: tuple[str, ...]) -> None:
        done = await self.host.run(argv, env=PLAIN, repeatable=True)  # trying twice is trying
        if done.status:
            said = " ".join(done.stderr.decode("utf-8", "replace").split()) or f"status {done.status}"
            raise PermanentFailure(
                f"{self.host.name}: Postfix was not told to try again: {said}",
                hint="start Postfix there; who logs in must be among authorized_flush_users in main.cf",
            )
