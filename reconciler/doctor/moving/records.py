"""The records that name the old address, and how long each of them is remembered by others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from reconciler.doctor.context import IpAddress
from reconciler.doctor.dns.authority import Ttl, ttl_of
from reconciler.doctor.dns.lookup import Lookup
from reconciler.doctor.dns.mx import mx_names
from reconciler.doctor.dns.spf import SpfOutcome, SpfResult, check_host
from reconciler.doctor.dns.spf_check import terms_for
from reconciler.errors import Unreadable
from reconciler.settings import Settings

_BY_NAME = re.compile(r"\+?(a|mx)([:/]|$)", re.IGNORECASE)


class AddressRecord(NamedTuple):
    """An A or AAAA that is the old address."""

    name: str
    kind: str
    old: IpAddress
    new: IpAddress
    ttl: Ttl

    @property
    def line(self) -> str:
        """As it is to be after the move."""
        return f"{self.name}. {self.kind} {self.new}"


class Spf(NamedTuple):
    """What the records of some domains have to let pass beside what they do."""

    domains: tuple[str, ...]
    terms: tuple[str, ...]
    ttl: Ttl


class NotRead(NamedTuple):
    """A record that may name the old address, and nobody knows."""

    what: str
    error: Unreadable


async def names_of(lookup: Lookup, settings: Settings, helos: Sequence[str], domains: Sequence[str]) -> list[str]:
    """What may lead to the mail host: its own names, the servers of every MX, the domains themselves, and the hosts
    that the site file names. A domain whose MX cannot be read brings none; the area `dns` says so."""
    answers = await asyncio.gather(*(_mx(lookup, domain) for domain in domains))
    servers = [name for names in answers for name in names if name != "."]
    return list(dict.fromkeys([*helos, *servers, *domains, *_site_names(settings)]))


async def address_record(
    lookup: Lookup, name: str, old: Sequence[IpAddress], new: IpAddress
) -> AddressRecord | NotRead | None:
    """None when the name does not lead to the old address."""
    kind = "A" if new.version == 4 else "AAAA"
    try:
        answer = await lookup.ask(name, kind)
        found = next((each for each in old if str(each) in answer.values), None)
        # at the end of all CNAMEs: what is changed there changes all of them
        if found is None:
            return None
        return AddressRecord(answer.name, kind, found, new, await ttl_of(lookup, answer.name, kind))
    except Unreadable as error:
        return NotRead(f"{kind} of {name}", error)


async def spf_of(
    lookup: Lookup, domains: Iterable[str], old: Sequence[IpAddress], new: IpAddress
) -> tuple[list[Spf], list[NotRead]]:
    """The records that have to be changed before the move, those with the same terms together."""
    answers = await asyncio.gather(*(_spf(lookup, domain, old, new) for domain in domains))
    by_terms: dict[tuple[str, ...], list[Spf]] = {}
    for each in answers:
        if isinstance(each, Spf):
            by_terms.setdefault(each.terms, []).append(each)
    grouped = [
        Spf(tuple(d for each in some for d in each.domains), terms, max(each.ttl for each in some))
        for terms, some in by_terms.items()
    ]
    return grouped, [each for each in answers if isinstance(each, NotRead)]


async def _spf(lookup: Lookup, domain: str, old: Sequence[IpAddress], new: IpAddress) -> Spf | NotRead | None:
    """Both addresses must pass while both send; a term that goes by a name lets the old one pass until the name is
    changed, and no longer."""
    try:
        outcomes = {each: await check_host(lookup, each, domain) for each in [*old, new]}
        unread = next((o for o in outcomes.values() if o.result is SpfResult.TEMPERROR), None)
        if unread is not None:
            return NotRead(f"SPF of {domain}", Unreadable(unread.reason, hint="ask again later"))
        missing = [] if outcomes[new].result is SpfResult.PASS else [new]
        missing += [each for each in old if _passes_by_name(outcomes[each])]
        if not missing or all(outcome.result is SpfResult.NONE for outcome in outcomes.values()):
            return None
        return Spf((domain,), tuple(terms_for(missing)), await ttl_of(lookup, domain, "TXT"))
    except Unreadable as error:
        return NotRead(f"SPF of {domain}", error)


def _passes_by_name(outcome: SpfOutcome) -> bool:
    return outcome.result is SpfResult.PASS and _BY_NAME.match(outcome.reason) is not None


async def _mx(lookup: Lookup, domain: str) -> list[str]:
    try:
        return mx_names((await lookup.ask(domain, "MX")).values)
    except Unreadable:
        return []


def _site_names(settings: Settings) -> Iterable[str]:
    """Names, not addresses, of hosts that the site file has."""
    ox, letters = settings.openxchange, settings.letters
    named = [settings.postfix.host if settings.postfix else None, *settings.ssh]
    if ox is not None:
        web = urlsplit(ox.web_url).hostname if ox.web_url else None
        named += [ox.host, web, *(server.host for server in (ox.imap, ox.smtp) if server is not None)]
    named += [letters.smtp.host] if letters is not None else []
    return [name for name in named if name and "." in name and re.search("[a-z]", name.lower()) and ":" not in name]
