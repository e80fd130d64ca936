"""What a line of a plan or of drift says of itself: which side moved, since when, who, and what it means for mail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from reconciler.planning.plan import Plan
from reconciler.planning.review_facts import Direction
from reconciler.report.plan_view import Line
from reconciler.report.shown import ShownPlan
from reconciler.translation import marked, tr

HEADINGS: Mapping[Direction, str] = {
    Direction.DRIFT: marked("changed by hand since the last apply:"),
    Direction.CONFLICT: marked("changed by hand and in git, both since the last apply:"),
    Direction.PENDING: marked("in git and not applied yet:"),
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
        yield tr("first seen {when:%Y-%m-%d %H:%M %z}", when=transition.since)
    if transition.by:
        system, edits = transition.by[0].system, "; ".join(map(_edit, transition.by))
        source = tr(_SOURCES[system]) if system in _SOURCES else system
        yield tr("{source} since the last apply: {edits}", source=source, edits=edits)
    yield from transition.meaning


_SOURCES = {"postfixadmin": marked("PostfixAdmin's log")}


def _edit(change: Edit) -> str:
    return tr("{action} by {who} at {when:%Y-%m-%d %H:%M %z}", action=change.action, who=change.who, when=change.when)


def healed(plan: Plan) -> Iterator[str]:
    """Drift that is gone without us."""
    for was in plan.healed:
        yield tr(
            "{subject}: it was seen first {when:%Y-%m-%d %H:%M %z}, and is as declared now",
            subject=was.owner.subject,
            when=was.since,
        )


HEALED = marked("gone without apply, was drift at an earlier look:")


def after_drift(view: ShownPlan) -> str:
    """What to do with the lines of each direction that `apply` would carry out; empty when no direction is known."""
    there = {line.direction for line in view.lines if not line.stopped}
    if not there or Direction.UNKNOWN in there:
        return ""
    by_hand = there & {Direction.DRIFT, Direction.CONFLICT}
    if not by_hand:
        return tr("reconciler apply carries out what is not applied yet")
    if Direction.PENDING in there:
        return tr(
            "reconciler apply puts the declared state back and carries out what is not applied yet; "
            "reconciler drift --patch takes over what is live"
        )
    return tr("reconciler apply puts the declared state back; reconciler drift --patch takes over what is live")
