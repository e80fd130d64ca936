"""Removals against what else is declared: nothing may still want the mailbox (renames: see `renames`)."""

from __future__ import annotations

from datetime import timedelta

from reconciler.declared.check.merge import Tables
from reconciler.declared.problems import Problems, Spot
from reconciler.model.addresses import Address, without_extension
from reconciler.model.declared import Removal
from reconciler.model.source_places import Origin


def check_removals(tables: Tables, problems: Problems) -> None:
    """A removed mailbox is neither declared, nor an alias before its purge, nor a target of one."""
    for address, removal in tables.removals.items():
        mailbox = tables.mailboxes.get(address)
        if mailbox is not None:
            message = f"{address} is to be removed and is declared as a mailbox"
            _say(removal, message, "remove one of the two", mailbox.origin, problems)
        alias = tables.aliases.get(address)
        if alias is not None and tables.today <= removal.date + timedelta(days=tables.site.policy.retention_days):
            message = f"{address} is declared as an alias, but its mailbox is there until the purge"
            hint = f"declare the alias {tables.site.policy.retention_days} days after {removal.date}"
            _say(removal, message, hint, alias.origin, problems)
    _check_targets(tables, problems)


def _check_targets(tables: Tables, problems: Problems) -> None:
    if not tables.removals:
        return
    for address, alias in tables.aliases.items():
        for index, target in enumerate(alias.goto):
            declared = target in tables.mailboxes or target in tables.aliases
            removal = tables.removals.get(target if declared else Address(without_extension(target, "+")[0]))
            if removal is not None:
                message = f"{address} leads to {target}, which is to be removed on {removal.date}"
                spot = Spot(alias.origin, ("goto", index))
                problems.error("removal", address, message, "remove the target", spot, other=removal.origin)


def _say(removal: Removal, message: str, hint: str, other: Origin, problems: Problems) -> None:
    spot = Spot(removal.origin, ("mailbox",))
    problems.error("removal", removal.mailbox, message, hint, spot, other=other)
