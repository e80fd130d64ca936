"""What else must happen in OX to an account: its new password, the old mailbox, a reset. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.model.addresses import Address
from reconciler.model.records import AttachmentRow, Owner, OxUserRow, PasswordRow, SubscriptionsRow
from reconciler.planning.changes import Action, Change
from reconciler.planning.new_passwords import CredentialEvents, password_change
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Pair, rows_of
from reconciler.systems.openxchange.matching import former

ATTACHMENT, SUBSCRIPTIONS = "attachment", "subscriptions"


def side_effects(
    system: str,
    context: PlanContext,
    owner: Owner,
    changes: Sequence[Change],
    pair: Pair,
    events: CredentialEvents,
    *,
    attaches: bool,
) -> Iterator[Change]:
    """The changes that follow from `changes`, which are all of one owner. An account has one password everywhere."""
    account = owner.subject
    user = rows_of(pair.found, OxUserRow).get(account)
    wanted = rows_of(pair.wanted, OxUserRow).get(account)
    if events.renew and user is not None:
        yield password_change(system, owner, account, events, user.id)
    if events.renew and attaches and isinstance(wanted, OxUserRow):
        # the old mailboxes that another system gives the account's password: they are live, and OX can log in to them
        opened = {change.key for change in changes if isinstance(change.row, PasswordRow) and change.system != system}
        names = _old_names(context, Address(account))
        for address in former(wanted):
            if address in opened:
                row = AttachmentRow(address, account, names.get(address, address))
                yield Change(system, ATTACHMENT, Action.CREATE, address, None, row, owner)
    if events.unsubscribe and user is not None:
        reset = SubscriptionsRow(account, account, user.id)
        yield Change(system, SUBSCRIPTIONS, Action.UPDATE, account, reset, reset, owner)


def _old_names(context: PlanContext, account: Address) -> dict[str, str]:
    """`Pirat Alt` for the old mailbox of Pirat Neu; nothing without a given and a former name."""
    box = context.desired.mailboxes.get(account)
    if box is None or not box.given_name:
        return {}
    renames = context.chains.former.get(account, ())
    return {rename.old: f"{box.given_name} {rename.former_surname}" for rename in renames if rename.former_surname}
