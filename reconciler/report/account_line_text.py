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
from reconciler.report.vocabulary import difference, joined, megabytes, quoted, short
from reconciler.translation import marked, tr

_OX_FIELDS: Mapping[str, str] = {
    "login": marked("login"),
    "display_name": marked("display name"),
    "given_name": marked("given name"),
    "surname": marked("surname"),
    "primary": marked("primary address"),
    "email1": marked("e-mail"),
    "default_sender": marked("sender address"),
    "imap_login": marked("IMAP login"),
}

_SAID_ELSEWHERE = frozenset({"password", "given_password", "letter", "attachment"})


def account_phrases(transition: Transition) -> Iterator[str]:
    """Everything that a person would notice, the most important first."""
    renaming = transition.action is Action.RENAME
    mailbox_first = sorted(transition.changes, key=lambda change: change.kind != "mailbox")
    phrases = [*lost_with_rename(transition), *mailbox_phrases(transition)] if renaming else []
    phrases += [p for c in mailbox_first for p in (_renamed if renaming else _plain)(c, transition)]
    phrases += [*attachment_phrase(transition.changes), *_told(transition, new=transition.action is Action.CREATE)]
    yield from [_opened(transition, phrases[0]), *phrases[1:]] if phrases else []
    if transition.action is Action.DELETE:
        ox_user_goes = any(loss.kind == "ox_user" for loss in transition.losses)
        yield tr("mail files are kept") if ox_user_goes else tr("mail files and anything in OX are kept")


def makes_password(changes: Iterable[Change]) -> bool:
    """Whether one of these gives the account a new password."""
    return any(c.kind == "password" or c.makes_credential for c in changes)


def happened(change: Change) -> str:
    """What becomes of a record of which nothing else is known."""
    return tr(_HAPPENED[change.action], what=noun(change.kind))


_HAPPENED: Mapping[Action, str] = {
    Action.CREATE: marked("{what} created"),
    Action.UPDATE: marked("{what} updated"),
    Action.RENAME: marked("{what} renamed"),
    Action.DELETE: marked("{what} deleted"),
}


def field_phrases(
    change: Change, about: str = "", without: Container[str] = (), private: Container[str] = ()
) -> Iterator[str]:
    """What an update of a mailbox or an alias changes; `about` says of which where that is not said. Targets that are
    `private` are counted."""
    prefix = f"{about} " if about else ""
    for field, old, new in change.fields():
        match field:
            case _ if field in without:
                pass
            case "name":
                yield prefix + tr("name {old} → {new}", old=quoted(old), new=quoted(new))
            case "quota":
                yield prefix + tr("quota {old} → {new}", old=megabytes(old), new=megabytes(new))
            case "active":
                yield prefix + (tr("switched on") if new else tr("switched off"))
            case "spelling":
                stored = tr("stored as {old}, which no look-up finds → {new}", old=quoted(old), new=quoted(change.key))
                yield prefix + stored
            case "goto" if prefix:
                yield prefix + tr(
                    "leads to {addresses}", addresses=difference(old, new, private) if new else tr("nowhere")
                )
            case "goto":
                yield difference(old, new, private)


def _opened(transition: Transition, phrase: str) -> str:
    match transition.action:
        case Action.RENAME:
            return tr("rename: {what}", what=phrase)
        case Action.CREATE:
            return tr("account: {what}", what=phrase)
        case Action.DELETE:
            return tr("account removed for good: {what}", what=phrase)
        case Action.UPDATE:
            return tr("removal: {what}", what=phrase) if transition.effect is Effect.REMOVAL else phrase


def _told(transition: Transition, *, new: bool) -> Iterator[str]:
    """The new password, and whether a letter tells it."""
    if any(change.kind == "given_password" for change in transition.changes):
        yield tr("a typed password, which no letter tells")
        return
    made = makes_password(transition.changes)
    if made and not new:
        yield tr("new password")
    elif any(change.kind == "password" for change in transition.changes):
        yield tr("the OX user that exists gets the new password")
    letter = next((change.row for change in transition.changes if isinstance(change.row, LetterRow)), None)
    if letter is not None:
        yield (
            _letter(letter.language)
            if new
            else tr("{letter} to their register address", letter=_letter(letter.language))
        )
    elif made:
        yield tr("its password must be set by other means")
    elif is_move(transition):
        yield tr("they must be told by other means")


