"""Keys and actions of a sender map: what smtpd looks up, which keys a block needs, and what smtpd makes of an action,
which postmap never looks at. Pure; from facts/postfix.md 1 and 2.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from enum import Enum
from typing import NamedTuple

from reconciler.model.addresses import BadAddress, parse_domain, unicode_domain
from reconciler.translation import tr


class KeyRules(NamedTuple):
    """The settings of Postfix that decide which keys match."""

    parent_matches: bool = True
    """`smtpd_access_maps` is in `parent_domain_matches_subdomains`: a domain's key covers its subdomains."""
    delimiter: str = "+"
    """`recipient_delimiter`."""
    utf8: bool = True
    """`smtputf8_enable`: keys are folded as Unicode."""

    def fold(self, key: str) -> str:
        """The key as postmap stores it and as smtpd looks it up (facts 1.4)."""
        if self.utf8 or key.isascii():
            return key.casefold()
        return "".join(c.lower() if c.isascii() else c for c in key)


def forms(key: str, rules: KeyRules) -> tuple[str, ...]:
    """Every key that the block of this canonical address or domain needs. Postfix does not convert between U- and
    A-labels, so both are written (facts 1.4). A U-label that folds into another name (`straße` to `strasse`) would
    block that one too and is left out. Without `parent_matches` a domain needs `.domain` for its subdomains (facts
    1.2)."""
    local, at, domain = key.rpartition("@")
    u_label = unicode_domain(domain)
    domains = (domain,) if u_label == domain or u_label.casefold() != u_label else (domain, u_label)
    if at:
        return tuple(f"{local}@{d}" for d in domains)
    return tuple(f"{dot}{d}" for d in domains for dot in (("",) if rules.parent_matches else ("", ".")))


def canonical(form: str) -> str:
    """The address or domain that a key of our section stands for; the key itself when it is neither."""
    local, at, domain = form.rpartition("@")
    try:
        return f"{local.lower()}{at}{parse_domain(domain if at else domain.removeprefix('.'))}"
    except BadAddress:
        return form.lower()


def asked_later(key: str, rules: KeyRules) -> tuple[str, ...]:
    """The keys that smtpd would go on to ask for if it had not hit `key`, in its order (facts 1.2)."""
    local, at, domain = key.rpartition("@")
    if not at:
        return tuple(_parents(key.removeprefix("."), rules))
    if not local or not domain:
        return ()
    base = _without_extension(local, rules.delimiter)
    bases = () if base == local else (f"{base}@{domain}",)
    return (*bases, domain, *_parents(domain, rules))


def dead_key_hint(key: str, rules: KeyRules) -> str:
    """What to write instead of a key that smtpd never asks for; empty when it may ask (facts 1.1, 1.3)."""
    local, _, domain = key.rpartition("@")
    if key in ("@", "*@"):
        return tr("remove the line")
    if key in ("<<<<<<<", ">>>>>>>"):
        return tr("git could not merge these lines: keep those that are right, and delete the lines of <, = and >")
    if local in ("", "*") and "@" in key:
        return tr("write `{key}`, which covers the domain and its subdomains", key=domain)
    if key.startswith(".") and rules.parent_matches:
        return tr("write `{key}`, which covers the domain and its subdomains", key=key[1:])
    if key.startswith("<") and key != "<>":
        return tr("write `{key}`, without angle brackets", key=key.strip("<>"))
    if _NEEDLESS_QUOTES.fullmatch(key):
        return tr("write `{key}`, since Postfix drops quotes that are not needed", key=key.replace('"', ""))
    if key.startswith("\ufeff"):
        return tr("remove the invisible byte order mark at the beginning of the line")
    if domain.endswith("."):
        return tr("write `{key}`, without the dot at the end", key=key.rstrip("."))
    return ""


_ATOM = r"[-!#$%&'*+/0-9=?A-Za-z^_`{|}~]+"
# around a local part that is fine without them, or around the whole address
_NEEDLESS_QUOTES = re.compile(rf'"{_ATOM}(?:\.{_ATOM})*"@[^"]*|"[^"]*@[^"]*"')


def _parents(domain: str, rules: KeyRules) -> Iterator[str]:
    _, dot, parent = domain.partition(".")
    while dot:
        yield parent if rules.parent_matches else f".{parent}"
        _, dot, parent = parent.partition(".")


def _without_extension(local: str, delimiter: str) -> str:
    """The local part up to the first of Postfix' delimiters; one at the very beginning is none."""
    return next((local[:i] for i, c in enumerate(local) if i and c in delimiter), local)


