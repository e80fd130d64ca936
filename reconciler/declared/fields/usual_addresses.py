"""The addresses of one file that are written as nearly all are: found at a look, since a big site has a million.

What is not found here may be as good: `StateFile` knows, and says what is wrong.
"""

from __future__ import annotations

import re
import sys

from reconciler.model.addresses import Address, BadAddress, Domain, parse_domain

_LOCAL_PART = re.compile(r"[a-z][-+0-9_a-z]*(?:\.[-+0-9_a-z]+)*")
"""Canonical, and no member number, catch-all or vacation token."""
_LONGEST = 64
_LONGEST_DOMAIN = 189
"""With the longest local part it is an address that is not too long."""


class UsualAddresses:
    """Those of a file with this `domain`. `vacation_domain`: there is something to say of each address in it."""

    def __init__(self, domain: Domain | None, vacation_domain: str | None) -> None:
        self._domain = domain
        self._domains: dict[str | None, bool] = {None: False, vacation_domain: False}
        self._known: dict[str, Address] = {}

    def get(self, text: str) -> Address | None:
        """What is written so; one object for all that are equal."""
        known = self._known.get(text)
        return known if known is not None else self._found(text)

    def targets(self, texts: list[str]) -> tuple[Address, ...] | None:
        """Where an alias leads to, when all of it is usual and different."""
        known, found = self._known, list[Address]()
        for text in texts:
            address = known.get(text) or self._found(text)
            if address is None:
                return None
            found.append(address)
        return tuple(found) if len(found) == 1 or len(set(found)) == len(found) else None

    def _found(self, text: str) -> Address | None:
        local, at, domain = text.rpartition("@")
        whole: str | None = domain
        if not at:
            local, whole = domain, self._domain
        if len(local) > _LONGEST or not _LOCAL_PART.fullmatch(local) or not self._is_usual(whole):
            return None
        address = self._known[text] = Address(sys.intern(text if at else f"{local}@{whole}"))
        return address

    def _is_usual(self, domain: str | None) -> bool:
        if domain not in self._domains:
            self._domains[domain] = domain is not None and len(domain) <= _LONGEST_DOMAIN and _is_canonical(domain)
        return self._domains[domain]


def _is_canonical(domain: str) -> bool:
    try:
        return parse_domain(domain) == domain
    except BadAddress:
        return False
