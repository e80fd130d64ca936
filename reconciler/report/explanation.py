"""What a line of a plan or of drift says of itself: which side moved, since when, who, and what it means for mail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from reconciler.planning.plan import Plan
from reconciler.planning.review_facts import Direction
from reconciler.report.plan_view import Line
from reconciler.report.shown import ShownPlan

HEADINGS: Mapping[Direction, str] = {
    Direction.DRIFT: "changed by hand since the last apply:",
    Direction.CONFLICT: "changed by hand and in git, both since the last apply:",
    Direction.PENDING: "in git and not applied yet:",
}
"""What introduces the lines of each direction, in this order."""


def by_direction(lines: Sequence[Line]) -> Iterator[tuple[str, list[Line]]]:
    """The lines under their headings; first, under none, those of which no ledger knows which side moved."""
    for direction, heading in ((Direction.UNKNOWN, ""), *HEADINGS.items()):
        if theirs := [line for line in lines if line.transition.direction is direction]:
            yield heading, theirs


class Edit(Protocol):
    """A change by hand: a `LiveChange`, or that of a document."""

    @property
    def system(self) -> str: ...
    @property
    def when(self) -> datetime: ...
    @property
    def who(self) -> str: ...
    @property
    def action(self) -> str: ...


class Explained(Protocol):
    """A transition, or that of a document."""

    @property
    def since(self) -> datetime | None: ...
    @property
    def by(self) -> Sequence[Edit]: ...
    @property
    def meaning(self) -> Sequence[str]: ...


def facts(transition: Explained) -> Iterator[str]:
    """Each fact beside what happens: first seen, who, what it means."""
    if transition.since is not None:
        yield f"first seen {transition.since:%Y-%m-%d %H:%M %z}"
    if transition.by:
        yield f"{_SOURCES[transition.by[0].system]} since the last apply: {'; '.join(map(_edit, transition.by))}"
    yield from transition.meaning


_SOURCES = {"postfixadmin": "PostfixAdmin's log"}


def _edit(change: Edit) -> str:
    return f"{change.action} by {change.who} at {change.when:%Y-%m-%d %H:%M %z}"


def healed(plan: Plan) -> Iterator[str]:
    """Drift that is gone without us."""
    for was in plan.healed:
        yield f"{was.owner.subject}: it was seen first {was.since:%Y-%m-%d %H:%M %z}, and is as declared now"


HEALED = "gone without apply, was drift at an earlier look:"


def after_drift(view: ShownPlan) -> str:
    """What to do with the lines of each direction that `apply` would carry out; empty when no direction is known."""
    there = {line.direction for line in view.lines if not line.stopped}
    if not there or Direction.UNKNOWN in there:
        return ""
    by_hand = there & {Direction.DRIFT, Direction.CONFLICT}
    if not by_hand:
        return "reconciler apply carries out what is not applied yet"
    also = " and carries out what is not applied yet" if Direction.PENDING in there else ""
    return f"reconciler apply puts the declared state back{also}; reconciler drift --patch takes over what is live"
