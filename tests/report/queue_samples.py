"""A mail queue, and what a command did to it."""

from __future__ import annotations

from reconciler.model.queued_mail import (
    QueuedMessage,
    QueuedRecipient,
    QueueListing,
    QueueName,
    QueueOutcome,
    QueueResult,
    QueueRun,
    QueueVerb,
)

NOW = 1_795_345_571
HOST = "mail.example"


def message(
    queue_id: str, age: int, sender: str, *recipients: tuple[str, str], queue: QueueName = QueueName.DEFERRED
) -> QueuedMessage:
    """A message that came `age` seconds ago."""
    to = tuple(QueuedRecipient(address, reason) for address, reason in recipients)
    return QueuedMessage(queue, queue_id, NOW - age, 291 * age, sender, to)


REFUSED = "connect to mx.example.org[192.0.2.1]:25: Connection refused"
SPAM = message(
    "47F2C2128F1",
    7300,
    "muster@muster.example",
    ("a@example.org", REFUSED),
    *((f"r{number}@example.org", "host mx.example.org said: 451 try again later") for number in range(4)),
)
BOUNCE = message("49ACE212907", 300_000, "MAILER-DAEMON", ("odd\x1b[31m@example.net", "away"))
HELD = message("48F582128F3", 40, "anna.beispiel@pirat.alt", ("b@example.net", ""), queue=QueueName.HOLD)
ACTIVE = message("49478212906", 5, '"quo ted"@quoted.example', ("c@example.net", ""), queue=QueueName.ACTIVE)
REST = message("4D95421290E", 4000, "muster@muster.example", queue=QueueName.HOLD)

LISTING = QueueListing(host=HOST, read=NOW, messages=(BOUNCE, SPAM, REST, HELD, ACTIVE), total=12)
EMPTY = QueueListing(host=HOST, read=NOW, messages=(), total=0)
ONE = QueueListing(host=HOST, read=NOW, messages=(SPAM,), total=12)
MANY = QueueListing(host=HOST, read=NOW, messages=(SPAM,) * 16 + (BOUNCE,) * 3 + (HELD,), total=20)

QUEUE_RUN = QueueRun(
    verb=QueueVerb.DELETE,
    host=HOST,
    about="muster@muster.example",
    outcomes=(
        QueueOutcome(SPAM, QueueResult.DELETED),
        QueueOutcome(REST, QueueResult.DELETED, "delivery ended meanwhile for d@example.org"),
        QueueOutcome(ACTIVE, QueueResult.GONE),
        QueueOutcome(HELD, QueueResult.LEFT, "postsuper did not find it there; run this again"),
    ),
    newer=(BOUNCE,),
)
