"""What is remarkable about OX users, whatever is planned. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from datetime import timedelta

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, GroupwareAccount, OldMailbox
from reconciler.model.derived_rows import follows, others
from reconciler.model.records import Found, Owner, OxUserRow, Scope
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.live_users import Users, addresses_of, users_at, with_primary
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.plan_part import ONLY
from reconciler.planning.snapshot import rows_of
from reconciler.settings import Policy
from reconciler.systems.openxchange.matching import purged
from reconciler.systems.openxchange.subscriptions import NO_DATABASE, NO_DATABASE_HINT
from reconciler.systems.openxchange.web_client import BY_HAND
from reconciler.translation import tr


def review(context: PlanContext, found: Found, disabled: Set[str], policy: Policy) -> Iterator[Finding]:
    """`disabled`: ids of the users that OX does not let in; if there are any, `found` has them under their accounts."""
    desired, users = context.desired, rows_of(found, OxUserRow)
    yield from _shared(desired, users)
    yield from _kept(desired, others(users).values(), policy.retention_days)  # all others are declared
    yield from _strays(context, users)
    for user in others(users).values():
        box = desired.mailboxes.get(Address(user.key)) if user.id in disabled else None
        if box is not None and box.active:
            message = tr(
                "{address} is active, but OX user {id} ({login}) is disabled",
                address=box.address,
                id=user.id,
                login=user.login,
            )
            hint = tr(
                "to let the user in: {command}; we do not manage this",
                command=f"changeuser -i {user.id} --mailenabled true",
            )
            yield Finding(Severity.NOTE, "ox-disabled", box.address, message, hint)


def taken_by_admin(desired: DesiredState, found: Found, admin: OxUserRow, *, unique_names: bool) -> Iterator[Finding]:
    """The context admin is in no plan, but its display name and its primary address are in the context: OX refuses a
    second user with one of them (facts 4), and by then the mail database would be written."""
    name = admin.display_name.casefold()
    for box in desired.mailboxes.values():
        same_name = unique_names and bool(name) and (box.name or "").casefold() == name
        if not box.groupware or not (same_name or box.address == admin.primary):
            continue
        owner = Owner(Scope.ACCOUNT, box.address)
        if box.address == admin.primary:
            message = tr(
                "{address} is the primary address of OX' context admin ({login}): OX makes no user of it",
                address=box.address,
                login=admin.login,
            )
            hint = tr("write `groupware: false` there, or give the admin another primary address in OX")
            yield Finding(Severity.REFUSAL, "foreign", box.address, message, hint, owner=owner, final=True)
        elif not _is_called(with_primary(rows_of(found, OxUserRow), box.address), name):
            message = tr(
                "{address} is to be called {name!r} in OX, but its context admin ({login}) is",
                address=box.address,
                name=box.name,
                login=admin.login,
            )
            hint = tr(
                "write another `name` at {address}, or give the admin another display name in OX", address=box.address
            )
            yield Finding(Severity.REFUSAL, "display-name", box.address, message, hint, owner=owner, final=True)


def _is_called(user: OxUserRow | None, name: str) -> bool:
    return user is not None and user.display_name.casefold() == name


def attach_by_hand(context: PlanContext, found: Found) -> Iterator[Finding]:
    """Old mailboxes of renames that are pending, on a site that does not say where OX' web interface is."""
    users = rows_of(found, OxUserRow)
    for account, renames in context.chains.former.items():
        user = users.get(account)
        if user is None or user.key == account or renames[0].old_mailbox is not OldMailbox.ATTACH:
            continue
        old = renames[0].old
        message = tr("the old mailbox {old} will not be attached in OX: the site file does not say how", old=old)
        hint = tr("write openxchange.web_url, imap and smtp before the rename; or afterwards {what}", what=tr(BY_HAND))
        yield Finding(Severity.WARNING, "attach-by-hand", account, message, hint)


def reset_without_database(desired: DesiredState, policy: Policy) -> Iterator[Finding]:
    """Resets of subscriptions that are due, on a site that does not say where OX' database is."""
    oldest = desired.today - timedelta(days=policy.one_shot_days)
    for box in desired.mailboxes.values():
        if box.subscriptions_reset is not None and oldest <= box.subscriptions_reset <= desired.today:
            owner = Owner(Scope.ACCOUNT, box.address)
            message, hint = tr(NO_DATABASE), tr(NO_DATABASE_HINT)
            yield Finding(Severity.REFUSAL, "no-ox-database", box.address, message, hint, owner=owner)


def single_users() -> Finding:
    """What a plan about a part does not know of OX."""
    message = tr("of OX only the users of these accounts were read: another one may have one of their addresses, too")
    return Finding(Severity.NOTE, ONLY, ONLY, message, tr("a plan of all looks at every user, and so does `apply`"))


def _shared(desired: DesiredState, users: Users) -> Iterator[Finding]:
    """OX does not keep aliases apart: two users may have the same one, and both send under it (facts 4)."""
    having: dict[str, list[OxUserRow]] = {}
    for user in others(users).values():
        for address in addresses_of(user):
            having.setdefault(address, []).append(user)
    for address, several in having.items():
        if follows(users, address):
            several.append(users[address])
        if len(several) == 1 or address not in desired.mailboxes:
            continue
        names = tr(" and ").join(f"{user.id} ({user.login})" for user in sorted(several, key=lambda u: int(u.id)))
        message = tr(
            "{address} is an address of the OX users {users}: each of them can send under it",
            address=address,
            users=names,
        )
        hint = tr("take it away from all but one: changeuser -i ID -a with the addresses that the user keeps")
        yield Finding(Severity.WARNING, "shared-alias", address, message, hint)


def _kept(desired: DesiredState, users: Iterable[OxUserRow], retention_days: int) -> Iterator[Finding]:
    """Users whose mailbox was purged and who were to be kept: somebody may still want them gone."""
    kept = set(purged(desired, retention_days, GroupwareAccount.KEEP))
    for user in users if kept else ():
        if user.primary in kept:
            message = tr(
                "OX user {id} ({login}) of {address} is still there, without a mailbox",
                id=user.id,
                login=user.login,
                address=user.primary,
            )
            hint = tr("write `groupware_account: delete` in its `removals` entry when its data may go")
            yield Finding(Severity.NOTE, "kept-groupware", user.primary, message, hint)


def _strays(context: PlanContext, users: Users) -> Iterator[Finding]:
    """Users under a former address of an account that has another user."""
    current = context.chains.current
    for user in users_at(users, current.keys()):
        account = current.get(Address(user.primary))
        mine = users.get(account) if account is not None else None
        if mine is not None and mine.id != user.id:
            message = tr(
                "OX user {id} ({login}) has the address {address}, which belongs to {account}",
                id=user.id,
                login=user.login,
                address=user.primary,
                account=account,
            )
            hint = tr("its user is {id} ({login}); look at both: we touch only that one", id=mine.id, login=mine.login)
            yield Finding(Severity.WARNING, "stray-user", user.primary, message, hint)
