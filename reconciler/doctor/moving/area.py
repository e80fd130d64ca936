"""A move of the mail host to other addresses: what names the old ones, and what follows from it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from reconciler.doctor.check import Check, Verdict, unknown
from reconciler.doctor.context import DoctorContext, IpAddress
from reconciler.doctor.dns.authority import ttl_of
from reconciler.doctor.dns.domains import read_domains
from reconciler.doctor.dns.lookup import Lookup
from reconciler.doctor.dns.senders import Senders, read_senders
from reconciler.doctor.main_cf import read_main_cf
from reconciler.doctor.moving.records import AddressRecord, NotRead, address_record, names_of, spf_of
from reconciler.doctor.moving.schedule import AREA, Move, in_order, schedule
from reconciler.errors import Unreadable


async def examine_move(context: DoctorContext) -> Sequence[Check]:
    """Raises Unreadable when the mail host or DNS does not say from where mail is sent now."""
    settings = context.settings
    lookup = Lookup(settings.dns.server, settings.dns.port)
    senders, domains = await read_senders(context), await read_domains(context)
    checks = [check._replace(area=AREA) for check in (*senders.checks, *domains.checks)]
    names = await names_of(lookup, settings, senders.helos, domains.names)
    now = datetime.now(ZoneInfo(settings.timezone))
    steps: list[Check] = []
    for new in context.moving_to:
        old = tuple(each for each in senders.addresses if each.version == new.version and each != new)
        if not old:
            checks.append(_nothing_to_move(new, senders))
            continue
        try:
            move, unread = await _move(context, lookup, (new, old), names, domains.names, senders.helos)
        except Unreadable as error:
            checks.append(unknown(AREA, f"PTR of {new}", error))
            continue
        checks += [unknown(AREA, each.what, each.error) for each in unread]
        steps += schedule(move, now)
    return [*checks, *in_order(steps)]


async def _move(
    context: DoctorContext,
    lookup: Lookup,
    addresses: tuple[IpAddress, tuple[IpAddress, ...]],
    names: Sequence[str],
    domains: Sequence[str],
    helos: tuple[str, ...],
) -> tuple[Move, list[NotRead]]:
    """Raises Unreadable when the PTR of the new address cannot be asked for."""
    new, old = addresses
    found = await asyncio.gather(*(address_record(lookup, name, old, new) for name in names))
    # several names may lead to one record
    records = list(dict.fromkeys(each for each in found if isinstance(each, AddressRecord)))
    spf, unread = await spf_of(lookup, domains, old, new)
    ptr = (await lookup.ask(new.reverse_pointer, "PTR")).values
    move = Move(
        new=new,
        old=old,
        helos=helos,
        ptr=ptr,
        ptr_ttl=await ttl_of(lookup, new.reverse_pointer, "PTR"),
        records=records,
        spf=spf,
        settings=await _settings_with(context, old),
    )
    return move, [*(each for each in found if isinstance(each, NotRead)), *unread]


async def _settings_with(context: DoctorContext, old: Sequence[IpAddress]) -> list[str]:
    """`smtp_bind_address` and the like. Raises Unreadable."""
    section = context.settings.postfix
    if section is None:
        return []
    main_cf = await read_main_cf(context.hosts.get(section.host), section)
    shown = {str(each) for each in old}
    named = [name for name in main_cf.values if _holds(main_cf.words(name), shown)]
    for service in main_cf.services:
        named += [f"{service.title}/{name}" for name in service.settings if _holds(main_cf.words(name, service), shown)]
    return named


def _holds(words: Sequence[str], addresses: set[str]) -> bool:
    return any(word.strip("[]") in addresses for word in words)


def _nothing_to_move(new: IpAddress, senders: Senders) -> Check:
    name = f"move to {new}"
    if new in senders.addresses:
        return Check(AREA, name, Verdict.OK, "mail is sent from there already, and from nowhere else")
    if senders.checks:
        saw = f"from where mail is sent over IPv{new.version} now is not known, and so not what names it"
        fix = ("name the old addresses in the site file: `dns: {sending_addresses: [ADDRESS]}`",)
        return Check(AREA, name, Verdict.UNKNOWN, saw, "", fix)
    saw = f"no mail is sent over IPv{new.version} now, so no record names an old address"
    return Check(AREA, name, Verdict.OK, saw)
