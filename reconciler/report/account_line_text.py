"""What happens to one account, in words. `plan_line_text.sentence` calls it; no decision is made here."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

from reconciler.model.members import LANGUAGE_NAMES
from reconciler.model.record_kinds import noun
from reconciler.model.records import AliasRow, LetterRow, MailboxRow, OxUserRow
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

_SAID_ELSEWHERE = frozenset({"password", "given_password", "letter", "attachment"})


def account_phrases(transition: Transition) -> Iterator[str]:
    """Everything that a person would notice, the most important first."""
    renaming = transition.action is Action.RENAME
    mailbox_first = sorted(transition.changes, key=lambda change: change.kind != "mailbox")
    phrases = [*lost_with_rename(transition), *mailbox_phrases(transition)] if renaming else []
    phrases += [p for c in mailbox_first for p in (_renamed if renaming else _plain)(c, transition)]
    phrases += [*attachment_phrase(transition.changes), *_told(transition, new=transition.action is Action.CREATE)]
    yield from [f"{_opening(transition)}{phrases[0]}", *phrases[1:]] if phrases else []
    if transition.action is Action.DELETE:
        ox_user_goes = any(loss.kind == "ox_user" for loss in transition.losses)
        yield "mail files are kept" if ox_user_goes else "mail files and anything in OX are kept"


def makes_password(changes: Iterable[Change]) -> bool:
    """Whether one of these gives the account a new password."""
    return any(c.kind == "password" or c.makes_credential for c in changes)


def field_phrases(change: Change, prefix: str = "", without: Container[str] = ()) -> Iterator[str]:
    """What an update of a mailbox or an alias changes."""
    for field, old, new in change.fields():
        match field:
            case _ if field in without:
                pass
            case "name":
                yield f"{prefix}name {quoted(old)} → {quoted(new)}"
            case "quota":
                yield f"{prefix}quota {megabytes(old)} → {megabytes(new)}"
            case "active":
                yield f"{prefix}switched {'on' if new else 'off'}"
            case "spelling":
                yield f"{prefix}stored as {quoted(old)}, which no look-up finds → {quoted(change.key)}"
            case "goto" if prefix:
                yield f"{prefix}leads to {difference(old, new) if new else 'nowhere'}"
            case "goto":
                yield difference(old, new)


def _opening(transition: Transition) -> str:
    match transition.action:
        case Action.RENAME:
            return "rename: "
        case Action.CREATE:
            return "account: "
        case Action.DELETE:
            return "account removed for good: "
        case Action.UPDATE:
            return "removal: " if transition.effect is Effect.REMOVAL else ""


def _told(transition: Transition, *, new: bool) -> Iterator[str]:
    """The new password, and whether a letter tells it."""
    if any(change.kind == "given_password" for change in transition.changes):
        yield "a typed password, which no letter tells"
        return
    made = makes_password(transition.changes)
    if made and not new:
        yield "new password"
    elif any(change.kind == "password" for change in transition.changes):
        yield "the OX user that exists gets the new password"
    letter = next((change.row for change in transition.changes if isinstance(change.row, LetterRow)), None)
    if letter is not None:
        language = f" in {LANGUAGE_NAMES[letter.language]}" if letter.language else ""
        yield f"letter{language}" if new else f"letter{language} to their register address"
    elif made:
        yield "its password must be set by other means"
    elif is_move(transition):
        yield "they must be told by other means"


def _renamed(change: Change, transition: Transition) -> Iterable[str]:
    """A change of an account that is renamed; what `mailbox_phrases` sums up is not said again."""
    subject = transition.owner.subject
    match change.row:
        case MailboxRow():
            old = "" if change.key == subject else "old mailbox "
            removed = [f"{old or 'mailbox '}removed"] if change.action is Action.DELETE else []
            return (*removed, *field_phrases(change, old, {"name"}))
        case AliasRow():
            covered = change.key == subject or lead_here(change, subject)
            return () if covered else _member_alias(change)
        case OxUserRow():
            return () if change.action is Action.DELETE else (ox_user_phrase(change),)
    return () if change.kind == "welcome_mail" else _other(change)


def _plain(change: Change, transition: Transition) -> Iterable[str]:
    match change.row:
        case MailboxRow() as row:
            return _mailbox(change, row)
        case AliasRow() if change.key == transition.owner.subject:
            return _own_alias(change, transition)
        case AliasRow():
            return _member_alias(change)
        case OxUserRow() as row:
            return _ox_user(change, row)
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


def _mailbox(change: Change, row: MailboxRow) -> Iterator[str]:
    subject = change.owner.subject
    old = "" if change.key == subject else f"old mailbox {short(change.key, subject)}: "
    if change.action in (Action.CREATE, Action.DELETE):
        yield f"{old}mailbox {megabytes(row.quota)}"
    if change.action is Action.CREATE and not row.active:
        yield "switched off"
    yield from field_phrases(change, old)


def _own_alias(change: Change, transition: Transition) -> Iterable[str]:
    """The mailbox's own alias row. What its mailbox says already is not said again."""
    name = "own alias row "
    if change.action is Action.UPDATE:
        switched = any(c.kind == "mailbox" and any(f == "active" for f, _, _ in c.fields()) for c in transition.changes)
        return field_phrases(change, name, {"active"} if switched else ())
    phrase = f"{name}{'added' if change.action is Action.CREATE else 'removed'}"
    return (phrase,) if transition.action is Action.UPDATE else ()


def _member_alias(change: Change) -> Iterator[str]:
    name = f"alias {short(change.key, change.owner.subject)}"
    match change.action:
        case Action.CREATE:
            yield name
        case Action.DELETE:
            yield f"{name} removed"
        case Action.UPDATE | Action.RENAME:
            yield f"{name}: {', '.join(field_phrases(change))}"


def _ox_user(change: Change, row: OxUserRow) -> Iterator[str]:
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
