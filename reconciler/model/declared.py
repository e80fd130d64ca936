"""What git declares, after all files were read, completed and checked. Frozen values, made by `declared` only."""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from reconciler.model.addresses import Address, Domain, domain_of
from reconciler.model.lazy_table import LazyDomains, LazyNumbers, LazyTable
from reconciler.model.owners import Owner
from reconciler.model.source_places import Origin

K = TypeVar("K")
V = TypeVar("V")

UNLIMITED = 0
"""The quota of a mailbox without limit, as PostfixAdmin stores it."""


class Mailbox(NamedTuple):
    """An account: a person or a role with a mailbox. None means: not written, so not managed."""

    address: Address
    written: Origin
    """See `Origin.of`."""
    given_name: str | None = None
    surname: str | None = None
    name: str | None = None
    """Display name: as written, else given name and surname; None when neither was written."""
    member: str | None = None
    """Member number, digits as written (`0123` is not `123`)."""
    quota: int | None = None
    """Whole MB as PostfixAdmin counts them; UNLIMITED is 0."""
    active: bool = True
    groupware: bool = True
    username: str | None = None
    """OX login; None means by the rule of the site file."""
    password_reset: date | None = None
    subscriptions_reset: date | None = None

    @property
    def origin(self) -> Origin:
        """Where it is declared."""
        return self.written.of(self.address)


class Alias(NamedTuple):
    """An address that leads to others. `goto` is in the order written, canonical, without duplicates."""

    address: Address
    goto: tuple[Address, ...]
    written: Origin
    """See `Origin.of`."""
    active: bool = True

    @property
    def origin(self) -> Origin:
        """Where it is declared."""
        return self.written.of(self.address)


class OldMailbox(StrEnum):
    """What becomes of the old mailbox of a rename."""

    ATTACH = "attach"
    MOVE = "move"


class Rename(NamedTuple):
    """One account changes its address."""

    old: Address
    new: Address
    date: date
    origin: Origin
    former_surname: str | None = None
    ticket: str | None = None
    old_mailbox: OldMailbox = OldMailbox.ATTACH
    rewrite_references: bool = False


class GroupwareAccount(StrEnum):
    """What becomes of the OX account of a removed mailbox."""

    KEEP = "keep"
    DELETE = "delete"


class Removal(NamedTuple):
    """A mailbox is switched off on `date` and purged after the retention of the site."""

    mailbox: Address
    date: date
    reason: str
    origin: Origin
    groupware_account: GroupwareAccount = GroupwareAccount.KEEP


def purge_day(removal: Removal, retention_days: int) -> date:
    """When the mailbox is purged; the calendar's last day, when it would be later."""
    return removal.date + min(timedelta(days=retention_days), date.max - removal.date)


class SenderBlock(NamedTuple):
    """Mail of this envelope sender, or of a domain and its subdomains, is refused."""

    key: str
    """Canonical map key: `local@domain` (lower case) or a domain (A-label)."""
    is_domain: bool
    reason: str
    origin: Origin
    added: date | None = None
    expires: date | None = None

    def expired(self, today: date) -> bool:
        """Whether the last day of the block is over."""
        return self.expires is not None and self.expires < today


CONFIRMABLE = (
    "changes",
    "creations",
    "dangling-alias",
    "domain-off",
    "early-purge",
    "empty-state",
    "foreign",
    "groupware-delete",
    "mail-flow",
    "member-changed",
    "missing-domain",
    "naming",
    "new-domain",
    "no-letter",
    "protected",
    "register",
    "removals",
    "second-account",
    "suspected-rename",
    "wide-block",
)
"""The gates that an entry can lift. The others have a better way, which their hints name."""


class Confirm(NamedTuple):
    """Lifts one gate for one subject until a date."""

    gate: str
    subject: str
    until: date
    reason: str
    origin: Origin


class Part(Mapping[K, V]):
    """A table for a plan that is about a part of it: loops see the part, look-ups see all."""

    __slots__ = ("part", "whole")

    def __init__(self, whole: Mapping[K, V], part: Mapping[K, V]) -> None:
        self.whole = whole
        self.part = part

    def __getitem__(self, key: K) -> V:
        return self.whole[key]

    def __contains__(self, key: object) -> bool:
        return key in self.whole

    def __iter__(self) -> Iterator[K]:
        return iter(self.part)

    def __len__(self) -> int:
        return len(self.part)


