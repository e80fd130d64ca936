"""What a receiver makes of an SPF record, section by section of RFC 7208. The zones are ours; that real name servers
answer like them is asked in tests/cli/test_doctor_domains.py."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address

import pytest

from reconciler.doctor.dns.lookup import Answer
from reconciler.doctor.dns.spf import SpfResult, check_host
from reconciler.errors import Unreadable

Zones = Mapping[str, Mapping[str, list[str]]]
NAME, OWN, OTHER = "mail.example", "192.0.2.25", "198.51.100.7"
SIX = "2001:db8::25"

OTHERS: Zones = {
    "own.example": {"A": [OWN], "AAAA": [SIX], "MX": ["10 mx.own.example"]},
    "mx.own.example": {"A": ["192.0.2.80"], "AAAA": ["2001:db8::80"]},
    "passes.example": {"TXT": [f"v=spf1 ip4:{OWN} -all"]},
    "fails.example": {"TXT": ["v=spf1 -all"]},
    "soft.example": {"TXT": ["v=spf1 ~all"]},
    "broken.example": {"TXT": ["v=spf1 ipv4:192.0.2.1 -all"]},
    "silent.example": {"TXT": ["a text of another kind"]},
    "down.example": {"TXT": ["TIMEOUT"], "A": ["TIMEOUT"], "MX": ["TIMEOUT"]},
    "many.example": {"MX": [f"10 m{number}.many.example" for number in range(11)]},
    "25.2.0.192.in-addr.arpa": {"PTR": ["host.own.example", "liar.example"]},
    "host.own.example": {"A": [OWN]},
    "liar.example": {"A": [OTHER]},
    "192.0.2.25.spf.example": {"A": ["127.0.0.2"]},
    "25.2.0.192.in-addr.rev.example": {"A": ["127.0.0.2"]},
    "anna.local.example": {"A": ["127.0.0.2"]},
    "mail.example.d1.example": {"A": ["127.0.0.2"]},
    "example.d2.example": {"A": ["127.0.0.2"]},
    "a.b.example": {"A": ["127.0.0.2"]},
    "postmaster.example": {"A": ["127.0.0.2"]},
    "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.v6.example": {"A": ["127.0.0.2"]},
    "host.own.example.p.example": {"A": ["127.0.0.2"]},
    "10.10.example": {"A": [OWN]},
} | {f"c{number}.chain.example": {"TXT": [f"v=spf1 include:c{number + 1}.chain.example -all"]} for number in range(12)}


class Answers:
    """DNS as these zones have it; `TIMEOUT` in place of a record gives no answer."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self.asked: list[tuple[str, str]] = []

    async def ask(self, name: str, kind: str) -> Answer:
        self.asked.append((name, kind))
        values = self._zones.get(name.lower().removesuffix("."), {}).get(kind, [])
        if "TIMEOUT" in values:
            raise Unreadable(f"{kind} of {name}: no answer")
        return Answer(tuple(values), 300, name)


async def _result(record: str | list[str], address: str = OWN, sender: str = f"anna@{NAME}") -> SpfResult:
    records = [record] if isinstance(record, str) else record
    answers = Answers({**OTHERS, NAME: {"TXT": records, "A": [OWN], "AAAA": [SIX], "MX": ["10 mx.own.example"]}})
    return (await check_host(answers, ip_address(address), NAME, sender, NAME)).result


N, P, F, S = SpfResult.NEUTRAL, SpfResult.PASS, SpfResult.FAIL, SpfResult.SOFTFAIL
NONE, TEMP, PERM = SpfResult.NONE, SpfResult.TEMPERROR, SpfResult.PERMERROR


