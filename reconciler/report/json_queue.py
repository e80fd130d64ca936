"""Reports about the mail queue for programs. Times are in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from reconciler.model.queued_mail import QueuedMessage, QueueListing, QueueName, QueueResult, QueueRun
from reconciler.report.json_queue_models import (
    QueuedMessagePart,
    QueueDocument,
    QueuedRecipientPart,
    QueueOutcomePart,
    QueueRunDocument,
)
from reconciler.report.sanitize import json_visible


def queue_json(listing: QueueListing) -> str:
    """What is in the queue."""
    document = QueueDocument(
        host=listing.host,
        read=_moment(listing.read),
        messages=tuple(map(_message, listing.messages)),
        total=listing.total,
        counts={name.value: listing.counts[name] for name in QueueName},
        warning=listing.warning,
    )
    return _written(document)


def queue_run_json(run: QueueRun) -> str:
    """What became of each message."""
    document = QueueRunDocument(
        host=run.host,
        verb=run.verb.value,
        about=run.about,
        messages=tuple(
            QueueOutcomePart(message=_message(outcome.message), result=outcome.result.value, note=outcome.note)
            for outcome in run.outcomes
        ),
        newer=tuple(map(_message, run.newer)),
        counts={result.value: run.counts[result] for result in QueueResult},
    )
    return _written(document)


def _message(message: QueuedMessage) -> QueuedMessagePart:
    return QueuedMessagePart(
        queue=message.queue.value,
        id=message.id,
        arrived=_moment(message.arrived),
        size=message.size,
        sender=message.sender,
        recipients=tuple(map(QueuedRecipientPart.of, message.recipients)),
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _written(document: QueueDocument | QueueRunDocument) -> str:
    return json_visible(document.model_dump_json(by_alias=True, indent=2)) + "\n"
