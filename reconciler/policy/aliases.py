"""Gates about aliases: where they lead, and whether their domain exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.model.addresses import CATCH_ALL, domain_of, local_part
from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow, Scope
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
            yield _refuse(transition, "missing-domain", message, hint)


def dangling_alias(context: Context) -> Iterator[Finding]:
    """A target in one of our domains that is neither declared nor live would bounce."""
    domains = context.snapshot.rows(DomainRow)
    if domains is None:
        return
    written = list(_written(context))
    if not written:
        return
    ours = context.desired.domains | set(domains)
    known = _known(context)
    alias_domains = context.snapshot.rows(AliasDomainRow) or {}
    for transition, row in written:
        lost = [t for t in row.goto if domain_of(t) in ours and not _reachable(t, known, alias_domains)]
        if lost:
            message = f"{row.key} leads to {', '.join(lost)}, which is neither declared nor live: its mail would bounce"
            hint = "correct the target, or declare it under `mailboxes:` or `aliases:`"
            yield _refuse(transition, "dangling-alias", message, hint)


def _known(context: Context) -> set[str]:
    """Every address that leads somewhere once the plan is applied."""
    desired, snapshot = context.desired, context.snapshot
    members = {f"{box.member}@{domain_of(box.address)}" for box in desired.mailboxes.values() if box.member}
    live = {*(snapshot.rows(MailboxRow) or {}), *(snapshot.rows(AliasRow) or {})}
    return live | members | set(desired.mailboxes) | set(desired.aliases)


def _reachable(target: str, known: set[str], alias_domains: Mapping[str, AliasDomainRow]) -> bool:
    """Whether mail to `target` gets anywhere: by its own row, a catch-all, or through an alias domain."""
    domain = domain_of(target)
    candidates = {target, f"{CATCH_ALL}@{domain}"}
    if domain in alias_domains:
        other = alias_domains[domain].target
        candidates |= {f"{local_part(target)}@{other}", f"{CATCH_ALL}@{other}"}
    return not known.isdisjoint(candidates)


def _written(context: Context) -> Iterator[tuple[Transition, AliasRow]]:
    for transition in context.transitions:
        if transition.owner.scope is not Scope.ALIAS:
            continue
        for change in transition.changes:
            if change.action is not Action.DELETE and isinstance(change.after, AliasRow):
                yield transition, change.after


def _refuse(transition: Transition, rule: str, message: str, hint: str) -> Finding:
    owner = transition.owner
    return Finding(Severity.REFUSAL, rule, owner.subject, message, hint, transition.place, owner)
