"""Whether a step is in place, or must not be done, as its row is now. Pure; for `perform` and `is_applied`."""

from __future__ import annotations

from typing import Any

from reconciler.model.records import AliasRow, MailboxRow, VacationRow
from reconciler.planning.changes import Action, Change
from reconciler.systems.postfixadmin.fresh_reads import Live

_COMPARED = {
    MailboxRow: ("name", "quota", "active", "spelling"),
    AliasRow: ("goto", "active", "spelling"),
    VacationRow: ("active",),
}
"""The fields that the tables hold; the others only say whose a row is and what of it is managed."""


def in_place(change: Change, live: Live | None, left: Live | None = None) -> bool:
    """Whether the effect is there: all fields of a creation, the changed ones of an update. `left` is what stands under
    the old key of a rename."""
    if change.action is Action.DELETE:
        return live is None
    if live is None or (change.action is Action.RENAME and left is not None):
        return False
    return not _differing(change, live, change.after, only_changed=True)


def respells(change: Change) -> bool:
    """Whether the row stays where it is and its key is to be stored so that look-ups find it."""
    return change.action is Action.UPDATE and any(name == "spelling" for name, _, _ in change.fields())


def conflict(change: Change, live: Live | None, left: Live | None = None) -> str | None:
    """Why the step must not be done: the row is not what the plan was made from. None when it is."""
    if change.action is Action.CREATE:
        if live is None:
            return None
        found = _differing(change, live, change.after)
        return f"{change.key} has been created by somebody else meanwhile, with {_told(found)}"
    if change.action is Action.RENAME:
        if live is not None:
            return f"{change.key} exists already, so nothing can take its place"
        live = left
    assert change.before is not None
    if live is None:
        return f"{change.before.key} has been deleted by somebody else meanwhile"
    found = _differing(change, live, change.before)
    return f"{change.before.key} has been changed by somebody else meanwhile: {_told(found)}" if found else None


def _differing(
    change: Change, live: Live, expected: Any, *, only_changed: bool = False
) -> list[tuple[str, object, object]]:
    """(field, expected, found) of the fields that differ."""
    fields = _COMPARED[type(live.row)]
    if only_changed and change.before is not None:
        fields = tuple(f for f in fields if getattr(change.before, f) != getattr(change.after, f))
    return [
        (f, getattr(expected, f), getattr(live.row, f)) for f in fields if getattr(expected, f) != getattr(live.row, f)
    ]


def _told(fields: list[tuple[str, object, object]]) -> str:
    return ", ".join(f"{name} is {_shown(found)}, expected was {_shown(expected)}" for name, expected, found in fields)


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else repr(value)
