"""One transition in words: what a person would notice, in the order in which she would ask. `view` calls it.

No decision is made here, and nothing that `HIDDEN` names is ever said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.model.addresses import local_part
from reconciler.model.records import CREDENTIAL_KINDS, AliasRow, BlockRow, MailboxRow, OxUserRow, Row, Scope
from reconciler.planning.changes import Action, Change
from reconciler.planning.transitions import Transition
from reconciler.report.nouns import difference, listed, megabytes, noun, quoted, short

HIDDEN = frozenset(
    {"recipient", "key", "account", "block", "name_managed", "quota_managed", "active_managed", "names_managed"}
)
"""Fields of rows that no report shows: the private address of a member, key and owner (shown anyway), our switches."""

_OX_FIELDS: Mapping[str, str] = {
    "login": "login",
    "display_name": "display name",
    "given_name": "given name",
    "surname": "surname",
    "primary": "primary address",
    "email1": "e-mail",
    "default_sender": "sender address",
    "imap_login": "IMAP login",
}


def sentence(transition: Transition) -> str:
    """What happens to the subject, in words, its reason behind it."""
    match transition.owner.scope:
        case Scope.ACCOUNT:
            said = ", ".join(_account(transition))
        case Scope.ALIAS:
            said = ", ".join(phrase for change in transition.changes for phrase in _alias(change))
        case Scope.BLOCK:
            # one block may need two keys of the map (A- and U-label); it is said once
            said = ", ".join(dict.fromkeys(phrase for change in transition.changes for phrase in _block(change)))
    return f"{said}: {transition.reason}" if transition.reason else said


def label(change: Change) -> str:
    """What one step is about: `mailbox`, `alias 10042@`, `letter to her register address`."""
    if change.kind == "alias" and change.key != change.owner.subject:
        return f"alias {short(change.key, change.owner.subject)}"
    if change.kind == "block" and change.key != change.owner.subject:
        return f"sender block {change.key}"
    return f"{noun(change.kind)} ({change.system})" if change.kind == "password" else noun(change.kind)


def closer(transition: Transition) -> Iterator[str]:
    """Why a reviewer should look closer at this line, if at all."""
    if transition.action is Action.DELETE and transition.owner.scope is not Scope.BLOCK:
        yield "removal"
    if any(_switched_off(change) for change in transition.changes):
        yield "switch-off"
    if transition.action is not Action.CREATE and _makes_password(transition.changes):
        yield "new password for an existing account"


def _account(transition: Transition) -> Iterator[str]:
    creating = transition.action is Action.CREATE
    mailbox_first = sorted(transition.changes, key=lambda change: change.kind != "mailbox")
    phrases = [p for change in mailbox_first for p in _account_change(change, transition)]
    if creating:
        phrases[:1] = [f"account: {phrases[0]}"]
    elif transition.action is Action.DELETE:
        phrases[:1] = [f"account removed: {phrases[0]}"]
    yield from phrases
    made = _makes_password(transition.changes)
    if made and not creating:
        yield "new password"
    if any(change.kind == "letter" for change in transition.changes):
        yield "letter" if creating else "letter to her register address"
    elif made:
        yield "its password must be set by other means"


def _account_change(change: Change, transition: Transition) -> Iterable[str]:
    match change.row:
        case MailboxRow():
            return _mailbox(change)
        case AliasRow() if change.key == transition.owner.subject:
            return _twin(change, transition)
        case AliasRow():
            return _member_alias(change)
        case OxUserRow():
            return _ox_user(change)
    if change.kind in ("password", "letter") or (change.kind == "welcome_mail" and transition.action is Action.CREATE):
        return ()
    return (f"{noun(change.kind)} {change.action}d" if change.kind != "welcome_mail" else "welcome mail",)


def _mailbox(change: Change) -> Iterator[str]:
    row = change.row
    assert isinstance(row, MailboxRow)
    if change.action is not Action.UPDATE:
        yield f"mailbox {megabytes(row.quota)}"
        if change.action is Action.CREATE and not row.active:
            yield "switched off"
        return
    for field, old, new in change.fields():
        if field == "name":
            yield f"name {quoted(old)} → {quoted(new)}"
        elif field == "quota":
            yield f"quota {megabytes(old)} → {megabytes(new)}"
        elif field == "active":
            yield "switched on" if new else "switched off"


def _twin(change: Change, transition: Transition) -> Iterator[str]:
    """The mailbox's own alias row. What its mailbox says already is not said again."""
    if change.action is not Action.UPDATE:
        if transition.action is Action.UPDATE:
            yield "own alias row added" if change.action is Action.CREATE else "own alias row removed"
        return
    mailbox_too = any(c.kind == "mailbox" and _field(c, "active") for c in transition.changes)
    for field, old, new in change.fields():
        if field == "active" and not mailbox_too:
            yield f"own alias row switched {'on' if new else 'off'}"
        elif field == "goto":
            yield f"own alias row leads to {'nowhere' if not new else difference(old, new)}"


