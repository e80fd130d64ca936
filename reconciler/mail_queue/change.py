"""Holding, releasing and deleting mail of one sender (facts/postfix.md 6.5). Called by the command, after its question.

Postfix uses short ids again, at once, and answers `removed` and `placed on hold` for whatever has the id by then. So
nothing is deleted by an id that was listed. What was shown is put on hold; Postfix does not touch what is on hold, so
from then on the id is of that message; then the queue is looked at again, and only what is on hold and is the message
that was shown is deleted. A message of somebody else that was put on hold by its id is released at once.

A run that dies in the middle leaves mail on hold: nothing is lost, nothing is delivered.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from reconciler.errors import PermanentFailure, ReconcilerError, Unreadable
from reconciler.mail_queue.queue import MailQueue
from reconciler.mail_queue.read import PATIENCE
from reconciler.mail_queue.select import AddressKey, address_key
from reconciler.model.queued_mail import (
    QueuedMessage,
    QueueName,
    QueueOutcome,
    QueueResult,
    QueueRun,
    QueueVerb,
    oldest_first,
)
from reconciler.remote.host import PLAIN
from reconciler.systems.postfix.tools import sudoers_line

Queue = Mapping[str, QueuedMessage]

_DONE = re.compile(r"postsuper: ([0-9A-Za-z_]+): (?:placed on hold|released from hold|removed)")
"""postsuper ends with status 0 whatever it did not do; it says what it did (facts/postfix.md 6.2)."""

_ROUNDS = 3
"""A listing may miss what moves while it is made, and postsuper, too: both are asked again."""

NEEDS = {
    QueueVerb.HOLD: (QueueVerb.HOLD, QueueVerb.RELEASE),  # what has another's id is released
    QueueVerb.RELEASE: (QueueVerb.RELEASE,),
    QueueVerb.DELETE: (QueueVerb.HOLD, QueueVerb.RELEASE, QueueVerb.DELETE),
}
"""What each command has to be allowed."""


def concerned(verb: QueueVerb, queue: Iterable[QueuedMessage], sender: AddressKey) -> tuple[QueuedMessage, ...]:
    """The messages of this sender that the verb is about, oldest first."""
    of_sender = (message for message in queue if address_key(message.sender) == sender)
    match verb:
        case QueueVerb.HOLD:
            return oldest_first([message for message in of_sender if message.queue is not QueueName.HOLD])
        case QueueVerb.RELEASE:
            return oldest_first([message for message in of_sender if message.queue is QueueName.HOLD])
        case _:
            return oldest_first(list(of_sender))


async def check_rights(queue: MailQueue, verb: QueueVerb) -> None:
    """Calls each command that the verb needs with no id at all, which changes nothing. Raises Unreadable with the line
    that sudoers lacks."""
    for needed in NEEDS[verb]:
        done = await queue.host.run(queue.tools.as_root(needed), env=PLAIN, repeatable=True)
        if done.status:
            said = " ".join(done.stderr.decode("utf-8", "replace").split()) or f"status {done.status}"
            argv = queue.tools.privileged[needed]
            hint = f"allow exactly this in /etc/sudoers.d/reconciler: {sudoers_line(argv)}"
            if not queue.tools.uses_sudo:
                hint = "log in as root there, or write `privilege: sudo` in the site file (docs/queue.md)"
            raise Unreadable(f"{queue.host.name}: {' '.join(argv)} is not allowed or fails: {said}", hint=hint)


async def carry_out(
    queue: MailQueue, verb: QueueVerb, sender: AddressKey, shown: Sequence[QueuedMessage], about: str
) -> QueueRun:
    """Does it to the messages that were shown, as far as they are still there, and to no other; `about` is the sender
    in the words of who asks. Raises Unreadable while nothing was changed, PermanentFailure afterwards."""
    before: Queue = await queue.read()
    looked = before
    doing = _Doing(queue, verb)
    with doing.mail_may_be_on_hold(about):
        if verb is QueueVerb.RELEASE:
            await doing.tell(verb, [now.id for now in _still(shown, before) if now.queue is QueueName.HOLD])
        else:
            looked = await doing.hold(shown, before)
        if verb is QueueVerb.DELETE:
            await doing.tell(verb, [now.id for now in _still(shown, looked) if now.queue is QueueName.HOLD])
        after = await queue.read()
        await doing.release_others(shown, after)  # what the look has missed, since mail moved
    outcomes = tuple(doing.outcome(message, before, looked, after) for message in shown)
    known = {message.identity for message in shown}
    newer = [message for message in concerned(verb, after.values(), sender) if message.identity not in known]
    return QueueRun(verb=verb, host=queue.host.name, about=about, outcomes=outcomes, newer=tuple(newer))


class _Doing:
    """One run: what postsuper was told, and what it said that it did."""

    def __init__(self, queue: MailQueue, verb: QueueVerb) -> None:
        self._queue = queue
        self._verb = verb
        self._told_to_hold = False
        self._done: dict[QueueVerb, set[str]] = {verb: set() for verb in QueueVerb}

    async def hold(self, shown: Sequence[QueuedMessage], before: Queue) -> Queue:
        """Puts on hold what is not yet, and gives the queue as it is then. What turns out to be another message, which
        has the id by now, is released."""
        looked = before
        for _ in range(_ROUNDS):
            free = [now.id for now in _still(shown, looked) if now.queue not in (QueueName.HOLD, QueueName.MAILDROP)]
            if not free:
                break
            await self.tell(QueueVerb.HOLD, free)
            looked = await self._look(self._done[QueueVerb.HOLD])
            await self.release_others(shown, looked)
        return looked

    async def release_others(self, shown: Sequence[QueuedMessage], queue: Queue) -> None:
        """Releases what this run put on hold and is not what was shown. Raises PermanentFailure with the ids that stay
        on hold."""
        known = {message.id: message.identity for message in shown}
        held = self._done[QueueVerb.HOLD] - self._done[QueueVerb.RELEASE] - self._done[QueueVerb.DELETE]
        others = sorted(each for each in held & queue.keys() if queue[each].identity != known[each])
        why = "postsuper did not find them"
        try:
            await self.tell(QueueVerb.RELEASE, others)
        except ReconcilerError as error:
            why = error.message
        if left := sorted(set(others) - self._done[QueueVerb.RELEASE]):
            raise PermanentFailure(
                f"{self._queue.host.name}: mail of others has these ids by now, was put on hold and is not released: "
                f"{', '.join(left)}: {why}; release it there: postsuper -H ID"
            )

    async def tell(self, verb: QueueVerb, ids: Collection[str]) -> None:
        """Hands the ids to postsuper, and notes what it did. Raises PermanentFailure, Unreadable."""
        if not ids:
            return
        self._told_to_hold |= verb is QueueVerb.HOLD
        argv = self._queue.tools.as_root(verb)
        stdin = "".join(f"{each}\n" for each in ids).encode("ascii")
        done = await self._queue.host.run(argv, stdin=stdin, env=PLAIN, timeout=PATIENCE)
        said = done.stderr.decode("utf-8", "replace")
        self._done[verb] |= set(_DONE.findall(said)) & set(ids)
        if done.status:
            last = (said.strip().splitlines() or [f"status {done.status}"])[-1]
            raise PermanentFailure(
                f"{self._queue.host.name}: {' '.join(argv)} failed: {last}",
                hint="look: reconciler queue list",
            )

    @contextmanager
    def mail_may_be_on_hold(self, about: str) -> Iterator[None]:
        """What ends the run early, an error or Ctrl-C, is said together with what the run leaves behind."""
        left = f"mail of {about} may be on hold now; it stays there, neither delivered nor lost"
        hint = (
            "look: reconciler queue list --queue hold; then go on with `queue delete`, or give it back: "
            f"reconciler queue release --sender {shlex.quote(about)}"
        )
        try:
            yield
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()  # it ends with an error instead
            if not self._told_to_hold:
                left, hint = "it is not known how far postsuper got", "look: reconciler queue list"
            raise PermanentFailure(f"stopped: {left}", hint=hint) from None
        except ReconcilerError as error:
            if not self._told_to_hold:
                raise
            raise PermanentFailure(f"{error.message}; {left}", hint=hint) from None

    def outcome(self, shown: QueuedMessage, before: Queue, looked: Queue, after: Queue) -> QueueOutcome:
        """What became of a message that was shown."""
        was, then, now = (_same(shown, queue) for queue in (before, looked, after))
        if self._verb is QueueVerb.HOLD:
            done = now is not None and now.queue is QueueName.HOLD
        else:
            done = shown.id in self._done[self._verb]
        if was is None or not done:
            return _not_done(shown, now)
        if self._verb is not QueueVerb.RELEASE and then is not None and was.recipients and not then.recipients:
            return QueueOutcome(shown, QueueResult.DELIVERED, _REST[self._verb])
        note = "" if self._verb is QueueVerb.RELEASE else _delivered_meanwhile(shown, was, then)
        return QueueOutcome(shown, _RESULT[self._verb], note)

    async def _look(self, expected: Collection[str]) -> Queue:
        """The queue with what must be in it; after a few times somebody else has taken it out."""
        looked = await self._queue.read()
        for _ in range(_ROUNDS - 1):
            if looked.keys() >= set(expected):
                break
            looked = {**looked, **await self._queue.read()}
        return looked


_RESULT = {
    QueueVerb.HOLD: QueueResult.HELD,
    QueueVerb.RELEASE: QueueResult.RELEASED,
    QueueVerb.DELETE: QueueResult.DELETED,
}

_REST = {
    QueueVerb.HOLD: "its delivery ended meanwhile, for every recipient; an empty rest of it is on hold",
    QueueVerb.DELETE: "its delivery ended meanwhile, for every recipient; an empty rest of it was deleted",
}


def _same(shown: QueuedMessage, queue: Queue) -> QueuedMessage | None:
    """The message that was shown, as it is now: not another one that has its id."""
    now = queue.get(shown.id)
    return now if now is not None and now.identity == shown.identity else None


def _still(shown: Iterable[QueuedMessage], queue: Queue) -> list[QueuedMessage]:
    """Those of them that are in the queue, as they are now."""
    return [now for message in shown if (now := _same(message, queue)) is not None]


def _not_done(shown: QueuedMessage, now: QueuedMessage | None) -> QueueOutcome:
    if now is None:
        return QueueOutcome(shown, QueueResult.GONE)
    if now.queue is QueueName.MAILDROP:
        note = "Postfix has not taken it from the maildrop yet; if it is down, start Postfix there; run this again"
        return QueueOutcome(now, QueueResult.LEFT, note)
    return QueueOutcome(now, QueueResult.LEFT, "postsuper did not find it there; run this again")


def _delivered_meanwhile(shown: QueuedMessage, was: QueuedMessage, then: QueuedMessage | None) -> str:
    """Who may have got it all the same: postsuper stops no delivery that is under way (facts/postfix.md 6.4)."""
    left = {recipient.address for recipient in then.recipients} if then else set[str]()
    ended = [recipient.address for recipient in shown.recipients if recipient.address not in left]
    notes = [f"delivery ended meanwhile for {', '.join(ended)}"] if ended else []
    if was.queue is QueueName.ACTIVE:
        notes.append("it was being delivered, and may have arrived all the same: the mail log says")
    return "; ".join(notes)
