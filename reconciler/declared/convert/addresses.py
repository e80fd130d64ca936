"""Addresses as one file writes them: completed with its `domain`, canonical, and allowed where they stand.

The general form is `model.addresses`; here is what each place in the language adds to it.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from reconciler.declared.convert.describe_input import describe, several
from reconciler.declared.problems import Problems, Spot
from reconciler.model.addresses import (
    CATCH_ALL,
    Address,
    BadAddress,
    Domain,
    domain_of,
    local_part,
    mailbox_domain_problem,
    parse_address,
    parse_domain,
)
from reconciler.model.source_places import Origin
from reconciler.settings import Settings

MAX_ADDRESS = 254  # facts/postfixadmin.md 9
_VACATION_LOCAL_PART = re.compile(r"[^#]+#[^#]+\.[^#]+")  # user#domain (facts/postfixadmin.md 7)
_OX_ID = re.compile(r"openxchange/[1-9][0-9]*")
_GATES_OF_MANY = frozenset({"removals", "changes", "creations", "empty-state"})


class Addresses:
    """The addresses of one file. Every method gives None after a complaint."""

    def __init__(self, file: str, domain: Any, site: Settings, problems: Problems) -> None:
        self._problems = problems
        self._vacation_domain = site.postfixadmin.vacation_domain if site.postfixadmin else None
        self._ours: dict[Domain, bool] = {}
        self._domain: Domain | None = None
        self._lost = False  # `domain:` is there but wrong: then bare local parts are not complained about again
        if domain is not None:
            self._domain = self._file_domain(domain, Spot(Origin(file, "domain", "")))
            self._lost = self._domain is None

    def _file_domain(self, value: Any, spot: Spot) -> Domain | None:
        if not isinstance(value, str):
            message = f"`domain` must be a domain, got {describe(value)}"
            self._problems.error("address", "domain", message, "write it like mail.example", spot)
            return None
        return self._parsed_domain(value, spot)

    def mailbox(self, origin: Origin) -> Address | None:
        """The address of a mailbox entry."""
        spot = Spot(origin, on_key=True)
        address = self.address(origin.key, spot)
        if address is None or not self._can_be_ours(address, spot):
            return None
        local = local_part(address)
        if local == CATCH_ALL:
            self._say(address, "a catch-all cannot be a mailbox", "declare it in `aliases`", spot)
        elif local.isdigit():
            message = f"{address} has digits only: that is the alias of a member number"
            self._say(address, message, f"choose another name for the mailbox and write `member: {local}` in it", spot)
        elif "#" in local and self._vacation_domain:
            self._say(address, f"{address} looks like a vacation token", "leave the # out", spot)
        else:
            return address
        return None

    def alias(self, origin: Origin) -> Address | None:
        """The address of an alias entry; `*` is the catch-all."""
        spot = Spot(origin, on_key=True)
        if origin.key.startswith("@"):
            self._say(origin.key, f"`{origin.key}` is PostfixAdmin's spelling", f"write '*{origin.key}'", spot)
            return None
        address = self.address(origin.key, spot)
        return address if address is not None and self._can_be_ours(address, spot) else None

    def target(self, text: str, spot: Spot) -> Address | None:
        """Where an alias leads to."""
        address = self.address(text, spot)
        if address is None:
            return None
        local = local_part(address)
        if local == CATCH_ALL:
            self._say(address, "a catch-all cannot be a target", "name the addresses that it leads to", spot)
        elif domain_of(address) == self._vacation_domain or _VACATION_LOCAL_PART.fullmatch(local):
            message = f"{address} is a vacation token, which belongs to its user"
            self._say(address, message, "name the mailbox itself", spot)
        else:
            return address
        return None

    def address(self, text: str, spot: Spot) -> Address | None:
        """Any address, completed with the domain of the file."""
        if len(text) <= MAX_ADDRESS:
            try:
                address = parse_address(text, self._domain)
            except BadAddress as error:
                if not (self._lost and "@" not in text):
                    self._bad(text, error, spot)
                return None
            if len(address) <= MAX_ADDRESS:
                # one object for all equal ones: an address is in a dozen places, here and in what is found live
                return Address(sys.intern(address))
            text = address
        self._say_too_long(text, spot)
        return None

    def blocked_sender(self, text: str, spot: Spot) -> str | None:
        """The key of a block of one address; never completed, since it is never ours."""
        local, at, domain = text.strip().rpartition("@")
        if not at or local in ("", CATCH_ALL):
            message = f"{describe(text)} is not an address" if not at else f"{describe(text)} never matches any sender"
            hint = f"write `domain: {domain}` to block the domain" if "." in domain else "write local_part@domain"
            self._say(text, message, hint, spot)
            return None
        return self.address(text, spot)

    def blocked_domain(self, text: str, spot: Spot) -> str | None:
        """The key of a block of a domain with its subdomains (facts/postfix.md 1.1: `@domain` never matches)."""
        bare = text.strip().removeprefix("*").removeprefix("@").removeprefix(".")
        if bare != text.strip():
            self._say(text, f"{describe(text)} never matches any sender", f"write `domain: {bare}`", spot)
            return None
        if "@" in text:
            self._say(text, f"{describe(text)} is an address", f"write `sender: {text.strip()}`", spot)
            return None
        return self._parsed_domain(text, spot)

    def subject(self, gate: str, text: str, site: str, spot: Spot) -> str | None:
        """What a confirm lifts its gate for, in the form in which the gate's finding names it."""
        if _OX_ID.fullmatch(text) or (gate in _GATES_OF_MANY and text == site):
            return text
        if gate == "second-account":
            self._say(text, f"{describe(text)} is not an OX account", "write it like openxchange/4200", spot)
            return None
        if gate in _GATES_OF_MANY:
            return self._site_or_domain(gate, text, site, spot)
        if gate in {"wide-block", "missing-domain"} and "@" not in text:
            return self._parsed_domain(text, spot)
        return self.address(text, spot)

    def _site_or_domain(self, gate: str, text: str, site: str, spot: Spot) -> str | None:
        try:
            return parse_domain(text)
        except BadAddress:
            message = f"{describe(text)} is neither this site's name nor a domain, which `{gate}` is confirmed for"
            self._say(text, message, f"write `subject: {site}`, or a domain like mail.example", spot)
            return None

    def _can_be_ours(self, address: Address, spot: Spot) -> bool:
        """Whether PostfixAdmin can hold the domain; said once a domain and file."""
        domain = domain_of(address)
        if domain not in self._ours:
            problem = mailbox_domain_problem(domain)
            if domain == self._vacation_domain:
                problem = f"{domain} is the domain of vacation tokens, PostfixAdmin refuses mailboxes and aliases in it"
            if problem:
                self._say(address, problem, "use a domain that PostfixAdmin accepts", spot)
            self._ours[domain] = problem is None
        return self._ours[domain]

    def _say_too_long(self, text: str, spot: Spot) -> None:
        if self._said_several(text, spot):
            return
        message = f"{len(text)} characters, an address or domain has {MAX_ADDRESS} at most"
        self._say(text[:60], message, "shorten it", spot)

    def _parsed_domain(self, text: str, spot: Spot) -> Domain | None:
        if len(text) > MAX_ADDRESS:
            self._say_too_long(text, spot)
            return None
        try:
            return parse_domain(text)
        except BadAddress as error:
            self._bad(text, error, spot)
            return None

    def _bad(self, text: str, error: BadAddress, spot: Spot) -> None:
        if self._said_several(text, spot):
            return
        message, found, hint = str(error).partition(": write ")
        self._say(text, message, f"write {hint}" if found else "write an address like anna.beispiel@mail.example", spot)

    def _said_several(self, text: str, spot: Spot) -> bool:
        parts = several(text)
        if parts:
            item = f"each as an item of its own: `- {parts[0]}`, `- {parts[1]}`{', …' if len(parts) > 2 else ''}"
            hint = f"write {item if spot.path[:1] == ('goto',) else 'an entry for each'}"
            self._say(text[:60], f"{describe(text)} is one text, not several addresses", hint, spot)
        return bool(parts)

    def _say(self, subject: str, message: str, hint: str, spot: Spot) -> None:
        self._problems.error("address", subject, message, hint, spot)
