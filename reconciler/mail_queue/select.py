"""Which messages are meant: by whole addresses, never by a pattern. Pure.

The pipeline that wikis pass on (`mailq | awk '/…/'`) takes a dot for any character, a part for the whole, a recipient
for the sender, and misses other spellings (facts/postfix.md 6.4).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from reconciler.errors import UsageError
from reconciler.model.addresses import BadAddress, parse_domain
from reconciler.model.queued_mail import NULL_SENDER, QueuedMessage, QueueName


class AddressKey(NamedTuple):
    """An address in the one form in which addresses of the queue are compared: the local part without quotes, ASCII
    letters in lower case, the domain in A-labels. An extension (`+box`) and a subdomain are parts like any other."""

    local: str
    domain: str


NULL = AddressKey(NULL_SENDER.lower(), "")
"""The sender of bounces."""


def address_key(stored: str) -> AddressKey:
    """The key of an address as Postfix stored it."""
    local, _, domain = stored.rpartition("@") if "@" in stored else (stored, "", "")
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return AddressKey(_lowered(local), _domain_key(domain))


def asked_address(text: str) -> AddressKey:
    """The key of what somebody typed; `<>` is the null sender. Raises UsageError for what is no whole address."""
    bare = text.strip()
    if bare.startswith("<") and bare.endswith(">"):
        bare = bare[1:-1]
    if bare in ("", NULL_SENDER):
        if not text.strip():
            raise UsageError("the address is empty", hint="write a whole address, or '<>' for the sender of bounces")
        return NULL
    key = address_key(bare)
    if not key.domain or key.local in ("", "*"):
        raise UsageError(
            f"{text!r} is not a whole address",
            hint="write local_part@domain: only whole addresses are compared, patterns are not; "
            "`reconciler queue list --domain DOMAIN` shows the addresses of a domain",
        )
    return key


def asked_domain(text: str) -> str:
    """The domain that somebody typed, in A-labels. Raises UsageError."""
    try:
        return parse_domain(text.strip().removeprefix("@"))
    except BadAddress as error:
        raise UsageError(str(error), hint="example: reconciler queue list --domain mail.example") from None


def asked_age(text: str) -> int:
    """`90m`, `2h`, `5d`, `1w` in seconds. Raises UsageError."""
    found = _AGE.fullmatch(text.strip().lower())
    if found is None:
        raise UsageError(f"{text!r} is not an age", hint="write minutes, hours, days or weeks: 90m, 2h, 5d, 1w")
    return int(found[1]) * _SECONDS[found[2]]


_AGE = re.compile(r"([0-9]{1,6})\s*([mhdw])")
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a message must be like; None and no queue at all ask for nothing."""

    sender: AddressKey | None = None
    domain: str | None = None
    """Of the sender or of a recipient."""
    recipient: AddressKey | None = None
    queues: Collection[QueueName] = ()
    older: int | None = None
    """Seconds."""

    def takes(self, message: QueuedMessage, now: float) -> bool:
        """Whether the message is asked for."""
        if self.queues and message.queue not in self.queues:
            return False
        if self.older is not None and now - message.arrived < self.older:
            return False
        if self.sender is not None and address_key(message.sender) != self.sender:
            return False
        if self.recipient is None and self.domain is None:
            return True
        to = [address_key(recipient.address) for recipient in message.recipients]
        if self.recipient is not None and self.recipient not in to:
            return False
        return self.domain is None or self.domain in {address_key(message.sender).domain, *(key.domain for key in to)}


def _domain_key(domain: str) -> str:
    try:
        return parse_domain(domain)
    except BadAddress:  # an address literal, a name without a dot
        return _lowered(domain)


def _lowered(text: str) -> str:
    # not casefold: it makes `ss` of `ß`, which is somebody else's address
    return text.lower() if text.isascii() else "".join(c.lower() if c.isascii() else c for c in text)
