"""All entries of all files, merged: what the checks compare and what becomes the DesiredState."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import TypeVar

from reconciler.declared.convert.entries import Declared
from reconciler.declared.problems import Problems
from reconciler.model.addresses import Address, Domain, domain_of
from reconciler.model.declared import Alias, Confirm, DesiredState, Mailbox, Removal, Rename, SenderBlock
from reconciler.settings import Settings


@dataclass(slots=True)
class Tables:
    """The entries of all files under their keys; where two had the same, the first one."""

    site: Settings
    today: date
    mailboxes: dict[Address, Mailbox] = field(default_factory=dict)
    aliases: dict[Address, Alias] = field(default_factory=dict)
    renames: list[Rename] = field(default_factory=list)
    removals: dict[Address, Removal] = field(default_factory=dict)
    sender_blocks: dict[str, SenderBlock] = field(default_factory=dict)
    confirm: dict[tuple[str, str], Confirm] = field(default_factory=dict)
    superseded: list[SenderBlock] = field(default_factory=list)
    """Expired blocks whose key has another entry."""
    members: dict[str, Mailbox] = field(default_factory=dict)
    """The first mailbox of each member number."""
    own_domains: set[Domain] = field(default_factory=set)
    """The domains of declared mailboxes and aliases: what git can know of ours."""
    complete: bool = True
    """False when something could not be read: then a declaration that is missing here proves nothing."""

    def desired_state(self, commit: str) -> DesiredState:
        """The same as the value that leaves this room."""
        return DesiredState(
            today=self.today,
            mailboxes=MappingProxyType(self.mailboxes),
            aliases=MappingProxyType(self.aliases),
            renames=tuple(self.renames),
            removals=tuple(self.removals.values()),
            sender_blocks=MappingProxyType(self.sender_blocks),
            confirm=tuple(self.confirm.values()),
            commit=commit,
        )


def merge(entries: Iterable[Declared], site: Settings, today: date, problems: Problems) -> Tables:
    """Takes all entries in; a key that is taken already is an error that shows both places."""
    tables = Tables(site, today)
    for entry in entries:
        match entry:
            case Mailbox():
                _add(tables.mailboxes, entry.address, entry, "mailbox", problems)
            case Alias():
                _add(tables.aliases, entry.address, entry, "alias", problems)
            case Rename():
                tables.renames.append(entry)
            case Removal():
                _add(tables.removals, entry.mailbox, entry, "removal", problems)
            case SenderBlock():
                _add_block(tables, entry, problems)
            case Confirm():
                _add(tables.confirm, (entry.gate, entry.subject), entry, "confirm", problems)
    tables.complete = not problems.any_error
    tables.own_domains = {domain_of(address) for table in (tables.mailboxes, tables.aliases) for address in table}
    for mailbox in tables.mailboxes.values():
        if mailbox.member is not None:
            tables.members.setdefault(mailbox.member, mailbox)
    return tables


_K = TypeVar("_K", Address, tuple[str, str])
_V = TypeVar("_V", Mailbox, Alias, Removal, Confirm)


def _add(table: dict[_K, _V], key: _K, entry: _V, what: str, problems: Problems) -> None:
    first = table.setdefault(key, entry)
    if first is not entry:
        name = " for ".join(key) if isinstance(key, tuple) else key
        message = f"the {what} {name} is declared twice"
        problems.error("duplicate", name, message, "keep one of them", entry.origin, other=first.origin)


def _add_block(tables: Tables, block: SenderBlock, problems: Problems) -> None:
    """An expired block stands back for a new one of the same key; two that are in force contradict each other."""
    first = tables.sender_blocks.setdefault(block.key, block)
    if first is block:
        return
    if first.expired(tables.today):
        tables.superseded.append(first)
        tables.sender_blocks[block.key] = block
    elif block.expired(tables.today):
        tables.superseded.append(block)
    else:
        message = f"{block.key} is blocked twice"
        problems.error("duplicate", block.key, message, "keep one entry", block.origin, other=first.origin)