@pytest.mark.parametrize(
    ("record", "result"),
    [
        # 4.5: which of the TXT records is one
        ([], NONE),
        (["v=spf10 -all"], NONE),
        (["v=spf1-all"], NONE),
        (["spf2.0/pra -all", "google-site-verification=x"], NONE),
        ([f"v=spf1 ip4:{OWN} -all", "hello"], P),
        (["v=spf1 -all", "v=spf1 -all"], PERM),
        (["V=SPF1 -ALL"], F),
        (["v=spf1"], N),
        # 4.6, 5.1: terms from left to right, the first that matches decides
        ("v=spf1 all", P),
        ("v=spf1 +all", P),
        ("v=spf1 ?all", N),
        ("v=spf1 ~all", S),
        ("v=spf1   -all  ", F),
        (f"v=spf1 -ip4:{OWN} +all", F),
        (f"v=spf1 ip4:{OTHER}", N),
        # a mistake anywhere spoils all of it
        ("v=spf1 +all unknown", PERM),
        ("v=spf1 all:mail.example", PERM),
        ("v=spf1 all/8", PERM),
        ("v=spf1 !all", PERM),
        ("v=spf1 --all", PERM),
        ("v=spf1 -all moo", PERM),
        ("v=spf1 -all\tip4:192.0.2.1", PERM),
        # 6: modifiers; an unknown one is ignored, a known one stands once
        ("v=spf1 moo=%{d} +all", P),
        ("v=spf1 moo=% +all", PERM),
        ("v=spf1 redirect=passes.example", P),
        ("v=spf1 redirect=passes.example -all", F),
        ("v=spf1 redirect=silent.example", PERM),
        ("v=spf1 redirect=nobody.example", PERM),
        ("v=spf1 redirect=soft.example redirect=soft.example", PERM),
        ("v=spf1 redirect=", PERM),
        ("v=spf1 exp=passes.example exp=soft.example +all", PERM),
        ("v=spf1 exp=nobody.example -all", F),
        # 5.2: include
        ("v=spf1 include:passes.example -all", P),
        ("v=spf1 -include:passes.example +all", F),
        ("v=spf1 include:fails.example ~all", S),
        ("v=spf1 include:soft.example -all", F),
        ("v=spf1 include:silent.example +all", PERM),
        ("v=spf1 include:broken.example +all", PERM),
        ("v=spf1 include:down.example +all", TEMP),
        ("v=spf1 include", PERM),
        ("v=spf1 include: -all", PERM),
        # 5.3: a
        ("v=spf1 a -all", P),
        ("v=spf1 a:own.example -all", P),
        ("v=spf1 a:mx.own.example -all", F),
        ("v=spf1 a:mx.own.example/24 -all", P),
        ("v=spf1 a:mx.own.example/33 -all", PERM),
        ("v=spf1 a:mx.own.example/024 -all", PERM),
        ("v=spf1 a/0 -all", P),
        ("v=spf1 a/ -all", PERM),
        ("v=spf1 a: -all", PERM),
        ("v=spf1 a:10.10.example -all", P),
        ("v=spf1 a:192.0.2.25 -all", PERM),
        ("v=spf1 a:down.example -all", TEMP),
        ("v=spf1 a:nobody.example +all", P),
        ("v=spf1 A:OWN.EXAMPLE -ALL", P),
        # 5.4: mx
        ("v=spf1 mx -all", F),
        ("v=spf1 mx/24 -all", P),
        ("v=spf1 mx:own.example/24//64 -all", P),
        ("v=spf1 mx:many.example +all", PERM),
        ("v=spf1 mx:down.example +all", TEMP),
        ("v=spf1 mx//129 +all", PERM),
        # 5.5: ptr; what does not lead back counts for nothing
        ("v=spf1 ptr:own.example -all", P),
        ("v=spf1 ptr:liar.example -all", F),
        ("v=spf1 ptr: -all", PERM),
        # 5.6: ip4 and ip6
        ("v=spf1 ip4:192.0.2.0/24 -all", P),
        ("v=spf1 ip4:192.0.2.0/28 -all", F),
        ("v=spf1 ip4:192.0.2.1/0 -all", P),
        ("v=spf1 ip4:192.0.2.25/33 -all", PERM),
        ("v=spf1 ip4:192.0.2 -all", PERM),
        ("v=spf1 ip4:192.0.2.25//32 -all", PERM),
        ("v=spf1 ip4 -all", PERM),
        (f"v=spf1 ip6:{SIX} -all", F),
        ("v=spf1 ip6:2001:db8::/129 -all", PERM),
        ("v=spf1 ip6:192.0.2.25 -all", PERM),
        # 5.7: exists, with 7: macros
        ("v=spf1 exists:own.example -all", P),
        ("v=spf1 exists:nobody.example -all", F),
        ("v=spf1 exists:%{i}.spf.example -all", P),
        ("v=spf1 exists:%{ir}.%{v}.rev.example -all", P),
        ("v=spf1 exists:%{l}.local.example -all", P),
        ("v=spf1 exists:%{d}.d1.example -all", P),
        ("v=spf1 exists:%{d1}.d2.example -all", P),
        ("v=spf1 exists:%{d1r}.d1.example -all", F),
        ("v=spf1 exists:%{p}.p.example -all", P),
        ("v=spf1 exists:%{d0}.d1.example -all", PERM),
        ("v=spf1 exists:%{x}.d1.example -all", PERM),
        ("v=spf1 exists:%{d.d1.example -all", PERM),
        ("v=spf1 exists:%d.example -all", PERM),
        ("v=spf1 exists: -all", PERM),
        ("v=spf1 exists -all", PERM),
        ("v=spf1 exists:own.example/24 -all", PERM),
        # 4.6.4: ten terms that ask, two that get nothing
        ("v=spf1 include:c3.chain.example -all", PERM),
        ("v=spf1 " + "a:mx.own.example " * 10 + "+all", P),
        ("v=spf1 " + "a:mx.own.example " * 11 + "+all", PERM),
        ("v=spf1 a:no1.example a:no2.example +all", P),
        ("v=spf1 a:no1.example a:no2.example a:no3.example +all", PERM),
        ("v=spf1 ip4:192.0.2.25 " + "a " * 20 + "-all", P),
    ],
)
async def test_a_record(record: str | list[str], result: SpfResult) -> None:
    assert await _result(record) is result


