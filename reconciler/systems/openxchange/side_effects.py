"""What must happen in OX because other things happen to an account: its new password, the old mailbox, a reset. Pure.

`system.side_effects` asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.model.addresses import Address
from reconciler.model.records import AttachmentRow, Owner, OxUserRow, PasswordRow, Records, Row, SubscriptionsRow
from reconciler.planning.changes import Action, Change
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import rows_of
from reconciler.systems.openxchange.matching import KIND, former

PASSWORD, ATTACHMENT, SUBSCRIPTIONS = "password", "attachment", "subscriptions"


def password(system: str, owner: Owner, found: Records) -> Iterator[Change]:
    """The new password of a user that is there: one account has one everywhere, and the letter tells it."""
    user = rows_of(found, OxUserRow).get(owner.subject)
    if user is not None:
        yield _again(system, PASSWORD, owner, PasswordRow(owner.subject, owner.subject, user.id))


def subscriptions(system: str, owner: Owner, found: Records) -> Iterator[Change]:
    """The end of their subscriptions."""
    user = rows_of(found, OxUserRow).get(owner.subject)
    if user is not None:
        yield _again(system, SUBSCRIPTIONS, owner, SubscriptionsRow(owner.subject, owner.subject, user.id))


def attachments(
    system: str, context: PlanContext, owner: Owner, changes: Sequence[Change], wanted: Records
) -> Iterator[Change]:
    """The old mailboxes that another system gives the account's password: those are live, and OX can log in to them."""
    account = wanted.get(KIND, {}).get(owner.subject)
    if not isinstance(account, OxUserRow):
        return
    names = _old_names(context, Address(owner.subject))
    opened = {change.key for change in changes if change.kind == PASSWORD and change.system != system}
    for address in former(account):
        if address in opened:
            row = AttachmentRow(address, owner.subject, names.get(address, address))
            yield Change(system, ATTACHMENT, Action.CREATE, row.key, None, row, owner)


def _old_names(context: PlanContext, account: Address) -> dict[str, str]:
    """`Pirat Alt` for the old mailbox of Pirat Neu. Without their given and former name its address is its name."""
    box = context.desired.mailboxes.get(account)
    if box is None or not box.given_name:
        return {}
    renames = context.chains.former.get(account, ())
    return {rename.old: f"{box.given_name} {rename.former_surname}" for rename in renames if rename.former_surname}


def _again(system: str, kind: str, owner: Owner, row: Row) -> Change:
    return Change(system, kind, Action.UPDATE, row.key, row, row, owner)
