"""`--moving-to`: what must be changed when, so that mail is taken from the new address from its first minute on."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.doctor.check import Check
from reconciler.doctor.context import DoctorContext
from reconciler.doctor.dns import is_asked_for


async def examine(context: DoctorContext) -> Sequence[Check]:
    """Nothing unless the command asks for it, and where the site file has neither Postfix nor `dns`. Raises
    Unreadable."""
    if not context.moving_to or not is_asked_for(context.settings):
        return ()
    from reconciler.doctor.moving.area import examine_move

    return await examine_move(context)
