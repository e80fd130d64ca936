"""Where mail of a domain goes: MX, and the addresses of its servers."""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple

from reconciler.doctor.check import Verdict
from reconciler.doctor.context import IpAddress
from reconciler.doctor.dns.lookup import Lookup
from reconciler.doctor.dns.seen import Seen

_NO_MAIL = "no mail reaches the domain"


class Server(NamedTuple):
    """A server of an MX."""

    name: str
    addresses: tuple[IpAddress, ...]
    alias: bool
    """Whether its name is a CNAME."""


def mx_names(values: tuple[str, ...]) -> list[str]:
    """The servers of an MX answer, the first one to be tried first."""
    pairs = sorted((int(preference), name) for preference, name in (value.split(" ", 1) for value in values))
    return [name for _, name in pairs]


async def look_at_mx(lookup: Lookup, domain: str) -> Seen:
    """Raises Unreadable."""
    names = mx_names((await lookup.ask(domain, "MX")).values)
    if "." in names:
        fix = ("remove the MX `0 .`, and name the mail server: DOMAIN. MX 10 SERVER.",)
        return Seen(Verdict.FAILED, "a null MX: it says that the domain takes no mail (RFC 7505)", _NO_MAIL, fix)
    if not names:
        return await _without(lookup, domain)
    return _judged([await _server(lookup, name) for name in names])


async def _without(lookup: Lookup, domain: str) -> Seen:
    fix = ("DOMAIN. MX 10 SERVER.",)
    if addresses := await lookup.addresses(domain):
        saw = f"there is none, so mail goes to the domain's own address, {', '.join(map(str, addresses))}"
        return Seen(Verdict.WARNING, saw, "some servers do not try that, and a web server there may take the mail", fix)
    return Seen(Verdict.FAILED, "there is none, and the domain has no address either", _NO_MAIL, fix)


async def _server(lookup: Lookup, name: str) -> Server:
    if _is_address(name):
        return Server(name, (), alias=False)
    answer = await lookup.ask(name, "A")
    return Server(name, await lookup.addresses(name), answer.name != name)


def _judged(servers: list[Server]) -> Seen:
    silent = [server.name for server in servers if not server.addresses]
    names = ", ".join(server.name for server in servers)
    if silent:
        verdict = Verdict.FAILED if len(silent) == len(servers) else Verdict.WARNING
        why = _NO_MAIL if verdict is Verdict.FAILED else "mail waits until another server is tried"
        literal = [name for name in silent if _is_address(name)]
        rule = "an MX names a server, not its address" if literal else "give it one, or name another server"
        return Seen(verdict, f"{', '.join(silent)} has no address", why, (rule,))
    if aliases := [server.name for server in servers if server.alias]:
        saw = f"{', '.join(aliases)} is a CNAME"
        return Seen(
            Verdict.WARNING, saw, "an MX may not lead to one (RFC 2181, 10.3)", ("name the server that it leads to",)
        )
    if not any(address.version == 4 for server in servers for address in server.addresses):
        saw, why = f"{names}, over IPv6 only", "many servers have no IPv6, and cannot send here"
        return Seen(Verdict.WARNING, saw, why, ("give one of its servers an A record",))
    return Seen(Verdict.OK, names)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
