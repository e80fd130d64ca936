"""One file of the state, for who converts its entries: its addresses are completed with its `domain`, canonical, and
allowed where they stand. The general form of addresses is `model.addresses`."""

from __future__ import annotations

import re
import sys
from datetime import date
from typing import Any, NamedTuple, Self

from reconciler.declared.fields.describe_input import describe, several
from reconciler.declared.fields.usual_addresses import UsualAddresses
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
from reconciler.model.source_places import Origin, kept_key
from reconciler.settings import Settings

MAX_ADDRESS = 254  # facts/postfixadmin.md 9
_VACATION_LOCAL_PART = re.compile(r"[^#]+#[^#]+\.[^#]+")  # user#domain (facts/postfixadmin.md 7)


class SiteFacts(NamedTuple):
    """What of the site file counts when entries are converted: nothing else of it may, since what comes out is
    kept for these (`declared.cache`)."""

    name: str
    groupware: bool
    vacation_domain: str | None

    @classmethod
    def of(cls, site: Settings) -> Self:
        vacation_domain = site.postfixadmin.vacation_domain if site.postfixadmin else None
        return cls(site.site, site.openxchange is not None, vacation_domain)


class StateFile:
    """What a file's entries are converted with, as of `today`. Every method gives None after a complaint."""

    def __init__(self, name: str, domain: Any, site: SiteFacts, today: date, problems: Problems) -> None:
        self.site, self.today, self.problems = site, today, problems
        self.vacation_domain = site.vacation_domain
        self._ours: dict[Domain, bool] = {}
        self._domain: Domain | None = None
        spot = Spot(Origin(name, "domain", ""))
        if isinstance(domain, str):
            self._domain = self.domain(domain, spot)
        elif domain is not None:
            self.say("domain", f"`domain` must be a domain, got {describe(domain)}", "write it like mail.example", spot)
        self.usual = UsualAddresses(self._domain, site.vacation_domain)
        self._kept: dict[tuple[str, str], Origin] = {}
        # `domain:` is there but wrong: then bare local parts are not complained about again
        self._lost = domain is not None and self._domain is None

    def kept(self, origin: Origin, address: Address) -> Origin:
        """The origin as the entry of this address keeps it: one object for all that can have it together."""
        key = kept_key(origin.key, address)
        if key == origin.key:
            return origin
        kept = self._kept.get((origin.section, key))
        if kept is None:
            kept = self._kept[origin.section, key] = origin._replace(key=key)
        return kept

    def own_usual(self, text: str) -> Address | None:
        """An address that PostfixAdmin can hold, of which nothing is to be said; None: `own` has to be asked."""
        address = self.usual.get(text)
        return address if address is not None and self._ours.get(domain_of(address)) else None

    def own(self, text: str, spot: Spot) -> Address | None:
        """An address that PostfixAdmin can hold; what is wrong with its domain is said once a file."""
        address = self.address(text, spot)
        return address if address is not None and self._is_ours(domain_of(address), address, spot) else None

    def own_domain(self, text: str, spot: Spot) -> Domain | None:
        """A domain that PostfixAdmin can hold."""
        domain = self.domain(text, spot)
        return domain if domain is not None and self._is_ours(domain, domain, spot) else None

    def _is_ours(self, domain: Domain, subject: str, spot: Spot) -> bool:
        if domain not in self._ours:
            problem = mailbox_domain_problem(domain)
            if domain == self.vacation_domain:
                problem = f"{domain} is the domain of vacation tokens, PostfixAdmin refuses mailboxes and aliases in it"
            if problem:
                self.say(subject, problem, "use a domain that PostfixAdmin accepts", spot)
            self._ours[domain] = problem is None
        return self._ours[domain]

    def target(self, text: str, spot: Spot) -> Address | None:
        """Where an alias leads to."""
        address = self.address(text, spot)
        if address is None:
            return None
        local = local_part(address)
        if local == CATCH_ALL:
            self.say(address, "a catch-all cannot be a target", "name the addresses that it leads to", spot)
        elif domain_of(address) == self.vacation_domain or _VACATION_LOCAL_PART.fullmatch(local):
            message = f"{address} is a vacation token, which belongs to its user"
            self.say(address, message, "name the mailbox itself", spot)
        else:
            return address
        return None

    def address(self, text: str, spot: Spot) -> Address | None:
        """Any address, completed with the domain of the file."""
        error = None
        if len(text) <= MAX_ADDRESS:
            try:
                address = parse_address(text, self._domain)
            except BadAddress as bad:
                error = bad
            else:
                if len(address) <= MAX_ADDRESS:
                    # one object for all equal ones: an address is in a dozen places, here and in what is found live
                    return Address(sys.intern(address))
                text = address
        if error is None or not self._lost or "@" in text:
            self._bad(text, error, spot)
        return None

    def domain(self, text: str, spot: Spot) -> Domain | None:
        """A domain, canonical."""
        error = None
        if len(text) <= MAX_ADDRESS:
            try:
                return parse_domain(text)
            except BadAddress as bad:
                error = bad
        self._bad(text, error, spot)
        return None

    def _bad(self, text: str, error: BadAddress | None, spot: Spot) -> None:
        """Says why; without an error it is too long."""
        if parts := several(text):
            item = f"each as an item of its own: `- {parts[0]}`, `- {parts[1]}`{', …' if len(parts) > 2 else ''}"
            hint = f"write {item if spot.path[:1] == ('goto',) else 'an entry for each'}"
            self.say(text[:60], f"{describe(text)} is one text, not several addresses", hint, spot)
        elif error is None:
            message = f"{len(text)} characters, an address or domain has {MAX_ADDRESS} at most"
            self.say(text[:60], message, "shorten it", spot)
        else:
            message, _, hint = str(error).partition(": write ")
            self.say(text, message, f"write {hint or 'an address like anna.beispiel@mail.example'}", spot)

    def say(self, subject: str, message: str, hint: str, spot: Spot) -> None:
        """Complains of an address."""
        self.problems.error("address", subject, message, hint, spot)
