"""Whose rows a part of a plan is about, before anything is read: what `--only` names and `--changed` finds, with the
addresses that belong to it. Pure; for the workflow and for systems that can be asked for single rows.

A part must look as it would in the whole site. So of what is declared, loops see the part and look-ups see all
(`model.declared.Part`); of what is live, a system reads the rows of these addresses and what leads to and from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from reconciler.model.addresses import CATCH_ALL, Address, domain_of, local_part
from reconciler.model.declared import DesiredState, Mailbox, Part, differing, leading, member_numbers, near
from reconciler.model.records import AliasRow
from reconciler.model.source_places import without_place
from reconciler.planning.plan_context import PlanContext

E = TypeVar("E")

MOST = 40
"""Addresses that are looked for one by one; of more, whole tables are read: for each of them the database searches the
targets of every alias."""


class Person(NamedTuple):
    """Who is behind a declared mailbox, as others may know them."""

    address: str
    number: str | None
    names: frozenset[str]
    """The display name, and given name with surname."""


@dataclass(frozen=True, slots=True)
class Concern:
    """`addresses` are all that accounts have or had, aliases, and member numbers at their domains (`10042@`). In
    `domains` it is every address."""

    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    people: tuple[Person, ...] = ()
    """Of a new account somebody else who is called so or has the number may be the same person."""
    logins: frozenset[str] = frozenset()
    """Those that the accounts may have in OX."""
    undeclared: frozenset[str] = frozenset()
    """The addresses of which git says nothing, and which belong to nothing that it says: of somebody who left."""
    targets: frozenset[str] = frozenset()
    """The addresses where declared aliases of the part lead, and of which git says nothing else. Half of a site may
    forward there: who does is not looked for."""

    def covers(self, address: str) -> bool:
        """Whether all that is live about an address is read."""
        return address in self.addresses or domain_of(address) in self.domains

    def beside(self, former: Mapping[str, str], contexts: Sequence[PlanContext]) -> Concern | None:
        """With whom the ledger knows at one of the addresses: `former` has the account that left an address. The same
        where there is nobody."""
        return self._with({a for pair in former.items() if any(map(self.covers, pair)) for a in pair}, contexts)

    def led_to(self, aliases: Mapping[str, AliasRow], contexts: Sequence[PlanContext]) -> Concern | None:
        """With the accounts to whose former addresses aliases of the part lead, or lead as well, and with those that
        are removed: what becomes of such an alias may be theirs to say. And with the declared aliases that lead here
        and are to lead elsewhere: what is switched off here waits for them. The same where there are none."""
        rows = [row for key, row in aliases.items() if self.covers(key) or any(map(self.covers, row.goto))]
        targets = {target for row in rows for target in row.goto if not self.covers(target)}
        more = {t for context in contexts for t in targets if t in context.chains.current or t in context.removed}
        more |= {row.key for context in contexts for row in rows if self._is_left_by(row, context)}
        return self._with(more, contexts)

    def _is_left_by(self, row: AliasRow, context: PlanContext) -> bool:
        declared = context.desired.aliases.get(Address(row.key))
        return declared is not None and any(self.covers(target) for target in {*row.goto}.difference(declared.goto))

    def _with(self, more: set[str], contexts: Sequence[PlanContext]) -> Concern | None:
        if all(self.covers(each) and each not in self.targets for each in more):
            return self
        return concern_of((self.addresses - self.targets) | more, self.domains, contexts)


def narrowed(context: PlanContext, about: Concern) -> PlanContext:
    """The same declared state, of which loops see the part."""
    desired = context.desired
    removals = tuple(removal for removal in desired.removals if about.covers(removal.mailbox))
    boxes, aliases = _part(desired.mailboxes, about), _part(desired.aliases, about)
    return replace(context, desired=replace(desired, mailboxes=boxes, aliases=aliases, removals=removals))


def _part(table: Mapping[Address, E], about: Concern) -> Mapping[Address, E]:
    concerned = about.covers if about.domains else about.addresses.__contains__
    there = near(table, about.addresses, about.domains)
    return Part(table, {key: entry for key, entry in there.items() if concerned(key)})


def concern_of(names: Iterable[str], domains: Iterable[str], contexts: Sequence[PlanContext]) -> Concern | None:
    """What is declared about these addresses and domains, in one state or in two; None when it is so much that all is
    to be read. A catch-all is about every address of its domain."""
    names = frozenset(names)
    wide = frozenset(domains) | {domain_of(name) for name in names if local_part(name) == CATCH_ALL}
    todo = [*names, *(a for context in contexts for a in _declared_in(context.desired, wide))]
    found, boxes, belonging = set[str](), list[Mailbox](), set[str]()
    numbers = [(context, member_numbers(context.desired.mailboxes)) for context in contexts]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        found.add(name)
        more = [each for context, by_number in numbers for each in _belonging(context, by_number, name, boxes)]
        belonging.update(each for each in more if each != name)
        todo += more
        if sum(domain_of(each) not in wide for each in found) > MOST:
            return None
    logins = {*found, *map(local_part, found), *(box.username for box in boxes if box.username)}
    undeclared = frozenset(n for n in names - belonging if not any(_declares(context, n) for context in contexts))
    targets = frozenset(n for n in belonging - names if not any(_is_said(*state, n) for state in numbers))
    return Concern(frozenset(found), wide, tuple(map(_person, boxes)), frozenset(logins), undeclared, targets)


def _declares(context: PlanContext, name: str) -> bool:
    return Address(context.chains.of(name)) in context.desired.mailboxes or Address(name) in context.desired.aliases


def _is_said(context: PlanContext, numbers: Mapping[str, Address], name: str) -> bool:
    """Whether git says anything of an address but that mail goes there."""
    alone = set(_belonging(context, numbers, name, [])) == {name}
    return not alone or _declares(context, name) or name in context.removed


def _person(box: Mailbox) -> Person:
    names = (box.name or "", f"{box.given_name or ''} {box.surname or ''}".strip())
    return Person(box.address, box.member, frozenset(filter(None, names)))


def _declared_in(desired: DesiredState, domains: frozenset[str]) -> Iterator[str]:
    if domains:
        tables: tuple[Mapping[Address, Any], ...] = (desired.mailboxes, desired.aliases)
        there = (near(table, (), domains) for table in tables)
        yield from (address for table in there for address in table if domain_of(address) in domains)


def _belonging(context: PlanContext, numbers: Mapping[str, Address], name: str, boxes: list[Mailbox]) -> Iterator[str]:
    """What belongs to an address, or is needed by what is declared there: the account's other addresses and number, the
    targets of an alias. Notes the account's mailbox."""
    desired, chains = context.desired, context.chains
    account = Address(chains.of(name))
    yield from chains.addresses(account)
    for rename in chains.future:
        if name in (rename.old, rename.new):
            yield from (rename.old, rename.new)
    box = desired.mailboxes.get(account)
    if box is None and local_part(name).isdecimal():
        same = numbers.get(local_part(name))
        box = desired.mailboxes[same] if same is not None and domain_of(same) == domain_of(name) else None
    if box is not None:
        if box not in boxes:
            boxes.append(box)
        yield box.address
        if box.member is not None:
            yield from (f"{box.member}@{domain_of(address)}" for address in chains.addresses(box.address))
    alias = desired.aliases.get(Address(name))
    if alias is not None:
        yield from alias.goto
        yield from (f"{local_part(t).partition('+')[0]}@{domain_of(t)}" for t in alias.goto if "+" in local_part(t))


