"""Whether mail of a domain from an address passes SPF: `check_host` of RFC 7208 (sections 4 and 5).

Its cases are in tests/doctor/test_spf.py. The text for a refused sender (`exp=`) is not made.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from enum import StrEnum
from ipaddress import IPv4Address, ip_network
from typing import NamedTuple, Protocol
from urllib.parse import quote

from reconciler.doctor.context import IpAddress
from reconciler.doctor.dns.lookup import Answer
from reconciler.doctor.dns.spf_record import BadRecord, Mechanism, Record, is_spf, parse
from reconciler.errors import Unreadable

MOST_LOOKUPS, MOST_VOID, MOST_NAMES = 10, 2, 10
"""Section 4.6.4: terms that ask DNS, questions without an answer, and names of one MX or PTR."""


class SpfResult(StrEnum):
    """What a receiver makes of it (section 2.6)."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class SpfOutcome(NamedTuple):
    """The result and what decided it: a term of the record, or what is wrong."""

    result: SpfResult
    reason: str
    lookups: int = 0
    """Terms that asked DNS; ten are allowed."""


class Questions(Protocol):
    """What `Lookup` answers."""

    def ask(self, name: str, kind: str) -> Awaitable[Answer]:
        """Raises Unreadable."""
        ...


_OF = {"+": SpfResult.PASS, "-": SpfResult.FAIL, "~": SpfResult.SOFTFAIL, "?": SpfResult.NEUTRAL}
NO_TERM = "no term of the record"
"""The reason where none matches."""
_MACRO = re.compile(r"%(?:\{([a-zA-Z])([0-9]*)(r?)([-.+,/_=]*)\}|([%_-]))")
_LABEL = r"[^.]{1,63}"
_DOMAIN = re.compile(rf"(?=.{{1,253}}\.?$)(?:{_LABEL}\.)+{_LABEL}\.?", re.DOTALL)


async def check_host(
    questions: Questions, address: IpAddress, domain: str, sender: str = "", helo: str = ""
) -> SpfOutcome:
    """`sender` is the envelope sender; postmaster of the domain when it is left out."""
    asking = _Check(questions, address, sender or f"postmaster@{domain}", helo or domain)
    try:
        outcome = await asking.of(domain)
    except BadRecord as error:
        outcome = SpfOutcome(SpfResult.PERMERROR, str(error))
    except Unreadable as error:
        outcome = SpfOutcome(SpfResult.TEMPERROR, error.message)
    return outcome._replace(lookups=asking.lookups)


async def spf_records(questions: Questions, domain: str) -> tuple[str, ...]:
    """The SPF records of a domain: one, or something is wrong. Raises Unreadable."""
    return tuple(text for text in (await questions.ask(domain, "TXT")).values if is_spf(text))


