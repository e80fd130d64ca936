"""The documents of `reconciler queue`: what is in Postfix' queue, and what became of mail in it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from reconciler.report.json_part import VERSION, Numbers, Part, String, Version

Queue = Literal["maildrop", "incoming", "active", "deferred", "hold"]


class QueuedRecipientPart(Part):
    """One recipient that has not got the message; `delay_reason` is empty before the first attempt."""

    address: String
    delay_reason: String


class QueuedMessagePart(Part):
    """One message of the queue; `sender` as Postfix stored it, `MAILER-DAEMON` for the null sender."""

    queue: Queue
    id: String
    arrived: AwareDatetime
    size: Annotated[int, Field(description="Bytes.")]
    sender: String
    recipients: tuple[QueuedRecipientPart, ...]


class QueueDocument(Part):
    """What was in the queue of `host` when it was read, oldest first: the messages that were asked for, and how many
    there were in all (`total`); `counts` has the messages by queue, `warning` is what Postfix said beside the list."""

    schema_: Literal["queue.schema.json"] = Field(default="queue.schema.json", alias="$schema")
    version: Version = VERSION
    host: String
    read: AwareDatetime
    messages: tuple[QueuedMessagePart, ...]
    total: int
    counts: Numbers
    warning: String


class QueueOutcomePart(Part):
    """What became of one message. `delivered`: no recipient was left when it was looked at on hold; `gone`: it was no
    longer in the queue; `left`: it is still there, unchanged."""

    message: QueuedMessagePart
    result: Literal["asked", "held", "released", "deleted", "delivered", "gone", "left"]
    note: String


class QueueRunDocument(Part):
    """What one command did to the queue. `about` is the sender or the domain that was asked for, `messages` are those
    that were shown, `newer` those of the sender that were not and are there now, untouched."""

    schema_: Literal["queue_run.schema.json"] = Field(default="queue_run.schema.json", alias="$schema")
    version: Version = VERSION
    host: String
    verb: Literal["flush", "hold", "release", "delete"]
    about: String
    messages: tuple[QueueOutcomePart, ...]
    newer: tuple[QueuedMessagePart, ...]
    counts: Numbers
