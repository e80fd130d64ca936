"""Confirmations: each lifts one gate for one subject until a day."""

import re
from datetime import timedelta
from operator import attrgetter
from typing import Annotated

from pydantic import AfterValidator, Field

from reconciler.declared.fields.describe_input import Wrong, describe, nearest
from reconciler.declared.fields.field_types import Day, Remark, Text
from reconciler.declared.fields.state_file import StateFile
from reconciler.declared.problems import Problems, Spot
from reconciler.declared.section import Entry, Merged, Section
from reconciler.model.addresses import BadAddress, parse_domain
from reconciler.model.declared import CONFIRMABLE, Confirm
from reconciler.model.source_places import Origin
from reconciler.translation import tr

CONFIRM_DAYS = 31
_OX_ID = re.compile(r"openxchange/[1-9][0-9]*")
_GATES_OF_MANY = frozenset({"removals", "changes", "creations", "empty-state"})


def _gate(gate: str) -> str:
    if gate not in CONFIRMABLE:
        near = nearest(gate, CONFIRMABLE)
        raise Wrong(
            f"there is no gate `{gate}`",
            f"did you mean `{near}`?" if near else f"the gates are {', '.join(CONFIRMABLE)}",
        )
    return gate


class ConfirmEntry(Entry):
    """Lifts one gate for one subject until a day."""

    gate: Annotated[str, AfterValidator(_gate)] = Field(
        description="The gate, as the refusal names it.", json_schema_extra={"enum": list(CONFIRMABLE)}
    )
    subject: Text = Field(
        description="An address, a domain, the key of a block, openxchange/ID, or the site's name.",
        examples=["hans.weg@mail.example"],
    )
    until: Day = Field(description="The last day; at most 31 days ahead.", examples=["2026-12-08"])
    reason: Remark = Field(description="Why.", examples=["data export handed over"])


def _convert(origin: Origin, entry: ConfirmEntry, file: StateFile) -> Confirm | None:
    last = file.today + timedelta(days=CONFIRM_DAYS)
    if entry.until > last:
        message = f"until {entry.until} is more than {CONFIRM_DAYS} days ahead"
        hint = f"write {last} at the latest"
        file.problems.error("confirm", entry.subject, message, hint, Spot(origin, ("until",)))
    subject = _subject(entry.gate, entry.subject, file, Spot(origin, ("subject",)))
    return Confirm(entry.gate, subject, entry.until, entry.reason, origin) if subject is not None else None


def _subject(gate: str, text: str, file: StateFile, spot: Spot) -> str | None:
    """What the gate is lifted for, in the form in which its finding names it."""
    site = file.site.name
    if _OX_ID.fullmatch(text) or (gate in _GATES_OF_MANY and text == site):
        return text
    if gate == "second-account":
        file.say(text, f"{describe(text)} is not an OX account", "write it like openxchange/4200", spot)
        return None
    if gate in _GATES_OF_MANY:
        try:
            return parse_domain(text)
        except BadAddress:
            message = f"{describe(text)} is neither this site's name nor a domain, which `{gate}` is confirmed for"
            file.say(text, message, f"write `subject: {site}`, or a domain like mail.example", spot)
            return None
    if gate in {"wide-block", "missing-domain", "new-domain", "domain-off"} and "@" not in text:
        return file.domain(text, spot)
    return file.address(text, spot)


def _check(merged: Merged, problems: Problems) -> None:
    """An expired confirmation lifts nothing any more: a note."""
    for confirm in merged.state.confirm:
        if confirm.until < merged.state.today:
            message = tr(
                "the confirmation of {gate} for {subject} ended on {day}",
                gate=confirm.gate,
                subject=confirm.subject,
                day=confirm.until,
            )
            problems.note("expired", confirm.subject, message, tr("remove the entry"), confirm.origin)


SECTION = Section(
    "confirm",
    ("confirm", ""),
    list[ConfirmEntry],
    "Gates that are lifted for one subject.",
    _convert,
    key=attrgetter("gate", "subject"),
    checks=(_check,),
)