def _member_alias(change: Change) -> Iterator[str]:
    name = f"alias {short(change.key, change.owner.subject)}"
    match change.action:
        case Action.CREATE:
            yield name
        case Action.DELETE:
            yield f"{name} removed"
        case Action.UPDATE:
            yield f"{name}: {', '.join(_alias_fields(change))}"


def _alias(change: Change) -> Iterator[str]:
    row = change.row
    if not isinstance(row, AliasRow):
        yield f"{noun(change.kind)} {change.action}d"
        return
    name = "catch-all" if local_part(change.key) == "*" else "alias"
    match change.action:
        case Action.CREATE:
            yield f"{name} → {listed(row.goto)}"
            if not row.active:
                yield "switched off"
        case Action.DELETE:
            yield f"{name} removed, it led to {listed(row.goto)}"
        case Action.UPDATE:
            yield f"{name}: {', '.join(_alias_fields(change))}"


def _alias_fields(change: Change) -> Iterator[str]:
    for field, old, new in change.fields():
        if field == "goto":
            yield difference(old, new)
        elif field == "active":
            yield "switched on" if new else "switched off"


def _ox_user(change: Change) -> Iterator[str]:
    if change.action is not Action.UPDATE:
        yield "OX user" if change.action is Action.CREATE else "OX user deleted"
        return
    same: dict[tuple[object, object], list[str]] = {}
    for field, old, new in change.fields():
        if field in _OX_FIELDS:
            same.setdefault((old, new), []).append(_OX_FIELDS[field])
        elif field == "aliases":
            yield f"OX addresses {difference(old, new)}"
    for (old, new), fields in same.items():
        named = " and ".join(filter(None, (", ".join(fields[:-1]), fields[-1])))
        yield f"OX {named} {quoted(old)} → {quoted(new)}"


def _block(change: Change) -> Iterator[str]:
    row = change.row
    if not isinstance(row, BlockRow):
        yield f"{noun(change.kind)} {change.action}d"
        return
    what = "address" if "@" in change.key else "domain"
    match change.action:
        case Action.DELETE:
            yield "sender block lifted"
        case Action.UPDATE:
            old, new = _field(change, "action") or ("", row.action)
            yield f"sender block ({what}), action {quoted(old)} → {quoted(new)}"
        case Action.CREATE:
            yield f"sender block ({what})" + ("" if row.action == "REJECT" else f", action {quoted(row.action)}")


def _makes_password(changes: Iterable[Change]) -> bool:
    return any(c.kind == "password" or (c.action is Action.CREATE and c.kind in CREDENTIAL_KINDS) for c in changes)


def _switched_off(change: Change) -> bool:
    return change.action is Action.UPDATE and _field(change, "active") == (True, False)


def _field(change: Change, name: str) -> tuple[object, object] | None:
    return next(((old, new) for field, old, new in change.fields() if field == name), None)


def shown_fields(row: Row | None) -> dict[str, object] | None:
    """The fields of a row that a report may show; None for no row."""
    return None if row is None else {name: value for name, value in row._asdict().items() if name not in HIDDEN}
