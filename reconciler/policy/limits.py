"""Limits on removals, changes and creations, and the empty state: gates that refuse the whole plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from math import floor
from typing import NamedTuple

from reconciler.model.addresses import Domain, domain_of
from reconciler.model.records import DomainRow, MailboxRow, Owner, Scope
from reconciler.planning.findings import Finding, Severity
from reconciler.planning.transitions import Effect, Transition
from reconciler.policy.context import GateContext
from reconciler.policy.counting import managed
from reconciler.settings import Limit

_AT_LEAST = {Effect.REMOVAL: 1, Effect.CHANGE: 10, Effect.CREATION: 0}
"""Where the site file gives a share and no `at_least` (docs/gates.md, "Limits")."""


class Count(NamedTuple):
    """How much of one effect a plan has, in one domain or over all (`subject` is the site's name then)."""

    effect: Effect
    subject: str
    planned: tuple[str, ...]
    recent: int
    managed: int
    limit: Limit
    hours: int

    @property
    def allowed(self) -> int:
        """min(number, max(at_least, share × managed accounts)); without a share the number alone."""
        if self.limit.share is None:
            return self.limit.number
        at_least = _AT_LEAST[self.effect] if self.limit.at_least is None else self.limit.at_least
        return min(self.limit.number, max(at_least, floor(self.limit.share * self.managed)))

    @property
    def exceeded(self) -> bool:
        """Whether this plan does too much, together with what was done within the window."""
        return bool(self.planned) and len(self.planned) + self.recent > self.allowed

    def __str__(self) -> str:
        of = "" if self.limit.share is None else f" of {self.managed}"
        return f"{self.effect}s {len(self.planned)}{self.past}{of} (limit {self.terms})"

    @property
    def past(self) -> str:
        """What the window adds."""
        return f" and {self.recent} in the last {self.hours} hours" if self.recent else ""

    @property
    def terms(self) -> str:
        """The limit as the site file has it: `1 %, 5`."""
        share = self.limit.share
        return f"{self.limit.number}" if share is None else f"{share * 100:g} %, {self.limit.number}"


def removals(context: GateContext) -> Iterator[Finding]:
    """Not more accounts and aliases go than the house rules allow."""
    return _limited(context, Effect.REMOVAL)


def changes(context: GateContext) -> Iterator[Finding]:
    """Not more changes than the house rules allow."""
    return _limited(context, Effect.CHANGE)


def creations(context: GateContext) -> Iterator[Finding]:
    """Not more creations than the house rules allow."""
    return _limited(context, Effect.CREATION)


def empty_state(context: GateContext) -> Iterator[Finding]:
    """No declared mailbox at all while there are live ones: a folder that is empty by mistake looks like this."""
    if context.desired.mailboxes:
        return
    live, domains = context.snapshot.rows(MailboxRow) or {}, context.snapshot.rows(DomainRow) or {}
    ours = context.desired.domains | domains.keys()
    removed = {removal.mailbox for removal in context.desired.removals}
    left = {address for address in live if domain_of(address) in ours}
    left |= {key for _, kind, key in context.remembered.inventory if kind == "mailbox"}
    number = len(left - removed)
    if number:
        message = f"no mailbox is declared, while our domains and the inventory have {number} that no removal names"
        hint = "check that `state` in the site file is the right folder, and declare the mailboxes"
        yield Finding(Severity.REFUSAL, "empty-state", context.site.site, message, hint)


def summary(context: GateContext) -> Iterator[str]:
    """What the limits looked at, over all: `removals 0 of 412 (limit 1 %, 5) ✓`."""
    for effect in (Effect.REMOVAL, Effect.CHANGE, Effect.CREATION):
        counts = list(_counts(context, effect))
        over = [count.subject for count in counts if count.exceeded]
        refused = [subject for subject in over if context.confirmation(f"{effect}s", subject) is None]
        yield f"{counts[0]} {'✗' if refused else 'confirmed' if over else '✓'}"


def _limited(context: GateContext, effect: Effect) -> Iterator[Finding]:
    for count in _counts(context, effect):
        if count.exceeded:
            yield _too_much(count)


def _too_much(count: Count) -> Finding:
    number = len(count.planned)
    what = f"{count.effect}{'' if number == 1 else 's'}"
    of = f"{count.managed} managed account{'' if count.managed == 1 else 's'} of {count.subject}"
    message = f"{number} {what}{count.past} with {of}: {count.allowed} allowed (limit {count.terms})"
    some = ", ".join(count.planned[:5]) + (f" and {number - 5} more" if number > 5 else "")
    hint = f"look whether all of them are meant: {some}"
    return Finding(Severity.REFUSAL, f"{count.effect}s", count.subject, message, hint)


def _counts(context: GateContext, effect: Effect) -> Iterator[Count]:
    """Over all, then each domain where that is another question."""
    planned = [t.owner for t in context.transitions if t.effect is effect and _counts_at_all(t, context)]
    limits = context.site.policy.limits
    limit = {Effect.REMOVAL: limits.removals, Effect.CHANGE: limits.changes, Effect.CREATION: limits.creations}[effect]
    ours = managed(context)

    def count(subject: str, number: int, domain: Domain | None = None) -> Count:
        names = tuple(owner.subject for owner in planned if domain in (None, _domain(owner)))
        recent = context.remembered.recent.get(effect, frozenset()) - frozenset(planned)
        past = sum(1 for o in recent if o.scope is not Scope.BLOCK and domain in (None, _domain(o)))
        return Count(effect, subject, names, past, number, limit, limits.window_hours)

    yield count(context.site.site, len(ours))
    if limit.share is not None:  # a mere number says of a domain what it says of all
        for domain, number in _by_domain(planned, ours):
            yield count(domain, number, domain)


def _counts_at_all(transition: Transition, context: GateContext) -> bool:
    """Not what another gate stops or what was counted already; and no block that ends by its date, or it would take
    removals from people."""
    if transition.owner in context.stopped:
        return False
    if transition.effect is Effect.CHANGE and transition.owner in context.chains.present(context.remembered.unseen):
        return False  # it was counted when it was begun: a run finishes what an earlier one left
    block = context.desired.sender_blocks.get(transition.owner.subject)
    return block is None or not block.expired(context.desired.today)


def _by_domain(planned: Iterable[Owner], ours: Iterable[str]) -> Iterator[tuple[Domain, int]]:
    """The domains of what is planned, and how many accounts are ours there; none on a site of one domain, where the
    site's own number says the same."""
    domains = {domain for owner in planned if (domain := _domain(owner)) is not None}
    numbers = Counter(map(domain_of, ours if domains else ()))
    if len(domains | numbers.keys()) > 1:
        yield from ((domain, numbers[domain]) for domain in sorted(domains))


def _domain(owner: Owner) -> Domain | None:
    """The domain that an account or an alias is in; a block is in none."""
    return None if owner.scope is Scope.BLOCK else domain_of(owner.subject)
