"""What PostfixAdmin should hold, from what git declares, and what renames and removals mean before it is known what is
there. Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from reconciler.model.addresses import Address, domain_of, local_part
from reconciler.model.declared import Alias, DesiredState, Mailbox, OldMailbox, Rename, part_of, purge_day
from reconciler.model.derived_rows import DerivedRows
from reconciler.model.mail_domains import MailDomain
from reconciler.model.name_folding import folded
from reconciler.model.records import (
    AliasDomainRow,
    AliasRole,
    AliasRow,
    DomainRow,
    MailboxRow,
    Owner,
    Records,
    Scope,
)
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.plan_context import PlanContext
from reconciler.setting_values import parse_quota
from reconciler.settings import Settings


def expect(context: PlanContext, settings: Settings) -> Records:
    """Mailboxes with their own and member aliases, what they were under former addresses, and the declared aliases.
    Rows have the values of a creation; `match` adapts them to what is there."""
    desired, quota = context.desired, parse_quota(settings.policy.default_quota)
    mailboxes = DerivedRows(part_of(desired.mailboxes), lambda _, box: _mailbox(box, quota))
    declared = _DeclaredAliases(desired)
    aliases = DerivedRows(declared, _alias)
    for chain in due_chains(context):
        mailboxes.update((row.key, row) for row in _former_mailboxes(chain))
        aliases.update((row.key, row) for row in _former_aliases(chain) if row.key not in declared)
    # aliases first: PostfixAdmin's own order, and steps of one account keep it (facts/postfixadmin.md 5.2)
    return {"alias": aliases, "mailbox": mailboxes, **_domains(context)}


def _domains(context: PlanContext) -> Records:
    """Tables of domains only where git declares any: elsewhere they are PostfixAdmin's, and nobody counts them."""
    domains, links = context.desired.section("domains"), context.desired.section("alias_domains")
    records: Records = {}
    if domains:
        records["domain"] = {domain: _domain(each) for domain, each in domains.items()}
    if links:
        records["alias_domain"] = {d: AliasDomainRow(d, each.target, each.active) for d, each in links.items()}
    return records


def _domain(declared: MailDomain) -> DomainRow:
    written = {name: value for name in _DOMAIN_FIELDS if (value := getattr(declared, name)) is not None}
    return DomainRow(declared.domain, **{"active": True, **written}, managed=tuple(written))


_DOMAIN_FIELDS = ("active", "backupmx", "mailboxes", "aliases", "maxquota", "quota")


def _mailbox(mailbox: Mailbox, default_quota: int) -> MailboxRow:
    return MailboxRow(
        mailbox.address,
        mailbox.address,
        folded(mailbox.name) if mailbox.name is not None else "",
        default_quota if mailbox.quota is None else mailbox.quota,
        mailbox.active,
        mailbox.name is not None,
        mailbox.quota is not None,
    )


class _DeclaredAliases(Mapping[str, Mailbox | Alias]):
    """Address → whose own or member alias it is, or the alias that is declared there. No table of its own: a big site
    has half a million, and most of them stand in one already."""

    def __init__(self, desired: DesiredState) -> None:
        aliases: Mapping[Any, Alias] = part_of(desired.aliases)
        boxes: Mapping[Any, Mailbox] = part_of(desired.mailboxes)
        members = {f"{box.member}@{domain_of(box.address)}": box for box in boxes.values() if box.member}
        self._aliases, self._boxes, self._members = aliases, boxes, members
        self._twice = (members.keys() & boxes.keys()) | (aliases.keys() & boxes.keys()) | (aliases.keys() & members)

    def get(self, key: str, default: Any = None) -> Any:
        """Whose it is; the default when it is nobody's."""
        found = self._aliases.get(key) or self._boxes.get(key) or self._members.get(key)
        return default if found is None else found

    def __getitem__(self, key: str) -> Mailbox | Alias:
        found: Mailbox | Alias | None = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return key in self._aliases or key in self._boxes or key in self._members

    def __iter__(self) -> Iterator[str]:
        tables, twice = (self._boxes, self._members, self._aliases), self._twice
        return itertools.chain(*(itertools.filterfalse(twice.__contains__, each) for each in tables), sorted(twice))

    def __len__(self) -> int:
        tables = (self._boxes, self._members, self._aliases)
        return sum(len(each) - sum(key in each for key in self._twice) for each in tables) + len(self._twice)


