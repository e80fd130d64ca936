"""Questions to DNS, each asked once. What does not exist is an empty answer; what could not be asked is Unreadable: a
failed lookup is unknown, never "no record".
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from typing import NamedTuple

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver

from reconciler.doctor.context import IpAddress
from reconciler.errors import Unreadable

_PATIENCE = 5.0
"""Seconds for one question, its second tries and a repetition over TCP included."""
_AT_ONCE = 32
_GIVEN_UP = 16
"""So many questions in a row without any answer, and nothing more is asked: a thousand domains would take an hour."""


class Answer(NamedTuple):
    """The records of one name and type; none where there are none."""

    values: tuple[str, ...] = ()
    """As a zone file has them, names without the dot at their end; of TXT the strings of each record joined."""
    ttl: int = 0
    """Seconds, as the resolver has them: of an answer that it kept, what is left."""
    name: str = ""
    """Where the records are, at the end of all CNAMEs; the name that was asked for when there is none."""


class Lookup:
    """The resolver of this machine, or the one that the site file names."""

    def __init__(self, server: str | None = None, port: int = 53) -> None:
        self._resolver = _resolver(server, port)
        self._asked: dict[tuple[str, str], asyncio.Task[Answer]] = {}
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._unanswered = 0
        servers = ", ".join(str(each) for each in self._resolver.nameservers)
        self.name = f"the resolver {servers}" + (f" port {port}" if port != 53 else "")
        """For messages."""

    async def ask(self, name: str, kind: str) -> Answer:
        """The records of this type (`A`, `MX`, `TXT` …). Raises Unreadable."""
        key = (name.lower().removesuffix("."), kind)
        if key not in self._asked:
            self._asked[key] = asyncio.create_task(self._ask(*key))
        return await asyncio.shield(self._asked[key])

    async def addresses(self, name: str) -> tuple[IpAddress, ...]:
        """All of A and AAAA. Raises Unreadable."""
        found = await asyncio.gather(self.ask(name, "A"), self.ask(name, "AAAA"))
        return tuple(ip_address(value) for answer in found for value in answer.values)

    async def _ask(self, name: str, kind: str) -> Answer:
        async with self._free:
            if self._unanswered >= _GIVEN_UP:
                raise self._failed(name, kind, "it answered none of the questions before, and was not asked again")
            try:
                found = await self._resolver.resolve(f"{name}.", kind, search=False)
            except dns.resolver.NXDOMAIN:
                self._unanswered = 0
                return Answer(name=name)
            except dns.resolver.NoAnswer as error:
                self._unanswered = 0
                if not _says_nothing_is_there(error.response()):  # type: ignore[no-untyped-call]  # dnspython's
                    raise self._failed(name, kind, "it only said whom to ask instead") from None
                return Answer(name=name)
            except dns.resolver.LifetimeTimeout:
                self._unanswered += 1
                raise self._failed(name, kind, f"no answer within {_PATIENCE:g} s") from None
            except dns.resolver.NoNameservers as error:
                raise self._failed(name, kind, _refusal(error)) from None
            except (dns.exception.DNSException, OSError) as error:
                raise self._failed(name, kind, str(error) or type(error).__name__) from None
            self._unanswered = 0
        assert found.rrset is not None
        values = tuple(_text(record) for record in found.rrset)
        return Answer(values, found.rrset.ttl, found.canonical_name.to_text(omit_final_dot=True).lower())

    def _failed(self, name: str, kind: str, reason: str) -> Unreadable:
        return Unreadable(
            f"{kind} of {name}: {reason} ({self.name})",
            hint="ask again later; `dns: {server: ADDRESS}` in the site file names another resolver",
        )


def _resolver(server: str | None, port: int) -> dns.asyncresolver.Resolver:
    """Raises Unreadable where this machine has none."""
    try:
        made = dns.asyncresolver.Resolver(configure=server is None)
    except (dns.resolver.NoResolverConfiguration, OSError):
        hint = "write `dns: {server: ADDRESS}` in the site file"
        raise Unreadable("/etc/resolv.conf names no resolver", hint=hint) from None
    if server is not None:
        made.nameservers = [server]
        made.port = port
    made.lifetime, made.timeout = _PATIENCE, _PATIENCE / 2
    # 1232 bytes pass every path; what is longer comes over TCP
    made.use_edns(0, 0, 1232)
    return made


def _says_nothing_is_there(response: dns.message.Message) -> bool:
    """A resolver asked everybody. A zone's own server knows its own zone: a CNAME that leads out of it, or the names of
    other servers, is no answer (RFC 2308, section 2.2)."""
    if response.flags & dns.flags.RA or any(rrset.rdtype == dns.rdatatype.SOA for rrset in response.authority):
        return True
    return bool(response.flags & dns.flags.AA) and not response.answer


def _refusal(error: dns.resolver.NoNameservers) -> str:
    """`SERVFAIL`, of the last server that was asked."""
    attempts = error.kwargs.get("errors") or []
    response = attempts[-1][-1] if attempts else None
    if isinstance(response, dns.message.Message):
        return f"the answer was {dns.rcode.to_text(response.rcode())}"
    return str(attempts[-1][-2]) if attempts else "no server answered"


def _text(record: object) -> str:
    strings = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("utf-8", "backslashreplace")
    assert isinstance(record, dns.rdata.Rdata)
    words = record.to_text().split(" ")
    return " ".join(word.removesuffix(".").lower() or "." for word in words)
