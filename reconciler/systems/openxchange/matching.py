"""Which OX user belongs to which account: what the context should hold, and what it holds under the same keys.

Pure. `system` calls it for every plan, `review` to know whom a user belongs to.
"""

from __future__ import annotations

from typing import Literal

from reconciler.model.addresses import local_part
from reconciler.model.declared import DesiredState, Mailbox
from reconciler.model.records import OxUserRow, Records
from reconciler.planning.snapshot import rows_of

KIND = "ox_user"


def wanted_users(desired: DesiredState, rule: Literal["local_part", "address"]) -> Records:
    """A user for every mailbox with groupware. `rule` makes the login where none is declared."""
    return {KIND: {box.address: _wanted(box, rule) for box in desired.mailboxes.values() if box.groupware}}


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


def pair(wanted: Records, found: Records) -> Records:
    """`found`, each user of an account under its address, all others under `openxchange/ID`.

    A user is an account's when login and one of its addresses agree; failing that, when its primary address is the
    account's. A user with our login and somebody else's addresses is a stranger: it keeps its id, and policy refuses
    the creation as `foreign`. No user is given to two accounts.
    """
    users, accounts = rows_of(found, OxUserRow), rows_of(wanted, OxUserRow)
    by_login = {user.login: user for user in users.values()}
    owner: dict[str, str] = {}  # user id → address
    left: list[str] = []
    # all logins first: a user that one account has by its login must not go to another by its primary address
    for address, row in accounts.items():
        user = by_login.get(row.login)
        if user is not None and user.id not in owner and not {address, *row.aliases}.isdisjoint(addresses_of(user)):
            owner[user.id] = address
        else:
            left.append(address)
    if left:
        free = {user.primary: user for user in users.values() if user.id not in owner}
        owner.update((free[address].id, address) for address in left if address in free)
    return {**found, KIND: dict(_keyed(user, owner) for user in users.values())}


def _keyed(user: OxUserRow, owner: dict[str, str]) -> tuple[str, OxUserRow]:
    key = owner.get(user.id) or f"openxchange/{user.id}"
    return key, (user if key == user.key else user._replace(key=key))


def addresses_of(user: OxUserRow) -> set[str]:
    """Every address by which the user is known."""
    return {user.primary, user.imap_login, *user.aliases}
