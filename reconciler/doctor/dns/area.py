"""All checks of DNS: first the addresses that mail is sent from, then every domain, several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import chain

from reconciler.doctor.check import Check, Verdict, unknown
from reconciler.doctor.context import DoctorContext
from reconciler.doctor.dns.dkim import look_at_dkim
from reconciler.doctor.dns.dmarc import look_at_dmarc
from reconciler.doctor.dns.domains import read_domains
from reconciler.doctor.dns.lookup import Lookup
from reconciler.doctor.dns.mx import look_at_mx
from reconciler.doctor.dns.names import check_helo, check_ptr
from reconciler.doctor.dns.seen import AREA, Seen, grouped, not_seen
from reconciler.doctor.dns.senders import Senders, read_senders
from reconciler.doctor.dns.spf_check import look_at_spf
from reconciler.errors import Unreadable

Look = Callable[[str], Awaitable[Seen]]


async def examine_dns(context: DoctorContext) -> Sequence[Check]:
    """Raises Unreadable where there is no resolver."""
    lookup = Lookup(context.settings.dns.server, context.settings.dns.port)
    senders = await _senders(context)
    domains = await read_domains(context)
    checks = [*senders.checks, *domains.checks]
    if domains.names and not context.settings.dns.dkim_selectors:
        checks.append(_NO_SELECTOR)
    own = [check_ptr(lookup, each, senders.names_at(each)) for each in senders.addresses]
    own += [check_helo(lookup, helo, senders.sending_as(helo)) for helo in senders.helos]
    topics = _topics(lookup, senders, context.settings.dns.dkim_selectors)
    # all at once: `Lookup` holds back what is too much
    found, *by_topic = await asyncio.gather(
        asyncio.gather(*own), *(_over(domains.names, topic, look) for topic, look in topics)
    )
    return [*checks, *found, *chain.from_iterable(by_topic)]


async def _senders(context: DoctorContext) -> Senders:
    try:
        return await read_senders(context)
    except Unreadable as error:
        return Senders((), (unknown(AREA, "addresses that mail is sent from", error),))


def _topics(lookup: Lookup, senders: Senders, selectors: Sequence[str]) -> Iterator[tuple[str, Look]]:
    yield "MX", lambda domain: look_at_mx(lookup, domain)
    yield "SPF", lambda domain: look_at_spf(lookup, domain, senders.addresses)
    if selectors:
        yield "DKIM", lambda domain: look_at_dkim(lookup, domain, selectors)
    yield "DMARC", lambda domain: look_at_dmarc(lookup, domain)


async def _over(domains: Sequence[str], topic: str, look: Look) -> list[Check]:
    seen = await asyncio.gather(*(_seen(look, domain) for domain in domains))
    return list(grouped(topic, dict(zip(domains, seen, strict=True))))


async def _seen(look: Look, domain: str) -> Seen:
    try:
        return await look(domain)
    except Unreadable as error:
        return not_seen(error, domain)


_NO_SELECTOR = Check(
    AREA,
    "DKIM",
    Verdict.WARNING,
    "the site file names no selector, so no key was looked at",
    "DNS does not list selectors, and big providers refuse mail without SPF and DKIM",
    (
        "write the selectors that the mail host signs with (opendkim's SigningTable, rspamd's dkim_signing.conf):",
        "dns: {dkim_selectors: [SELECTOR]}",
    ),
)
