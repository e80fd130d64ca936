"""The gate `wide-block`: sender blocks that would refuse far more mail than anybody means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from reconciler.model.addresses import domain_of
from reconciler.model.records import AliasDomainRow, DomainRow, Scope
from reconciler.planning.changes import Action
from reconciler.planning.finding import Finding
from reconciler.policy.gate_context import GateContext
from reconciler.policy.wording import refusal

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def wide_block(context: GateContext) -> Iterator[Finding]:
    """A block takes all subdomains with it (facts/postfix.md 1.1): it must hold none of our own domains, of which git
    knows some and PostfixAdmin all, none of `policy.never_block`, and no public suffix."""
    ours = {*context.live(DomainRow), *context.live(AliasDomainRow)}
    for transition in context.transitions:
        if transition.owner.scope is not Scope.BLOCK or transition.action is Action.DELETE:
            continue
        block = context.desired.sender_blocks[transition.owner.subject]
        if not block.is_domain:
            hit = "mail from our own domain" if domain_of(block.key) in ours else ""
        elif own := _within(block.key, ours):
            hit = f"mail from our own domain {own}"
        elif many := _within(block.key, context.site.policy.never_block):
            hit = f"everybody at {many}, which policy.never_block of the site names"
        else:
            hit = f"every domain under {block.key}" if _suffixes().is_public(block.key) else ""
        if hit:
            message = f"the block of {block.key} would refuse {hit}"
            yield refusal(transition, "wide-block", message, "block the single sender or the domain that is meant")


def _within(key: str, domains: Iterable[str]) -> str:
    """The first of the domains that a block of `key` holds; empty when there is none."""
    return next((d for d in sorted(domains) if d == key or d.endswith(f".{key}")), "")


@cache
def _suffixes() -> PublicSuffixList:
    # reads a list of ten thousand names, for the few plans with the block of a domain
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(only_icann=True)