def all_of(table: Mapping[K, V]) -> Mapping[K, V]:
    """The table for who must loop over all that is declared, to look something up by another name than its key."""
    return table.whole if isinstance(table, Part) else table


def member_numbers(boxes: Mapping[Address, Mailbox]) -> Mapping[str, Address]:
    """Who has a member number, of all that is declared."""
    table = all_of(boxes)
    if isinstance(table, LazyTable):
        return LazyNumbers(table)
    return {box.member: address for address, box in table.items() if box.member is not None}


def near(table: Mapping[Address, V], addresses: Iterable[str], domains: Iterable[str] = ()) -> Mapping[Address, V]:
    """The table for a loop that looks for entries at these addresses and in these domains: of a lazy one what was read,
    which is all of those."""
    if not isinstance(table, LazyTable):
        return table
    for domain in domains:
        table.files.at(domain)
    table.files.look_up(tuple(addresses))
    table.files.settle()
    return table.read


def leading(
    aliases: Mapping[Address, Alias], addresses: Iterable[str], delimiters: str = ""
) -> Mapping[Address, Alias]:
    """All declared aliases for a loop that looks for those that lead to one of these addresses, or to one with an
    extension behind one of the delimiters."""
    table = all_of(aliases)
    if not isinstance(table, LazyTable):
        return table
    table.files.leading_to(tuple(addresses), delimiters)
    return table.read


def with_login(boxes: Mapping[Address, Mailbox], login: str) -> Mapping[Address, Mailbox]:
    """All declared mailboxes for a loop that looks for those that want this login."""
    table = all_of(boxes)
    if not isinstance(table, LazyTable):
        return table
    table.files.claiming(login)
    return table.read


def differing(ours: Mapping[K, V], theirs: Mapping[K, V]) -> tuple[Mapping[K, V], Mapping[K, V]]:
    """Two states' tables for a loop that looks for what is in one of them alone."""
    if isinstance(ours, LazyTable) and isinstance(theirs, LazyTable):
        return ours.differing, theirs.differing
    return ours, theirs


def part_of(table: Mapping[K, V]) -> Mapping[K, V]:
    """The table that loops see, in which look-ups find no more than that."""
    return table.part if isinstance(table, Part) else table


@dataclass(frozen=True, slots=True)
class DesiredState:
    """Everything that git declares, and the day for which it was read (in the site's time zone).

    A section is a table by subject when a transition can be about its entries, else a tuple. Those that several rooms
    name have a field."""

    today: date
    mailboxes: Mapping[Address, Mailbox] = field(default_factory=dict)
    aliases: Mapping[Address, Alias] = field(default_factory=dict)
    renames: tuple[Rename, ...] = ()
    removals: tuple[Removal, ...] = ()
    sender_blocks: Mapping[str, SenderBlock] = field(default_factory=dict)
    confirm: tuple[Confirm, ...] = ()
    commit: str = ""
    """The commit of the state folder, with `+` behind it when files differ from it; empty where git does not know."""
    others: Mapping[str, Any] = field(default_factory=dict)
    """The sections without a field here, by name."""

    def section(self, name: str) -> Any:
        """The entries of a section; empty when it is not known here."""
        return self.others.get(name, {}) if name not in self.__slots__ else getattr(self, name)

    def entry(self, owner: Owner) -> Any:
        """What is declared under the very name of this subject, with its `origin`; None when nothing is."""
        return self.section(owner.scope.section).get(owner.subject)

    @property
    def domains(self) -> Set[Domain]:
        """The domains of declared mailboxes and aliases."""
        tables = all_of(self.mailboxes), all_of(self.aliases)
        lazy = [table for table in tables if isinstance(table, LazyTable)]
        return LazyDomains(*lazy) if lazy else frozenset(domain_of(address) for table in tables for address in table)


def declared_among(desired: DesiredState, addresses: Iterable[str]) -> set[str]:
    """Those of the addresses at which a mailbox is declared, in all of the state."""
    table, asked = all_of(desired.mailboxes), set(addresses)
    if isinstance(table, LazyTable):
        table.files.among(asked)
        return {address for address in asked if table.among_read(Address(address)) is not None}
    return {address for address in asked if Address(address) in table}
