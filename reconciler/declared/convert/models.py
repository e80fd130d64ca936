"""The state language as pydantic models: one for each kind of entry. `schema` makes the JSON Schema from them.

They check one entry by itself; `entries` completes and converts it, the next step compares entries with each other.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from reconciler.declared.convert.describe_input import Wrong, as_list, describe, nearest, several
from reconciler.declared.convert.field_types import (
    Day,
    Member,
    Name,
    OptionalDay,
    OptionalRemark,
    OptionalText,
    Quota,
    Remark,
    Text,
)
from reconciler.declared.parse.missing_separators import unseparated
from reconciler.model.declared import CONFIRMABLE, GroupwareAccount, OldMailbox

MAX_TARGETS = 1000  # Postfix' virtual_alias_expansion_limit (facts/postfixadmin.md 6)


class Entry(BaseModel):
    """A part of a state file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Groupware(Entry):
    """The OX account of a mailbox."""

    username: Text = Field(
        description="OX login, where the one made from the address is taken or not allowed.",
        examples=["hans.sued"],
        json_schema_extra={"pattern": r"^[$@%.+a-zA-Z0-9_-]+$"},
    )


def _groupware_form(value: Any) -> str:
    return "switch" if isinstance(value, bool) else "mapping"


def _groupware(value: Any) -> Any:
    if isinstance(value, bool | dict):
        return value
    message = f"expected true, false or {{username: …}}, got {describe(value)}"
    raise Wrong(message, "write true or false; `no`, `yes` and `on` are texts in YAML 1.2")


_SwitchOrMapping = Annotated[
    Annotated[bool, Tag("switch")] | Annotated[Groupware, Tag("mapping")], Discriminator(_groupware_form)
]
GroupwareSwitch = Annotated[
    _SwitchOrMapping | None, BeforeValidator(_groupware, json_schema_input_type=bool | Groupware)
]


class MailboxEntry(Entry):
    """A mailbox: a person or a role. The key is its address. A field that is not written is not managed."""

    given_name: Name = Field(None, description="Given name. Required with groupware.", examples=["Anna"])
    surname: Name = Field(None, description="Surname. Required with groupware.", examples=["Beispiel"])
    name: Name = Field(
        None, description="Display name; given name and surname when left out.", examples=["Anna Beispiel"]
    )
    member: Member = Field(
        None,
        description="Member number: makes the alias NUMBER@, is checked against the register. 0… needs quotes.",
        examples=[10042, "00042"],
    )
    quota: Quota = Field(
        None,
        description="Whole megabytes as PostfixAdmin counts them, or unlimited.",
        examples=["10240 MB", "unlimited"],
    )
    active: bool = Field(True, description="false switches the mailbox and its own alias off.")
    groupware: GroupwareSwitch = Field(
        None,
        description="Whether it has an OX account (default where the site has OX). {username: …} sets the login.",
        examples=[False, {"username": "hans.sued"}],
    )
    password_reset: OptionalDay = Field(
        None, description="On this day, once: a new password goes to the register address.", examples=["2026-11-20"]
    )
    subscriptions_reset: OptionalDay = Field(
        None, description="On this day, once: the OX subscriptions are removed.", examples=["2026-11-20"]
    )


class AliasEntry(Entry):
    """An alias: an address that leads to others."""

    goto: list[Text] = Field(
        min_length=1,
        max_length=MAX_TARGETS,
        description="Where mail goes: addresses, or local parts of the file's domain. Digits only: in quotes.",
        examples=[["anna.beispiel", "klaus@extern.example"]],
    )
    active: bool = Field(True, description="false switches the alias off.")


def _alias(value: Any) -> Any:
    match value:
        case str() if parts := several(value):
            raise Wrong(f"{describe(value)} is one text, not several targets", f"write a list: {as_list(parts)}")
        case str() if value.startswith(("goto:", "active:")) and (slip := unseparated(value)):
            raise Wrong(*slip)
        case str():
            return {"goto": [value]}
        case list():
            return {"goto": value}
        case dict():
            return value
    hint = f"put it in quotes: '{value}'" if type(value) is int else "write a target, [a list of them] or {goto: […]}"
    raise Wrong(f"expected targets, got {describe(value)}", hint)


_TARGETS = Annotated[list[Text], Field(min_length=1, max_length=MAX_TARGETS)]
AliasTargets = Annotated[AliasEntry, BeforeValidator(_alias, json_schema_input_type=Text | _TARGETS | AliasEntry)]


class RenameEntry(Entry):
    """An account changes its address; it keeps its groupware data, and the old address leads to the new one."""

    old: Text = Field(alias="from", description="The address so far.", examples=["anna.muster"])
    new: Text = Field(
        alias="to", description="The address from now on; declared as a mailbox.", examples=["anna.beispiel"]
    )
    date: Day = Field(description="The day of the rename; orders several of one account.", examples=["2026-11-22"])
    former_surname: Name = Field(
        None, description='Shown as "Anna Beispiel ehem. Muster" on the old mailbox.', examples=["Muster"]
    )
    ticket: OptionalRemark = Field(None, description="Where it was asked for.", examples=["RT 4711"])
    old_mailbox: OldMailbox = Field(
        OldMailbox.ATTACH,
        strict=False,
        description="attach: keep the old mailbox and attach it in OX; move: carry the mail over.",
    )
    rewrite_references: bool = Field(
        False, description="true rewrites the old address where undeclared aliases name it."
    )


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


class SenderBlockEntry(Entry):
    """Mail of this envelope sender, or of a domain and its subdomains, is refused."""

    sender: OptionalText = Field(None, description="One address.", examples=["spam@example.net"])
    domain: OptionalText = Field(None, description="A domain with all its subdomains.", examples=["example.org"])
    reason: Remark = Field(
        description="Why; a comment in the map, never sent to the sender.", examples=["phishing wave"]
    )
    added: OptionalDay = Field(None, description="Since when.", examples=["2026-11-22"])
    expires: OptionalDay = Field(None, description="The last day of the block.", examples=["2027-02-22"])

    @model_validator(mode="after")
    def _one_key(self) -> SenderBlockEntry:
        if (self.sender is None) == (self.domain is None):
            raise Wrong("a block has either `sender` or `domain`", "write one of them; two blocks for both")
        if self.added and self.expires and self.expires < self.added:
            raise Wrong(f"the block ends ({self.expires}) before it begins ({self.added})", "correct one of the dates")
        return self


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


class StateFile(Entry):
    """One file of the declared state. Every file may hold any of the sections; all files are read together."""

    domain: str | None = Field(None, description="Completes bare local parts in this file.", examples=["mail.example"])
    mailboxes: dict[str, MailboxEntry | None] | None = Field(None, description="Mailboxes by address or local part.")
    aliases: dict[str, AliasTargets] | None = Field(
        None, description="Aliases by address or local part; the key '*' is the catch-all of the domain."
    )
    renames: list[RenameEntry] | None = Field(None, description="Accounts that changed or change their address.")
    removals: list[RemovalEntry] | None = Field(None, description="Mailboxes that are to go.")
    sender_blocks: list[SenderBlockEntry] | None = Field(None, description="Senders whose mail is refused.")
    confirm: list[ConfirmEntry] | None = Field(None, description="Gates that are lifted for one subject.")
