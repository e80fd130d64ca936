"""The sender map as Postfix uses it: its place in the settings, its files, and lines that do nothing."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.doctor.check import Check
from reconciler.doctor.context import DoctorContext


async def examine(context: DoctorContext) -> Sequence[Check]:
    """Nothing where the site file has no `postfix`. Raises Unreadable."""
    if context.settings.postfix is None:
        return ()
    from reconciler.doctor.postfix.area import examine_postfix

    return await examine_postfix(context, context.settings.postfix)
