"""Whose the live records are, by the inventory: what becomes ours, what is ours and no longer declared. Pure.

Absence in git never deletes a mailbox. An alias that we made goes when its entry goes, unless somebody changed it by
hand since. An account that we switched off for a removal stays off when only the entry is removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.addresses import Address, local_part
from reconciler.model.record_kinds import OnUndeclared, find_kind, kind_of
from reconciler.model.records import Absent, AliasRow, Owner, Records, Row, Scope
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.changes import HIDDEN
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.ledger_state import Adoption, InventoryEntry, Remembered
from reconciler.planning.own_aliases import live_mailbox, returned
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Pair


def ours_no_longer_declared(system: str, pair: Pair, remembered: Remembered, context: PlanContext) -> Records:
    """`pair.wanted`, with what shall be gone because its declaration was taken out."""
    changed: Records = {}
    for entry in remembered.inventory.values():
        if entry.system == system and entry.key not in pair.wanted.get(entry.kind, {}):
            row = _alias_of_ours(entry, pair.found, context) if entry.kind == "alias" else _absent(entry, pair.found)
            if row is not None:
                changed.setdefault(entry.kind, {})[entry.key] = row
    # in a big site a copy of every table is felt, and mostly there is nothing to change
    return pair.wanted | {kind: pair.wanted.get(kind, {}) | rows for kind, rows in changed.items()}


def _alias_of_ours(entry: InventoryEntry, found: Records, context: PlanContext) -> Row | None:
    """What should become of an alias that we made: it goes, or leads to its live mailbox again; None: it stays."""
    if not _as_we_left_it(entry, found):
        return None
    if entry.owner.scope is Scope.ALIAS and (own := returned(entry, found)) is not None:
        return own
    owner = _owner_of_unwanted(entry, found, context)
    return None if owner is None else Absent(entry.key, owner)


def _absent(entry: InventoryEntry, found: Records) -> Row | None:
    """A record of other kinds goes with its entry when its kind says so and nobody changed it."""
    kind, row = find_kind(entry.kind), found.get(entry.kind, {}).get(entry.key)
    if kind is None or kind.on_undeclared is not OnUndeclared.DELETE_OURS or row is None:
        return None
    live = InventoryEntry.of(entry.system, entry.kind, entry.key, row, entry.owner)
    return Absent(entry.key, entry.owner) if _shown(live) == _shown(entry) else None


def adopted(system: str, pair: Pair, remembered: Remembered) -> Iterator[Adoption]:
    """Live rows that are wanted and equal, and that the inventory does not know yet."""
    for kind in (kind for kind in pair.wanted if kind_of(kind).adopted):
        known = remembered.known.get((system, kind), frozenset())
        live = pair.found.get(kind, {})
        for key in [key for key in pair.wanted[kind] if key not in known]:  # hardly any, of half a million
            row, found = pair.wanted[kind][key], live.get(key)
            if found is None or isinstance(row, Absent) or row.merged_with(found) is not found:
                continue
            # what only the live rows made wanted (a removal, rewritten references) is no part of `known`
            if (system, kind, key) not in remembered.inventory:
                yield Adoption(system, kind, key, row, found)


def outdated(system: str, pair: Pair, remembered: Remembered, chains: RenameChains) -> Iterator[InventoryEntry]:
    """Entries under a former address of a record that has moved on: a run died after that and before it noted it."""
    for entry in remembered.inventory.values():
        now = chains.of(entry.key)
        table = pair.found.get(entry.kind, {})
        if entry.system == system and now != entry.key not in pair.wanted.get(entry.kind, {}):
            row = table.get(now)
            if row is not None and row.key == now:
                yield entry


def _owner_of_unwanted(entry: InventoryEntry, found: Records, context: PlanContext) -> Owner | None:
    """Whose alias it is to remove; None when it stays: an own alias, a former address, or an unmanaged account."""
    if entry.owner.scope is Scope.ALIAS:
        return entry.owner if live_mailbox(found, entry.key) is None else None
    account = Address(context.chains.of(entry.owner.subject))
    box = context.desired.mailboxes.get(account)
    # a number that is merely not written any more is not managed any more
    if box is not None and box.member is not None and entry.key not in found.get("mailbox", {}):
        return Owner(Scope.ACCOUNT, account) if _is_member_alias(entry, account, context.chains) else None
    return None


def _is_member_alias(entry: InventoryEntry, account: Address, chains: RenameChains) -> bool:
    """Whether it was made for a member number: digits only, and it led to the account alone. What a rename rewrote for
    somebody (`rewrite_references`) did not become the account's."""
    rewrote = any(rename.rewrite_references for rename in chains.former.get(account, ()))
    leads_to_them = set(entry.fields["goto"]) <= set(chains.addresses(account))
    return local_part(entry.key).isdecimal() and leads_to_them and not rewrote


def _shown(entry: InventoryEntry) -> dict[str, Any]:
    return {name: value for name, value in entry.fields.items() if name not in HIDDEN}


def _as_we_left_it(entry: InventoryEntry, found: Records) -> bool:
    row = found.get("alias", {}).get(entry.key)
    if not isinstance(row, AliasRow):
        return False
    left = entry.fields
    return row.goto == tuple(left["goto"]) and row.active == left["active"]


def changed_by_hand(remembered: Remembered, found: Mapping[str, Records]) -> Iterator[Finding]:
    """Aliases that we made, that nobody declares any more, and that somebody changed since: left, and said."""
    for entry in remembered.inventory.values():
        live = found.get(entry.system, {})
        there = entry.kind == "alias" and entry.owner.scope is Scope.ALIAS and entry.key in live.get("alias", {})
        if there and live_mailbox(live, entry.key) is None and not _as_we_left_it(entry, live):
            message = f"{entry.key} is no longer declared, but somebody changed it since we made it, so it stays"
            hint = f"declare {entry.key} as it is now, or delete it in PostfixAdmin"
            yield Finding(Severity.NOTE, "changed-by-hand", entry.key, message, hint)
