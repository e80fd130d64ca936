"""What the document of a shard says beside its lines, so that the documents of all shards make one plan. Pure."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from reconciler.model.source_places import Place
from reconciler.planning.review_facts import Cause


class Confirmed(NamedTuple):
    """The entry that lifts a limit."""

    until: date
    reason: str
    place: Place


class LimitFacts(NamedTuple):
    """How much of one effect a shard plans, in one domain or over all (`subject` is the site's name then): the names
    of what counts. All else is of the whole site: what was done within the last hours, how many accounts are managed,
    and the limit itself."""

    effect: str
    subject: str
    over_all: bool
    planned: tuple[str, ...]
    recent: int
    managed: int
    hours: int
    share: float | None
    at_least: int | None
    number: int
    confirmed: Confirmed | None
    cause: Cause
    """What brings the finding, where the plan is compared with a base and this has one."""
    place: int
    """Of the finding among all of the plan; 0 where there is none."""


class ShardFacts(NamedTuple):
    """Which shard it is, of which day and of which declared state (`planning.shards.state_digest`). `places`: where
    each of its findings is among all of the plan."""

    number: int
    total: int
    today: date
    state: str
    limits: tuple[LimitFacts, ...]
    places: tuple[int, ...]
