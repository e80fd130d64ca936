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
from reconciler.report.vocabulary import count, listed

MANY = 20
"""From so many messages on the senders of most of them are named."""

_FEW = 3
"""Recipients in one line of a list; `queue show` has all."""

RESULTS = {
    QueueResult.DELETED: ("−", "bold red", "deleted"),
    QueueResult.HELD: ("‼", "yellow", "put on hold"),
    QueueResult.RELEASED: ("→", "green", "released"),
    QueueResult.ASKED: ("→", "green", "to be tried again"),
    QueueResult.DELIVERED: ("✗", "bold yellow", "delivered meanwhile"),
    QueueResult.GONE: ("✗", "bold yellow", "gone meanwhile: delivered, returned or deleted by somebody else"),
    QueueResult.LEFT: ("✗", "bold red", "still in the queue"),
}
"""Mark, style and words of each result."""

_DOING = {
    QueueVerb.HOLD: "Put {} of {} on hold?",
    QueueVerb.RELEASE: "Release {} of {} from hold, to be delivered?",
    QueueVerb.DELETE: "Delete {} of {}? This cannot be undone.",
}


def question(verb: QueueVerb, shown: Sequence[QueuedMessage], sender: str) -> str:
    """What is asked below the list."""
    return _DOING[verb].format(count(len(shown), "message"), sender)


def sender_of(message: QueuedMessage) -> str:
    """The sender as it is typed behind `--sender`."""
    return "<>" if message.sender == NULL_SENDER else message.sender


def recipients_of(message: QueuedMessage) -> str:
    """`a@x.test, b@x.test and 3 more`; a message that nobody is left for is an empty rest."""
    addresses = [recipient.address for recipient in message.recipients]
    if not addresses:
        return "nobody any more"
    rest = len(addresses) - _FEW
    return ", ".join(addresses[:_FEW]) + (f" and {rest} more" if rest > 0 else "")


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
        return f"the queue of {listing.host} is empty"
    number = len(listing.messages)
    if not number:
        return f"nothing of what was asked for is in the queue of {listing.host}, which holds {listing.total}"
    of = "" if number == listing.total else f"{number} of "
    where = ", ".join(f"{listing.counts[name]} {name}" for name in QueueName if listing.counts[name])
    total = sum(message.size for message in listing.messages)
    return f"{of}{count(listing.total, 'message')} in the queue of {listing.host}, {size(total)}: {where}"


def most_of(listing: QueueListing) -> str:
    """Whose most of a long list is; empty for a short one."""
    if len(listing.messages) < MANY:
        return ""
    top = [each for each in Counter(map(sender_of, listing.messages)).most_common(3) if each[1] > 1]
    return "most are of " + ", ".join(f"{sender} ({number})" for sender, number in top) if top else ""


def ended(run: QueueRun) -> str:
    """`3 deleted, 1 still in the queue`."""
    if not run.outcomes:
        if run.verb is QueueVerb.FLUSH:
            return f"no mail{_to(run)} is deferred on {run.host}"
        return f"no mail of {run.about} {_NOTHING[run.verb]} of {run.host}"
    parts = [f"{run.counts[result]} {words}" for result, (_, _, words) in RESULTS.items() if run.counts[result]]
    return f"{', '.join(parts)} ({run.host})"


_NOTHING = {
    QueueVerb.HOLD: "that is not on hold is in the queue",
    QueueVerb.RELEASE: "is on hold in the queue",
    QueueVerb.DELETE: "is in the queue",
}


def to_tell(run: QueueRun) -> list[QueueOutcome]:
    """What did not end as it was asked for, or has more to say."""
    usual = {QueueResult.ASKED, QueueResult.DELETED, QueueResult.HELD, QueueResult.RELEASED}
    return [outcome for outcome in run.outcomes if outcome.result not in usual or outcome.note]


def about(outcome: QueueOutcome) -> str:
    """What became of one message."""
    words = RESULTS[outcome.result][2]
    return f"{words}: {outcome.note}" if outcome.note else words


def newer(run: QueueRun) -> str:
    """What is there that was not shown; empty when nothing is."""
    if not run.newer:
        return ""
    more = count(len(run.newer), "message")
    ids = listed([message.id for message in run.newer])
    return f"{more} of {run.about} that {'was' if len(run.newer) == 1 else 'were'} not shown came meanwhile: {ids}"


def after(run: QueueRun) -> str:
    """The next command; empty when there is none."""
    whose = shlex.quote(run.about)
    again = f"reconciler queue {run.verb} --sender {whose}"
    match run.verb:
        case QueueVerb.FLUSH if run.outcomes:
            domain = f" --domain {whose}" if run.about else ""
            return f"in a moment: reconciler queue list --queue deferred{domain}"
        case QueueVerb.DELETE | QueueVerb.HOLD if run.newer:
            return f"block the sender first, so that nothing more comes; then: {again}"
        case _ if run.newer or run.counts[QueueResult.LEFT]:
            return f"next: {again}"
        case QueueVerb.HOLD if run.outcomes:
            return f"next: reconciler queue delete --sender {whose}, or release"
    return ""


def _to(run: QueueRun) -> str:
    return f" to {run.about}" if run.about else ""
