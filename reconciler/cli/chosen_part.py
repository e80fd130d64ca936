"""What `--only` and `--changed` choose of a plan."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import UsageError
from reconciler.model.addresses import BadAddress, parse_address, parse_domain
from reconciler.planning.plan_draft import EVERYTHING, Selection
from reconciler.planning.plan_part import Asked, Only


def part_of(names: Sequence[str], *, changed: bool = False) -> Selection:
    """What these addresses and domains choose; without any, everything. Raises UsageError."""
    if not names and not changed:
        return EVERYTHING
    addresses, domains = set[str](), set[str]()
    for name in names:
        try:
            if "@" in name:
                addresses.add(parse_address(name))
            else:
                domains.add(parse_domain(name))
        except BadAddress as error:
            hint = "write a whole address or a domain: --only anna.beispiel@mail.example"
            raise UsageError(f"--only: {error}", hint=hint) from None
    only = Only(frozenset(addresses), frozenset(domains)) if names else None
    return Selection(part=Asked(only, changed))
