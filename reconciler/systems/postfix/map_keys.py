"""Keys of a sender map: what smtpd asks for, and which of them one block needs. Pure; from facts/postfix.md 1."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from reconciler.model.addresses import BadAddress, parse_domain, unicode_domain


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
    """Every key that the block of this canonical address or domain needs.

    Postfix does not convert between U- and A-labels, so both are written (facts 1.4). A U-label that folds into
    another name (`straße` to `strasse`) would block that one too and is left out. Without `parent_matches` a domain
    needs `.domain` for its subdomains (facts 1.2).
    """
    local, at, domain = key.rpartition("@")
    spoken = unicode_domain(domain)
    domains = (domain,) if spoken == domain or spoken.casefold() != spoken else (domain, spoken)
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
        return "remove the line"
    if key in ("<<<<<<<", ">>>>>>>"):
        return "git could not merge these lines: keep those that are right, and delete the lines of <, = and >"
    if local in ("", "*") and "@" in key:
        return f"write `{domain}`, which covers the domain and its subdomains"
    if key.startswith(".") and rules.parent_matches:
        return f"write `{key[1:]}`, which covers the domain and its subdomains"
    if key.startswith("<") and key != "<>":
        return f"write `{key.strip('<>')}`, without angle brackets"
    if _NEEDLESS_QUOTES.fullmatch(key):
        return f"write `{key.replace(chr(34), '')}`, since Postfix drops quotes that are not needed"
    if key.startswith("\ufeff"):
        return "remove the invisible byte order mark at the beginning of the line"
    if domain.endswith("."):
        return f"write `{key.rstrip('.')}`, without the dot at the end"
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
