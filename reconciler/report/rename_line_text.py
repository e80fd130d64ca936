"""The rename of an account in words. `plan_line_text` and `account_line_text` call it; it decides nothing.

A transition knows its account by the newest address. The older ones are the keys of what belongs to it and is not it:
the old mailbox, the old mailbox that is attached, the record that changes its key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.model.records import AliasRole, AliasRow, AttachmentRow, MailboxRow, OxUserRow, PasswordRow, VacationRow
from reconciler.planning.changes import Action, Change
from reconciler.planning.forwards import counted
from reconciler.planning.transitions import Transition
from reconciler.report.vocabulary import joined, listed, quoted, short
from reconciler.translation import tr, tr_number

_NAMES_A_MAILBOX = (MailboxRow, AttachmentRow, PasswordRow, VacationRow)


def former_addresses(transition: Transition) -> tuple[str, ...]:
    """The older addresses of the account that this transition touches, as far as its changes show them."""
    return tuple(dict.fromkeys(key for c in transition.changes for key in _older(c, transition.owner.subject)))


def renamed_from(transition: Transition) -> str:
    """The address that the account leaves; empty when no change shows it."""
    keys = (c.before.key for c in transition.changes if c.action is Action.RENAME and c.before is not None)
    left = (key for key in keys if "@" in key and key != transition.owner.subject)
    return next(left, next(iter(former_addresses(transition)), ""))


def is_move(transition: Transition) -> bool:
    """Whether the mailbox itself is re-keyed: its mail and its password stay."""
    return any(c.kind == "mailbox" and c.action is Action.RENAME for c in transition.changes)


def lost_with_rename(transition: Transition) -> Iterator[str]:
    """A second OX account with one of the new names; the person's own is never deleted by a rename."""
    for change in transition.changes:
        if isinstance(change.row, OxUserRow) and change.action is Action.DELETE:
            yield tr("second {user}", user=deleted_ox_user(change.row))


def mailbox_phrases(transition: Transition) -> Iterator[str]:
    """What becomes of the mailbox, and which addresses lead to it."""
    subject = transition.owner.subject
    if is_move(transition):
        yield tr("mailbox moves with its mail, password stays")
    elif any(c.kind == "mailbox" and c.action is Action.CREATE and c.key == subject for c in transition.changes):
        yield tr("new mailbox")
    yield from _leading(transition)
    yield from _carried(transition)


def attachment_phrase(changes: Sequence[Change]) -> Iterator[str]:
    """The old mailbox, attached in OX."""
    if number := sum(c.kind == "attachment" for c in changes):
        yield tr("old mailbox attached") if number == 1 else tr("{number} old mailboxes attached", number=number)


def lead_here(change: Change, subject: str) -> bool:
    """Whether this alias, of a former address or of the member number, leads to the account afterwards."""
    row = change.after
    return isinstance(row, AliasRow) and change.key != subject and subject in row.goto and row.active


def _older(change: Change, subject: str) -> Iterator[str]:
    before, row = change.before, change.row
    if change.action is Action.RENAME and before is not None and "@" in before.key and before.key != subject:
        yield before.key
    if isinstance(row, _NAMES_A_MAILBOX) and change.key != subject:
        yield change.key
    if isinstance(row, AliasRow) and row.role is AliasRole.FORMER:
        yield change.key


def _leading(transition: Transition) -> Iterator[str]:
    """`10042@ and the old address lead to it`."""
    subject, former = transition.owner.subject, former_addresses(transition)
    keys = [c.key for c in transition.changes if lead_here(c, subject)]
    names = [short(key, subject) for key in keys if key not in former]
    old = [short(key, subject) for key in keys if key in former]
    if old:
        names.append(tr("the old address") if len(old) == 1 else tr("the old addresses ({names})", names=listed(old)))
    if names:
        others = [listed(names[:-1])] if names[:-1] else []
        leading = len(names) if len(old) < 2 else len(names) + len(old) - 1
        yield tr_number("{names} leads to it", "{names} lead to it", leading, names=joined((*others, names[-1])))


def _carried(transition: Transition) -> Iterator[str]:
    """What the user had set up at the old address and keeps."""
    subject = transition.owner.subject
    for change in transition.changes:
        row = change.after
        if isinstance(row, AliasRow) and change.key == subject and set(row.goto) - {subject}:
            before = change.before.goto if isinstance(change.before, AliasRow) else ()
            if brought := [target for target in row.goto if target != subject and target not in before]:
                yield tr("forwards come along ({addresses})", addresses=listed(counted(brought, transition.private)))
        elif isinstance(row, VacationRow) and change.action is Action.RENAME:
            yield tr("vacation comes along")


def ox_user_phrase(change: Change) -> str:
    row = change.row
    assert isinstance(row, OxUserRow)
    match change.action:
        case Action.RENAME:
            return tr("{user} follows", user=_user(row))
        case Action.UPDATE:
            return tr("{user} corrected", user=_user(row))
        case _:
            return tr("OX user")


def deleted_ox_user(row: OxUserRow) -> str:
    """In capitals: OX does not ask again, and nothing restores it (facts/open-xchange.md, `deleteuser`)."""
    user = f"{_user(row)} {quoted(row.login)}" if row.login else _user(row)
    return tr("{user} DELETED with all its data", user=user)


def _user(row: OxUserRow) -> str:
    return tr("OX user {id}", id=row.id).rstrip()
