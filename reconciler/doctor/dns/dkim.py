"""The keys that signatures of a domain's mail are checked with (RFC 6376, 3.6.1; RFC 8301; RFC 8463)."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from reconciler.doctor.check import Verdict
from reconciler.doctor.dns.lookup import Lookup
from reconciler.doctor.dns.seen import Seen
from reconciler.doctor.dns.tags import tags_of

_UNSIGNED = "others take the mail for unsigned, and big providers refuse mail without SPF and DKIM"
_LEAST, _GOOD = 1024, 2048
"""Bits of an RSA key: shorter ones count as no signature (RFC 8301), and what signers should have."""


async def look_at_dkim(lookup: Lookup, domain: str, selectors: Sequence[str]) -> Seen:
    """The worst of the keys that are there; one that is missing does no harm beside another. Raises Unreadable."""
    keys = {each: (await lookup.ask(f"{each}._domainkey.{domain}", "TXT")).values for each in selectors}
    seen = [_judged(selector, texts) for selector, texts in keys.items() if texts]
    if not seen:
        places = ", ".join(f"{selector}._domainkey.DOMAIN" for selector in selectors)
        fix = ("write the public key of the signer there, or correct `dns.dkim_selectors` in the site file",)
        return Seen(Verdict.WARNING, f"no key at {places}", _UNSIGNED, fix)
    order = list(Verdict).index
    worst = min(seen, key=lambda each: order(each.verdict))
    return worst if worst.verdict is not Verdict.OK else Seen(Verdict.OK, "; ".join(each.saw for each in seen))


def _judged(selector: str, texts: tuple[str, ...]) -> Seen:
    """One name's records."""
    if len(texts) > 1:
        saw = f"selector {selector}: {len(texts)} records, and which of them counts is not defined"
        return Seen(Verdict.FAILED, saw, _UNSIGNED, ("leave one TXT record there",))
    tags = tags_of(texts[0])
    # a version is not needed, but is another one's if it differs
    if tags is None or tags.get("v", "DKIM1") != "DKIM1" or "p" not in tags:
        fix = ('write it like this: "v=DKIM1; k=rsa; p=KEY"',)
        return Seen(Verdict.FAILED, f"selector {selector}: the record is no key", _UNSIGNED, fix)
    key = "".join(tags["p"].split())
    if not key:
        saw = f"selector {selector}: the key is revoked (`p=` is empty)"
        return Seen(
            Verdict.FAILED, saw, _UNSIGNED, (f"sign with another key, and take {selector} out of the site file",)
        )
    if "y" in tags.get("t", "").split(":"):
        why = "others treat the mail as if it were unsigned"
        return Seen(Verdict.WARNING, f"selector {selector}: the key is for tests (`t=y`)", why, ("remove `t=y`",))
    return _sized(selector, tags.get("k", "rsa").lower(), key)


def _sized(selector: str, kind: str, text: str) -> Seen:
    broken = Seen(
        Verdict.FAILED, f"selector {selector}: `p=` holds no {kind} key", _UNSIGNED, ("write the signer's key anew",)
    )
    try:
        raw = b64decode(text, validate=True)
        if kind == "ed25519":
            return Seen(Verdict.OK, f"selector {selector}: Ed25519") if len(raw) == 32 else broken
        key = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        return broken
    if kind != "rsa" or not isinstance(key, RSAPublicKey):
        return broken
    if key.key_size < _GOOD:
        verdict = Verdict.FAILED if key.key_size < _LEAST else Verdict.WARNING
        why = _UNSIGNED if key.key_size < _LEAST else "such keys are within reach of who wants to forge a signature"
        return Seen(verdict, f"selector {selector}: RSA of {key.key_size} bits", why, (f"make one of {_GOOD} bits",))
    return Seen(Verdict.OK, f"selector {selector}: RSA of {key.key_size} bits")
