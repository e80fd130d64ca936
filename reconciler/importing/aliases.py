"""Aliases and catch-alls, as entries."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.importing.accounts import address_problem
from reconciler.importing.imported import Imported, Live
from reconciler.model.addresses import Address, BadAddress, domain_of, local_part, parse_address
from reconciler.model.records import AliasRow


def add_aliases(live: Live, imported: Imported, numbers: Mapping[str, str]) -> None:
    """Every alias that can be declared, but mailboxes' own and those that are made from a member number."""
    by_number = {
        f"{number}@{domain_of(address)}" for address, number in numbers.items() if address in imported.mailboxes
    }
    for key, row in sorted(live.aliases.items()):
        if key in live.mailboxes or key in by_number:
            continue
        if problem := address_problem(key, live) or _problem(row):
            imported.leave("alias", key, problem, "it stays as it is; correct it in PostfixAdmin")
        else:
            targets = list(row.goto)
            imported.aliases[Address(key)] = targets if row.active else {"goto": targets, "active": False}


def _problem(row: AliasRow) -> str:
    if not row.goto:
        return "it leads nowhere"
    if row.goto == (row.key,):
        return "it leads to itself alone, and there is no such mailbox"
    for target in row.goto:
        try:
            parse_address(target)
        except BadAddress as error:
            return f"a target cannot be declared: {error}"
        if local_part(target) == "*":
            return f"a target is the catch-all {target}"
    return ""