def _alias(key: str, declared: Mailbox | Alias) -> AliasRow:
    if isinstance(declared, Alias):
        return AliasRow(key, key, tuple(sorted(declared.goto)), declared.active, AliasRole.DECLARED)
    address, active = declared.address, declared.active
    if key == address:
        return AliasRow(address, address, (address,), active, AliasRole.OWN)
    # a disabled mailbox keeps its member alias as it is found (docs/state-language.md)
    return AliasRow(key, address, (address,), True, AliasRole.MEMBER, active)


def _former_aliases(chain: Chain) -> Iterator[AliasRow]:
    account, active = chain.key, chain.active
    for former in chain.former:
        yield AliasRow(former.address, account, (account,), True, AliasRole.FORMER, active)
    for member in chain.members:
        # as long as it is there: nobody needs it in a domain that its person left
        yield AliasRow(member, account, (account,), True, AliasRole.MEMBER, active_managed=False)


def _former_mailboxes(chain: Chain) -> Iterator[MailboxRow]:
    """Old mailboxes that stay: `match` makes their name from the new one's; their quota is their own."""
    for former in chain.former:
        if not former.move:
            yield MailboxRow(former.address, chain.key, "", 0, chain.active, name_managed=True)


class Former(NamedTuple):
    """An address that an account had."""

    address: Address
    suffix: str
    """What stands behind "ehem." in the old mailbox's name: the surname of that time, else the address."""
    move: bool
    """Its mailbox, when it is there, becomes the new one; else it stays, to be attached."""
    rewrite: bool
    """Whether undeclared aliases that lead to it are changed."""


class Chain(NamedTuple):
    """The due renames of one declared account; `former` newest first, each address once."""

    key: Address
    former: tuple[Former, ...]
    members: tuple[Address, ...]
    """Their member number in the domains that they left."""
    number: Address | None
    """Their member number in the domain of today."""
    active: bool

    @property
    def addresses(self) -> frozenset[str]:
        """All that are or were the account's."""
        return frozenset((self.key, *(f.address for f in self.former)))

    @property
    def numbers(self) -> frozenset[str]:
        """Aliases that lead to the account: what leads to them from its own alias leads round in a circle."""
        return frozenset((*self.members, self.number) if self.number else self.members)

    def current(self, target: str) -> str:
        """A target of an old own alias as it is under the new address: a vacation token names the mailbox that it
        answers for, whatever the vacation domain is or was (facts/postfixadmin.md 7)."""
        for former in self.former:
            mine = f"{local_part(former.address)}#{domain_of(former.address)}@"
            if target.startswith(mine):
                return f"{local_part(self.key)}#{domain_of(self.key)}@{target.removeprefix(mine)}"
        return target


class Leaving(NamedTuple):
    """An account whose removal is due: switched off, or purged."""

    key: Address
    addresses: tuple[Address, ...]
    """Its former ones too: their mailboxes belong to the account."""
    purge: bool

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ACCOUNT, self.key)


def chain_of(box: Mailbox, chains: RenameChains) -> Chain | None:
    """The chain of a declared account; None when it had no other address."""
    renames = chains.former.get(box.address)
    if not renames:
        return None
    addresses = chains.addresses(box.address)[1:]
    former = tuple(_former(address, renames) for address in addresses)
    left = dict.fromkeys(domain_of(a) for a in addresses if domain_of(a) != domain_of(box.address))
    members = tuple(Address(f"{box.member}@{domain}") for domain in left) if box.member else ()
    number = Address(f"{box.member}@{domain_of(box.address)}") if box.member else None
    return Chain(box.address, former, members, number, box.active) if former else None


def _former(address: Address, renames: Sequence[Rename]) -> Former:
    # the last time that the account left this address; what it was called then is what it was called until it said
    # otherwise for the first time after it
    newest = next(index for index, rename in enumerate(renames) if rename.old == address)
    since = reversed(renames[: newest + 1])
    surname = next((rename.former_surname for rename in since if rename.former_surname), None)
    rename = renames[newest]
    return Former(address, surname or address, rename.old_mailbox is OldMailbox.MOVE, rename.rewrite_references)


def due_chains(context: PlanContext) -> list[Chain]:
    """The chains of all declared accounts that have former addresses."""
    former = context.chains.former
    boxes = (box for box in context.desired.mailboxes.values() if box.address in former) if former else ()
    return [chain for box in boxes if (chain := chain_of(box, context.chains)) is not None]


def due_removals(context: PlanContext, retention_days: int) -> list[Leaving]:
    """The removals that are due today."""
    return [
        Leaving(
            removal.mailbox,
            context.chains.addresses(removal.mailbox),
            purge=purge_day(removal, retention_days) <= context.today,
        )
        for removal in context.desired.removals
        if removal.date <= context.today and removal.mailbox not in context.desired.mailboxes
    ]
