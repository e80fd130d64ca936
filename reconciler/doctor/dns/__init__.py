"""What DNS says of the mail host and of its domains, as other mail servers see it."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.doctor.check import Check
from reconciler.doctor.context import DoctorContext


async def examine(context: DoctorContext) -> Sequence[Check]:
    """Nothing where the site file has neither Postfix nor `dns`. Raises Unreadable."""
    settings = context.settings
    if settings.postfix is None and "dns" not in settings.model_fields_set:
        return ()
    from reconciler.doctor.dns.area import examine_dns

    return await examine_dns(context)
