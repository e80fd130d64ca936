"""The section, in the product a file in `declared/sections/`."""

from __future__ import annotations

from operator import attrgetter

from pydantic import Field

from reconciler.declared.fields.field_types import Text
from reconciler.declared.fields.state_file import StateFile
from reconciler.declared.problems import Problems, Spot
from reconciler.declared.section import Entry, Merged, Section
from reconciler.model.source_places import Origin
from tests.examples.mailing_lists.value import LIST, MailingList


class MailingListEntry(Entry):
    """A mailing list. The key is its address."""

    owner: Text = Field(description="Who answers for it: a declared mailbox.", examples=["anna.beispiel"])
    members: list[Text] = Field(min_length=1, description="Who gets its mail.", examples=[["klaus@extern.example"]])


def _convert(origin: Origin, entry: MailingListEntry, file: StateFile) -> MailingList | None:
    address = file.own(origin.key, Spot(origin, on_key=True))
    owner = file.address(entry.owner, Spot(origin, ("owner",)))
    members = [file.target(text, Spot(origin, ("members", n))) for n, text in enumerate(entry.members)]
    if address is None or owner is None:
        return None
    return MailingList(address, owner, tuple(sorted({member for member in members if member is not None})), origin)


def _check(merged: Merged, problems: Problems) -> None:
    for address, each in merged.state.section("mailing_lists").items():
        taken = merged.state.mailboxes.get(address) or merged.state.aliases.get(address)
        if taken is not None:
            message, spot = f"{address} is a mailing list and a mailbox or an alias", Spot(each.origin, on_key=True)
            problems.error("mailing-list", address, message, "keep one of them", spot, other=taken.origin)
        if each.owner not in merged.state.mailboxes:
            message = f"{each.owner} is to answer for {address}, and no mailbox is declared there"
            hint = "declare the mailbox, or name somebody else"
            problems.error("mailing-list", address, message, hint, Spot(each.origin, ("owner",)))


SECTION = Section(
    "mailing_lists",
    ("mailing list", "mailing lists"),
    dict[str, MailingListEntry],
    "Mailing lists by address or local part.",
    _convert,
    key=attrgetter("address"),
    scope=LIST,
    checks=(_check,),
)
