"""What smtpd makes of a right-hand side, which postmap never looks at. Pure; from `facts/postfix.md` section 2."""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import Enum


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
