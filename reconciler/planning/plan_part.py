"""A part of a plan: what `--only` names, or what a merge request changes (`--changed`). Pure; for the workflow.

A part has whole lines, and with each line what it needs: an alias that leads to an account which this plan makes comes
with that account. Gates judge it by itself, since nothing else would be carried out; limits count what it does, against
the whole site.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from reconciler.model.addresses import Address, domain_of
from reconciler.model.mail_domains import ALIAS_DOMAIN_SCOPE, DOMAIN_SCOPE
from reconciler.model.owners import Owner, Scope
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.concern import Concern, changed_names, concern_of
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.plan import Plan
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.plan_draft import Draft
from reconciler.planning.review_facts import Cause
from reconciler.planning.snapshot import Pair
from reconciler.planning.transitions import Transition
from reconciler.translation import tr, tr_number

ONLY = "only"
"""The rule of what is said of the rest."""
OF_ALL = frozenset({"removals", "changes", "creations", "empty-state"})
"""The rules that count a whole plan: for a part they count the part."""


@dataclass(frozen=True, slots=True)
class Only:
    """The addresses and domains that somebody asked for, in their canonical form."""

    addresses: frozenset[str]
    domains: frozenset[str] = frozenset()

    def covers(self, owner: Owner, chains: RenameChains) -> bool:
        """Whether it is about this account (by any address that it has or had), alias, block or domain."""
        subject = owner.subject
        if owner.scope in (Scope.BLOCK, DOMAIN_SCOPE, ALIAS_DOMAIN_SCOPE):
            return subject in self.addresses | self.domains
        names = chains.addresses(Address(chains.of(subject))) if owner.scope is Scope.ACCOUNT else (subject,)
        return any(name in self.addresses or ("@" in name and domain_of(name) in self.domains) for name in names)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(sorted(self.addresses | self.domains))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a part is to be about: these names, or whatever a merge request changes, or both."""

    only: Only | None = None
    changed: bool = False

    def about(self, states: Sequence[PlanContext]) -> Concern | None:
        """Whose rows the part is about, by what is declared: here and, where that is compared with, at the base. None:
        everything is to be read."""
        if self.only is not None:
            return concern_of(self.only.addresses, self.only.domains, states)
        here, *base = (state.desired for state in states)
        if not base:
            return None
        names = changed_names(here, *base)
        return None if names is None else concern_of(names, (), states)

    def of(self, plan: Plan, chains: RenameChains) -> Part:
        """The part of this plan. Of names and changes, what is in both."""
        owners = frozenset(t.owner for t in (*plan.transitions, *plan.taken_back) if self._holds(t, chains))
        words = self.only.words if self.only else tuple(sorted({owner.subject for owner in owners}))
        return Part(self, words, _with_needs(owners, plan.transitions), plan, chains)

    def _holds(self, transition: Transition, chains: RenameChains) -> bool:
        if self.changed and transition.cause is Cause.WAITING:
            return False
        return self.only is None or self.only.covers(transition.owner, chains)


@dataclass(frozen=True)
class Part:
    """Whose lines of the plan `whole` are in it."""

    asked: Asked
    words: tuple[str, ...]
    owners: frozenset[Owner]
    whole: Plan
    chains: RenameChains

    def findings(self, findings: Iterable[Finding], pairs: Mapping[str, Pair], *, of_all: bool) -> tuple[Finding, ...]:
        """What gates say of the part, what of the names means nothing, and what is pending beside: how much, where
        that is known (`of_all`)."""
        kept = [f for f in findings if f.rule in OF_ALL or self.is_about(f, pairs)]
        return (*kept, *self._unknown(pairs), *self._rest(of_all=of_all))

    def is_about(self, finding: Finding, pairs: Mapping[str, Pair]) -> bool:
        """By its owner; what has none, by the address or domain that it names. What names neither is about the site."""
        if finding.owner is not None:
            return finding.owner in self.owners
        subject, only = finding.subject, self.asked.only
        if "@" in subject:
            return subject in self._names or (only is not None and domain_of(subject) in only.domains)
        known = any(subject in side.get("domain", {}) for pair in pairs.values() for side in pair)
        return not known or subject in self._domains

    @cached_property
    def _names(self) -> frozenset[str]:
        """Every address of those whom it is about."""
        asked = self.asked.only.addresses if self.asked.only else frozenset()
        subjects = {owner.subject for owner in self.owners} | asked
        return frozenset(a for subject in subjects for a in self.chains.addresses(Address(self.chains.of(subject))))

    @cached_property
    def _domains(self) -> frozenset[str]:
        asked = self.asked.only.domains if self.asked.only else frozenset()
        return asked | {domain_of(name) for name in self._names if "@" in name}

    def drafted(self, draft: Draft) -> Draft:
        """What applying the part means for the ledger, too."""
        noted = (*(entry.owner for entry in draft.adopted), *(entry.owner for entry in draft.people))
        only = self.asked.only
        covered = {owner for owner in noted if only is not None and only.covers(owner, self.chains)}
        back = tuple(t for t in draft.plan.taken_back if t.owner in self.owners)
        part = draft.only(self.owners | covered)
        return replace(part, plan=replace(part.plan, only=self.words, taken_back=back))

    def _unknown(self, pairs: Mapping[str, Pair]) -> Iterator[Finding]:
        keys = {key for pair in pairs.values() for side in pair for table in side.values() for key in table}
        keys |= {name for t in self.whole.transitions for name in (t.owner.subject,)} | set(self.chains.current)
        domains = {domain_of(key) for key in keys if "@" in key}
        for word in self.words if self.asked.only else ():
            if word not in keys and word not in domains:
                message = tr("nothing that is declared or live is called {name}", name=word)
                hint = tr("correct it, or ask: {command}", command=f"reconciler show {word}")
                yield Finding(Severity.WARNING, ONLY, word, message, hint)

    def _rest(self, *, of_all: bool) -> Iterator[Finding]:
        if not of_all:
            message = tr("only what this plan is about was read: other changes may be pending")
            yield Finding(Severity.NOTE, ONLY, ONLY, message, tr("leave --only and --changed out to see all of it"))
            return
        number = sum(t.owner not in self.owners for t in self.whole.transitions)
        if number:
            message = tr_number(
                "{number} other change is pending, which this plan is not about",
                "{number} other changes are pending, which this plan is not about",
                number,
            )
            hint = tr("leave --only and --changed out to see all of it")
            yield Finding(Severity.NOTE, ONLY, ONLY, message, hint)


def said_of_unread(files: int) -> Iterator[Finding]:
    """How many files of the state were not read: that nothing is said of them does not mean that they are right."""
    if files:
        message = tr_number(
            "{number} file of the state was not read: nothing in it is about this plan",
            "{number} files of the state were not read: nothing in them is about this plan",
            files,
        )
        hint = tr("what may be wrong there says: {command}", command="reconciler validate")
        yield Finding(Severity.NOTE, ONLY, ONLY, message, hint)


def _with_needs(owners: Iterable[Owner], transitions: Sequence[Transition]) -> frozenset[Owner]:
    """These owners, and whose transitions those of theirs need."""
    needs: Mapping[Owner, frozenset[Owner]] = {t.owner: t.needs for t in transitions}
    found, left = set[Owner](), list(owners)
    while left:
        owner = left.pop()
        if owner not in found:
            found.add(owner)
            left += needs.get(owner, frozenset()) & needs.keys()
    return frozenset(found)
