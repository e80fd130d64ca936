"""Sender blocks: never our own mail; what is over is a note."""

from collections.abc import Iterator
from datetime import date
from operator import attrgetter
from typing import Self

from pydantic import Field, model_validator

from reconciler.declared.fields.describe_input import Wrong, describe
from reconciler.declared.fields.field_types import OptionalDay, OptionalText, Remark
from reconciler.declared.fields.state_file import StateFile
from reconciler.declared.problems import Problems, Spot
from reconciler.declared.section import Entry, Merged, Section
from reconciler.model.addresses import CATCH_ALL, domain_of
from reconciler.model.declared import SenderBlock
from reconciler.model.owners import Scope
from reconciler.model.source_places import Origin
from reconciler.translation import tr


class SenderBlockEntry(Entry):
    """Mail of this envelope sender, or of a domain and its subdomains, is refused."""

    sender: OptionalText = Field(None, description="One address.", examples=["spam@example.net"])
    domain: OptionalText = Field(None, description="A domain with all its subdomains.", examples=["example.org"])
    reason: Remark = Field(
        description="Why; a comment in the map, never sent to the sender.", examples=["phishing wave"]
    )
    added: OptionalDay = Field(None, description="Since when.", examples=["2026-11-22"])
    expires: OptionalDay = Field(None, description="The last day of the block.", examples=["2027-02-22"])

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.sender is None) == (self.domain is None):
            raise Wrong("a block has either `sender` or `domain`", "write one of them; two blocks for both")
        if self.added and self.expires and self.expires < self.added:
            raise Wrong(f"the block ends ({self.expires}) before it begins ({self.added})", "correct one of the dates")
        return self


def _convert(origin: Origin, entry: SenderBlockEntry, file: StateFile) -> SenderBlock | None:
    if entry.sender is not None:
        key = _sender(entry.sender, Spot(origin, ("sender",)), file)
    else:
        key = _domain(entry.domain or "", Spot(origin, ("domain",)), file)
    if key is None:
        return None
    return SenderBlock(key, entry.sender is None, entry.reason, origin, entry.added, entry.expires)


def _sender(text: str, spot: Spot, file: StateFile) -> str | None:
    """The key of a block of one address; never completed, since it is never ours."""
    local, at, domain = text.strip().rpartition("@")
    if not at or local in ("", CATCH_ALL):
        message = f"{describe(text)} is not an address" if not at else f"{describe(text)} never matches any sender"
        hint = f"write `domain: {domain}` to block the domain" if "." in domain else "write local_part@domain"
        file.say(text, message, hint, spot)
        return None
    return file.address(text, spot)


def _domain(text: str, spot: Spot, file: StateFile) -> str | None:
    """The key of a block of a domain with its subdomains (facts/postfix.md 1.1: `@domain` never matches)."""
    bare = text.strip().removeprefix("*").removeprefix("@").removeprefix(".")
    if bare != text.strip():
        file.say(text, f"{describe(text)} never matches any sender", f"write `domain: {bare}`", spot)
        return None
    if "@" in text:
        file.say(text, f"{describe(text)} is an address", f"write `sender: {text.strip()}`", spot)
        return None
    return file.domain(text, spot)


def _clash(section: Section, first: SenderBlock, second: SenderBlock, today: date, problems: Problems) -> SenderBlock:  # noqa: ARG001  # as in declared_twice
    """An expired block stands back for another one of its key; two that are in force contradict each other."""
    expired = first if first.expired(today) else second
    if expired.expired(today):
        message = tr("this block of {key} ended on {day}, another one follows", key=expired.key, day=expired.expires)
        problems.note("expired", expired.key, message, tr("remove the entry"), expired.origin)
        return second if expired is first else first
    message = f"{first.key} is blocked twice"
    problems.error("duplicate", first.key, message, "keep one entry", second.origin, other=first.origin)
    return first


def _check(merged: Merged, problems: Problems) -> None:
    """A block of a domain takes its subdomains with it (facts/postfix.md 1.1), so parents of our domains count too."""
    ours, blocks, today = merged.domains, merged.state.sender_blocks, merged.state.today
    protected = {parent: domain for domain in ours for parent in _with_parents(domain)}
    for key, block in blocks.items():
        own = protected.get(key) if block.is_domain else domain_of(key) if domain_of(key) in ours else None
        if own is not None:
            message = f"the block of {key} would refuse mail from our own domain {own}"
            problems.error("own-domain", key, message, "remove the block", block.origin)
        if block.expired(today):
            message = tr("the block of {key} ended on {day}", key=key, day=block.expires)
            problems.note("expired", key, message, tr("it is lifted; remove the entry"), block.origin)
            continue
        for wider in _with_parents(domain_of(key)):  # of a domain that is the domain itself
            other = blocks.get(wider)
            if other is not None and other is not block and not other.expired(today):
                message = tr("{key} is covered by the block of {wider} already", key=key, wider=wider)
                problems.note("covered", key, message, tr("one of them is enough"), block.origin)


def _with_parents(domain: str) -> Iterator[str]:
    """The domain and every domain above it that has a dot."""
    while "." in domain:
        yield domain
        domain = domain.partition(".")[2]


SECTION = Section(
    "sender_blocks",
    ("sender block", "sender blocks"),
    list[SenderBlockEntry],
    "Senders whose mail is refused.",
    _convert,
    key=attrgetter("key"),
    scope=Scope.BLOCK,
    value=SenderBlock,
    clash=_clash,
    checks=(_check,),
    named_by=("sender", "domain"),
)
