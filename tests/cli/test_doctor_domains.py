"""`reconciler doctor` over domains that are each wrong in one way, on a real name server: MX, SPF, DKIM, DMARC."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.cli.dns_site import DnsSite
from tests.services.name_server import BROKEN, NameServer, running_name_server

SPF = '@ IN TXT "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all"'
DMARC = '_dmarc IN TXT "v=DMARC1; p=reject"'


def key(bits: int) -> str:
    """A record with a key of this length, in strings as a zone file wants it."""
    public = RSAPublicNumbers(65537, (1 << (bits - 1)) + 33).public_key()
    raw = b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    strings = ["v=DKIM1; k=rsa; p=", *(raw[start : start + 200] for start in range(0, len(raw), 200))]
    return "IN TXT " + " ".join(f'"{part}"' for part in strings)


DKIM = f"mail._domainkey {key(2048)}"


def domain(
    *lines: str, mx: str = "@ IN MX 10 mx.good.example.", spf: str = SPF, dmarc: str = DMARC, dkim: str = DKIM
) -> list[str]:
    return [line for line in (mx, spf, dmarc, dkim, *lines) if line]


ED25519 = b64encode(bytes(range(32))).decode()
ZONES = {
    "good.example": domain(
        "mx IN A 192.0.2.25", "mx IN AAAA 2001:db8::25", "old IN CNAME mx", "six IN AAAA 2001:db8::25"
    ),
    "sub.good.example": domain(dmarc="", spf='@ IN TXT "v=spf1 mx -all"'),
    # MX
    "implicit.example": domain("@ IN A 192.0.2.80", mx=""),
    "nowhere.example": domain(mx=""),
    "nullmx.example": domain(mx="@ IN MX 0 ."),
    "deadmx.example": domain(mx="@ IN MX 10 gone"),
    "halfmx.example": domain("@ IN MX 20 mx.good.example.", mx="@ IN MX 10 gone"),
    "literal.example": domain(mx="@ IN MX 10 192.0.2.25."),
    "aliasmx.example": domain(mx="@ IN MX 10 old.good.example."),
    "sixmx.example": domain(mx="@ IN MX 10 six.good.example."),
    # SPF
    "nospf.example": domain(spf=""),
    "twospf.example": domain('@ IN TXT "v=spf1 -all"'),
    "badspf.example": domain(spf='@ IN TXT "v=spf1 ipv4:192.0.2.25 -all"'),
    "fourspf.example": domain(spf='@ IN TXT "v=spf1 ip4:192.0.2.0/24 -all"'),
    "softspf.example": domain(spf='@ IN TXT "v=spf1 ip4:203.0.113.9 ~all"'),
    "neutralspf.example": domain(spf='@ IN TXT "v=spf1 ip4:203.0.113.9"'),
    "openspf.example": domain(spf='@ IN TXT "v=spf1 +all"'),
    "splitspf.example": domain(spf='@ IN TXT "v=spf1 a:mx.good.exa" "mple -all"'),
    "includespf.example": domain(spf='@ IN TXT "v=spf1 include:sub.good.example -all"'),
    "lostspf.example": domain(spf='@ IN TXT "v=spf1 include:gone.good.example -all"'),
    "brokenspf.example": domain(spf='@ IN TXT "v=spf1 include:broken.example -all"'),
    "longspf.example": domain(
        *(f'l{n} IN TXT "v=spf1 include:l{n + 1}.longspf.example -all"' for n in range(12)),
        spf='@ IN TXT "v=spf1 include:l0.longspf.example -all"',
    ),
    # DKIM
    "nodkim.example": domain(dkim=""),
    "shortdkim.example": domain(dkim=f"mail._domainkey {key(1024)}"),
    "tinydkim.example": domain(dkim=f"mail._domainkey {key(768)}"),
    "revoked.example": domain(dkim='mail._domainkey IN TXT "v=DKIM1; p="'),
    "nokey.example": domain(dkim='mail._domainkey IN TXT "v=DKIM1; k=rsa; p=AAAA"'),
    "notags.example": domain(dkim='mail._domainkey IN TXT "hello"'),
    "testdkim.example": domain(dkim=DKIM.replace("k=rsa; ", "k=rsa; t=y; ")),
    "twodkim.example": domain('mail._domainkey IN TXT "v=DKIM1; p="'),
    "edwards.example": domain(dkim=f'mail._domainkey IN TXT "v=DKIM1; k=ed25519; p={ED25519}"'),
    "aliasdkim.example": domain(dkim="mail._domainkey IN CNAME mail._domainkey.good.example."),
    # DMARC
    "nodmarc.example": domain(dmarc=""),
    "twodmarc.example": domain('_dmarc IN TXT "v=DMARC1; p=none; rua=mailto:a@good.example"'),
    "baddmarc.example": domain(dmarc='_dmarc IN TXT "v=DMARC1; p=block"'),
    "deaf.example": domain(dmarc='_dmarc IN TXT "v=DMARC1; p=none"'),
    "broken.example": BROKEN,
}


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """One run over all of them; an OK of many domains is one check."""
    with running_name_server(ZONES) as server:
        yield of(server, tmp_path_factory.mktemp("site"))


def of(server: NameServer, folder: Path) -> dict[str, dict[str, Any]]:
    site = DnsSite(folder)
    site.write(server)
    site.declare(list(ZONES))
    return site.checks()


WRONG = [
    ("MX of implicit.example", "warning", "own address, 192.0.2.80", "implicit.example. MX 10"),
    ("MX of nowhere.example", "failed", "no address either", "nowhere.example. MX 10"),
    ("MX of nullmx.example", "failed", "null MX", "remove the MX"),
    ("MX of deadmx.example", "failed", "gone.deadmx.example has no address", "give it one"),
    ("MX of halfmx.example", "warning", "gone.halfmx.example has no address", "give it one"),
    ("MX of literal.example", "failed", "192.0.2.25 has no address", "names a server, not its address"),
    ("MX of aliasmx.example", "warning", "old.good.example is a CNAME", "name the server"),
    ("MX of sixmx.example", "warning", "IPv6 only", "A record"),
    ("SPF of nospf.example", "warning", "there is none", "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all"),
    ("SPF of twospf.example", "failed", "twospf.example has 2 SPF records", "correct"),
    ("SPF of badspf.example", "failed", "`ipv4:192.0.2.25` is not understood", "correct"),
    ("SPF of fourspf.example", "failed", "mail from 2001:db8::25 gets `fail`, by `-all`", "ip6:2001:db8::25"),
    ("SPF of softspf.example", "warning", "192.0.2.25, 2001:db8::25 gets `softfail`, by `~all`", "ip4:192.0.2.25 ip6:"),
    ("SPF of neutralspf.example", "warning", "`neutral`, by no term", "ip4:192.0.2.25"),
    ("SPF of openspf.example", "warning", "+all", "-all"),
    ("SPF of lostspf.example", "failed", "includes gone.good.example, which has no SPF record", "correct"),
    ("SPF of brokenspf.example", "unknown", "TXT of broken.example: the answer was SERVFAIL", "ask again"),
    ("SPF of longspf.example", "failed", "more than 10 lookups", "correct"),
    ("DKIM of nodkim.example", "warning", "no key at mail._domainkey.nodkim.example", "dkim_selectors"),
    ("DKIM of shortdkim.example", "warning", "1024 bits", "2048 bits"),
    ("DKIM of tinydkim.example", "failed", "768 bits", "2048 bits"),
    ("DKIM of revoked.example", "failed", "revoked", "another key"),
    ("DKIM of nokey.example", "failed", "holds no rsa key", "anew"),
    ("DKIM of notags.example", "failed", "is no key", "v=DKIM1; k=rsa; p=KEY"),
    ("DKIM of testdkim.example", "warning", "t=y", "remove"),
    ("DKIM of twodkim.example", "failed", "2 records", "one TXT record"),
    ("DMARC of nodmarc.example", "warning", "there is none", "_dmarc.nodmarc.example. TXT"),
    ("DMARC of twodmarc.example", "warning", "2 records", "one record at _dmarc.twodmarc.example"),
    ("DMARC of baddmarc.example", "warning", "no policy that others know", "_dmarc.baddmarc.example. TXT"),
    ("DMARC of deaf.example", "warning", "p=none without `rua`", "rua=mailto:"),
    ("MX of broken.example", "unknown", "MX of broken.example: the answer was SERVFAIL", "ask again"),
    ("SPF of broken.example", "unknown", "TXT of broken.example: the answer was SERVFAIL", "ask again"),
    ("DKIM of broken.example", "unknown", "TXT of mail._domainkey.broken.example: the answer", "ask again"),
    ("DMARC of broken.example", "unknown", "TXT of _dmarc.broken.example: the answer was SERVFAIL", "ask again"),
]


@pytest.mark.parametrize(("name", "verdict", "saw", "fix"), WRONG)
def test_what_is_wrong_is_said_of_its_own_domain(
    checks: dict[str, dict[str, Any]], name: str, verdict: str, saw: str, fix: str
) -> None:
    assert checks[name]["verdict"] == verdict, checks[name]
    assert saw in checks[name]["saw"]
    assert fix in " ".join(checks[name]["fix"])
    assert checks[name]["why"]


@pytest.mark.parametrize(
    ("name", "saw"),
    [
        ("DKIM of edwards.example", "selector mail: Ed25519"),
        ("DMARC of sub.good.example", "p=reject (from good.example)"),
        ("SPF of includespf.example", "all 2 sending addresses pass, with 2 of 10 lookups"),
        ("SPF of splitspf.example", "all 2 sending addresses pass, with 1 of 10 lookups"),
    ],
)
def test_what_is_well_says_what_was_seen(checks: dict[str, dict[str, Any]], name: str, saw: str) -> None:
    found = checks.get(name)
    if found is None:  # shared with other domains
        word, _, domain_name = name.partition(" of ")
        (found,) = (c for n, c in checks.items() if n.startswith(f"{word} of ") and domain_name in c["saw"])
    assert (found["verdict"], saw in found["saw"], found["fix"]) == ("ok", True, []), found


def test_nothing_else_is_said(checks: dict[str, dict[str, Any]]) -> None:
    """The domains with one mistake are well in everything else."""
    bad = {name for name, check in checks.items() if check["verdict"] != "ok"}
    about_domains = {name for name in bad if name.split(" ")[0] in ("MX", "SPF", "DKIM", "DMARC")}
    assert about_domains == {name for name, *_ in WRONG}


def test_what_many_domains_have_in_common_is_one_line(checks: dict[str, dict[str, Any]]) -> None:
    (name,) = (name for name, check in checks.items() if " more" in check["saw"] and name.startswith("MX"))
    assert name.endswith(" other domains")
    assert checks[name]["verdict"] == "ok"


def test_domains_of_which_the_same_is_wrong_share_a_check_and_its_fix(tmp_path: Path) -> None:
    lacking = {f"n{number}.example": domain(dmarc="", spf="") for number in range(3)}
    with running_name_server({"good.example": ZONES["good.example"], **lacking}) as server:
        site = DnsSite(tmp_path)
        site.write(server)
        site.declare(list(lacking))
        found = site.checks()
        text = site.run().out
    check = found["DMARC of n0.example and 2 other domains"]
    assert (check["verdict"], check["saw"]) == ("warning", "there is none: n0.example, n1.example, n2.example")
    assert check["fix"] == ['_dmarc.DOMAIN. TXT "v=DMARC1; p=none; rua=mailto:ADDRESS"']
    assert '→ _dmarc.DOMAIN. TXT "v=DMARC1; p=none; rua=mailto:ADDRESS"' in text
