"""What PostfixAdmin says of the domains that git uses: missing, switched off, a backup MX, beyond its limits. Pure.

A missing one is refused; the others are named once each. One that is off or a backup MX decides about mail and is for
people to correct in PostfixAdmin; only PostfixAdmin's own pages look at the limits (facts/postfixadmin.md 8), and many
sites never set them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from reconciler.model.addresses import domain_of
from reconciler.model.declared import Mailbox
from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow, Scope
from reconciler.model.source_places import Origin
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.snapshot import DomainNumbers
from reconciler.planning.transitions import Transition
from reconciler.policy.gate_context import GateContext
from reconciler.policy.new_accounts import arriving_mailboxes, new_accounts
from reconciler.policy.wording import refusal
from reconciler.translation import marked, tr

_WHERE = marked("in PostfixAdmin (Domain List, Edit)")


def new_domain(context: GateContext) -> Iterator[Finding]:
    """From then on this server keeps all mail to the domain, also what its own senders write to somebody else's."""
    sentences = (
        (DomainRow, marked("the domain {domain} is new: all mail to it is kept by this server from then on")),
        (
            AliasDomainRow,
            marked("the alias domain {domain} is new: all mail to it is kept by this server from then on"),
        ),
    )
    for kind, sentence in sentences:
        for transition, before, row in context.changes(kind):
            if row is not None and before is None:
                message = tr(sentence, domain=row.key)
                hint = tr("look where its MX leads (dig MX), then confirm it")
                yield refusal(transition, "new-domain", message, hint)


def domain_off(context: GateContext) -> Iterator[Finding]:
    """Nobody in the domain gets mail from then on, nor who an address there leads to."""
    for transition, before, row in context.changes(DomainRow):
        if before is None or row is None:
            continue
        off = before.active and not row.active
        if off or (row.backupmx and not before.backupmx):
            site = context.snapshot.site
            there = context.live(MailboxRow).keys() if site is None else site.mailboxes
            boxes = sum(domain_of(key) == row.key for key in there)
            if off:
                sentence = marked("the domain {domain} is switched off: its {boxes} mailboxes get no mail from then on")
            else:
                sentence = marked(
                    "the domain {domain} is made a backup MX, which keeps mail for another server: its {boxes} "
                    "mailboxes get no mail from then on"
                )
            message = tr(sentence, domain=row.key, boxes=boxes)
            yield refusal(transition, "domain-off", message, tr("confirm it when the domain has moved away"))


def missing_domain(context: GateContext) -> Iterator[Finding]:
    """A mailbox can only be in a domain that PostfixAdmin has, also one whose stored spelling changes."""
    both = ((t, old, new) for t, old, new in context.changes(MailboxRow) if old and new)
    respelled = ((t, new) for t, old, new in both if old.spelling and old.key == new.key)
    yield from _outside(context, (*arriving_mailboxes(context), *respelled))


def missing_alias_domain(context: GateContext) -> Iterator[Finding]:
    """An alias can only be made in a domain that PostfixAdmin has."""
    yield from _outside(context, ((t, after) for t, _, after in context.changes(AliasRow, Scope.ALIAS) if after))


def _outside(context: GateContext, rows: Iterable[tuple[Transition, MailboxRow | AliasRow]]) -> Iterator[Finding]:
    if context.snapshot.rows(DomainRow) is None:
        return
    there = context.live(DomainRow).keys() | _made(context)
    for transition, row in rows:
        domain = domain_of(row.key)
        if domain not in there:
            message = tr("{address}: PostfixAdmin does not have the domain {domain}", address=row.key, domain=domain)
            hint = tr("declare it under `domains:`, or add it in PostfixAdmin (Domain List, New Domain)")
            yield refusal(transition, "missing-domain", message, hint)


def _made(context: GateContext) -> frozenset[str]:
    """The domains that this plan makes, and that no gate stops."""
    new = ((t, row) for t, before, row in context.changes(DomainRow) if row is not None and before is None)
    return frozenset(row.key for transition, row in new if transition.owner not in context.stopped)


def missing_target_domain(context: GateContext) -> Iterator[Finding]:
    """PostfixAdmin wants a row of its own for both ends of an alias domain (facts/postfixadmin.md 5.5)."""
    if context.snapshot.rows(DomainRow) is None:
        return
    there = context.live(DomainRow).keys() | _made(context)
    for transition, _, row in context.changes(AliasDomainRow):
        if row is None:
            continue
        for domain in (row.key, row.target):
            if domain not in there:
                message = tr(
                    "the alias domain {alias_domain} needs the domain {domain}, which PostfixAdmin does not have",
                    alias_domain=row.key,
                    domain=domain,
                )
                hint = tr("declare it under `domains:`, too")
                yield refusal(transition, "missing-domain", message, hint)


