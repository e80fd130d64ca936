"""The block "mail flow" in words: whose mail goes elsewhere after a plan. Text, Markdown and `show` write from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.model.addresses import domain_of, local_part
from reconciler.planning.mail_flow_before_after import FlowChange
from reconciler.planning.mail_resolution import Delivery

TITLE = "mail flow, whose mail goes elsewhere:"
GOING = "where mail goes:"
MOST = 50
"""Lines of the block that a terminal shows."""
_NAMED = 12
"""Names on one side of a line; the others are counted."""


def flow_lines(changes: Iterable[FlowChange]) -> Iterator[str]:
    """`vorstand@mail.example: anna, bernd → anna, clara`."""
    for change in changes:
        old, new = (reached(delivery, change.address) for delivery in (change.before, change.after))
        yield f"{change.address}: {old} → {new}"


def going_lines(changes: Iterable[FlowChange]) -> Iterator[tuple[str, str]]:
    """(address, where mail to it goes now and after the plan)"""
    for change in changes:
        now, then = (reached(delivery, change.address) for delivery in (change.before, change.after))
        yield change.address, f"{now}, now and after the plan" if now == then else f"now {now}; after the plan {then}"


def reached(delivery: Delivery, address: str = "") -> str:
    """Who gets the mail and what becomes of the rest; names in the domain of `address` without it."""
    domain = domain_of(address) if address else ""
    arriving = sorted(delivery.mailboxes | delivery.external)
    said = [_listed(arriving, domain)] if arriving else []
    said += [f"comes back from {_listed(sorted(delivery.bounces), domain)}"] if delivery.bounces else []
    said += [f"goes round in a loop at {_listed(sorted(delivery.loops), domain)}"] if delivery.loops else []
    said += ["answered automatically"] if delivery.answers else []
    if not arriving:
        said.insert(0, "nobody")
    return "; ".join(said)


def _listed(names: list[str], domain: str) -> str:
    short = [local_part(name) if domain and domain_of(name) == domain else name for name in names]
    more = len(short) - _NAMED
    return ", ".join(short[:_NAMED]) + (f" and {more} more" if more > 0 else "")
