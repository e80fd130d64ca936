"""Gates about aliases: where they lead, and whether their domain exists."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.addresses import CATCH_ALL, domain_of, local_part
from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow, Owner, Scope
from reconciler.planning.changes import Action
from reconciler.planning.findings import Finding, Severity
from reconciler.planning.transitions import Transition
from reconciler.policy.context import Context


def missing_alias_domain(context: Context) -> Iterator[Finding]:
    """An alias can only be made in a domain that PostfixAdmin has."""
    domains = context.snapshot.rows(DomainRow)
    if domains is None:
        return
    for transition, row in _written(context):
        domain = domain_of(row.key)
        if domain not in domains:
            message = f"{row.key}: PostfixAdmin does not have the domain {domain}"
            hint = f"add the domain {domain} in PostfixAdmin (Domain List, New Domain), then run this again"
            yield _about(transition, Severity.REFUSAL, "missing-domain", message, hint)


def dangling_alias(context: Context) -> Iterator[Finding]:
    """A target in one of our domains that is neither live nor made by this plan would bounce."""
    domains = context.snapshot.rows(DomainRow)
    written = list(_written(context))
    if domains is None or not written:
        return
    reach = Reach(context, frozenset(domains))
    found = True
    while found:  # an alias that is stopped may be the target of another one
        found = False
        for transition, row in written:
            lost = [] if transition.owner in reach.stopped else [t for t in row.goto if reach.bounces(t)]
            if lost:
                found = True
                yield reach.stop(transition, row, lost)


class Reach:
    """Which addresses lead somewhere once the plan is applied, given what is stopped."""

    def __init__(self, context: Context, domains: frozenset[str]) -> None:
        self.stopped = dict(context.stopped)
        self._desired = context.desired
        self._ours = context.desired.domains | domains
        self._live = {*(context.snapshot.rows(MailboxRow) or {}), *(context.snapshot.rows(AliasRow) or {})}
        boxes = context.desired.mailboxes.values()
        self._members = {f"{box.member}@{domain_of(box.address)}": box.address for box in boxes if box.member}
        self._alias_domains = context.snapshot.rows(AliasDomainRow) or {}

    def bounces(self, target: str) -> bool:
        """Whether mail to `target` gets nowhere: no row of its own, no catch-all, no alias domain."""
        domain = domain_of(target)
        if domain not in self._ours:
            return False
        candidates = {target, f"{CATCH_ALL}@{domain}"}
        if domain in self._alias_domains:
            other = self._alias_domains[domain].target
            candidates |= {f"{local_part(target)}@{other}", f"{CATCH_ALL}@{other}"}
        return not any(c in self._live or self._made(c) is not None for c in candidates)

    def stop(self, transition: Transition, row: AliasRow, lost: list[str]) -> Finding:
        """Refuses the alias, or lets it wait when all that it misses only waits."""
        makers = [self._maker(target) for target in lost]
        waits = all(maker is not None and self.stopped.get(maker) is Severity.WAIT for maker in makers)
        severity = Severity.WAIT if waits else Severity.REFUSAL
        self.stopped[transition.owner] = severity
        if any(maker is not None for maker in makers):
            message = f"{row.key} leads to {', '.join(lost)}, which this plan does not make: its mail would bounce"
            hint = f"see to {', '.join(lost)} first; the alias follows by itself"
        else:
            message = f"{row.key} leads to {', '.join(lost)}, which is neither declared nor live: its mail would bounce"
            hint = "correct the target, or declare it under `mailboxes:` or `aliases:`"
        return _about(transition, severity, "dangling-alias", message, hint)

    def _made(self, address: str) -> Owner | None:
        """The owner that makes this address in this plan, unless it is stopped."""
        maker = self._maker(address)
        return None if maker in self.stopped else maker

    def _maker(self, address: str) -> Owner | None:
        """The owner whose declaration this address is."""
        if address in self._desired.aliases:
            return Owner(Scope.ALIAS, address)
        account = self._members.get(address, address)
        return Owner(Scope.ACCOUNT, account) if account in self._desired.mailboxes else None


def _written(context: Context) -> Iterator[tuple[Transition, AliasRow]]:
    for transition in context.transitions:
        if transition.owner.scope is not Scope.ALIAS:
            continue
        for change in transition.changes:
            if change.action is not Action.DELETE and isinstance(change.after, AliasRow):
                yield transition, change.after


def _about(transition: Transition, severity: Severity, rule: str, message: str, hint: str) -> Finding:
    owner = transition.owner
    return Finding(severity, rule, owner.subject, message, hint, transition.place, owner)
