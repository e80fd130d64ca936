"""Which side moved since the last run: git, the live systems, or both. Pure; called by `cli.explain` for what is shown.

The inventory has each record as it was last applied. Of what differs now, a value that is live as it was applied was
changed in git; one that git wants as it was applied was changed by hand. A list (targets of an alias, addresses in OX)
is compared entry by entry, since part of it may be its user's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from reconciler.model.record_kinds import OnUndeclared, kind_of
from reconciler.planning.changes import Change, RowId
from reconciler.planning.ledger_state import InventoryEntry
from reconciler.planning.review_facts import Direction
from reconciler.planning.transitions import Transition


class Applied(NamedTuple):
    """What was last applied of a record, and when the run began that did it (UTC; None when that run is unknown)."""

    entry: InventoryEntry
    when: datetime | None


LastApplied = Mapping[RowId, Applied]

_GIT, _LIVE = "git", "live"
_OURS = frozenset({"role", "account", "comment", "block", "managed", "id"})
"""Fields that no side moves: why we want a row, its owner, our switches."""


def row_ids(transitions: Iterable[Transition]) -> frozenset[RowId]:
    """Under which keys the inventory may have the records that differ; of renamed ones both."""
    return frozenset(
        id for transition in transitions for change in transition.changes if _kept(change) for id in _ids(change)
    )


def directed(transitions: Iterable[Transition], applied: LastApplied) -> tuple[Transition, ...]:
    """The transitions with their directions. What only runs leave undone (a letter, a password) is not applied yet."""
    return tuple(replace(t, direction=_direction(t, applied)) for t in transitions)


def changed_by_hand(transition: Transition) -> bool:
    """Whether the live side moved, alone or beside git."""
    return transition.direction in (Direction.DRIFT, Direction.CONFLICT)


def _direction(transition: Transition, applied: LastApplied) -> Direction:
    moved = {side for change in transition.changes if _kept(change) for side in _moved(change, applied)}
    if moved == {_GIT, _LIVE}:
        return Direction.CONFLICT
    return Direction.DRIFT if moved == {_LIVE} else Direction.PENDING


def _kept(change: Change) -> bool:
    """Whether the inventory keeps records of this kind, so that what was not applied is not in it."""
    return kind_of(change.kind).adopted


def _ids(change: Change) -> Iterator[RowId]:
    yield change.row_id
    if change.before is not None and change.before.key != change.key:
        yield change.system, change.kind, change.before.key


def _moved(change: Change, applied: LastApplied) -> Iterator[str]:
    entry = next((applied[id].entry for id in _ids(change) if id in applied), None)
    if entry is None:
        # nobody of us made it: a line of somebody in a place that is ours alone, else something new in git
        yield _LIVE if change.after is None and kind_of(change.kind).on_undeclared is OnUndeclared.DELETE else _GIT
    elif change.before is None:
        yield _LIVE
        if _is_other_than(change.after, entry.fields):
            yield _GIT
    elif change.after is None:
        yield _GIT
    else:
        last = {"spelling": "", **entry.fields}
        for name, live, wanted in change.fields():
            if name in last and name not in _OURS:
                yield from _movers(last[name], live, wanted)


def _movers(last: object, live: object, wanted: object) -> Iterator[str]:
    if isinstance(last, list) and isinstance(live, tuple) and isinstance(wanted, tuple):
        for item in set(live).symmetric_difference(wanted):
            yield _GIT if (item in last) is (item in live) else _LIVE
        return
    if last != wanted:
        yield _GIT
    if last != live:
        yield _LIVE


def _is_other_than(wanted: Any, last: Mapping[str, object]) -> bool:
    """Whether git wants a record that is not there otherwise than it was applied."""
    known = {name: tuple(value) if isinstance(value, list) else value for name, value in last.items()}
    there = wanted._replace(**{name: value for name, value in known.items() if name in wanted._fields})
    return wanted.merged_with(there) is not there
