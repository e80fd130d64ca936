"""What PostfixAdmin says of the domains that git uses: switched off, a backup MX, fuller than its limits. Pure.

Said once a domain, never refused: the first two decide about mail and are people's to put right in PostfixAdmin; the
limits are looked at by PostfixAdmin's own pages alone (facts/postfixadmin.md 8), and many sites never set them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from reconciler.model.addresses import domain_of
from reconciler.model.declared import Mailbox
from reconciler.model.records import AliasRow, DomainRow, MailboxRow
from reconciler.model.source_places import Origin
from reconciler.planning.finding import Finding, Severity
from reconciler.policy.gate_context import GateContext
from reconciler.policy.new_accounts import new_accounts

_WHERE = "in PostfixAdmin (Domain List, Edit)"


def domains(context: GateContext) -> Iterator[Finding]:
    """Every domain with a declared mailbox or alias that PostfixAdmin has."""
    rows = context.snapshot.rows(DomainRow)
    if rows is None:
        return
    first: dict[str, Origin] = {}
    for table in (context.desired.mailboxes, context.desired.aliases):
        for address, entry in table.items():
            first.setdefault(domain_of(address), entry.origin)
    used = {domain: rows[domain] for domain in sorted(first.keys() & rows.keys())}
    for domain, row in used.items():
        if not row.active:
            message = f"the domain {domain} is switched off in PostfixAdmin: mail to its addresses is refused"
            hint = f"switch it on {_WHERE}, or remove its addresses from git"
            yield _finding(context, Severity.WARNING, "domain-off", domain, message, hint, first[domain])
        elif row.backupmx:
            message = (
                f"the mail server is only a backup MX for {domain}: mail to its addresses is kept for its main server, "
                "not delivered here"
            )
            hint = f"where its mailboxes are here, take `Mail server is backup MX` off {_WHERE}"
            yield _finding(context, Severity.WARNING, "domain-backup-mx", domain, message, hint, first[domain])
    yield from _limits(context, used, first)


class _Numbers(NamedTuple):
    """By domain."""

    mailboxes: Counter[str]
    aliases: Counter[str]
    megabytes: Counter[str]

    @classmethod
    def none(cls) -> _Numbers:
        return cls(Counter(), Counter(), Counter())

    def add(self, row: MailboxRow | AliasRow, step: int) -> None:
        """As PostfixAdmin does: aliases are all rows of the table, less one for each mailbox."""
        domain = domain_of(row.key)
        if isinstance(row, AliasRow):
            self.aliases[domain] += step
        else:
            self.mailboxes[domain] += step
            self.aliases[domain] -= step
            self.megabytes[domain] += step * max(row.quota, 0)


def _limits(context: GateContext, used: dict[str, DomainRow], first: dict[str, Origin]) -> Iterator[Finding]:
    limited = {name: row for name, row in used.items() if row.mailboxes or row.aliases or row.maxquota or row.quota > 0}
    if not limited:
        return
    (total, added), largest = _numbers(context), _largest(context, limited)
    for domain, row in limited.items():
        said, place, severity = [], first[domain], Severity.NOTE
        limits = (("mailboxes", row.mailboxes), ("aliases", row.aliases), ("MB of quotas", max(row.quota, 0)))
        for (word, limit), numbers, more in zip(limits, total, added, strict=True):
            number, allowed = numbers[domain], max(limit, 0)
            if limit and (number > allowed or (number == allowed and more[domain] > 0)):
                said.append(f"{number} {word} of {allowed} allowed")
                severity = Severity.WARNING if number > allowed and more[domain] > 0 else severity
        if domain in largest:
            quota, box = largest[domain]
            wanted = "no limit" if quota == _ENDLESS else f"{quota} MB"
            said.append(f"{wanted} for {box.address} of {max(row.maxquota, 0)} MB allowed for one mailbox")
            place = box.origin
        if said:
            message = f"{domain} has reached its limits in PostfixAdmin with this plan: {', '.join(said)}"
            hint = f"mail is not affected, but PostfixAdmin's pages refuse to add or save there; raise them {_WHERE}"
            yield _finding(context, severity, "domain-limits", domain, message, hint, place)


def _numbers(context: GateContext) -> tuple[_Numbers, _Numbers]:
    """What there is once the plan is carried out, and what of that it adds."""
    total, added = _Numbers.none(), _Numbers.none()
    mailboxes, aliases = context.snapshot.rows(MailboxRow) or {}, context.snapshot.rows(AliasRow) or {}
    for row in chain[MailboxRow | AliasRow](mailboxes.values(), aliases.values()):
        total.add(row, 1)
    for transition in context.transitions:
        for change in () if transition.owner in context.stopped else transition.changes:
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


def _finding(
    context: GateContext, severity: Severity, rule: str, domain: str, message: str, hint: str, origin: Origin
) -> Finding:
    return Finding(severity, rule, domain, message, hint, context.locate(origin))
