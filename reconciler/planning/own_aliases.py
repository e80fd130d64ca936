"""Whose row an alias is: a mailbox's own only while the mailbox is live, or when the ledger made it for the account.

An alias on the address of a mailbox that is to be made, and a declared one whose address is now declared as a mailbox,
is converted: it then leads to the mailbox. The gate `foreign` says whether that may be done. An alias that was declared
on a live mailbox's address, and is not declared any more, leads to that mailbox again. Pure; for `workflow`.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.records import AliasRole, AliasRow, MailboxRow, Records
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.ledger_state import InventoryEntry, Remembered
from reconciler.planning.snapshot import Pair, rows_of


def converted(system: str, pair: Pair, remembered: Remembered, chains: RenameChains) -> Records:
    """`pair.wanted` with the own aliases of mailboxes that are to be made written whole."""
    rows = {row.key: row for row in _converted(system, pair, remembered, chains)}
    return pair.wanted | {"alias": pair.wanted["alias"] | rows} if rows else pair.wanted


def live_mailbox(records: Records, key: str) -> MailboxRow | None:
    """The mailbox that is at this address; not one that a rename is about to move there."""
    row = rows_of(records, MailboxRow).get(key)
    return row if row is not None and row.key == key else None


def returned(entry: InventoryEntry, found: Records) -> AliasRow | None:
    """The own alias of a live mailbox, in place of a declared alias that has taken its mail."""
    mailbox, alias = live_mailbox(found, entry.key), rows_of(found, AliasRow).get(entry.key)
    if mailbox is None or alias is None or entry.key in alias.goto:
        return None
    return AliasRow(entry.key, entry.key, (entry.key,), mailbox.active, AliasRole.CARRIED)


def _converted(system: str, pair: Pair, remembered: Remembered, chains: RenameChains) -> Iterator[AliasRow]:
    wanted, live = rows_of(pair.wanted, AliasRow), rows_of(pair.found, AliasRow)
    made = pair.wanted.get("mailbox", {}).keys() - pair.found.get("mailbox", {}).keys()
    made |= {account for account in chains.former if live_mailbox(pair.found, account) is None}
    made |= remembered.aliases & pair.wanted.get("mailbox", {}).keys()  # moved from `aliases:` to `mailboxes:`
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