def _letter(language: str) -> str:
    return tr("letter in {language}", language=tr(LANGUAGE_NAMES[language])) if language else tr("letter")


def _renamed(change: Change, transition: Transition) -> Iterable[str]:
    """A change of an account that is renamed; what `mailbox_phrases` sums up is not said again."""
    subject = transition.owner.subject
    match change.row:
        case MailboxRow():
            old = "" if change.key == subject else tr("old mailbox")
            gone = tr("{what} removed", what=old or tr("mailbox"))
            return (*([gone] if change.action is Action.DELETE else []), *field_phrases(change, old, {"name"}))
        case AliasRow():
            covered = change.key == subject or lead_here(change, subject)
            return () if covered else _member_alias(change, transition.private)
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
            return _member_alias(change, transition.private)
        case OxUserRow() as row:
            return _ox_user(change, row)
    if change.kind == "welcome_mail" and transition.action is Action.CREATE:
        return ()
    return _other(change)


def _other(change: Change) -> Iterator[str]:
    match change.kind:
        case "subscriptions":
            yield tr("OX subscriptions removed, those still needed must be made anew")
        case "welcome_mail":
            yield tr("welcome mail")
        case "vacation":
            if change.action is not Action.RENAME:  # the rename says it
                gone = change.action is Action.DELETE
                yield tr("{what} removed", what=noun(change.kind)) if gone else happened(change)
        case kind if kind not in _SAID_ELSEWHERE:
            yield happened(change)


def _mailbox(change: Change, row: MailboxRow) -> Iterator[str]:
    subject = change.owner.subject
    old = "" if change.key == subject else tr("old mailbox {address}:", address=short(change.key, subject))
    if change.action in (Action.CREATE, Action.DELETE):
        yield " ".join(filter(None, (old, tr("mailbox {quota}", quota=megabytes(row.quota)))))
    if change.action is Action.CREATE and not row.active:
        yield tr("switched off")
    yield from field_phrases(change, old)


def _own_alias(change: Change, transition: Transition) -> Iterable[str]:
    """The mailbox's own alias row. What its mailbox says already is not said again."""
    name = tr("own alias row")
    if change.action is Action.UPDATE:
        switched = any(c.kind == "mailbox" and any(f == "active" for f, _, _ in c.fields()) for c in transition.changes)
        return field_phrases(change, name, {"active"} if switched else (), transition.private)
    if transition.action is not Action.UPDATE:
        return ()
    added = change.action is Action.CREATE
    return (tr("{what} added", what=name) if added else tr("{what} removed", what=name),)


def _member_alias(change: Change, private: Container[str]) -> Iterator[str]:
    name = tr("alias {address}", address=short(change.key, change.owner.subject))
    match change.action:
        case Action.CREATE:
            yield name
        case Action.DELETE:
            yield tr("{what} removed", what=name)
        case Action.UPDATE | Action.RENAME:
            yield f"{name}: {', '.join(field_phrases(change, private=private))}"


def _ox_user(change: Change, row: OxUserRow) -> Iterator[str]:
    if change.action in (Action.CREATE, Action.DELETE):
        yield tr("OX user") if change.action is Action.CREATE else deleted_ox_user(row)
        return
    same: dict[tuple[object, object], list[str]] = {}
    for field, old, new in change.fields():
        if field in _OX_FIELDS:
            same.setdefault((old, new), []).append(tr(_OX_FIELDS[field]))
        elif field == "aliases":
            yield tr("OX addresses {changes}", changes=difference(old, new))
    for (old, new), fields in same.items():
        yield tr("OX {fields} {old} → {new}", fields=joined(fields), old=quoted(old), new=quoted(new))
