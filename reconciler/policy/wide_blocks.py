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
from reconciler.translation import marked, tr

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def wide_block(context: GateContext) -> Iterator[Finding]:
    """A block takes all subdomains with it (facts/postfix.md 1.1): it must hold none of our own domains, of which git
    knows some and PostfixAdmin all, none of `policy.never_block`, and no public suffix."""
    ours = {*context.live(DomainRow), *context.live(AliasDomainRow)}
    for transition in context.transitions:
        if transition.owner.scope is not Scope.BLOCK or transition.action is Action.DELETE:
            continue
        block, domain = context.desired.sender_blocks[transition.owner.subject], ""
        if not block.is_domain:
            sentence = (
                marked("the block of {key} would refuse mail from our own domain")
                if domain_of(block.key) in ours
                else ""
            )
        elif domain := _within(block.key, ours):
            sentence = marked("the block of {key} would refuse mail from our own domain {domain}")
        elif domain := _within(block.key, context.site.policy.never_block):
            sentence = marked(
                "the block of {key} would refuse everybody at {domain}, which policy.never_block of the site names"
            )
        else:
            every = marked("the block of {key} would refuse every domain under {key}")
            sentence = every if _suffixes().is_public(block.key) else ""
        if sentence:
            message = tr(sentence, key=block.key, domain=domain)
            yield refusal(transition, "wide-block", message, tr("block the single sender or the domain that is meant"))


def _within(key: str, domains: Iterable[str]) -> str:
    """The first of the domains that a block of `key` holds; empty when there is none."""
    return next((d for d in sorted(domains) if d == key or d.endswith(f".{key}")), "")


@cache
def _suffixes() -> PublicSuffixList:
    # reads a list of ten thousand names, for the few plans with the block of a domain
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(only_icann=True)
