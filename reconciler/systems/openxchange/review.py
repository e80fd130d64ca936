"""What is remarkable about the OX users of declared accounts, whatever is planned. `system.review` is here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from reconciler.model.declared import DesiredState
from reconciler.model.records import OxUserRow, Records
from reconciler.planning.findings import Finding, Severity
from reconciler.planning.snapshot import rows_of
from reconciler.systems.openxchange.matching import addresses_of


def review(desired: DesiredState, found: Records, disabled: Set[str]) -> Iterator[Finding]:
    """`disabled`: ids of the users that OX does not let in; if there are any, `found` has them under their accounts."""
    users = rows_of(found, OxUserRow)
    yield from _shared(desired, users.values())
    for user in users.values():
        box = desired.mailboxes.get(user.key) if user.id in disabled else None  # type: ignore[call-overload]
        if box is not None and box.active:
            message = f"{box.address} is active, but OX user {user.id} ({user.login}) is disabled"
            hint = f"to let the user in: changeuser -i {user.id} --mailenabled true; we do not manage this"
            yield Finding(Severity.NOTE, "ox-disabled", box.address, message, hint)


def _shared(desired: DesiredState, users: Iterable[OxUserRow]) -> Iterator[Finding]:
    """OX does not keep aliases apart: two users may have the same one, and both send under it (facts 4)."""
    holders: dict[str, list[OxUserRow]] = {}
    for user in users:
        for address in addresses_of(user):
            if address in desired.mailboxes:
                holders.setdefault(address, []).append(user)
    for address, several in holders.items():
        if len(several) > 1:
            names = " and ".join(f"{user.id} ({user.login})" for user in sorted(several, key=lambda u: int(u.id)))
            message = f"{address} is an address of the OX users {names}: each of them can send under it"
            hint = "take it away from all but one: changeuser -i ID -a with the addresses that the user keeps"
            yield Finding(Severity.WARNING, "shared-alias", address, message, hint)
