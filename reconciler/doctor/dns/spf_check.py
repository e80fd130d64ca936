"""Whether the addresses that mail is sent from pass a domain's SPF record."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.doctor.check import Verdict
from reconciler.doctor.context import IpAddress
from reconciler.doctor.dns.lookup import Lookup
from reconciler.doctor.dns.seen import Seen
from reconciler.doctor.dns.spf import MOST_LOOKUPS, NO_TERM, SpfOutcome, SpfResult, check_host, spf_records

_NOT_PASSED = {
    SpfResult.FAIL: (Verdict.FAILED, "it tells others to refuse your own mail"),
    SpfResult.SOFTFAIL: (Verdict.WARNING, "it calls your own mail suspicious"),
    SpfResult.NEUTRAL: (Verdict.WARNING, "it says nothing for your own mail, which is as good as no record"),
    SpfResult.PERMERROR: (Verdict.FAILED, "others take it for no record at all, or refuse the mail"),
    SpfResult.TEMPERROR: (Verdict.UNKNOWN, "what could not be looked at may be right or wrong: nobody knows"),
}
_WORST = (SpfResult.PERMERROR, SpfResult.FAIL, SpfResult.TEMPERROR, SpfResult.SOFTFAIL, SpfResult.NEUTRAL)


async def look_at_spf(lookup: Lookup, domain: str, addresses: Sequence[IpAddress]) -> Seen:
    """Raises Unreadable."""
    if not await spf_records(lookup, domain):
        terms = " ".join(terms_for(addresses)) or "mx"
        why = "anybody can send in the domain's name, and big providers refuse mail without SPF and DKIM"
        return Seen(Verdict.WARNING, "there is none", why, (f'DOMAIN. TXT "v=spf1 {terms} -all"',))
    if not addresses:
        saw = "there is one; which addresses it has to let pass is not known"
        return Seen(Verdict.UNKNOWN, saw, "", ("the check of the addresses that mail is sent from says what to do",))
    outcomes = {address: await check_host(lookup, address, domain) for address in addresses}
    for result in _WORST:
        if refused := {address: outcome for address, outcome in outcomes.items() if outcome.result is result}:
            return _not_passed(domain, refused)
    return _passed(outcomes)


def terms_for(addresses: Sequence[IpAddress]) -> list[str]:
    """`ip4:192.0.2.25`: what lets each address pass."""
    return [f"ip{address.version}:{address}" for address in addresses]


def _not_passed(domain: str, refused: dict[IpAddress, SpfOutcome]) -> Seen:
    outcome = next(iter(refused.values()))
    verdict, why = _NOT_PASSED[outcome.result]
    if outcome.result in (SpfResult.PERMERROR, SpfResult.TEMPERROR):
        fix = ("correct the record",) if outcome.result is SpfResult.PERMERROR else ("ask again later",)
        return Seen(verdict, outcome.reason.replace(domain, "DOMAIN"), why, fix)
    shown = ", ".join(map(str, refused))
    term = outcome.reason if outcome.reason == NO_TERM else f"`{outcome.reason}`"
    where = "" if outcome.reason == NO_TERM else f", before {term}"
    saw = f"mail from {shown} gets `{outcome.result.value}`, by {term}"
    fix = (f"write into the record{where}: {' '.join(terms_for(list(refused)))}",)
    return Seen(verdict, saw, why, fix)


def _passed(outcomes: dict[IpAddress, SpfOutcome]) -> Seen:
    lookups = max(outcome.lookups for outcome in outcomes.values())
    if any(outcome.reason.lower() in ("all", "+all") for outcome in outcomes.values()):
        saw = "it lets everybody pass (`+all`)"
        return Seen(Verdict.WARNING, saw, "anybody can send in the domain's name", ("end the record in `-all`",))
    count = "the sending address passes" if len(outcomes) == 1 else f"all {len(outcomes)} sending addresses pass"
    return Seen(Verdict.OK, f"{count}, with {lookups} of {MOST_LOOKUPS} lookups")
