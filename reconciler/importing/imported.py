"""What an import makes: entries in the words of the state language, and what it leaves to people, with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reconciler.model.addresses import Address, Domain
from reconciler.model.records import (
    AliasDomainRow,
    AliasRow,
    BlockRow,
    DomainRow,
    Found,
    MailboxRow,
    MemberRow,
    OxUserRow,
    UnmanagedLineRow,
)
from reconciler.planning.snapshot import rows_of


class Left(NamedTuple):
    """Something live that is not declared, or not wholly: why, and what a person can do about it."""

    what: str
    """The kind of thing, in a word or two."""
    subject: str
    reason: str
    hint: str = ""


@dataclass
class Imported:
    """Entries by address (of a block: by its key), fields in the order of the documentation."""

    domains: dict[str, dict[str, Any]] = field(default_factory=dict)
    alias_domains: dict[str, dict[str, Any]] = field(default_factory=dict)
    mailboxes: dict[Address, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[Address, dict[str, Any] | list[str]] = field(default_factory=dict)
    renames: dict[Address, dict[str, Any]] = field(default_factory=dict)
    """By the old address."""
    sender_blocks: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)

    def leave(self, what: str, subject: str, reason: str, hint: str = "") -> None:
        """Notes what is not declared."""
        self.left.append(Left(what, subject, reason, hint))


@dataclass(frozen=True, slots=True)
class Live:
    """The records of all systems by kind. `users` is None in a site without groupware, `members` without a register."""

    mailboxes: Mapping[str, MailboxRow]
    aliases: Mapping[str, AliasRow]
    domains: Mapping[str, DomainRow]
    alias_domains: Mapping[str, AliasDomainRow]
    users: Mapping[str, OxUserRow] | None
    members: Mapping[str, MemberRow] | None
    blocks: Mapping[str, BlockRow]
    lines: Mapping[str, UnmanagedLineRow]

    @classmethod
    def of(cls, records: Found) -> Live:
        """`records` are those of all systems together."""
        return cls(
            mailboxes=rows_of(records, MailboxRow),
            aliases=rows_of(records, AliasRow),
            domains=rows_of(records, DomainRow),
            alias_domains=rows_of(records, AliasDomainRow),
            users=rows_of(records, OxUserRow) if "ox_user" in records else None,
            members=rows_of(records, MemberRow) if "member" in records else None,
            blocks=rows_of(records, BlockRow),
            lines=rows_of(records, UnmanagedLineRow),
        )

    def receives(self, domain: Domain) -> bool:
        """Whether PostfixAdmin knows the domain."""
        return domain in self.domains or domain in self.alias_domains
