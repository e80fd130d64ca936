"""The text of an SPF record, taken apart by RFC 7208's grammar. Pure."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple

_CHARACTERS = r"(?:%\{{[{letters}][0-9]*r?[-.+,/_=]*\}}|%%|%_|%-|[!-$&-~])*"
_MACROS = re.compile(_CHARACTERS.format(letters="slodiphvSLODIPHV"))
_EXPLANATION = re.compile(_CHARACTERS.format(letters="slodiphcrtvSLODIPHCRTV"))
# what a domain ends in: a label that is no number, or a macro
_END = re.compile(
    r".*(?:\.(?:[0-9A-Za-z]*[A-Za-z][0-9A-Za-z]*|[0-9A-Za-z]+-[0-9A-Za-z-]*[0-9A-Za-z])\.?|%\{[^}]*\})", re.DOTALL
)
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)", re.DOTALL)
_MECHANISM = re.compile(r"([-+?~]?)([A-Za-z][A-Za-z0-9]*)(.*)", re.DOTALL)
_PREFIXES = re.compile(r"(.*?)(?:/(0|[1-9][0-9]*))?(?://(0|[1-9][0-9]*))?", re.DOTALL)


class BadRecord(ValueError):
    """What is wrong with the record: SPF's permerror."""


class Mechanism(NamedTuple):
    """`-all`, `include:_spf.example.org`, `a/24`."""

    text: str
    qualifier: str
    name: str
    domain: str = ""
    """With its macros; empty for the domain itself."""
    prefixes: tuple[int, int] = (32, 128)
    network: IPv4Network | IPv6Network | None = None


class Record(NamedTuple):
    """A record of a domain."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str | None = None


def is_spf(text: str) -> bool:
    """Whether a TXT record is one of SPF (section 4.5)."""
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def parse(text: str) -> Record:
    """The whole record, also what stands behind the term that decides: a mistake anywhere spoils all of it. Raises
    BadRecord."""
    mechanisms, modifiers = [], dict[str, str]()
    for term in filter(None, text.split(" ")[1:]):
        if modifier := _MODIFIER.fullmatch(term):
            name = modifier[1].lower()
            _check_modifier(name, modifier[2], term, modifiers)
            modifiers[name] = modifier[2]
        else:
            mechanisms.append(_mechanism(term))
    return Record(tuple(mechanisms), modifiers.get("redirect"))


def _check_modifier(name: str, value: str, term: str, before: dict[str, str]) -> None:
    if name in ("redirect", "exp"):
        if name in before:
            raise BadRecord(f"`{name}=` stands in it twice")
        _domain(value, term)
    elif not _EXPLANATION.fullmatch(value):
        raise BadRecord(f"`{term}` is not understood")


def _mechanism(term: str) -> Mechanism:
    found = _MECHANISM.fullmatch(term)
    if found is None:
        raise BadRecord(f"`{term}` is not understood")
    qualifier, name, rest = found[1] or "+", found[2].lower(), found[3]
    match name:
        case "all" if not rest:
            return Mechanism(term, qualifier, name)
        case "include" | "exists" if rest.startswith(":"):
            return Mechanism(term, qualifier, name, _domain(rest[1:], term))
        case "ptr" if not rest or rest.startswith(":"):
            return Mechanism(term, qualifier, name, _domain(rest[1:], term) if rest else "")
        case "a" | "mx" if not rest or rest[0] in ":/":
            return _with_prefixes(term, qualifier, name, rest)
        case "ip4" | "ip6" if rest.startswith(":"):
            return Mechanism(term, qualifier, name, network=_network(name, rest[1:], term))
    raise BadRecord(f"`{term}` is not understood")


def _with_prefixes(term: str, qualifier: str, name: str, rest: str) -> Mechanism:
    found = _PREFIXES.fullmatch(rest)
    assert found is not None
    first, four, six = found.groups()
    prefixes = (int(four or 32), int(six or 128))
    if prefixes[0] > 32 or prefixes[1] > 128:
        raise BadRecord(f"`{term}` has a prefix that is too long")
    domain = _domain(first[1:], term) if first.startswith(":") else ""
    if first and not domain:
        raise BadRecord(f"`{term}` is not understood")
    return Mechanism(term, qualifier, name, domain, prefixes)


def _network(name: str, text: str, term: str) -> IPv4Network | IPv6Network:
    _, slash, length = text.partition("/")
    if slash and not re.fullmatch(r"0|[1-9][0-9]*", length):
        raise BadRecord(f"`{term}` is no network")
    try:
        return IPv4Network(text, strict=False) if name == "ip4" else IPv6Network(text, strict=False)
    except ValueError:
        raise BadRecord(f"`{term}` is no network") from None


def _domain(text: str, term: str) -> str:
    if not _MACROS.fullmatch(text) or not _END.fullmatch(text) or re.search(r"%\{[a-zA-Z]0", text):
        raise BadRecord(f"`{term}` names no domain")
    return text