def changed_names(head: DesiredState, base: DesiredState) -> frozenset[str] | None:
    """The addresses about which two states say something else; None when they differ about more than addresses."""
    if any(head.section(name) != base.section(name) for name in head.others.keys() | base.others.keys()):
        return None
    names = set[str]()
    for ours, theirs in ((head.mailboxes, base.mailboxes), (head.aliases, base.aliases)):
        names |= _differing(*differing(ours, theirs))
    for renames in _apart(head.renames, base.renames):
        names |= {address for rename in renames for address in (rename.old, rename.new)}
    for removals in _apart(head.removals, base.removals):
        names |= {removal.mailbox for removal in removals}
    for confirms in _apart(head.confirm, base.confirm):
        names |= {confirm.subject for confirm in confirms if "@" in confirm.subject}
    return frozenset(names | _leading_there(names, head))


def _leading_there(names: set[str], desired: DesiredState) -> set[str]:
    """Declared aliases that lead to one of these: what becomes of the target may decide whether they wait."""
    found, at = set[str](), frozenset(names)
    while at:
        aliases = leading(desired.aliases, at)
        at = frozenset(a for a, alias in aliases.items() if not at.isdisjoint(alias.goto)) - found
        found |= at
    return found


def _differing(ours: Mapping[Any, Any], theirs: Mapping[Any, Any]) -> set[str]:
    return {
        *(key for key, entry in ours.items() if entry is not (other := theirs.get(key)) and _differ(entry, other)),
        *(theirs.keys() - ours.keys()),
    }


def _differ(entry: Any, other: Any) -> bool:
    return other is None or without_place(entry) != without_place(other)


def _apart(ours: Sequence[Any], theirs: Sequence[Any]) -> Iterator[list[Any]]:
    for some, others in ((ours, theirs), (theirs, ours)):
        there = {without_place(entry) for entry in others}
        yield [entry for entry in some if without_place(entry) not in there]
