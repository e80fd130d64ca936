"""From which addresses the mail host sends, and the name that it gives itself (facts/postfix.md 7).

What Postfix binds to counts; where it binds to nothing, the kernel is asked which address it would take for the way out
(`ip route get`, which sends nothing). Behind NAT nobody on the host knows the address that others see.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from reconciler.doctor.check import Check, Verdict
from reconciler.doctor.context import DoctorContext, IpAddress
from reconciler.doctor.main_cf import MainCf, Service, read_main_cf
from reconciler.errors import Unreadable
from reconciler.remote.host import PLAIN, Host
from reconciler.systems.postfix.tools import Argv, Tools

AREA = "dns"
_INSIDE = [IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8")]
_INSIDE_6 = [IPv6Network(n) for n in ("fc00::/7", "fe80::/10", "::1/128")]
_NAME_THEM = "name the addresses that others see in the site file: `dns: {sending_addresses: [ADDRESS]}`"


class Sender(NamedTuple):
    """An address that mail comes from."""

    address: IpAddress
    helo: str
    """Empty where no Postfix was asked."""


class Senders(NamedTuple):
    """All of them, and what cannot be told about them."""

    senders: tuple[Sender, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def addresses(self) -> tuple[IpAddress, ...]:
        """Each once."""
        return tuple(dict.fromkeys(sender.address for sender in self.senders))

    def names_at(self, address: IpAddress) -> tuple[str, ...]:
        """What Postfix calls itself when it sends from there."""
        return tuple(dict.fromkeys(s.helo for s in self.senders if s.address == address and s.helo))

    def sending_as(self, helo: str) -> tuple[IpAddress, ...]:
        """The addresses that it sends from under this name."""
        return tuple(dict.fromkeys(s.address for s in self.senders if s.helo == helo))

    @property
    def helos(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys(sender.helo for sender in self.senders if sender.helo))


class _MailHost(NamedTuple):
    host: Host
    main_cf: MainCf
    ways_out: Mapping[int, Argv]
    """The command that says the address that the kernel takes, for IPv4 and IPv6."""


async def read_senders(context: DoctorContext) -> Senders:
    """What the site file names, else what the mail host says. Raises Unreadable."""
    named = [ip_address(text) for text in context.settings.dns.sending_addresses]
    section = context.settings.postfix
    if section is None:
        return Senders(tuple(Sender(address, "") for address in named))
    host = context.hosts.get(section.host)
    main_cf = await read_main_cf(host, section)
    asked = _MailHost(host, main_cf, Tools(section).ways_out)
    if named:
        helos = dict.fromkeys(_helo(main_cf, service) for service in _clients(main_cf))
        return Senders(tuple(Sender(address, helo) for helo in helos for address in named))
    if relay := main_cf.of("relayhost"):
        seen = f"{host.name} hands its mail to {relay}, and others see the address of that server"
        return Senders((), (_unknown(seen),))
    senders, checks = dict[Sender, None](), list[Check]()
    for version in (4, 6):
        for service in _clients(main_cf):
            addresses, seen = await _addresses(asked, service, version)
            checks += [_unknown(seen)] if seen else []
            senders |= dict.fromkeys(Sender(address, _helo(main_cf, service)) for address in addresses)
    if not senders and not checks:
        checks.append(_unknown(f"{host.name} has no way out, neither over IPv4 nor over IPv6"))
    return Senders(tuple(senders), tuple(dict.fromkeys(checks)))


def _clients(main_cf: MainCf) -> Iterator[Service | None]:
    """Postfix as main.cf has it, and each client of master.cf that is otherwise."""
    yield None
    names = ("smtp_helo_name", "myhostname", "smtp_bind_address", "smtp_bind_address6", "inet_interfaces")
    for service in main_cf.services:
        if service.command == "smtp" and any(name in service.settings for name in names):
            yield service


def _helo(main_cf: MainCf, service: Service | None) -> str:
    own = service is not None and "myhostname" in service.settings and "smtp_helo_name" not in service.settings
    return main_cf.of("myhostname" if own else "smtp_helo_name", service).lower().removesuffix(".")


async def _addresses(asked: _MailHost, service: Service | None, version: int) -> tuple[list[IpAddress], str]:
    """The addresses of one family; or why nobody knows."""
    host, main_cf, ways_out = asked
    protocols = main_cf.words("inet_protocols", service)
    if not {"all", f"ipv{version}"} & set(protocols):
        return [], ""
    address = bound_address(main_cf, service, version) or await _way_out(host, ways_out[version])
    if address is None:
        return [], ""
    if not is_inside(address):
        return [address], ""
    outside = [each for each in _literal(main_cf.words("proxy_interfaces", service), version) if not is_inside(each)]
    if outside:
        return outside, ""
    return [], f"{host.name} sends from {address}, which nobody sees outside of its own network"


def bound_address(main_cf: MainCf, service: Service | None, version: int) -> IpAddress | None:
    """What Postfix binds to: `smtp_bind_address`, else the only address of that family that it listens on."""
    setting = "smtp_bind_address" if version == 4 else "smtp_bind_address6"
    bound = _literal(main_cf.words(setting, service), version)
    if bound:
        return bound[0]
    listens = [each for each in _literal(main_cf.words("inet_interfaces", service), version) if not each.is_loopback]
    return listens[0] if len(listens) == 1 else None


async def _way_out(host: Host, argv: Argv) -> IpAddress | None:
    """The address that the kernel takes; None without a way out. Raises Unreadable."""
    done = await host.run(argv, env=PLAIN, repeatable=True)
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.status and "RTNETLINK answers" in said:
        return None
    try:
        return ip_address(json.loads(done.stdout)[0]["prefsrc"])
    except (ValueError, LookupError, TypeError):
        raise Unreadable(
            f"{host.name}: `{' '.join(argv)}` says no address: {said or f'status {done.status}'}", hint=_NAME_THEM
        ) from None


def is_inside(address: IpAddress) -> bool:
    """Whether an address means something only in its own network, so that there is NAT on the way out."""
    networks = _INSIDE if address.version == 4 else _INSIDE_6
    return any(address in network for network in networks)


def _literal(words: list[str], version: int) -> list[IpAddress]:
    found = []
    for word in words:
        try:
            address = ip_address(word.strip("[]"))
        except ValueError:  # a name, or `all`
            continue
        found += [address] if address.version == version else []
    return found


def _unknown(seen: str) -> Check:
    why = "other servers judge mail by the address that they see, and its name"
    return Check(AREA, "addresses that mail is sent from", Verdict.UNKNOWN, seen, why, (_NAME_THEM,))