@pytest.mark.parametrize(
    ("record", "result"),
    [
        (f"v=spf1 ip6:{SIX} -all", P),
        ("v=spf1 ip6:2001:db8::/32 -all", P),
        ("v=spf1 ip4:0.0.0.0/0 -all", F),
        ("v=spf1 a -all", P),
        ("v=spf1 a:mx.own.example/0 -all", F),
        ("v=spf1 a:mx.own.example//64 -all", P),
        ("v=spf1 mx//120 -all", P),
        ("v=spf1 exists:%{ir}.%{v}.v6.example -all", P),
        ("v=spf1 exists:own.example -all", P),
    ],
)
async def test_ipv6(record: str, result: SpfResult) -> None:
    assert await _result(record, SIX) is result


async def test_ipv4_in_ipv6_is_ipv4() -> None:
    assert await _result(f"v=spf1 ip4:{OWN} -all", f"::ffff:{OWN}") is P


@pytest.mark.parametrize(
    ("sender", "result"),
    [("a.b@x", P), ("c@x", F), ("a-b@x", F), ("", P), ("@x", P)],
)
async def test_the_local_part_of_the_sender_counts(sender: str, result: SpfResult) -> None:
    assert await _result("v=spf1 exists:%{l}.example -all", sender=sender) is result


async def test_a_separator_of_its_own() -> None:
    assert await _result("v=spf1 exists:%{l-}.example -all", sender="a-b@x") is P
    assert await _result("v=spf1 exists:%{lr+}.example -all", sender="b+a@x") is P


async def test_the_name_that_an_address_has_itself() -> None:
    assert await _result("v=spf1 redirect=p.own.example") is PERM
    zones = {**OTHERS, "own.example": {"TXT": ["v=spf1 exists:%{p}.p.example -all"]}}
    assert (await check_host(Answers(zones), ip_address(OWN), "own.example")).result is P


async def test_nothing_is_asked_behind_what_decides_and_lookups_are_counted() -> None:
    answers = Answers({**OTHERS, NAME: {"TXT": ["v=spf1 a:own.example include:fails.example -all"]}})
    outcome = await check_host(answers, ip_address(OWN), NAME)
    assert (outcome.result, outcome.reason, outcome.lookups) == (P, "a:own.example", 1)
    assert answers.asked == [(NAME, "TXT"), ("own.example", "A")]


async def test_no_answer_is_no_result() -> None:
    """A failed lookup is unknown, never "no record"."""
    outcome = await check_host(Answers(OTHERS), ip_address(OWN), "down.example")
    assert (outcome.result, outcome.reason) == (TEMP, "TXT of down.example: no answer")


@pytest.mark.parametrize("name", ["", "example", "a..example", "x" * 64 + ".example", ".".join(["a" * 60] * 5)])
async def test_what_is_no_domain_has_no_record(name: str) -> None:
    assert (await check_host(Answers(OTHERS), ip_address(OWN), name)).result is NONE


async def test_a_name_that_is_too_long_loses_labels_from_the_left() -> None:
    """Section 7.3."""
    long = ".".join(["b" * 60] * 3)
    zones = {
        **OTHERS,
        f"{long}.end.example": {"A": ["127.0.0.2"]},
        NAME: {"TXT": [f"v=spf1 exists:%{{l}}.{long}.end.example -all"]},
    }
    sender = f"{'a' * 60}.{'a' * 60}@{NAME}"
    assert (await check_host(Answers(zones), ip_address(OWN), NAME, sender)).result is P
