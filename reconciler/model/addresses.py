"""Addresses and domains in their one canonical form: lower case, ASCII, domains as A-labels.

Rules from `facts/postfixadmin.md` section 9 (what PostfixAdmin accepts) and RFC 5321 (lengths).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NewType

Address = NewType("Address", str)
"""`local_part@domain`, canonical. The catch-all of a domain is `*@domain`."""
Domain = NewType("Domain", str)
"""A domain in lower case and ASCII, without a trailing dot."""

CATCH_ALL = "*"
_LOCAL = re.compile(r"[-!#$%&'*+/0-9=?a-z^_{|}~]+(?:\.[-!#$%&'*+/0-9=?a-z^_{|}~]+)*")
_LABEL = re.compile(r"(?!-)[-0-9a-z]{1,63}(?<!-)")


class BadAddress(ValueError):
    """Not an address or domain that the platform can hold; the text says what is wrong and what to write."""


def local_part(address: str) -> str:
    """The part before the last `@`."""
    return address.rpartition("@")[0]


def domain_of(address: str) -> Domain:
    """The part after the last `@`."""
    return Domain(address.rpartition("@")[2])


def without_extension(address: str, delimiters: str) -> tuple[str, str]:
    """The address before its extension, and the extension with the delimiter before it, by Postfix'
    `recipient_delimiter` (split_addr.c): `anna+box@` is `anna@` and `+box`. One at the very beginning is none."""
    local, _, domain = address.rpartition("@")
    cut = min((at for sign in delimiters if (at := local.find(sign, 1)) > 0), default=len(local))
    return (f"{local[:cut]}@{domain}", local[cut:]) if cut < len(local) else (address, "")


def parse_address(text: str, default_domain: str | None = None) -> Address:
    """`text` in canonical form; a bare local part is completed with `default_domain`. Raises BadAddress."""
    local, at, domain = text.strip().rpartition("@")
    if not at:
        if default_domain is None:
            raise BadAddress(f"{text!r} has no domain: write local_part@domain, or `domain:` at the top of the file")
        local, domain = domain, default_domain
    return Address(f"{parse_local_part(local, text)}@{parse_domain(domain)}")


def parse_local_part(local: str, whole: str | None = None) -> str:
    """The local part in lower case. `whole` is what the message shows. Raises BadAddress."""
    shown = whole if whole is not None else local
    if not local.isascii():
        raise BadAddress(f"{shown!r}: a local part holds ASCII characters only (é, ß, ł … break the mail database)")
    lowered = local.lower()
    if not lowered:
        raise BadAddress(f"{shown!r} has nothing before the @")
    if len(lowered) > 64:
        raise BadAddress(f"{shown!r}: the local part has {len(lowered)} characters, 64 are allowed")
    if not _LOCAL.fullmatch(lowered):
        raise BadAddress(
            f"{shown!r} is not an address: before the @ go letters, digits, -!#$%&'*+/=?^_{{|}}~ and single dots inside"
        )
    return lowered


@lru_cache(maxsize=4096)
def parse_domain(text: str) -> Domain:
    """A domain as lower-case A-labels; U-labels are converted by IDNA 2008. Raises BadAddress."""
    lowered = text.strip().lower().rstrip(".")
    if not lowered.isascii():
        import idna  # few domains need its tables

        try:
            lowered = idna.encode(lowered, uts46=True).decode("ascii")
        except idna.IDNAError as error:
            raise BadAddress(f"{text!r} is not a domain: {error}") from None
    labels = lowered.split(".")
    if len(lowered) > 253 or len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress(f"{text!r} is not a domain: write it like mail.example")
    if labels[-1].isdigit():
        raise BadAddress(f"{text!r} is not a domain: it ends in a number")
    return Domain(lowered)


@lru_cache(maxsize=4096)
def mailbox_domain_problem(domain: str) -> str | None:
    """Why PostfixAdmin would refuse to hold this domain; None when it would not (facts/postfixadmin.md 9)."""
    top_level = domain.rpartition(".")[2]
    if len(top_level) > 13:
        return f"PostfixAdmin refuses a domain whose last label is longer than 13 characters ({top_level!r})"
    return None


def unicode_domain(domain: str) -> str:
    """The domain as U-labels where it has any, else unchanged."""
    if "xn--" not in domain:
        return domain
    import idna

    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain
