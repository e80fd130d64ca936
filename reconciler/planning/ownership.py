"""Whose the live records are, by the inventory: what becomes ours, what is ours and no longer declared. Pure.

Absence in git never deletes a mailbox. An alias that we made goes when its entry goes, unless somebody changed it by
hand since. An account that we switched off for a removal stays off when only the entry is removed.

An alias row is a mailbox's own only while the mailbox is live, or when the ledger made it for the account. An alias at
the address of a mailbox that is to be made, also a declared one, is converted: it then leads to the mailbox. The gate
`foreign` says whether that is allowed. An alias at a live mailbox's address that is not declared any more leads to that
mailbox again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.addresses import Address, local_part
from reconciler.model.derived_rows import unlike, with_rows, without
from reconciler.model.record_kinds import OnUndeclared, find_kind, kind_of
from reconciler.model.records import Absent, AliasRole, AliasRow, Found, MailboxRow, Owner, Records, Row, Scope
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.changes import HIDDEN
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.ledger_state import Adoption, InventoryEntry, Remembered
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Pair, rows_of
from reconciler.translation import tr


def ours_no_longer_declared(system: str, pair: Pair, remembered: Remembered, context: PlanContext) -> Records:
    """`pair.wanted`, with what is to go because its declaration was removed."""
    changed: Records = {}
    for entry in remembered.inventory.values():
        if entry.system == system and entry.key not in pair.wanted.get(entry.kind, {}):
            row = _alias_of_ours(entry, pair.found, context) if entry.kind == "alias" else _absent(entry, pair.found)
            if row is not None:
                changed.setdefault(entry.kind, {})[entry.key] = row
    # in a big site a copy of every table is felt, and mostly there is nothing to change
    return pair.wanted | {kind: with_rows(pair.wanted.get(kind, {}), rows) for kind, rows in changed.items()}


def _alias_of_ours(entry: InventoryEntry, found: Found, context: PlanContext) -> Row | None:
    """What should become of an alias that we made: it goes, or leads to its live mailbox again; None: it stays."""
    if not _as_we_left_it(entry, found):
        return None
    if entry.owner.scope is Scope.ALIAS and (own := returned(entry, found)) is not None:
        return own
    owner = _owner_of_unwanted(entry, found, context)
    return None if owner is None else Absent(entry.key, owner)


def _absent(entry: InventoryEntry, found: Found) -> Row | None:
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
        new = without(pair.wanted[kind], known)  # hardly any, of half a million
        for key in [key for key in pair.wanted[kind] if key in new] if new else ():
            row, found = pair.wanted[kind][key], live.get(key)
            if found is None or isinstance(row, Absent) or row.merged_with(found) is not found:
                continue
            # what only the live rows made wanted (a removal, rewritten references) is no part of `known`
            if (system, kind, key) not in remembered.inventory:
                yield Adoption(system, kind, key, row, found)


def outdated(system: str, pair: Pair, remembered: Remembered, chains: RenameChains) -> Iterator[InventoryEntry]:
    """Entries under a former address of a record that was renamed: the run died before it noted that."""
    for entry in remembered.inventory.values():
        now = chains.of(entry.key)
        table = pair.found.get(entry.kind, {})
        if entry.system == system and now != entry.key not in pair.wanted.get(entry.kind, {}):
            row = table.get(now)
            if row is not None and row.key == now:
                yield entry


def _owner_of_unwanted(entry: InventoryEntry, found: Found, context: PlanContext) -> Owner | None:
    """Whose alias it is to remove; None when it stays: an own alias, a former address, or an unmanaged account."""
    if entry.owner.scope is Scope.ALIAS:
        return entry.owner if live_mailbox(found, entry.key) is None else None
    account = Address(context.chains.of(entry.owner.subject))
    box = context.desired.mailboxes.get(account)
    # a number that git does not declare any more is not managed any more
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


def _as_we_left_it(entry: InventoryEntry, found: Found) -> bool:
    row = found.get("alias", {}).get(entry.key)
    if not isinstance(row, AliasRow):
        return False
    left = entry.fields
    return row.goto == tuple(left["goto"]) and row.active == left["active"]


def changed_by_hand(remembered: Remembered, found: Mapping[str, Found]) -> Iterator[Finding]:
    """Aliases that we made, that git does not declare any more, and that somebody changed since: they stay."""
    for entry in remembered.inventory.values():
        live = found.get(entry.system, {})
        there = entry.kind == "alias" and entry.owner.scope is Scope.ALIAS and entry.key in live.get("alias", {})
        if there and live_mailbox(live, entry.key) is None and not _as_we_left_it(entry, live):
            message = tr(
                "{address} is no longer declared, but somebody changed it since we made it, so it stays",
                address=entry.key,
            )
            hint = tr("declare {address} as it is now, or delete it in PostfixAdmin", address=entry.key)
            yield Finding(Severity.NOTE, "changed-by-hand", entry.key, message, hint)


def converted(system: str, pair: Pair, remembered: Remembered, chains: RenameChains) -> Records:
    """`pair.wanted`, in which the own aliases of mailboxes to be made replace the whole row."""
    rows = {row.key: row for row in _converted(system, pair, remembered, chains)}
    return pair.wanted | {"alias": with_rows(pair.wanted["alias"], rows)} if rows else pair.wanted


def live_mailbox(records: Found, key: str) -> MailboxRow | None:
    """The mailbox that is at this address; not one that a rename is about to move there."""
    row = rows_of(records, MailboxRow).get(key)
    return row if row is not None and row.key == key else None


def returned(entry: InventoryEntry, found: Found) -> AliasRow | None:
    """The own alias of a live mailbox, in place of a declared alias that has taken its mail."""
    mailbox, alias = live_mailbox(found, entry.key), rows_of(found, AliasRow).get(entry.key)
    if mailbox is None or alias is None or entry.key in alias.goto:
        return None
    return AliasRow(entry.key, entry.key, (entry.key,), mailbox.active, AliasRole.CARRIED)


def _converted(system: str, pair: Pair, remembered: Remembered, chains: RenameChains) -> Iterator[AliasRow]:
    wanted, live = rows_of(pair.wanted, AliasRow), rows_of(pair.found, AliasRow)
    boxes, there = pair.wanted.get("mailbox", {}), pair.found.get("mailbox", {})
    made = {key for key in unlike(boxes, there) if key not in there}
    made |= {account for account in chains.former if live_mailbox(pair.found, account) is None}
    made.update(filter(remembered.aliases.__contains__, boxes))  # moved from `aliases:` to `mailboxes:`
    ours = remembered.known.get((system, "alias"), frozenset())
    for key in made:
        row, alias = wanted.get(key), live.get(key)
        if row is None or alias is None or row.role is not AliasRole.OWN or alias.goto == (key,):
            continue
        if key not in ours or key in remembered.aliases:
            yield row._replace(role=AliasRole.CARRIED)
    yield from _given_up(pair, remembered, chains)


def _given_up(pair: Pair, remembered: Remembered, chains: RenameChains) -> Iterator[AliasRow]:
    """The own aliases of accounts whose address another account had before: mail to it went on to that one."""
    wanted, live, boxes = rows_of(pair.wanted, AliasRow), rows_of(pair.found, AliasRow), pair.wanted.get("mailbox", {})
    for key, account in remembered.former.items():
        row, alias, other = wanted.get(key), live.get(key), chains.of(account)
        if not isinstance(row, AliasRow) or alias is None or row.account != key or key not in boxes:
            continue  # it may be to go
        if other != key and other in alias.goto:
            carried = set(row.goto) - set(alias.goto) if row.role is AliasRole.CARRIED else set()
            yield row._replace(goto=tuple(sorted({key, *carried})), role=AliasRole.CARRIED)
