"""What the language can say and this version cannot do yet: it refuses rather than doing half of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from reconciler.model.places import Origin
from reconciler.model.records import Owner, Scope
from reconciler.planning.findings import Finding, Severity
from reconciler.policy.context import Context


def not_carried_out_yet(context: Context) -> Iterator[Finding]:
    """Renames, removals, confirmations and due one-shot dates wait for a later version; their accounts stay.

    A rename above all must not be taken for a new account: its mail, contacts and calendar would stay behind.
    """
    desired = context.desired
    for rename in desired.renames:
        yield _refuse(context, "rename", rename.new, f"the rename of {rename.old} to {rename.new}", rename.origin)
    for removal in desired.removals:
        yield _refuse(context, "removal", removal.mailbox, f"the removal of {removal.mailbox}", removal.origin)
    for confirm in desired.confirm:
        about = f"the confirmation of {confirm.gate} for {confirm.subject}"
        yield _refuse(context, "confirm", confirm.subject, about, confirm.origin)
    oldest = desired.today - timedelta(days=context.site.policy.one_shot_days)
    for box in desired.mailboxes.values():
        for name, day in (("password_reset", box.password_reset), ("subscriptions_reset", box.subscriptions_reset)):
            if day is not None and oldest <= day <= desired.today:
                yield _refuse(context, name, box.address, f"{name} of {box.address} ({day})", box.origin)


def _refuse(context: Context, rule: str, subject: str, about: str, origin: Origin) -> Finding:
    return Finding(
        Severity.REFUSAL,
        rule,
        subject,
        f"this version cannot carry out {about} yet; nothing of it is done",
        "do it by hand as before, or take the entry out until the version that can",
        context.locate(origin),
        Owner(Scope.ACCOUNT, subject),
    )
