"""What is in the queue: `postqueue -j`. A failed read is unknown, never an empty queue."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from reconciler.errors import Unreadable
from reconciler.model.queued_mail import QueuedMessage, QueuedRecipient, QueueName
from reconciler.remote.host import PLAIN, Host
from reconciler.systems.postfix.queue_tools import QueueTools

PATIENCE = 300.0
"""Seconds: a queue of a hundred thousand messages on a slow disk."""

_ID = re.compile(r"[0-9A-Za-z_]+")


class Seen(NamedTuple):
    """What postqueue said."""

    messages: dict[str, QueuedMessage]
    """By id; of one that moved while Postfix listed it the last word counts (facts/postfix.md 6.1)."""
    warning: str
    """What it said beside that: to root, that Postfix is down."""


async def read_queue(host: Host, tools: QueueTools) -> Seen:
    """Everything that is in the queue. Raises Unreadable."""
    done = await host.run(tools.list, env=PLAIN, timeout=PATIENCE, repeatable=True)
    said = " ".join(done.stderr.decode("utf-8", "replace").split())
    if done.status or _FATAL.search(said):
        raise Unreadable(
            f"{host.name}: the queue cannot be listed: {said or f'status {done.status}'}", hint=_hint(said)
        )
    if done.stdout and not done.stdout.endswith(b"\n"):
        raise Unreadable(f"{host.name}: postqueue's answer is cut off", hint="run it again")
    # what is not UTF-8 in an address or an answer of another server stays apart from everything else
    lines = done.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]
    try:
        messages = [_message(json.loads(line)) for line in lines]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(
            f"{host.name}: postqueue's answer is not understood: {type(error).__name__} {error}",
            hint="run `postqueue -j` there and compare it with its manual page",
        ) from None
    return Seen({message.id: message for message in messages}, said)


def _message(line: Mapping[str, Any]) -> QueuedMessage:
    """Members that are not known are passed over: newer versions of Postfix have more."""
    queue_id = _text(line["queue_id"])
    if not _ID.fullmatch(queue_id):
        raise ValueError(f"{queue_id!r} is not an id")
    recipients = tuple(
        QueuedRecipient(_text(r["address"]), _text(r.get("delay_reason", ""))) for r in line["recipients"]
    )
    arrived, size = int(line["arrival_time"]), int(line["message_size"])
    return QueuedMessage(QueueName(line["queue_name"]), queue_id, arrived, size, _text(line["sender"]), recipients)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


# root is answered with status 0 where Postfix is down, and postqueue reads the files itself then: that is no failure
_FATAL = re.compile(r"\b(?:fatal|error|panic):")


def _hint(said: str) -> str:
    if "is not allowed to view" in said:
        return "add the user who logs in there to authorized_mailq_users in main.cf"
    if "mail system is down" in said:
        return "start Postfix there; root can list the queue of a Postfix that is down"
    if "not found" in said:
        return "install Postfix there, or correct postfix.host in the site file"
    return "run `postqueue -j` there as the user who logs in; postfix.config_directory in the site file is its -c"
