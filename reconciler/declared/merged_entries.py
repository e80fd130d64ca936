"""All entries of all files, merged: what `checks` compare and what becomes the DesiredState."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from reconciler.declared.problems import Problems
from reconciler.model.addresses import Address, Domain, domain_of
from reconciler.model.declared import Alias, Confirm, Mailbox, Removal, Rename, SenderBlock
from reconciler.settings import Settings


@dataclass(slots=True)
class Found:
    """The entries of one file, in its order."""

    mailboxes: list[Mailbox] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    renames: list[Rename] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    sender_blocks: list[SenderBlock] = field(default_factory=list)
    confirm: list[Confirm] = field(default_factory=list)


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

    def add(self, found: Found, problems: Problems) -> None:
        """Takes one file in; a key that is taken already is an error that shows both places."""
        _add(self.mailboxes, ((m.address, m) for m in found.mailboxes), "mailbox", problems)
        _add(self.aliases, ((a.address, a) for a in found.aliases), "alias", problems)
        _add(self.removals, ((r.mailbox, r) for r in found.removals), "removal", problems)
        _add(self.confirm, (((c.gate, c.subject), c) for c in found.confirm), "confirm", problems)
        self.renames += found.renames
        self._add_blocks(found.sender_blocks, problems)

    def _add_blocks(self, blocks: Iterable[SenderBlock], problems: Problems) -> None:
        """An expired block stands back for a new one of the same key; two that are in force contradict each other."""
        for block in blocks:
            first = self.sender_blocks.setdefault(block.key, block)
            if first is block:
                continue
            if first.expired(self.today):
                self.superseded.append(first)
                self.sender_blocks[block.key] = block
            elif block.expired(self.today):
                self.superseded.append(block)
            else:
                message = f"{block.key} is blocked twice"
                problems.error("duplicate", block.key, message, "keep one entry", block.origin, other=first.origin)

    def close(self, *, complete: bool) -> None:
        """After the last file, before the checks."""
        self.complete = complete
        self.own_domains = {domain_of(address) for table in (self.mailboxes, self.aliases) for address in table}
        for mailbox in self.mailboxes.values():
            if mailbox.member is not None:
                self.members.setdefault(mailbox.member, mailbox)


_K = TypeVar("_K", Address, tuple[str, str])
_V = TypeVar("_V", Mailbox, Alias, Removal, Confirm)


def _add(table: dict[_K, _V], entries: Iterable[tuple[_K, _V]], what: str, problems: Problems) -> None:
    for key, entry in entries:
        first = table.setdefault(key, entry)
        if first is not entry:
            name = " for ".join(key) if isinstance(key, tuple) else key
            message = f"the {what} {name} is declared twice"
            problems.error("duplicate", name, message, "keep one of them", entry.origin, other=first.origin)
