"""Where mail goes, in words: before and after a plan. Every report about it uses these."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from reconciler.model.addresses import domain_of, local_part
from reconciler.planning.forwards import number_elsewhere
from reconciler.report.shown import ShownDelivery, ShownFlow
from reconciler.translation import marked, tr

FLOW = marked("mail flow, whose mail goes elsewhere:")

_FLOW_NAMES = 12
"""Names on one side of a line of the mail flow; the others are counted."""


def flow_lines(changes: Iterable[ShownFlow], public: Collection[str] | None) -> Iterator[str]:
    """`vorstand@mail.example: anna, bernd → anna, clara`; `public` as in `reached`."""
    for change in changes:
        now, then = (reached(delivery, change.address, public) for delivery in (change.before, change.after))
        yield f"{change.address}: {now} → {then}"


def reached(delivery: ShownDelivery, address: str, public: Collection[str] | None = None) -> str:
    """Who gets the mail and what becomes of the rest; names in the domain of `address` without it. Of addresses outside
    of the site only those are named that are `public`, where that is said: others are users' forwards."""
    domain = domain_of(address)
    named = set(delivery.external) if public is None else {a for a in delivery.external if a in public}
    arriving, others = sorted({*delivery.mailboxes, *named}), len(set(delivery.external) - named)
    names = [_listed(arriving, domain)] if arriving else []
    phrases = [", ".join([*names, number_elsewhere(others)] if others else names) or tr("nobody")]
    phrases += (
        [tr("comes back from {names}", names=_listed(sorted(delivery.bounces), domain))] if delivery.bounces else []
    )
    phrases += (
        [tr("goes round in a loop at {names}", names=_listed(sorted(delivery.loops), domain))] if delivery.loops else []
    )
    phrases += [tr("answered automatically")] if delivery.answers else []
    return "; ".join(phrases)


def _listed(names: list[str], domain: str) -> str:
    short = [local_part(name) if domain_of(name) == domain else name for name in names]
    more = len(short) - _FLOW_NAMES
    shown = ", ".join(short[:_FLOW_NAMES])
    return tr("{names} and {number} more", names=shown, number=more) if more > 0 else shown