def domains(context: GateContext) -> Iterator[Finding]:
    """Every domain with a declared mailbox or alias that PostfixAdmin has."""
    live = context.snapshot.rows(DomainRow) or {}
    rows = {key: row for key, row in live.items() if not row.active or row.backupmx or row.has_limits}
    if not rows:
        return
    first: dict[str, Origin] = {}
    for table in (context.desired.mailboxes, context.desired.aliases):
        for address, entry in table.items():
            if (name := domain_of(address)) not in first:  # an origin is made for who asks for it
                first[name] = entry.origin
    used = {domain: rows[domain] for domain in sorted(first.keys() & rows.keys())}
    for domain, row in used.items():
        if not row.active:
            message = tr(
                "the domain {domain} is switched off in PostfixAdmin: mail to its addresses is refused", domain=domain
            )
            hint = tr("switch it on {where}, or remove its addresses from git", where=tr(_WHERE))
            place = context.locate(first[domain])
            yield Finding(Severity.WARNING, "domain-off", domain, message, hint, place)
        elif row.backupmx:
            message = tr(
                "the mail server is only a backup MX for {domain}: mail to its addresses is kept for its main server, "
                "not delivered here",
                domain=domain,
            )
            hint = tr("where its mailboxes are here, take `Mail server is backup MX` off {where}", where=tr(_WHERE))
            place = context.locate(first[domain])
            yield Finding(Severity.WARNING, "domain-backup-mx", domain, message, hint, place)
    yield from _limits(context, used, first)


class _Numbers:
    """Mailboxes, aliases and megabytes by domain."""

    def __init__(self) -> None:
        self.mailboxes, self.aliases, self.megabytes = Counter[str](), Counter[str](), Counter[str]()

    def add(self, row: MailboxRow | AliasRow, step: int) -> None:
        """As PostfixAdmin does: aliases are all rows of the table, less one for each mailbox."""
        domain = domain_of(row.key)
        if isinstance(row, AliasRow):
            self.aliases[domain] += step
        else:
            self.mailboxes[domain] += step
            self.aliases[domain] -= step
            self.megabytes[domain] += step * max(row.quota, 0)

    def start(self, numbers: Mapping[str, DomainNumbers]) -> None:
        """With what was counted already."""
        for domain, number in numbers.items():
            self.mailboxes[domain], self.aliases[domain], self.megabytes[domain] = number

    def of(self, domain: str) -> tuple[int, int, int]:
        """Mailboxes, aliases, megabytes."""
        return self.mailboxes[domain], self.aliases[domain], self.megabytes[domain]


def _limits(context: GateContext, used: dict[str, DomainRow], first: dict[str, Origin]) -> Iterator[Finding]:
    limited = {name: row for name, row in used.items() if row.has_limits}
    if not limited:
        return
    (total, added), largest = _numbers(context), _largest(context, limited)
    for domain, row in limited.items():
        parts, place, severity = [], first[domain], Severity.NOTE
        limits = (
            (marked("{used} mailboxes of {allowed} allowed"), row.mailboxes),
            (marked("{used} aliases of {allowed} allowed"), row.aliases),
            (marked("{used} MB of quotas of {allowed} allowed"), max(row.quota, 0)),
        )
        for (sentence, limit), number, more in zip(limits, total.of(domain), added.of(domain), strict=True):
            allowed = max(limit, 0)
            if limit and (number > allowed or (number == allowed and more > 0)):
                parts.append(tr(sentence, used=number, allowed=allowed))
                severity = Severity.WARNING if number > allowed and more > 0 else severity
        if domain in largest:
            quota, box = largest[domain]
            wanted = tr("no limit") if quota == _ENDLESS else f"{quota} MB"
            parts.append(
                tr(
                    "{wanted} for {address} of {megabytes} MB allowed for one mailbox",
                    wanted=wanted,
                    address=box.address,
                    megabytes=max(row.maxquota, 0),
                )
            )
            place = box.origin
        if parts:
            message = tr(
                "{domain} has reached its limits in PostfixAdmin with this plan: {limits}",
                domain=domain,
                limits=", ".join(parts),
            )
            hint = tr(
                "mail is not affected, but PostfixAdmin's pages refuse to add or save there; raise them {where}",
                where=tr(_WHERE),
            )
            yield Finding(severity, "domain-limits", domain, message, hint, context.locate(place))


def _numbers(context: GateContext) -> tuple[_Numbers, _Numbers]:
    """What there is once the plan is carried out, and what of that it adds."""
    total, added = _Numbers(), _Numbers()
    if context.snapshot.site is None:
        for row in chain[MailboxRow | AliasRow](context.live(MailboxRow).values(), context.live(AliasRow).values()):
            total.add(row, 1)
    else:
        total.start(context.snapshot.site.domains)
    for change in (c for t in context.transitions if t.owner not in context.stopped for c in t.changes):
        for each, step in ((change.before, -1), (change.after, 1)):
            if isinstance(each, MailboxRow | AliasRow):
                total.add(each, step)
                added.add(each, step)
    return total, added


def _largest(context: GateContext, limited: dict[str, DomainRow]) -> dict[str, tuple[int, Mailbox]]:
    """By domain the declared mailbox that wants the most, where that is more than one may have."""
    made = {row.key: row.quota for _, row in new_accounts(context)}
    largest: dict[str, tuple[int, Mailbox]] = {}
    for box in context.desired.mailboxes.values():
        domain = domain_of(box.address)
        quota = made.get(box.address) if box.quota is None else box.quota
        if domain in limited and limited[domain].maxquota and quota is not None:
            wanted = quota or _ENDLESS
            if wanted > max(limited[domain].maxquota, largest[domain][0] if domain in largest else 0):
                largest[domain] = wanted, box
    return largest


_ENDLESS = 1 << 62
"""What a quota of 0 means."""
