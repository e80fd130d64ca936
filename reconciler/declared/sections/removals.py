"""Removals. Against what else is declared: nothing may still want the mailbox (renames: see `renames`)."""

from operator import attrgetter

from pydantic import Field

from reconciler.declared.fields.field_types import Day, Remark, Text
from reconciler.declared.fields.state_file import StateFile
from reconciler.declared.problems import Problems, Spot
from reconciler.declared.section import Entry, Merged, Section, warn_of_far_date
from reconciler.model.addresses import Address, without_extension
from reconciler.model.declared import GroupwareAccount, Removal, purge_day
from reconciler.model.source_places import Origin
from reconciler.translation import marked


class RemovalEntry(Entry):
    """A mailbox is switched off on a day and purged after the retention of the site."""

    mailbox: Text = Field(description="The mailbox; no longer declared.", examples=["hans.weg"])
    date: Day = Field(description="The day on which it is switched off.", examples=["2026-12-01"])
    reason: Remark = Field(description="Why.", examples=["left the party, RT 4890"])
    groupware_account: GroupwareAccount = Field(
        GroupwareAccount.KEEP,
        strict=False,
        description="keep or delete the OX account; deleting is irreversible and needs its own confirmation.",
    )


def _convert(origin: Origin, entry: RemovalEntry, file: StateFile) -> Removal | None:
    mailbox = file.address(entry.mailbox, Spot(origin, ("mailbox",)))
    if mailbox is None:
        return None
    return Removal(mailbox, entry.date, entry.reason, origin, entry.groupware_account)


def _check(merged: Merged, problems: Problems) -> None:
    """A removed mailbox is neither declared, nor an alias before its purge, nor a target of one."""
    state, days = merged.state, merged.site.policy.retention_days
    for address, removal in merged.removals.items():
        mailbox, alias = state.mailboxes.get(address), state.aliases.get(address)
        if mailbox is not None:
            message = f"{address} is to be removed and is declared as a mailbox"
            hint = "to take the removal back, `git revert` it or delete its entry, here; else take the mailbox out"
            _say(removal, message, hint, mailbox.origin, problems)
        if alias is not None and state.today <= purge_day(removal, days):
            message = f"{address} is declared as an alias, but its mailbox is there until the purge"
            hint = f"declare the alias {days} days after {removal.date}"
            _say(removal, message, hint, alias.origin, problems)
        warn_of_far_date(address, marked("the removal"), removal.date, removal.origin, merged, problems)
    _check_targets(merged, problems)


def _check_targets(merged: Merged, problems: Problems) -> None:
    if not merged.removals:
        return
    for address, alias in merged.state.aliases.items():
        for index, target in enumerate(alias.goto):
            declared = target in merged.state.mailboxes or target in merged.state.aliases
            removal = merged.removals.get(target if declared else Address(without_extension(target, "+")[0]))
            if removal is not None:
                message = f"{address} leads to {target}, which is to be removed on {removal.date}"
                spot = Spot(alias.origin, ("goto", index))
                problems.error("removal", address, message, "remove the target", spot, other=removal.origin)


def _say(removal: Removal, message: str, hint: str, other: Origin, problems: Problems) -> None:
    spot = Spot(removal.origin, ("mailbox",))
    problems.error("removal", removal.mailbox, message, hint, spot, other=other)


SECTION = Section(
    "removals",
    ("removal", "removals"),
    list[RemovalEntry],
    "Mailboxes that are to go.",
    _convert,
    key=attrgetter("mailbox"),
    value=Removal,
    checks=(_check,),
)
