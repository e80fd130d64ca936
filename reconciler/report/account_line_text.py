"""What happens to one account, in words. `plan_line_text.sentence` calls it; no decision is made here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.model.record_kinds import noun
from reconciler.model.records import AliasRow, MailboxRow, OxUserRow
from reconciler.planning.changes import Action, Change
from reconciler.planning.transitions import Effect, Transition
from reconciler.report.rename_line_text import (
    attachment_phrase,
    deleted_ox_user,
    is_move,
    lead_here,
    lost_with_rename,
    mailbox_phrases,
    ox_user_phrase,
)
from reconciler.report.vocabulary import difference, megabytes, quoted, short

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

_SAID_ELSEWHERE = frozenset({"password", "letter", "attachment"})


def account_phrases(transition: Transition) -> Iterator[str]:
    """Everything that a person would notice, in the order in which they would ask."""
    renaming, creating = transition.action is Action.RENAME, transition.action is Action.CREATE
    mailbox_first = sorted(transition.changes, key=lambda change: change.kind != "mailbox")
    phrases = [*lost_with_rename(transition), *mailbox_phrases(transition)] if renaming else []
    phrases += [p for c in mailbox_first for p in (_renamed if renaming else _plain)(c, transition)]
    phrases += [*attachment_phrase(transition.changes), *_told(transition, new=creating and not renaming)]
    opening = _opening(transition, renaming)
    yield from [f"{opening}{phrases[0]}", *phrases[1:]] if phrases else []
    if transition.action is Action.DELETE:
        yield "mail files are kept" if _deletes_ox_user(transition) else "mail files and anything in OX are kept"


def makes_password(changes: Iterable[Change]) -> bool:
    """Whether one of these gives the account a new password."""
    return any(c.kind == "password" or c.makes_credential for c in changes)


def alias_fields(change: Change) -> Iterator[str]:
    """What an update of an alias changes."""
    for field, old, new in change.fields():
        if field == "goto":
            yield difference(old, new)
        elif field == "active":
            yield "switched on" if new else "switched off"
        elif field == "spelling":
            yield _respelled(old, change.key)


def _respelled(old: object, key: str) -> str:
    return f"stored as {quoted(old)}, which no look-up finds → {quoted(key)}"


def _deletes_ox_user(transition: Transition) -> bool:
    return any(loss.kind == "ox_user" for loss in transition.losses)


def _opening(transition: Transition, renaming: bool) -> str:
    if renaming:
        return "rename: "
    if transition.action is Action.CREATE:
        return "account: "
    if transition.action is Action.DELETE:
        return "account removed for good: "
    return "removal: " if transition.effect is Effect.REMOVAL else ""


def _told(transition: Transition, *, new: bool) -> Iterator[str]:
    """The new password, and whether anybody tells them."""
    made = makes_password(transition.changes)
    if made and not new:
        yield "new password"
    elif any(change.kind == "password" for change in transition.changes):
        yield "the OX user that exists gets the new password"
    if any(change.kind == "letter" for change in transition.changes):
        yield "letter" if new else "letter to their register address"
    elif made:
        yield "its password must be set by other means"
    elif is_move(transition):
        yield "they must be told by other means"


def _renamed(change: Change, transition: Transition) -> Iterable[str]:
    """A change of an account that is renamed; what `mailbox_phrases` sums up is not said again."""
    subject = transition.owner.subject
    match change.row:
        case MailboxRow():
            return _mailbox_of_rename(change, subject)
        case AliasRow():
            told = change.key == subject or lead_here(change, subject)
            return () if told else _member_alias(change)
        case OxUserRow():
            return () if change.action is Action.DELETE else (ox_user_phrase(change),)
    return () if change.kind == "welcome_mail" else _other(change)


def _mailbox_of_rename(change: Change, subject: str) -> Iterator[str]:
    old = "" if change.key == subject else "old mailbox "
    if change.action is Action.DELETE:
        yield f"{old or 'mailbox '}removed"
    for field, before, after in change.fields():
        if field == "quota":
            yield f"{old}quota {megabytes(before)} → {megabytes(after)}"
        elif field == "active":
            yield f"{old}switched {'on' if after else 'off'}"
        elif field == "spelling":
            yield f"{old}{_respelled(before, change.key)}"


def _plain(change: Change, transition: Transition) -> Iterable[str]:
    match change.row:
        case MailboxRow():
            return _mailbox(change, transition.owner.subject)
        case AliasRow() if change.key == transition.owner.subject:
            return _own_alias(change, transition)
        case AliasRow():
            return _member_alias(change)
        case OxUserRow():
            return _ox_user(change)
    if change.kind == "welcome_mail" and transition.action is Action.CREATE:
        return ()
    return _other(change)


def _other(change: Change) -> Iterator[str]:
    match change.kind:
        case "subscriptions":
            yield "OX subscriptions removed, those still needed must be made anew"
        case "welcome_mail":
            yield "welcome mail"
        case "vacation":
            if change.action is not Action.RENAME:  # the rename says it
                yield f"vacation {'removed' if change.action is Action.DELETE else f'{change.action}d'}"
        case kind if kind not in _SAID_ELSEWHERE:
            yield f"{noun(kind)} {change.action}d"


def _mailbox(change: Change, subject: str) -> Iterator[str]:
    row = change.row
    assert isinstance(row, MailboxRow)
    old = "" if change.key == subject else f"old mailbox {short(change.key, subject)}: "
    if change.action in (Action.CREATE, Action.DELETE):
        yield f"{old}mailbox {megabytes(row.quota)}"
        if change.action is Action.CREATE and not row.active:
            yield "switched off"
        return
    for field, before, after in change.fields():
        if field == "name":
            yield f"{old}name {quoted(before)} → {quoted(after)}"
        elif field == "quota":
            yield f"{old}quota {megabytes(before)} → {megabytes(after)}"
        elif field == "active":
            yield f"{old}switched {'on' if after else 'off'}"
        elif field == "spelling":
            yield f"{old}{_respelled(before, change.key)}"


def _own_alias(change: Change, transition: Transition) -> Iterator[str]:
    """The mailbox's own alias row. What its mailbox says already is not said again."""
    if change.action is not Action.UPDATE:
        if transition.action is Action.UPDATE:
            yield "own alias row added" if change.action is Action.CREATE else "own alias row removed"
        return
    mailbox_too = any(c.kind == "mailbox" and any(f == "active" for f, _, _ in c.fields()) for c in transition.changes)
    for field, old, new in change.fields():
        if field == "active" and not mailbox_too:
            yield f"own alias row switched {'on' if new else 'off'}"
        elif field == "goto":
            yield f"own alias row leads to {'nowhere' if not new else difference(old, new)}"
        elif field == "spelling":
            yield f"own alias row {_respelled(old, change.key)}"


def _member_alias(change: Change) -> Iterator[str]:
    name = f"alias {short(change.key, change.owner.subject)}"
    match change.action:
        case Action.CREATE:
            yield name
        case Action.DELETE:
            yield f"{name} removed"
        case Action.UPDATE | Action.RENAME:
            yield f"{name}: {', '.join(alias_fields(change))}"


def _ox_user(change: Change) -> Iterator[str]:
    row = change.row
    assert isinstance(row, OxUserRow)
    if change.action in (Action.CREATE, Action.DELETE):
        yield "OX user" if change.action is Action.CREATE else deleted_ox_user(row)
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
