"""The domains of a site: PostfixAdmin's active ones, and those that git declares."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reconciler.declared.load import load_state
from reconciler.doctor.check import UNSEEN, Check, Verdict, unknown
from reconciler.doctor.context import DoctorContext
from reconciler.doctor.dns.seen import AREA, SHOWN
from reconciler.errors import InvalidInput, Unreadable
from reconciler.model.addresses import BadAddress, Domain, parse_domain
from reconciler.model.secrets import Passwords
from reconciler.settings import Settings
from reconciler.systems.postfixadmin.system import PostfixAdminSystem
from reconciler.systems.system_context import SystemContext


class Domains(NamedTuple):
    """The names, and what could not be read."""

    names: tuple[Domain, ...]
    checks: tuple[Check, ...]


async def read_domains(context: DoctorContext) -> Domains:
    """What can be read of both."""
    checks: list[Check] = []
    names: set[Domain] = set()
    try:
        names |= await asyncio.to_thread(_declared, context.settings)
    except InvalidInput as error:
        fix = ("reconciler validate",)
        checks.append(Check(AREA, "domains that git declares", Verdict.UNKNOWN, error.message, UNSEEN, fix))
    try:
        stored = await _stored(context)
    except Unreadable as error:
        checks.append(unknown(AREA, "domains of PostfixAdmin", error))
    else:
        names |= _parsed(stored, checks)
    if context.settings.dns.server is None and (reserved := sorted(filter(_is_reserved, names))):
        checks.append(_not_asked(reserved))
        names.difference_update(reserved)
    return Domains(tuple(sorted(names)), tuple(checks))


def _is_reserved(name: str) -> bool:
    """RFC 2606 and 6761: a public name server knows nothing of them, or nothing that is about mail."""
    labels = name.split(".")
    return labels[-1] in ("test", "example", "invalid", "localhost") or (
        labels[-2:-1] == ["example"] and labels[-1] in ("com", "net", "org")
    )


def _not_asked(names: Sequence[Domain]) -> Check:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    saw = f"{', '.join(names[:SHOWN])}{more}: not asked for, unless `dns: {{server: ADDRESS}}` names who knows them"
    return Check(AREA, "names for examples and tests (RFC 6761)", Verdict.OK, saw)


def _declared(settings: Settings) -> frozenset[Domain]:
    """None where the state is not beside the site file: doctor needs the site file alone. Raises InvalidInput."""
    folder = settings.lies_at(settings.state)
    if not folder.is_dir():
        return frozenset()
    state = load_state(folder, settings, today=datetime.now(ZoneInfo(settings.timezone)).date()).state
    return frozenset(state.domains) | frozenset(state.section("domains")) | frozenset(state.section("alias_domains"))


async def _stored(context: DoctorContext) -> list[str]:
    section = context.settings.postfixadmin
    if section is None:
        return []
    system = PostfixAdminSystem(
        SystemContext(context.settings, context.hosts, context.mailer, Passwords()),
        section,
    )
    try:
        return await system.mail_domains()
    finally:
        await system.close()


def _parsed(stored: Iterable[str], checks: list[Check]) -> set[Domain]:
    names = set()
    for name in stored:
        try:
            names.add(parse_domain(name))
        except BadAddress as error:
            checks.append(Check(AREA, f"domain {name!r} of PostfixAdmin", Verdict.UNKNOWN, str(error), UNSEEN))
    return names
