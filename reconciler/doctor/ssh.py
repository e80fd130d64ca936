"""The hosts that are reached over SSH."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.doctor.check import Check, Verdict, unknown
from reconciler.doctor.context import DoctorContext
from reconciler.doctor.site_hosts import host_names
from reconciler.errors import Unreadable

AREA = "ssh"


async def examine(context: DoctorContext) -> Sequence[Check]:
    """Each host, one after the other."""
    return [check for name in host_names(context.settings) for check in await _host(context, name)]


async def _host(context: DoctorContext, name: str) -> list[Check]:
    try:
        await context.hosts.get(name).run(["true"], repeatable=True)
    except Unreadable as error:
        return [unknown(AREA, f"login on {name}", error)]
    return [Check(AREA, f"login on {name}", Verdict.OK, "the host key is the one in known_hosts, and the login works")]