class ActionEffect(Enum):
    """What happens to mail of a sender whose key has this action."""

    STOPS = "stops"
    """Refused, delayed, held, discarded or sent elsewhere."""
    PASSES = "passes"
    """Accepted, or not looked at any further in this map."""
    DIGITS = "digits"
    """Accepted, though whoever wrote the number meant a refusal."""
    LEAKS = "leaks"
    """Refused with a text from somewhere else: an enhanced code without text makes smtpd read past it."""
    BROKEN = "broken"
    """Answered with 451, so that the sender tries again for days."""
    DEPENDS = "depends"
    """A restriction of Postfix decides."""


def effect(action: str, classes: Collection[str] = ()) -> ActionEffect:
    """`classes` are the site's own restriction classes (`smtpd_restriction_classes`)."""
    word, *rest = _SEPARATORS.split(action, maxsplit=1)
    upper = word.upper()
    if action.isdigit():
        return ActionEffect.DIGITS
    if _CODE_ONLY.fullmatch(action):
        return ActionEffect.LEAKS
    if upper == "REDIRECT":
        return ActionEffect.STOPS if rest and "@" in rest[0] else ActionEffect.PASSES  # a bad target counts as DUNNO
    if _REPLY.match(action) or upper in _STOPPING:
        return ActionEffect.STOPS
    if upper in _PASSING:
        return ActionEffect.PASSES
    return ActionEffect.DEPENDS if upper in _RESTRICTIONS or word in classes else ActionEffect.BROKEN


def refusal(action: str) -> str | None:
    """The text that a sender is refused with for good, perhaps empty; None when the action does something else."""
    found = _REFUSAL.fullmatch(action)
    return found and (found[1] or found[2] or "").strip()


_REFUSAL = re.compile(r"REJECT(?:[\s,]+(.*))?|5[0-9]{2}\s+(\S.*)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s,]+")
_REPLY = re.compile(r"[45][0-9]{2} +\S")
_CODE_ONLY = re.compile(r"(?:[45][0-9]{2}|REJECT|DEFER) +[245]\.[0-9]{1,3}\.[0-9]{1,3}", re.IGNORECASE)
_STOPPING = frozenset({"REJECT", "DEFER", "DEFER_IF_PERMIT", "DISCARD", "HOLD"})
_PASSING = frozenset({"OK", "PERMIT", "RELAY", "DUNNO", "DEFER_IF_REJECT", "WARN", "INFO", "BCC", "PREPEND", "FILTER"})
# postconf(5), smtpd_*_restrictions; a lookup table (check_…_access) inside a map is refused by smtpd
_NAMES = """
    WARN_IF_REJECT SLEEP CHECK_POLICY_SERVICE PERMIT_INET_INTERFACES PERMIT_MYNETWORKS PERMIT_SASL_AUTHENTICATED
    PERMIT_TLS_ALL_CLIENTCERTS PERMIT_TLS_CLIENTCERTS PERMIT_AUTH_DESTINATION PERMIT_MX_BACKUP PERMIT_NAKED_IP_ADDRESS
    PERMIT_DNSWL_CLIENT PERMIT_RHSWL_CLIENT REJECT_UNAUTH_DESTINATION DEFER_UNAUTH_DESTINATION CHECK_RELAY_DOMAINS
    REJECT_UNAUTH_PIPELINING REJECT_UNKNOWN_CLIENT REJECT_UNKNOWN_CLIENT_HOSTNAME
    REJECT_UNKNOWN_REVERSE_CLIENT_HOSTNAME REJECT_UNKNOWN_FORWARD_CLIENT_HOSTNAME REJECT_INVALID_HOSTNAME
    REJECT_INVALID_HELO_HOSTNAME REJECT_NON_FQDN_HOSTNAME REJECT_NON_FQDN_HELO_HOSTNAME REJECT_UNKNOWN_HOSTNAME
    REJECT_UNKNOWN_HELO_HOSTNAME REJECT_NON_FQDN_SENDER REJECT_NON_FQDN_RECIPIENT REJECT_UNKNOWN_ADDRESS
    REJECT_UNKNOWN_SENDER_DOMAIN REJECT_UNKNOWN_RECIPIENT_DOMAIN REJECT_UNLISTED_SENDER REJECT_UNLISTED_RECIPIENT
    REJECT_UNVERIFIED_SENDER REJECT_UNVERIFIED_RECIPIENT REJECT_SENDER_LOGIN_MISMATCH
    REJECT_AUTHENTICATED_SENDER_LOGIN_MISMATCH REJECT_KNOWN_SENDER_LOGIN_MISMATCH
    REJECT_UNAUTHENTICATED_SENDER_LOGIN_MISMATCH REJECT_MULTI_RECIPIENT_BOUNCE REJECT_PLAINTEXT_SESSION
    REJECT_RBL_CLIENT REJECT_RHSBL_CLIENT REJECT_RHSBL_REVERSE_CLIENT REJECT_RHSBL_HELO REJECT_RHSBL_SENDER
    REJECT_RHSBL_RECIPIENT REJECT_MAPS_RBL
"""
_RESTRICTIONS = frozenset(_NAMES.split())
