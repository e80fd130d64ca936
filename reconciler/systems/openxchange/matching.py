"""Which OX user belongs to which account: what the context should hold, and what it holds under the same keys.

Pure. A wrong pair would give one person's groupware to another, or delete it: a user in doubt is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Literal

from reconciler.model.addresses import local_part
from reconciler.model.declared import DesiredState, GroupwareAccount, Mailbox, part_of, purge_day
from reconciler.model.derived_rows import DerivedRows, changeable, others, unlike, without
from reconciler.model.records import Absent, Found, Owner, OxUserRow, Records, Row, Scope
from reconciler.planning.live_users import addresses_of
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Pair, rows_of
from reconciler.systems.openxchange.listuser_csv import Listed

KIND = "ox_user"


def wanted_users(context: PlanContext, rule: Literal["local_part", "address"], retention_days: int = 90) -> Records:
    """A user for every mailbox with groupware, known by its former addresses too; none for an account whose removal
    says so, once its mailbox is purged. `rule` makes the login where none is declared."""
    desired, chains = context.desired, context.chains
    boxes = part_of(desired.mailboxes)
    without: set[str] = {address for address, box in boxes.items() if not box.groupware}
    table = DerivedRows(boxes, lambda _, box: _wanted(box, rule), without)
    for account in chains.former:
        if account in table:
            table[account] = _wanted(boxes[account], rule)._replace(aliases=tuple(sorted(chains.addresses(account))))
    for address in purged(desired, retention_days, GroupwareAccount.DELETE):
        table[address] = Absent(address, Owner(Scope.ACCOUNT, address))
    return {KIND: table}


def purged(desired: DesiredState, retention_days: int, groupware: GroupwareAccount) -> Iterator[str]:
    """The removed accounts whose retention is over and whose OX account is to be treated so."""
    for removal in desired.removals:
        over = purge_day(removal, retention_days) <= desired.today
        if over and removal.groupware_account is groupware and removal.mailbox not in desired.mailboxes:
            yield removal.mailbox


def _wanted(box: Mailbox, rule: Literal["local_part", "address"]) -> OxUserRow:
    address = box.address
    given, surname = box.given_name or "", box.surname or ""
    return OxUserRow(
        key=address,
        account=address,
        login=box.username or (address if rule == "address" else local_part(address)),
        display_name=box.name or f"{given} {surname}".strip(),
        given_name=given,
        surname=surname,
        primary=address,
        email1=address,
        default_sender=address,
        imap_login=address,
        aliases=(address,),
    )


def former(row: OxUserRow) -> tuple[str, ...]:
    """The former addresses of the account of a wanted user."""
    return () if row.aliases == (row.key,) else tuple(address for address in row.aliases if address != row.key)


def account_of(user: Listed, wanted: Mapping[str, Row]) -> str | None:
    """The account whose user this surely is, and just as it is wanted; None where that takes a closer look."""
    _, *names, primary, email1, aliases, sender, imap_login, _ = user.cells
    row = wanted.get(primary)
    if not isinstance(row, OxUserRow) or row.aliases != (aliases,):
        return None
    own = (row.login, row.display_name, row.given_name, row.surname)
    return row.key if own == tuple(names) and primary == email1 == sender == imap_login == aliases else None


def beside(wanted: Mapping[str, Row], alike: Mapping[str, str], others: dict[str, Row]) -> Mapping[str, Row]:
    """The users of a context: of those that are `alike`, by account, the ids, and all others under theirs."""
    if not isinstance(wanted, DerivedRows):
        return others
    return DerivedRows(wanted, lambda account, row: row.as_found(alike[account]), without(wanted, alike), others)


def match(wanted: Records, found: Found) -> Pair:
    """Both under the addresses of the accounts; users that are to go, under their ids."""
    paired = _under_accounts(wanted, found)
    return Pair(_with_leaving(wanted, paired), paired)


def _under_accounts(wanted: Records, found: Found) -> Found:
    """`found`, each user of an account under its address, all others under `openxchange/ID`. A user is an account's
    when login and one of its addresses agree; failing that, when its primary address is the account's. Of an account
    that was renamed, former logins and addresses count as well, and of several such users the oldest is the person's:
    ids come from a sequence (facts 3.2), and a second user is younger than the one with their data. A user that is
    still to be renamed keeps the former address that it was found by as the key in its row. A user with our login and
    somebody else's addresses is a stranger: it keeps its id, and policy refuses the creation as `foreign`. No user is
    given to two accounts."""
    table, asked = _open(wanted.get(KIND, {}), found.get(KIND, {}))
    users = {key: row for key, row in others(table).items() if isinstance(row, OxUserRow)}
    rows = [row for row in asked if isinstance(row, OxUserRow)]
    by_login = {user.login: user for user in users.values()}
    owner: dict[str, OxUserRow] = {}  # user id → the row of its account
    left, renamed = [], []
    # all logins first: a user that one account has by its login must not go to another by its primary address
    for row in rows:
        user = by_login.get(row.login)
        if former(row):
            renamed.append(row)
        elif user is not None and user.id not in owner and (row.key == user.primary or row.key in addresses_of(user)):
            owner[user.id] = row
        else:
            left.append(row)
    if renamed or left:
        by_primary = {user.primary: user for user in users.values() if user.id not in owner}
        for row in renamed:
            mine = _person(row, by_login, by_primary, owner)
            if mine is not None:
                owner[mine.id] = row
        owner.update(
            (by_primary[row.key].id, row)
            for row in left
            if row.key in by_primary and by_primary[row.key].id not in owner
        )
    for user in users.values():
        key, own = _keys(user, owner.get(user.id))
        if key != user.key:
            del table[user.key]
        table[key] = user if own == user.key else OxUserRow._make((own, *user[1:]))  # a third of the time of _replace
    return {**found, KIND: table}


def _open(wanted: Mapping[str, Row], found: Mapping[str, Row]) -> tuple[MutableMapping[str, Row], Iterable[Row]]:
    """A copy of what was found in which all users whose account is in doubt are under their ids, and the wanted rows
    that may have one of them. Who was read as wanted has login and address of the account, and nobody else."""
    if isinstance(found, DerivedRows) and found.is_beside(wanted):
        return found.copy(), [wanted[key] for key in found.unlike(wanted)]
    users = (row for row in found.values() if isinstance(row, OxUserRow))
    return {f"openxchange/{user.id}": user._replace(key=f"openxchange/{user.id}") for user in users}, wanted.values()


def _with_leaving(wanted: Records, found: Found) -> Records:
    """`wanted` with the users that are to go, under their ids: `found` is paired, so who is free is no account's.
    Besides the users of removed accounts these are second users: while the user of a renamed account still has its
    former address, another one that holds its new primary address or its new login."""
    live = rows_of(found, OxUserRow)
    leaving: dict[str, Absent] = {}
    pending: list[OxUserRow] = []
    table = wanted.get(KIND, {})
    for address in unlike(table, live):
        row = table[address]
        if isinstance(row, Absent):
            leaving[address] = row
        elif isinstance(row, OxUserRow) and address in live and live[address].key != address:
            pending.append(row)
    if not leaving and not pending:
        return wanted
    free = [user for key, user in others(live).items() if key == f"openxchange/{user.id}"]
    # by the primary address alone: nothing vaguer may delete anybody
    gone: dict[str, Row] = {u.key: Absent(u.key, leaving[u.primary].owner) for u in free if u.primary in leaving}
    gone.update((user.key, Absent(user.key, row.owner)) for row, user in _second(pending, free))
    changed = changeable(table)
    for address in leaving:
        del changed[address]
    changed.update(gone)
    return {**wanted, KIND: changed}


def _second(pending: Iterable[OxUserRow], free: Iterable[OxUserRow]) -> Iterator[tuple[OxUserRow, OxUserRow]]:
    by_primary = {row.primary: row for row in pending}
    by_login = {row.login: row for row in by_primary.values()}
    for user in free:
        row = by_primary.get(user.primary) or by_login.get(user.login)
        # the login of somebody with other addresses is foreign: it is not taken away from anybody
        if row is not None and not addresses_of(user).isdisjoint(row.aliases):
            yield row, user


def _person(
    row: OxUserRow,
    by_login: Mapping[str, OxUserRow],
    by_primary: Mapping[str, OxUserRow],
    owner: Mapping[str, OxUserRow],
) -> OxUserRow | None:
    """The user of an account that was renamed, however far its rename has come."""
    logins = {row.login, *former(row), *map(local_part, former(row))}
    by_name = (by_login[login] for login in logins if login in by_login)
    mine = [user for user in by_name if not addresses_of(user).isdisjoint(row.aliases)]
    mine += [by_primary[address] for address in row.aliases if address in by_primary]
    free = [user for user in mine if user.id not in owner]
    # one that has been a former address' user before one that was made for the new address
    return min(free, key=lambda user: (addresses_of(user).isdisjoint(former(row)), int(user.id)), default=None)


def _keys(user: OxUserRow, row: OxUserRow | None) -> tuple[str, str]:
    """The key of a user, and the one in its row: the account's address, or the former one by which the user was found
    and that it has still to leave."""
    if row is None:
        key = f"openxchange/{user.id}"
        return key, key
    left = former(row)
    if user.primary in left:
        return row.key, user.primary
    if not left or user.login == row.login:
        return row.key, row.key
    by_login = (a for a in left if user.login in (a, local_part(a)))
    return row.key, next(by_login, row.key)
