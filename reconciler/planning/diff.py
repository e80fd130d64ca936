"""The difference between what a system should hold and what it holds. Two values in, Changes out."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.record_kinds import OnUndeclared, kind_of
from reconciler.model.records import Absent, Records
from reconciler.planning.changes import Action, Change
from reconciler.planning.ports import System


def diff(system: System, wanted: Records, found: Records) -> Iterator[Change]:
    """Creations, updates and renames towards `wanted`; deletions of what shall be gone, and in kinds that are ours."""
    for kind, table in wanted.items():
        live = found.get(kind, {})
        for key, row in table.items():
            before = live.get(key)
            if isinstance(row, Absent):
                if before is not None:
                    yield Change(system.name, kind, Action.DELETE, key, before, None, row.owner)
                continue
            if before is None:
                yield Change(system.name, kind, Action.CREATE, key, None, row, row.owner)
                continue
            after = row.merged_with(before)
            if after is not before:
                action = Action.UPDATE if after.key == before.key else Action.RENAME
                yield Change(system.name, kind, action, key, before, after, row.owner)
    for kind, there in found.items():
        if kind_of(kind).on_undeclared is not OnUndeclared.DELETE:
            continue
        table = wanted.get(kind, {})
        for key, before in there.items():
            if key not in table:
                yield Change(system.name, kind, Action.DELETE, key, before, None, before.owner)
