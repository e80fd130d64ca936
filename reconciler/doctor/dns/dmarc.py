"""What a domain asks others to do with mail that is not its own (RFC 7489)."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from reconciler.doctor.check import Verdict
from reconciler.doctor.dns.lookup import Lookup
from reconciler.doctor.dns.seen import Seen
from reconciler.doctor.dns.tags import tags_of

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_START = re.compile(r"v\s*=\s*DMARC1\s*(;|$)")
_WHY = "anybody can send in the domain's name, and big providers want a record of who sends them much"
_LINE = '_dmarc.DOMAIN. TXT "v=DMARC1; p=none; rua=mailto:ADDRESS"'


async def look_at_dmarc(lookup: Lookup, domain: str) -> Seen:
    """The record of the domain, else of its organisation. Raises Unreadable."""
    records = await _records(lookup, domain)
    above = _organisation(domain)
    inherited = not records and above not in (None, domain)
    if inherited and above is not None:
        records = await _records(lookup, above)
    if not records:
        return Seen(Verdict.WARNING, "there is none", _WHY, (_LINE,))
    if len(records) > 1:
        saw = f"{len(records)} records, so others take none of them"
        return Seen(Verdict.WARNING, saw, _WHY, ("leave one record at _dmarc.DOMAIN",))
    return _judged(records[0], f" (from {above})" if inherited else "")


async def _records(lookup: Lookup, domain: str) -> list[str]:
    texts = (await lookup.ask(f"_dmarc.{domain}", "TXT")).values
    return [text for text in texts if _START.match(text)]


def _judged(record: str, source: str) -> Seen:
    tags = tags_of(record)
    policy = (tags or {}).get("p", "").lower()
    if source:  # a subdomain
        policy = (tags or {}).get("sp", policy).lower()
    if tags is None or policy not in ("none", "quarantine", "reject"):
        saw = f"the record says no policy that others know{source}: {record}"
        return Seen(Verdict.WARNING, saw, "others take it for no record, or for p=none", (_LINE,))
    if policy == "none" and not tags.get("rua"):
        saw, why = f"p=none without `rua`{source}", "it asks for nothing, and nobody is told of forged mail"
        return Seen(Verdict.WARNING, saw, why, ("add `rua=mailto:ADDRESS` to it",))
    return Seen(Verdict.OK, f"p={policy}{source}")


@cache
def _list() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList  # which reads its list for a tenth of a second

    return PublicSuffixList()


def _organisation(domain: str) -> str | None:
    """`example.org` of `mail.example.org`."""
    found = _list().privatesuffix(domain)
    return str(found) if found else None
