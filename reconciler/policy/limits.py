"""Limits on removals, changes and creations, and the empty state: gates that refuse the whole plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from math import floor
from typing import NamedTuple

from reconciler.model.addresses import Domain, domain_of
from reconciler.model.declared import all_of
from reconciler.model.records import DomainRow, MailboxRow, Owner, Scope
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.transitions import Effect, Transition
from reconciler.policy.gate_context import GateContext
from reconciler.settings import Limit
from reconciler.translation import marked, tr, tr_number

_OURS = "managed"
_AT_LEAST = {Effect.REMOVAL: 1, Effect.CHANGE: 10, Effect.CREATION: 0}
"""Where the site file gives a share and no `at_least` (docs/gates.md, "Limits")."""


_MANY = {Effect.REMOVAL: marked("removals"), Effect.CHANGE: marked("changes"), Effect.CREATION: marked("creations")}


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
        """`removals: 1 of at most 4 (412 accounts, 24 h)`."""
        over = "" if self.limit.share is None else tr_number("{number} account", "{number} accounts", self.managed)
        effects = tr(_MANY[self.effect])
        counted = {"now": len(self.planned), "recent": self.recent, "hours": self.hours, "allowed": self.allowed}
        if self.recent:
            said = tr("{now} now + {recent} in {hours} h, at most {allowed}", **counted)
            return f"{effects}: {said}{f' ({over})' if over else ''}"
        said = tr("{now} of at most {allowed}", **counted)
        return f"{effects}: {said} ({over}{', ' if over else ''}{self.hours} h)"

    @property
    def said(self) -> str:
        """`6 removals now + 3 in 24 h`."""
        number = _number(self.effect, len(self.planned))
        if not self.recent:
            return number
        return tr("{changes} now + {recent} in {hours} h", changes=number, recent=self.recent, hours=self.hours)

    @property
    def rule(self) -> str:
        """The gate that refuses what is too much."""
        return f"{self.effect}s"

    @property
    def refusal(self) -> Finding:
        """What is said when it is too much."""
        message = tr_number(
            "{changes} with {number} managed account of {subject}: at most {allowed} allowed (limit {terms})",
            "{changes} with {number} managed accounts of {subject}: at most {allowed} allowed (limit {terms})",
            self.managed,
            changes=self.said,
            subject=self.subject,
            allowed=self.allowed,
            terms=self.terms,
        )
        hint = tr("check whether all of them are meant: {names}", names=_some(self.planned))
        return Finding(Severity.REFUSAL, self.rule, self.subject, message, hint)

    @property
    def terms(self) -> str:
        """The limit as the site file has it: `1 %, 5`."""
        share = self.limit.share
        return f"{self.limit.number}" if share is None else f"{share * 100:g} %, {self.limit.number}"


def removals(context: GateContext) -> Iterator[Finding]:
    """Not more accounts and aliases go than the policy allows."""
    return _limited(context, Effect.REMOVAL)


def changes(context: GateContext) -> Iterator[Finding]:
    """Not more changes than the policy allows."""
    return _limited(context, Effect.CHANGE)


def creations(context: GateContext) -> Iterator[Finding]:
    """Not more creations than the policy allows."""
    return _limited(context, Effect.CREATION)


def empty_state(context: GateContext) -> Iterator[Finding]:
    """No declared mailbox at all while there are live ones: a folder that is empty by mistake looks like this."""
    if all_of(context.desired.mailboxes):
        return
    ours = context.desired.domains | context.live(DomainRow).keys()
    left = {address for address in context.live(MailboxRow) if domain_of(address) in ours} | context.managed("mailbox")
    number = len(left - context.plan.removed)
    if number:
        message = tr(
            "no mailbox is declared, while our domains and the inventory have {number} that no removal names",
            number=number,
        )
        hint = tr("check that `state` in the site file is the right folder, and declare the mailboxes")
        yield Finding(Severity.REFUSAL, "empty-state", context.site.site, message, hint)


EFFECTS = (Effect.REMOVAL, Effect.CHANGE, Effect.CREATION)
"""In the order in which they are shown."""


def summary(context: GateContext) -> Iterator[str]:
    """What the limits looked at: `removals: 0 of at most 4 (412 accounts, 24 h) ✓`, over all or of the domain that has
    too many."""
    for effect in EFFECTS:
        yield gate_line(counts(context, effect), lambda c: context.confirmation(c.rule, c.subject) is not None)


def gate_line(counts: Iterable[Count], lifted: Callable[[Count], bool]) -> str:
    """The same of one effect: how much over all, then in single domains."""
    whole, *domains = counts
    over = [count for count in (whole, *domains) if count.exceeded]
    refused = [count for count in over if not lifted(count)]
    if refused:
        first = refused[0]
        said = str(whole) if first is whole else tr("{limit} in {domain}", limit=first, domain=first.subject)
        return f"{said} ✗"
    return tr("{limit} confirmed", limit=whole) if over else f"{whole} ✓"


def _limited(context: GateContext, effect: Effect) -> Iterator[Finding]:
    return (count.refusal for count in counts(context, effect) if count.exceeded)


def managed(context: GateContext) -> Set[str]:
    """The live accounts that are ours: what shares are shares of. The old mailbox of a rename belongs to its account.
    When the mailboxes are unknown, what is declared counts."""
    if context.snapshot.site is not None:
        return context.snapshot.site.accounts
    if _OURS not in context.remembering:
        context.remembering[_OURS] = _managed(context)
    return context.remembering[_OURS]


def _managed(context: GateContext) -> Set[str]:
    noted = context.managed("mailbox") | context.remembered.mailboxes  # of a part of the site the ledger has all keys
    ours = {*all_of(context.desired.mailboxes), *context.plan.removed, *noted}
    accounts, live = context.chains.of_all(ours), context.snapshot.rows(MailboxRow)
    return accounts if live is None else accounts & context.chains.of_all(set(live))


def counts(context: GateContext, effect: Effect) -> Iterator[Count]:
    """Over all, then each domain where that is another question."""
    planned = [t.owner for t in context.transitions if t.effect is effect and _counts_at_all(t, context)]
    limits, ours = context.site.policy.limits, managed(context)
    limit = {Effect.REMOVAL: limits.removals, Effect.CHANGE: limits.changes, Effect.CREATION: limits.creations}[effect]

    def count(subject: str, number: int, domain: Domain | None = None) -> Count:
        names = tuple(owner.subject for owner in planned if domain in (None, _domain(owner)))
        recent = context.remembered.recent.get(effect, frozenset()) - frozenset(planned)
        past = sum(1 for o in recent if o.scope is not Scope.BLOCK and domain in (None, _domain(o)))
        return Count(effect, subject, names, past, number, limit, limits.window_hours)

    yield count(context.site.site, len(ours))
    if limit.share is not None:  # a number without a share is the same for each domain
        for domain, number in _by_domain(planned, ours):
            yield count(domain, number, domain)


def _counts_at_all(transition: Transition, context: GateContext) -> bool:
    """Not what another gate stops, what was counted already, or a block that expires: that would use up removals."""
    if transition.owner in context.stopped:
        return False
    if transition.effect is Effect.CHANGE and transition.owner in context.chains.present(context.remembered.unseen):
        return False  # it was counted when it was begun: a run finishes what an earlier one left
    if any(change.kind == "given_password" for change in transition.changes):
        return False  # somebody types each of them
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
    """The domain that an account or an alias is in; a block is in none, nor what has no address."""
    return None if owner.scope is Scope.BLOCK or "@" not in owner.subject else domain_of(owner.subject)


def _number(effect: Effect, number: int) -> str:
    """`1 removal`, `2 removals`."""
    match effect:
        case Effect.REMOVAL:
            return tr_number("{number} removal", "{number} removals", number)
        case Effect.CHANGE:
            return tr_number("{number} change", "{number} changes", number)
        case Effect.CREATION:
            return tr_number("{number} creation", "{number} creations", number)


def _some(names: tuple[str, ...]) -> str:
    shown, more = ", ".join(names[:5]), len(names) - 5
    return tr("{names} and {number} more", names=shown, number=more) if more > 0 else shown
