"""What a run was bound to: to what was reviewed in a merge request, or to what a date has brought; and what was left
because of that. A report tells it; nothing here decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from reconciler.planning.transitions import Transition


class BoundTo(StrEnum):
    """What decides which lines are carried out."""

    REVIEW = "review"
    DATE = "date"


class Differing(NamedTuple):
    """A line that was reviewed as another one; `why` says in sentences what differs, as far as that is known."""

    transition: Transition
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """`request` and `comment` are the addresses of the merge request and of the comment that was reviewed; `settled` is
    the number of its lines that need nothing any more; `left` are pending lines that are none of this run's, `due` the
    ids of those that a date has brought since the plan was made."""

    to: BoundTo
    request: str = ""
    comment: str = ""
    settled: int = 0
    differing: tuple[Differing, ...] = ()
    left: tuple[Transition, ...] = ()
    due: frozenset[str] = frozenset()
