"""Sender blocks: never our own mail; what is over is a note."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.declared.check.merge import Tables
from reconciler.declared.problems import Problems
from reconciler.model.addresses import domain_of
from reconciler.model.declared import SenderBlock


def check_blocks(tables: Tables, problems: Problems) -> None:
    """A block of a domain takes its subdomains with it (facts/postfix.md 1.1), so parents of our domains count too."""
    ours = tables.own_domains
    protected = {parent: domain for domain in ours for parent in _with_parents(domain)}
    for key, block in tables.sender_blocks.items():
        own = protected.get(key) if block.is_domain else domain_of(key) if domain_of(key) in ours else None
        if own is not None:
            message = f"the block of {key} would refuse mail from our own domain {own}"
            problems.error("own-domain", key, message, "remove the block", block.origin)
        if block.expired(tables.today):
            problems.note("expired", key, f"the block of {key} ended on {block.expires}", _LIFTED, block.origin)
        else:
            _note_cover(block, tables, problems)
    for block in tables.superseded:
        message = f"this block of {block.key} ended on {block.expires}, another one follows"
        problems.note("expired", block.key, message, "remove the entry", block.origin)


_LIFTED = "it is lifted; remove the entry"


def _note_cover(block: SenderBlock, tables: Tables, problems: Problems) -> None:
    domain = block.key if block.is_domain else domain_of(block.key)
    for wider in _with_parents(domain):
        other = tables.sender_blocks.get(wider)
        if other is not None and other is not block and not other.expired(tables.today):
            message = f"{block.key} is covered by the block of {wider} already"
            problems.note("covered", block.key, message, "one of them is enough", block.origin)


def _with_parents(domain: str) -> Iterator[str]:
    """The domain and every domain above it that has a dot."""
    while "." in domain:
        yield domain
        domain = domain.partition(".")[2]
