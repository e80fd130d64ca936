"""A part of a plan: what `--only` names, or what a merge request changes (`--changed`). Pure; for the workflow.

A part has whole lines of the whole plan, and with each line what it needs: an alias that leads to an account which this
plan makes comes with that account. Gates judge the lines as a part of the whole plan, so that no line is carried out in
a part that would be refused in the whole; limits count what the part does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.model.addresses import Address, domain_of
from reconciler.model.mail_domains import ALIAS_DOMAIN_SCOPE, DOMAIN_SCOPE
from reconciler.model.owners import Owner, Scope
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.plan import Plan
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

    def of(self, plan: Plan, chains: RenameChains) -> Part:
        """The part of this plan. Of names and changes, what is in both."""
        owners = frozenset(t.owner for t in (*plan.transitions, *plan.taken_back) if self._holds(t, chains))
        words = self.only.words if self.only else tuple(sorted({owner.subject for owner in owners}))
        return Part(self, words, _with_needs(owners, plan.transitions), plan, chains)

    def _holds(self, transition: Transition, chains: RenameChains) -> bool:
        if self.changed and transition.cause is Cause.WAITING:
            return False
        return self.only is None or self.only.covers(transition.owner, chains)


@dataclass(frozen=True, slots=True)
class Part:
    """Whose lines of the plan `whole` are in it."""

    asked: Asked
    words: tuple[str, ...]
    owners: frozenset[Owner]
    whole: Plan
    chains: RenameChains

    def findings(
        self, whole: Sequence[Finding], part: Sequence[Finding], pairs: Mapping[str, Pair]
    ) -> tuple[Finding, ...]:
        """What gates say of the part: of its lines what they say in the whole plan, and what they say of them in the
        part besides; the rules that count, of the part. And what of the names means nothing, and how much is left."""
        kept = [f for f in whole if f.rule not in OF_ALL and (f.owner is None or f.owner in self.owners)]
        known = {(f.rule, f.owner) for f in kept}
        counted = [f for f in part if f.rule in OF_ALL]
        more = [f for f in part if f.owner in self.owners and f.rule not in OF_ALL and (f.rule, f.owner) not in known]
        return (*kept, *more, *counted, *self._unknown(pairs), *self._rest())

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

    def _rest(self) -> Iterator[Finding]:
        number = sum(t.owner not in self.owners for t in self.whole.transitions)
        if number:
            message = tr_number(
                "{number} other change is pending, which this plan is not about",
                "{number} other changes are pending, which this plan is not about",
                number,
            )
            hint = tr("leave --only and --changed out to see all of it")
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
