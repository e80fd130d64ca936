"""The names of the addresses that mail is sent from: PTR, forward-confirmed, and equal to what Postfix calls itself."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.doctor.check import Check, Verdict, unknown
from reconciler.doctor.context import IpAddress
from reconciler.doctor.dns.lookup import Lookup
from reconciler.doctor.dns.senders import AREA
from reconciler.errors import Unreadable

_REFUSED = "many servers refuse mail from an address without a name that leads back to it"
_SPAM = "a name that differs counts as a sign of spam"


async def check_ptr(lookup: Lookup, address: IpAddress, helos: Sequence[str]) -> Check:
    """The address' own name; `helos` are those that Postfix gives itself when it sends from there."""
    name = f"PTR of {address}"
    try:
        names = (await lookup.ask(address.reverse_pointer, "PTR")).values
        confirmed = [each for each in names if address in await lookup.addresses(each)]
    except Unreadable as error:
        return unknown(AREA, name, error)
    wanted = helos[0] if helos else "NAME"
    if not names:
        return Check(AREA, name, Verdict.FAILED, "there is none", _REFUSED, ptr_line(address, wanted))
    shown = " and ".join(names)
    if not confirmed:
        fix: tuple[str, ...] = (
            f"write this into the zone, or have the PTR lead to {wanted}:",
            _forward(names[0], address),
        )
        return Check(AREA, name, Verdict.FAILED, f"{shown}, which does not lead back to {address}", _REFUSED, fix)
    if others := [helo for helo in helos if helo not in confirmed]:
        fix = (f"write `smtp_helo_name = {confirmed[0]}` into main.cf, or:", *ptr_line(address, others[0]))
        saw = f"{shown}; Postfix calls itself {' and '.join(others)}"
        return Check(AREA, name, Verdict.WARNING, saw, _SPAM, fix)
    same = ", as Postfix calls itself" if helos else ""
    return Check(AREA, name, Verdict.OK, f"{shown}, which leads back{same}")


async def check_helo(lookup: Lookup, helo: str, addresses: Sequence[IpAddress]) -> Check:
    """The name that Postfix gives itself; `addresses` are those that it sends from."""
    name = f"name that Postfix calls itself: {helo}"
    if "." not in helo:
        host = ("write `myhostname = HOST.DOMAIN` into main.cf",)
        return Check(AREA, name, Verdict.FAILED, "it has no domain", "many servers refuse such a name", host)
    try:
        found = await lookup.addresses(helo)
    except Unreadable as error:
        return unknown(AREA, name, error)
    missing = [each for each in addresses if each not in found]
    fix = tuple(_forward(helo, address) for address in missing)
    if not found:
        return Check(AREA, name, Verdict.FAILED, "it has no address", "many servers refuse such a name", fix)
    leads = f"it leads to {', '.join(map(str, found))}"
    if missing:
        saw = f"{leads}, and not to {', '.join(map(str, missing))}, which mail is sent from"
        return Check(AREA, name, Verdict.WARNING, saw, _SPAM, fix)
    return Check(AREA, name, Verdict.OK, leads)


def ptr_line(address: IpAddress, name: str) -> tuple[str, str]:
    """Who sets a PTR, and what is to stand there."""
    return (
        f"have whoever gave you {address}, your provider most likely, set:",
        f"{address.reverse_pointer}. PTR {name}.",
    )


def _forward(name: str, address: IpAddress) -> str:
    return f"{name}. {'A' if address.version == 4 else 'AAAA'} {address}"
