"""The block "mail flow" in words: whose mail goes elsewhere after a plan. Text, Markdown and `show` write from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.model.addresses import domain_of, local_part
from reconciler.planning.mail_flow_before_after import FlowChange
from reconciler.planning.mail_resolution import Delivery

TITLE = "mail flow, whose mail goes elsewhere:"
MOST = 50
"""Lines of the block that a terminal shows."""
_NAMED = 12
"""Names on one side of a line; the others are counted."""


def flow_lines(changes: Iterable[FlowChange]) -> Iterator[str]:
    """`vorstand@mail.example: anna, bernd → anna, clara`."""
    for change in changes:
        yield f"{change.address}: {reached(change.before, change.address)} → {reached(change.after, change.address)}"


def reached(delivery: Delivery, address: str) -> str:
    """Who gets the mail and what becomes of the rest; names in the domain of `address` without it."""
    domain = domain_of(address)
    arriving = sorted(delivery.mailboxes | delivery.external)
    said = [_listed(arriving, domain) if arriving else "nobody"]
    said += [f"comes back from {_listed(sorted(delivery.bounces), domain)}"] if delivery.bounces else []
    said += [f"goes round in a loop at {_listed(sorted(delivery.loops), domain)}"] if delivery.loops else []
    said += ["answered automatically"] if delivery.answers else []
    return "; ".join(said)


def _listed(names: list[str], domain: str) -> str:
    short = [local_part(name) if domain_of(name) == domain else name for name in names]
    more = len(short) - _NAMED
    return ", ".join(short[:_NAMED]) + (f" and {more} more" if more > 0 else "")
