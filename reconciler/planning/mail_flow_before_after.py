"""Whose mail goes elsewhere after a plan: the observed tables beside the planned ones. Pure; for gates and the plan.

Only addresses that a changed row can reach are resolved, found by reverse references; a mailbox that leads to itself
costs one comparison. Deliveries are compared by account, so that a rename alone changes nobody's mail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from reconciler.model.addresses import CATCH_ALL, domain_of
from reconciler.model.records import AliasDomainRow, AliasRow, Found, MailboxRow, Owner
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.changes import Change
from reconciler.planning.mail_resolution import Asked, Delivery, MailTables
from reconciler.planning.snapshot import Snapshot, rows_of
from reconciler.planning.transitions import Transition


class FlowChange(NamedTuple):
    """Mail to an address goes elsewhere: accounts in place of mailboxes, under their present addresses."""

    address: str
    before: Delivery
    after: Delivery


class MailFlow:
    """The tables as they are and as they are after these transitions."""

    def __init__(
        self, records: Found, chains: RenameChains, transitions: Iterable[Transition], delimiter: str = ""
    ) -> None:
        changed = [change for transition in transitions for change in transition.changes]
        changes = [change for change in changed if change.kind in ("alias", "mailbox")]
        domains = [change for change in changed if change.kind in ("domain", "alias_domain")]
        boxes = rows_of(records, MailboxRow)
        # the mailboxes of renamed accounts that are under their new address and have their old key
        moved = [row for account in chains.former if (row := boxes.get(account)) is not None and row.key != account]
        self._records = records
        self._chains = chains
        self._changes = changes
        self.before = MailTables(records, moved=moved, delimiter=delimiter)
        self.after = MailTables(records, [*domains, *changes], moved=moved, delimiter=delimiter)

    def affected(self) -> list[str]:
        """The addresses with a row, before or after, whose mail a changed row may send elsewhere; sorted."""
        todo = [row.key for change in self._changes for row in _redirected(change)]
        if not todo:
            return []
        leading, seen = self._leading(), set(todo)
        while todo:
            address = todo.pop()
            local, _, domain = address.rpartition("@")
            more = self._without_rows(domain, leading) if local == CATCH_ALL else leading.get(address, ())
            new = set(more) - seen
            seen |= new
            todo += new
        return sorted(address for address in seen if self._has_row(address))

    def changes(self) -> Iterator[FlowChange]:
        """Addresses that had a row whose mail goes elsewhere, and any that would bounce or loop in part or whole. The
        transition of a new address that arrives says so itself."""
        for address in self.affected():
            before, after = self.people(self.before.deliver(address)), self.people(self.after.deliver(address))
            trouble = after.bounces - before.bounces or after.loops - before.loops
            if after != before and (trouble or self._answers(self.before, address)):
                yield FlowChange(address, before, after)

    def of(self, addresses: Iterable[str]) -> Iterator[FlowChange]:
        """Where mail to these goes, before and after, by mailbox; nothing of one in a domain that is not ours."""
        for address in addresses:
            if self.before.has_domain(domain_of(address)):
                yield FlowChange(address, self.before.deliver(address), self.after.deliver(address))

    def with_local_part(self, local: str) -> list[str]:
        """The addresses with this local part that have a row, before or after; sorted."""
        keys = {key for kind in (AliasRow, MailboxRow) for key in rows_of(self._records, kind)}
        keys.update(change.key for change in self._changes)
        return sorted(key for key in keys if key.rpartition("@")[0] == local)

    def people(self, delivery: Delivery) -> Delivery:
        """The accounts behind the mailboxes."""
        return delivery._replace(mailboxes=frozenset(self._chains.of(box) for box in delivery.mailboxes))

    def causes(self, address: str) -> list[Owner]:
        """The owners whose changed rows decide about this address, before or after."""
        asked = Asked()
        self.before.deliver(address, asked)
        self.after.deliver(address, asked)
        rows = ((change, row) for change in self._changes for row in _redirected(change))
        return list(dict.fromkeys(change.owner for change, row in rows if (change.kind, row.key) in asked))

    def _leading(self) -> dict[str, list[str]]:
        """Target → aliases that lead to it, in both tables; not what leads to itself."""
        leading: dict[str, list[str]] = {}
        written = (change.after for change in self._changes if isinstance(change.after, AliasRow))
        for rows in (rows_of(self._records, AliasRow).values(), written):
            for row in rows:
                if len(row.goto) == 1 and row.goto[0] == row.key:
                    continue
                for target in row.goto:
                    for form in self.before.translated(target):
                        leading.setdefault(form, []).append(row.key)
        return leading

    def _without_rows(self, domain: str, leading: dict[str, list[str]]) -> Iterator[str]:
        """Who may depend on a catch-all: what leads into its domain (or into one that is an alias of it), and the
        addresses there whose own rows are off or absent."""
        linked = rows_of(self._records, AliasDomainRow).values()
        domains = {domain, *(row.key for row in linked if row.target == domain)}
        for target, keys in leading.items():
            if domain_of(target) in domains:
                yield from keys
        for tables in (self.before, self.after):
            for kind in (AliasRow, MailboxRow):
                for key in rows_of(self._records, kind):
                    if domain_of(key) in domains and not self._answers(tables, key):
                        yield key

    def _answers(self, tables: MailTables, address: str) -> bool:
        """Whether the address has an active alias row or mailbox."""
        alias, mailbox = tables.alias(address), tables.mailbox(address)
        return (alias is not None and alias.active) or (mailbox is not None and mailbox.active)

    def _has_row(self, address: str) -> bool:
        return any(t.alias(address) or t.mailbox(address) for t in (self.before, self.after))


def mail_flow_of(snapshot: Snapshot, chains: RenameChains, transitions: Iterable[Transition]) -> MailFlow | None:
    """The flow of mail over what was read; None when the tables that Postfix asks could not be."""
    tables = {"alias", "mailbox", "domain"}
    records = next((records for records in snapshot.records.values() if tables <= records.keys()), None)
    return None if records is None else MailFlow(records, chains, transitions, snapshot.delimiter)


def flow_changes(snapshot: Snapshot, chains: RenameChains, transitions: Sequence[Transition]) -> tuple[FlowChange, ...]:
    """The block "mail flow" of a plan."""
    flow = mail_flow_of(snapshot, chains, transitions)
    return () if flow is None else tuple(flow.changes())


def _redirected(change: Change) -> Iterator[AliasRow | MailboxRow]:
    """The rows of a change that sends mail elsewhere; a change of a name or a quota does not."""
    rows = [row for row in (change.before, change.after) if isinstance(row, AliasRow | MailboxRow)]
    if len({(row.key, row.active, getattr(row, "goto", ())) for row in rows}) == len(rows):
        yield from rows
