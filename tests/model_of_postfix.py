"""Where mail to an address ends, worked out from PostfixAdmin's rows as Postfix does it with PostfixAdmin's own maps.

Facts: `facts/postfixadmin.md` 6 and 12 (the maps), postconf(5) `virtual_alias_maps`, virtual(5) TABLE SEARCH ORDER and
cleanup_map1n.c (an address may expand into itself once and is then final). Used by the tests of a rename: at every
boundary between two steps nobody's mail may bounce. A test with a real Postfix holds this model true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, Found, MailboxRow
from reconciler.planning.snapshot import rows_of


class Fate(StrEnum):
    """What becomes of one copy."""

    MAILBOX = "mailbox"
    ELSEWHERE = "elsewhere"
    """A domain that is not ours: a forward, or the vacation program."""
    BOUNCE = "bounce"


@dataclass(frozen=True)
class Delivery:
    """The ends of one message: mailboxes, addresses elsewhere, and addresses that nobody has."""

    mailboxes: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    bounces: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PostfixModel:
    """Active rows only; an inactive one answers nothing."""

    aliases: Mapping[str, tuple[str, ...]]
    mailboxes: frozenset[str]
    domains: frozenset[str]
    alias_domains: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Found) -> PostfixModel:
        """From what `observe` gives: rows under their own keys, whatever they were paired with."""
        aliases = rows_of(found, AliasRow).values()
        mailboxes = rows_of(found, MailboxRow).values()
        linked = rows_of(found, AliasDomainRow).values()
        domains = {row.key for row in rows_of(found, DomainRow).values() if row.active}
        return cls(
            {row.key: row.goto for row in aliases if row.active},
            frozenset(row.key for row in mailboxes if row.active),
            frozenset(domains),
            {row.key: row.target for row in linked if row.active},
        )

    def deliver(self, address: str) -> Delivery:
        """All ends of a message to `address`."""
        ends: dict[Fate, set[str]] = {fate: set() for fate in Fate}
        for end in self._expand(address.lower(), set()):
            fate, name = self._end(end)
            ends[fate].add(name)
        return Delivery(*(frozenset(ends[fate]) for fate in Fate))

    def _expand(self, address: str, expanded: set[str]) -> Iterator[str]:
        if address in expanded:
            return  # a loop: cleanup has been here, so this branch gives no further copy
        goto = self._alias(address)
        if goto is None:
            yield address
            return
        expanded.add(address)
        for target in goto:
            if target == address:
                yield target
            else:
                yield from self._expand(target, expanded)

    def _alias(self, address: str) -> tuple[str, ...] | None:
        """The first map that answers, for the whole address and then for its domain. An empty answer is none."""
        local, _, domain = address.rpartition("@")
        keys = [address]
        if domain in self.alias_domains:
            keys += [f"{local}@{self.alias_domains[domain]}", f"*@{self.alias_domains[domain]}"]
        return next((goto for key in [*keys, f"*@{domain}"] if (goto := self.aliases.get(key))), None)

    def _end(self, address: str) -> tuple[Fate, str]:
        local, _, domain = address.rpartition("@")
        names: Iterable[str] = (address, f"{local}@{self.alias_domains.get(domain, domain)}")
        mailbox = next((name for name in names if name in self.mailboxes), None)
        if mailbox is not None:
            return Fate.MAILBOX, mailbox
        return (Fate.BOUNCE if domain in self.domains else Fate.ELSEWHERE), address


def assert_reachable(found: Found, addresses: Iterable[str], own_mailboxes: Iterable[str]) -> None:
    """Each address leads to an active mailbox of this person, and nothing of it comes back.

    docs/rename-invariants.md, invariant 1."""
    model, own = PostfixModel.of(found), frozenset(own_mailboxes)
    for address in addresses:
        delivery = model.deliver(address)
        assert delivery.mailboxes & own, f"{address} reaches {sorted(delivery.mailboxes)}, none of {sorted(own)}"
        assert not delivery.bounces, f"{address} bounces at {sorted(delivery.bounces)}"
