"""What DNS says of the mail host and of its domains, as other mail servers see it."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.doctor.check import Check
from reconciler.doctor.context import DoctorContext
from reconciler.settings import Settings


def is_asked_for(settings: Settings) -> bool:
    """Whether the site file has Postfix, or anything in `dns`."""
    return settings.postfix is not None or bool(settings.dns.model_fields_set)


async def examine(context: DoctorContext) -> Sequence[Check]:
    """Nothing unless it is asked for. Raises Unreadable."""
    if not is_asked_for(context.settings):
        return ()
    from reconciler.doctor.dns.area import examine_dns

    return await examine_dns(context)
