"""`reconciler queue …`: looks at Postfix' queue, shows, asks, changes it, says what became of each message."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reconciler.cli.exit_status import Status, worst
from reconciler.cli.formats import Format
from reconciler.cli.queue_formats import queue_writers
from reconciler.cli.site_session import site_hosts
from reconciler.cli.streams import say, write, write_beside
from reconciler.cli.terminal import confirmed
from reconciler.declared.site_file.load import load_site
from reconciler.errors import UsageError
from reconciler.mail_queue.change import carry_out, check_rights, concerned
from reconciler.mail_queue.queue import MailQueue
from reconciler.mail_queue.select import NULL, AddressKey, Filter, asked_address, asked_age, asked_domain
from reconciler.model.queued_mail import QueueName, QueueResult, QueueRun, QueueVerb
from reconciler.report.queue_view import question

if TYPE_CHECKING:
    from reconciler.declared.write.edit import Edit
    from reconciler.settings import Settings


class Asked(NamedTuple):
    """What `queue list` was asked for, as it was typed."""

    sender: str | None
    domain: str | None
    recipient: str | None
    queues: Sequence[str]
    older: str | None

    def filter(self) -> Filter:
        """Raises UsageError."""
        return Filter(
            sender=asked_address(self.sender) if self.sender is not None else None,
            domain=asked_domain(self.domain) if self.domain is not None else None,
            recipient=asked_address(self.recipient) if self.recipient is not None else None,
            queues=[QueueName(each) for each in self.queues],
            older=asked_age(self.older) if self.older is not None else None,
        )


class Block(NamedTuple):
    """What `queue delete --block` was asked for."""

    wanted: bool
    reason: str | None
    state: Path | None
    commit: bool


NO_BLOCK = Block(wanted=False, reason=None, state=None, commit=False)


async def show_list(site: Path | None, output: Format, asked: Asked) -> Status:
    """Lists what is asked for."""
    chosen = asked.filter()
    async with _opened(site) as queue:
        write(queue_writers(output).listing(await queue.select(chosen)))
    return Status.DONE


async def show_one(queue_id: str, site: Path | None, output: Format) -> Status:
    """Shows one message. Raises UsageError when it is not there."""
    async with _opened(site) as queue:
        listing = await queue.select(Filter())
    found = tuple(message for message in listing.messages if message.id == queue_id)
    if not found:
        hint = "it was delivered, returned or deleted, or has another id by now: reconciler queue list"
        raise UsageError(f"there is no message {queue_id!r} in the queue of {listing.host}", hint=hint)
    write(queue_writers(output).listing(replace(listing, messages=found), verbose=True))
    return Status.DONE


async def flush(domain: str | None, site: Path | None, output: Format) -> Status:
    """Has deferred mail tried again."""
    asked = asked_domain(domain) if domain is not None else None
    async with _opened(site) as queue:
        write(queue_writers(output).run(await queue.flush(asked)))
    return Status.DONE


async def change(
    word: str, sender: str, site: Path | None, output: Format, *, yes: bool, block: Block = NO_BLOCK
) -> Status:
    """Holds, releases or deletes the mail of a sender. Raises UsageError where nobody can be asked."""
    verb, key = QueueVerb(word), asked_address(sender)
    _refuse_block(block, key, output)
    async with _opened(site) as queue:
        listing = await queue.select(Filter(sender=key))
        shown = concerned(verb, listing.messages, key)
        done = QueueRun(verb=verb, host=listing.host, about=sender, outcomes=())
        if block.wanted and not shown:  # Postfix refuses what comes next all the same
            _write_block(block, key, site)
        if shown:
            await check_rights(queue, verb)
            listing = replace(listing, messages=shown)
            beside = Format.TEXT if output is Format.JSON else output
            (write_beside if output is Format.JSON else write)(queue_writers(beside).listing(listing))
            if not yes and not sys.stdin.isatty():
                hint = f"look at the list, then run: reconciler queue {word} --sender {shlex.quote(sender)} --yes"
                raise UsageError("confirmation needs a terminal", hint=hint)
            if not yes and not await confirmed(question(verb, shown, sender)):
                say("nothing was changed")
                return Status.DONE
            if block.wanted:  # first, as what cannot be blocked sends more
                _write_block(block, key, site)
            with _stoppable():
                done = await carry_out(queue, verb, key, shown, sender)
    write(queue_writers(output).run(done))
    left = Status.PARTLY if done.counts[QueueResult.LEFT] else Status.DONE
    return worst(left, Status.PENDING if done.newer else Status.DONE)


def _refuse_block(block: Block, sender: AddressKey, output: Format) -> None:
    """Before anything is shown. Raises UsageError."""
    if not block.wanted:
        if block.reason is not None or block.commit:
            raise UsageError(
                "--reason and --commit are about the block of --block", hint="add --block, or leave them out"
            )
        return
    if block.reason is None:
        raise UsageError("a block needs a reason", hint="add: --reason 'WHY'")
    if sender == NULL:
        raise UsageError("bounces cannot be blocked", hint="leave out --block: `<>` is the sender of every bounce")
    if output is Format.JSON:
        hint = "leave out --block, and run: reconciler add block SENDER --reason WHY"
        raise UsageError("--block shows what it changes in the state, which is no JSON", hint=hint)


def _write_block(block: Block, sender: AddressKey, site: Path | None) -> None:
    """Adds the entry to the state, as `add block` does. Raises UsageError, InvalidInput; nothing was deleted then."""
    from reconciler.cli.edit import Done, edit_state
    from reconciler.cli.edit_changes import add_block

    address = f"{sender.local}@{sender.domain}"

    def add(edit: Edit, settings: Settings) -> Done:
        declared = edit.state.sender_blocks.get(address)
        if declared is not None and not declared.expired(edit.state.today):
            return Done(f"{address} is blocked already", frozenset())
        return add_block(edit, settings, address, reason=block.reason or "", expires=None)

    edit_state(site, block.state, add, reason=None, commit=block.commit)


@asynccontextmanager
async def _opened(site: Path | None) -> AsyncIterator[MailQueue]:
    """The queue of the site's Postfix. Raises UsageError when it has none."""
    settings = load_site(site)
    if settings.postfix is None:
        hint = "write `postfix: {host: …, sender_access: …}` in the site file (docs/site-file.md)"
        raise UsageError("the site file has no `postfix` section, which says where the queue is", hint=hint)
    if settings.as_planner or settings.reads_only(settings.postfix.host):
        hint = "use the login that applies: the queue says who writes to whom, which no plan needs (docs/remote.md)"
        raise UsageError("the planner, who only reads, does not see the queue", hint=hint)
    hosts = site_hosts(settings)
    try:
        yield MailQueue(hosts.get(settings.postfix.host), settings.postfix)
    finally:
        await hosts.close()


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does: it says what it leaves on hold."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
