"""What `--only`, `--changed` and `--shard` choose of a plan."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import UsageError
from reconciler.model.addresses import BadAddress, parse_address, parse_domain
from reconciler.planning.plan_draft import EVERYTHING, Selection
from reconciler.planning.plan_part import Asked, Only
from reconciler.planning.shards import Shard


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


MOST_SHARDS = 1000
"""More would be a slip."""


def shard_of(text: str) -> Selection:
    """What `2/4` chooses. Raises UsageError."""
    number, slash, total = text.partition("/")
    hint = "the second of four: --shard 2/4"
    if not (slash and number.isdecimal() and total.isdecimal()):
        raise UsageError(f"--shard: {text!r} is not the number of a shard and how many there are", hint=hint)
    shard = Shard(int(number), int(total))
    if not 1 <= shard.number <= shard.of <= MOST_SHARDS:
        raise UsageError(f"--shard: there is no shard {text} (1/1 to {MOST_SHARDS}/{MOST_SHARDS})", hint=hint)
    return Selection(shard=shard)