class _Check:
    """One check, with what it has used of its limits."""

    def __init__(self, questions: Questions, address: IpAddress, sender: str, helo: str) -> None:
        self._questions = questions
        mapped = None if isinstance(address, IPv4Address) else address.ipv4_mapped
        self._address: IpAddress = mapped or address
        local, _, self._sender_domain = sender.rpartition("@")
        self._local = local or "postmaster"
        self._helo = helo
        self.lookups = 0
        self._void = 0

    async def of(self, domain: str) -> SpfOutcome:
        """Raises BadRecord and Unreadable."""
        if not _DOMAIN.fullmatch(domain):
            return SpfOutcome(SpfResult.NONE, f"{domain} is no domain")
        texts = await spf_records(self._questions, domain)
        if len(texts) != 1:
            if texts:
                raise BadRecord(f"{domain} has {len(texts)} SPF records, and only one is allowed")
            return SpfOutcome(SpfResult.NONE, f"{domain} has no SPF record")
        record = parse(texts[0])
        for mechanism in record.mechanisms:
            if await self._matches(mechanism, domain):
                return SpfOutcome(_OF[mechanism.qualifier], mechanism.text)
        return await self._otherwise(record, domain)

    async def _otherwise(self, record: Record, domain: str) -> SpfOutcome:
        if record.redirect is None:
            return SpfOutcome(SpfResult.NEUTRAL, NO_TERM)
        self._count(f"redirect={record.redirect}")
        target = await self._expanded(record.redirect, domain)
        outcome = await self.of(target)
        if outcome.result is SpfResult.NONE:
            raise BadRecord(f"it redirects to {target}, which has no SPF record")
        return outcome

    async def _matches(self, mechanism: Mechanism, domain: str) -> bool:
        if mechanism.name == "all":
            return True
        if mechanism.network is not None:
            return self._address in mechanism.network
        self._count(mechanism.text)
        target = await self._expanded(mechanism.domain, domain) if mechanism.domain else domain
        match mechanism.name:
            case "include":
                return await self._included(target)
            case "exists":
                return bool(await self._asked(target, "A"))
            case "ptr":
                return await self._named(target)
            case "a":
                return await self._leads_here(target, mechanism.prefixes)
        return await self._receives(target, mechanism.prefixes)

    async def _included(self, target: str) -> bool:
        outcome = await self.of(target)
        if outcome.result is SpfResult.NONE:
            raise BadRecord(f"it includes {target}, which has no SPF record")
        return outcome.result is SpfResult.PASS

    async def _leads_here(self, name: str, prefixes: tuple[int, int], *, counts: bool = True) -> bool:
        four = isinstance(self._address, IPv4Address)
        kind, prefix = ("A", prefixes[0]) if four else ("AAAA", prefixes[1])
        values = await self._asked(name, kind, counts=counts)
        return any(self._address in ip_network(f"{value}/{prefix}", strict=False) for value in values)

    async def _receives(self, name: str, prefixes: tuple[int, int]) -> bool:
        servers = [value.split(" ")[1] for value in await self._asked(name, "MX")]
        if len(servers) > MOST_NAMES:
            raise BadRecord(f"{name} has {len(servers)} MX, and SPF allows {MOST_NAMES}")
        for server in servers:
            if await self._leads_here(server, prefixes, counts=False):
                return True
        return False

    async def _named(self, target: str) -> bool:
        return any(_is_below(name, target) for name in await self._own_names())

    async def _own_names(self) -> list[str]:
        """The names of the address that lead back to it. Records should not ask for them (section 5.5); where an answer
        fails there is none."""
        try:
            names = (await self._asked(self._address.reverse_pointer, "PTR"))[:MOST_NAMES]
            return [name for name in names if await self._leads_here(name, (32, 128), counts=False)]
        except Unreadable:
            return []

    async def _asked(self, name: str, kind: str, *, counts: bool = True) -> tuple[str, ...]:
        if not _DOMAIN.fullmatch(name):
            return ()
        values = (await self._questions.ask(name, kind)).values
        self._void += not values and counts
        if self._void > MOST_VOID:
            raise BadRecord(f"more than {MOST_VOID} of the names in it do not exist, the last one being {name}")
        return values

    def _count(self, term: str) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise BadRecord(f"it needs more than {MOST_LOOKUPS} lookups, the first one too many being `{term}`")

    async def _expanded(self, text: str, domain: str) -> str:
        """A domain with its macros (section 7). Of one that is too long, labels go from the left."""
        own = await self._own_names() if re.search(r"%\{[pP]", text) else []
        below = [name for name in own if _is_below(name, domain)]
        validated = (sorted(below, key=len) or own or ["unknown"])[0]
        name = _MACRO.sub(lambda found: self._macro(found, domain, validated), text)
        while len(name.removesuffix(".")) > 253 and "." in name:
            name = name.partition(".")[2]
        return name.removesuffix(".")

    def _macro(self, found: re.Match[str], domain: str, validated: str) -> str:
        if found[5]:
            return {"%": "%", "_": " ", "-": "%20"}[found[5]]
        four = isinstance(self._address, IPv4Address)
        # a nibble each of IPv6
        dotted = str(self._address) if four else ".".join(self._address.exploded.replace(":", ""))
        values = {
            "s": f"{self._local}@{self._sender_domain}",
            "l": self._local,
            "o": self._sender_domain,
            "d": domain,
            "i": dotted,
            "p": validated,
            "h": self._helo,
            "v": "in-addr" if four else "ip6",
        }
        parts = re.split(f"[{re.escape(found[4] or '.')}]", values[found[1].lower()])
        parts = parts[::-1] if found[3] else parts
        value = ".".join(parts[-int(found[2]) :] if found[2] else parts)
        return quote(value, safe="-._~") if found[1].isupper() else value


def _is_below(name: str, domain: str) -> bool:
    return name == domain.lower() or name.endswith(f".{domain.lower()}")
