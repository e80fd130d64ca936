"""The mail queue in words: what all its writers say alike."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from reconciler.model.queued_mail import (
    NULL_SENDER,
    QueuedMessage,
    QueueListing,
    QueueName,
    QueueOutcome,
    QueueResult,
    QueueRun,
    QueueVerb,
)
from reconciler.report.vocabulary import listed
from reconciler.translation import marked, tr, tr_number

MANY = 20
"""From so many messages on the senders of most of them are named."""

_FEW = 3
"""Recipients in one line of a list; `queue show` has all."""

RESULTS = {
    QueueResult.DELETED: ("−", "bold red", marked("deleted")),
    QueueResult.HELD: ("‼", "yellow", marked("put on hold")),
    QueueResult.RELEASED: ("→", "green", marked("released")),
    QueueResult.ASKED: ("→", "green", marked("to be tried again")),
    QueueResult.DELIVERED: ("✗", "bold yellow", marked("delivered meanwhile")),
    QueueResult.GONE: ("✗", "bold yellow", marked("gone meanwhile: delivered, returned or deleted by somebody else")),
    QueueResult.LEFT: ("✗", "bold red", marked("still in the queue")),
}
"""Mark, style and words of each result."""

_DOING = {
    QueueVerb.HOLD: marked("Put {messages} of {sender} on hold?"),
    QueueVerb.RELEASE: marked("Release {messages} of {sender} from hold, to be delivered?"),
    QueueVerb.DELETE: marked("Delete {messages} of {sender}? This cannot be undone."),
}


def question(verb: QueueVerb, shown: Sequence[QueuedMessage], sender: str) -> str:
    """What is asked below the list."""
    return tr(_DOING[verb], messages=_messages(len(shown)), sender=sender)


def sender_of(message: QueuedMessage) -> str:
    """The sender as it is typed behind `--sender`."""
    return "<>" if message.sender == NULL_SENDER else message.sender


def recipients_of(message: QueuedMessage) -> str:
    """`a@x.test, b@x.test and 3 more`; a message that nobody is left for is an empty rest."""
    addresses = [recipient.address for recipient in message.recipients]
    if not addresses:
        return tr("nobody any more")
    rest = len(addresses) - _FEW
    names = ", ".join(addresses[:_FEW])
    return tr("{names} and {number} more", names=names, number=rest) if rest > 0 else names


def reason_of(message: QueuedMessage) -> str:
    """Why it waits: the first reason that Postfix has."""
    return next((recipient.delay_reason for recipient in message.recipients if recipient.delay_reason), "")


def age(seconds: int) -> str:
    """`45 s`, `12 min`, `3 h`, `5 d`: whole units, rounded down."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{max(seconds, 0)} s"


def size(number: int) -> str:
    """`291 B`, `12 kB`, `3 MB`, as Postfix counts bytes."""
    for unit, length in (("MB", 1_000_000), ("kB", 1000)):
        if number >= length:
            return f"{number // length} {unit}"
    return f"{number} B"


def tally(listing: QueueListing) -> str:
    """`5 of 12 messages, 3 kB: 4 deferred, 1 hold`."""
    if not listing.total:
        return tr("the queue of {host} is empty", host=listing.host)
    number = len(listing.messages)
    if not number:
        return tr(
            "nothing of what was asked for is in the queue of {host}, which holds {number}",
            host=listing.host,
            number=listing.total,
        )
    where = ", ".join(f"{listing.counts[name]} {name}" for name in QueueName if listing.counts[name])
    total = sum(message.size for message in listing.messages)
    messages = _messages(listing.total)
    if number != listing.total:
        messages = tr("{number} of {messages}", number=number, messages=messages)
    place = tr("{messages} in the queue of {host}", messages=messages, host=listing.host)
    return f"{place}, {size(total)}: {where}"


def most_of(listing: QueueListing) -> str:
    """Whose most of a long list is; empty for a short one."""
    if len(listing.messages) < MANY:
        return ""
    top = [each for each in Counter(map(sender_of, listing.messages)).most_common(3) if each[1] > 1]
    senders = ", ".join(f"{sender} ({number})" for sender, number in top)
    return tr("most are of {senders}", senders=senders) if top else ""


def ended(run: QueueRun) -> str:
    """`3 deleted, 1 still in the queue`."""
    if not run.outcomes:
        if run.verb is QueueVerb.FLUSH:
            return _nothing_deferred(run)
        return tr(_NOTHING[run.verb], sender=run.about, host=run.host)
    parts = [f"{run.counts[result]} {tr(words)}" for result, (_, _, words) in RESULTS.items() if run.counts[result]]
    return f"{', '.join(parts)} ({run.host})"


_NOTHING = {
    QueueVerb.HOLD: marked("no mail of {sender} that is not on hold is in the queue of {host}"),
    QueueVerb.RELEASE: marked("no mail of {sender} is on hold in the queue of {host}"),
    QueueVerb.DELETE: marked("no mail of {sender} is in the queue of {host}"),
}


def to_tell(run: QueueRun) -> list[QueueOutcome]:
    """What did not end as it was asked for, or has more to say."""
    usual = {QueueResult.ASKED, QueueResult.DELETED, QueueResult.HELD, QueueResult.RELEASED}
    return [outcome for outcome in run.outcomes if outcome.result not in usual or outcome.note]


def about(outcome: QueueOutcome) -> str:
    """What became of one message."""
    words = tr(RESULTS[outcome.result][2])
    return f"{words}: {outcome.note}" if outcome.note else words


def newer(run: QueueRun) -> str:
    """What is there that was not shown; empty when nothing is."""
    if not run.newer:
        return ""
    return tr_number(
        "{number} message of {sender} that was not shown came meanwhile: {ids}",
        "{number} messages of {sender} that were not shown came meanwhile: {ids}",
        len(run.newer),
        sender=run.about,
        ids=listed([message.id for message in run.newer]),
    )


def after(run: QueueRun) -> str:
    """The next command; empty when there is none."""
    whose = shlex.quote(run.about)
    again = f"reconciler queue {run.verb} --sender {whose}"
    match run.verb:
        case QueueVerb.FLUSH if run.outcomes:
            domain = f" --domain {whose}" if run.about else ""
            return tr("in a moment: {command}", command=f"reconciler queue list --queue deferred{domain}")
        case QueueVerb.DELETE | QueueVerb.HOLD if run.newer:
            return tr("block the sender first, so that nothing more comes; then: {command}", command=again)
        case _ if run.newer or run.counts[QueueResult.LEFT]:
            return tr("next: {command}", command=again)
        case QueueVerb.HOLD if run.outcomes:
            return tr("next: {command}, or release", command=f"reconciler queue delete --sender {whose}")
    return ""


def _nothing_deferred(run: QueueRun) -> str:
    if run.about:
        return tr("no mail to {domain} is deferred on {host}", domain=run.about, host=run.host)
    return tr("no mail is deferred on {host}", host=run.host)


def _messages(number: int) -> str:
    return tr_number("{number} message", "{number} messages", number)
