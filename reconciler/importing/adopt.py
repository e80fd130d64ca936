"""What is live becomes what is declared, for single addresses and sender blocks: edits of the state, as an import would
write it. Called by `reconciler adopt`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.declared.write.edit import Edit
from reconciler.errors import UsageError
from reconciler.importing.imported import Imported
from reconciler.model.addresses import Address, domain_of
from reconciler.model.declared import Mailbox
from reconciler.setting_values import parse_quota


def adopt(edit: Edit, imported: Imported, subjects: Sequence[str]) -> None:
    """Edits the entries of these subjects until they say what is live. `imported` is complete: what is not in it is not
    there. Raises UsageError for what cannot be declared, or what only a person may decide."""
    blocks = edit.state.sender_blocks
    gone = [subject for subject in subjects if subject in blocks and subject not in imported.sender_blocks]
    edit.take_out(blocks[subject].origin for subject in gone)  # first and together: entries of a list are numbered
    for subject in (subject for subject in subjects if subject not in gone):
        address = Address(subject)
        left = next((item for item in imported.left if item.subject == subject), None)
        if address in imported.mailboxes:
            _mailbox(edit, address, imported.mailboxes[address])
        elif address in imported.aliases:
            _alias(edit, address, imported.aliases[address])
        elif subject in imported.sender_blocks:
            if subject not in edit.state.sender_blocks:
                edit.add("sender_blocks", imported.sender_blocks[subject])
        elif left is not None and (left.what == "mailbox" or address not in edit.state.mailboxes):
            raise UsageError(f"{subject} cannot be declared: {left.reason}", hint=left.hint)
        elif address in edit.state.aliases:
            edit.take_out([edit.state.aliases[address].origin])
        elif address in edit.state.mailboxes:
            hint = f"the next apply makes it anew; if it is to be gone: reconciler remove {subject} --reason 'WHY'"
            raise UsageError(f"{subject} is not live", hint=hint)
        else:
            raise UsageError(f"{subject} is neither live nor declared", hint="see: reconciler plan, reconciler show")


def _mailbox(edit: Edit, address: Address, live: Mapping[str, Any]) -> None:
    box = edit.state.mailboxes.get(address)
    if box is None:
        edit.add("mailboxes", live, key=address, domain=domain_of(address))
        return
    edit.set_fields(box.origin, _differences(box, live))
    if box.member is not None and str(live.get("member", box.member)) != box.member:
        edit.remarks.append(f"{address}: the member number stays {box.member}; whose an account is, a person decides")


def _differences(box: Mailbox, live: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are managed and live otherwise. What is not written is not managed, and stays so."""
    fields: dict[str, Any] = {}
    for name, declared in (("given_name", box.given_name), ("surname", box.surname)):
        if declared is not None and live.get(name, declared) != declared:
            fields[name] = live[name]
    shown = live.get("name") or (f"{live['given_name']} {live['surname']}" if "given_name" in live else box.name)
    made = f"{fields.get('given_name', box.given_name)} {fields.get('surname', box.surname)}"
    follows = box.name == f"{box.given_name} {box.surname}"
    if box.name is not None and shown != (made if follows else box.name):
        fields["name"] = shown
    if box.quota is not None and "quota" in live and parse_quota(live["quota"]) != box.quota:
        fields["quota"] = live["quota"]
    if box.active is not live.get("active", True):
        fields["active"] = live.get("active", True)
    groupware = live.get("groupware", True)
    username = groupware["username"] if isinstance(groupware, Mapping) else None
    if box.groupware and (groupware is False or username != box.username):
        fields["groupware"] = groupware
    return fields


def _alias(edit: Edit, address: Address, live: Mapping[str, Any] | Sequence[str]) -> None:
    alias = edit.state.aliases.get(address)
    if alias is None:
        edit.add("aliases", live, key=address, domain=domain_of(address))
        return
    targets, active = (live["goto"], live["active"]) if isinstance(live, Mapping) else (live, True)
    edit.set_targets(alias, [Address(target) for target in targets])
    if alias.active is not active:
        edit.set_active(alias, active)
