"""For how long others may keep a record: the TTL that its zone gives it. A resolver's answer has what is left of that,
so the zone's own servers are asked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from reconciler.doctor.dns.lookup import Lookup
from reconciler.errors import Unreadable

_PATIENCE = 3.0
_SERVERS = 3
UNTOLD = 86400
"""Seconds that are reckoned with where no server of the zone says more: a day."""


class Ttl(NamedTuple):
    """Seconds that a record, or its absence, is remembered."""

    seconds: int
    exact: bool
    """Whether a server of the zone said so."""


async def ttl_of(lookup: Lookup, name: str, kind: str) -> Ttl:
    """Of the record, or of its absence where there is none. Raises Unreadable when the name cannot be asked for."""
    kept = await lookup.ask(name, kind)
    zone, absence = await _zone(lookup, name)
    async for address in _servers(lookup, zone):
        response = await _asked(address, name, kind)
        if response is not None:
            wanted = (dns.name.from_text(f"{name}."), dns.rdataclass.IN, dns.rdatatype.from_text(kind))
            found = response.get_rrset(response.answer, *wanted)
            return Ttl(absence if found is None else found.ttl, exact=True)
    return Ttl(max(kept.ttl, UNTOLD), exact=False)


async def _zone(lookup: Lookup, name: str) -> tuple[str, int]:
    """The zone that the name is in, and for how long it has absence remembered (RFC 2308, section 5). Raises
    Unreadable."""
    zone = name
    while zone:
        answer = await lookup.ask(zone, "SOA")
        if answer.values:
            return answer.name, int(answer.values[0].split(" ")[-1])
        zone = zone.partition(".")[2]
    return "", UNTOLD


async def _servers(lookup: Lookup, zone: str) -> AsyncIterator[str]:
    try:
        names = (await lookup.ask(zone, "NS")).values if zone else ()
    except Unreadable:
        return
    for name in names[:_SERVERS]:
        try:
            addresses = await lookup.addresses(name)
        except Unreadable:
            continue
        for address in addresses[:2]:
            yield str(address)


async def _asked(address: str, name: str, kind: str) -> dns.message.Message | None:
    """The answer of a server that knows the zone; None when there is none."""
    question = dns.message.make_query(f"{name}.", kind, flags=0, use_edns=0)
    try:
        response, _ = await dns.asyncquery.udp_with_fallback(question, address, timeout=_PATIENCE)
    except (dns.exception.DNSException, OSError):
        return None
    knows = response.flags & dns.flags.AA and response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
    return response if knows else None
