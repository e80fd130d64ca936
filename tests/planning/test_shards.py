"""Which shard something is in; that shards make the whole plan is a property (tests/integration/test_property.py)."""

from __future__ import annotations

from collections import Counter
from datetime import date

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, Mailbox, Rename
from reconciler.model.source_places import Origin
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.shards import Shard, Split

TODAY, HERE = date(2026, 11, 24), Origin("a.yaml", "mailboxes", "")
BIG = [Address(f"person{number}@big.example") for number in range(600)]
SMALL = [Address(f"info@club{number}.example") for number in range(400)]


def shards_of(names: list[str], *renames: Rename) -> dict[str, list[int]]:
    """The shards of four that say they have each."""
    desired = DesiredState(TODAY, mailboxes={a: Mailbox(a, HERE) for a in [*BIG, *SMALL]}, renames=renames)
    splits = [Split.of(Shard(number, 4), PlanContext.of(desired)) for number in range(1, 5)]
    return {name: [split.shard.number for split in splits if split.has(name)] for name in names}


def test_each_name_is_in_one_shard_and_shards_are_of_one_size() -> None:
    """Also where most accounts are in one domain, and of what git does not declare."""
    more = ["live@nowhere.example", "nrw", "10.0.0.1", "\udcff@odd.example", ""]
    shards = shards_of([*BIG, *SMALL, *more])
    assert {len(those) for those in shards.values()} == {1}
    sizes = Counter(shards[address][0] for address in (*BIG, *SMALL))
    assert all(200 <= sizes[number] <= 300 for number in range(1, 5)), sizes


def test_a_small_domain_and_an_account_with_its_addresses_stay_together() -> None:
    former = [Address(f"once{number}@club{number}.example") for number in range(50)]
    renames = [Rename(old, new, TODAY, HERE) for old, new in zip(former, BIG, strict=False)]
    names = [*former, *BIG[:50], "board@club7.example", "info@club7.example", "club7.example"]
    shards = shards_of(names, *renames)
    assert all(shards[old] == shards[new] for old, new in zip(former, BIG, strict=False))
    assert len({tuple(shards[name]) for name in names[-3:]}) == 1
