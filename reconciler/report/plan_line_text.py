"""One transition in words: what a person would notice, in the order in which they would ask. `plan_view` calls it.

No decision is made here, and nothing that `changes.HIDDEN` names is ever said.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.addresses import local_part
from reconciler.model.record_kinds import kind_of, noun
from reconciler.model.records import AliasRow, BlockRow, OxUserRow, Scope
from reconciler.planning.changes import Action, Change
from reconciler.planning.transitions import Effect, Transition, switches_off
from reconciler.report.account_line_text import account_phrases, field_phrases, happened, makes_password
from reconciler.report.attention import Attention
from reconciler.report.rename_line_text import renamed_from
from reconciler.report.vocabulary import listed, quoted, short
from reconciler.translation import tr


def sentence(transition: Transition) -> str:
    """What happens to the subject, in words, its reason behind it."""
    match transition.owner.scope:
        case Scope.ACCOUNT:
            text = ", ".join(account_phrases(transition))
        case Scope.ALIAS:
            text = ", ".join(phrase for change in transition.changes for phrase in _alias(change))
        case Scope.BLOCK:
            # one block may need two keys of the map (A- and U-label); it is said once
            text = ", ".join(dict.fromkeys(phrase for change in transition.changes for phrase in _block(change)))
        case _:
            text = ", ".join(kind_of(change.kind).line(change.before, change.after) for change in transition.changes)
    return f"{text}: {transition.reason}" if transition.reason else text


def title(transition: Transition) -> str:
    """The head of the line: the subject, of a renamed account with the address that it leaves."""
    subject = transition.owner.subject
    old = renamed_from(transition) if transition.action is Action.RENAME else ""
    return f"{short(old, subject)} → {subject}" if old else subject


def label(change: Change) -> str:
    """What one step is about: `mailbox`, `alias 10042@`, `letter to their register address`."""
    subject, what = change.owner.subject, noun(change.kind)
    match change.kind:
        case "ox_user" if change.action in (Action.RENAME, Action.DELETE) and isinstance(change.row, OxUserRow):
            user = f"{what} {change.row.id or change.key}"
            return tr("{what} (deletion)", what=user) if change.action is Action.DELETE else user
        case "password" | "given_password":
            if change.key == subject:
                return f"{what} ({change.system})"
            return tr(
                "{what} of {address} ({system})", what=what, address=short(change.key, subject), system=change.system
            )
        case "mailbox" if change.key != subject:
            return tr("old mailbox {address}", address=short(change.key, subject))
        case "alias" if change.key != subject:
            return tr("alias {address}", address=short(change.key, subject))
        case "block" if change.key != subject:
            return tr("sender block {key}", key=change.key)
    return what


def attention(transition: Transition) -> Iterator[Attention]:
    """Why a reviewer should look closer at this line, if at all."""
    renaming = transition.action is Action.RENAME
    for loss in transition.losses:
        yield Attention.OX_DELETION if loss.kind == "ox_user" else Attention.PURGE
    if any(change.kind == "subscriptions" for change in transition.changes):
        yield Attention.SUBSCRIPTIONS
    if transition.effect is Effect.REMOVAL and transition.owner.scope is not Scope.BLOCK:
        yield Attention.REMOVAL
    elif any(map(switches_off, transition.changes)):
        yield Attention.SWITCH_OFF
    if renaming:
        yield Attention.RENAME
    if transition.action is not Action.CREATE and not renaming and makes_password(transition.changes):
        yield Attention.NEW_PASSWORD


def _alias(change: Change) -> Iterator[str]:
    row = change.row
    if not isinstance(row, AliasRow):
        yield happened(change)
        return
    name = tr("catch-all") if local_part(change.key) == "*" else tr("alias")
    match change.action:
        case Action.CREATE:
            yield f"{name} → {listed(row.goto)}"
            if not row.active:
                yield tr("switched off")
        case Action.DELETE:
            yield tr("{name} removed, it led to {addresses}", name=name, addresses=listed(row.goto))
        case Action.UPDATE | Action.RENAME:
            yield f"{name}: {', '.join(field_phrases(change))}"


def _block(change: Change) -> Iterator[str]:
    row = change.row
    if not isinstance(row, BlockRow):
        yield happened(change)
        return
    block = tr("sender block (address)") if "@" in change.key else tr("sender block (domain)")
    match change.action:
        case Action.DELETE:
            yield tr("sender block lifted")
        case Action.UPDATE | Action.RENAME:
            old = next((old for field, old, _ in change.fields() if field == "action"), "")
            yield tr("{block}, action {old} → {new}", block=block, old=quoted(old), new=quoted(row.action))
        case Action.CREATE:
            reject = row.action == "REJECT"
            yield block if reject else tr("{block}, action {new}", block=block, new=quoted(row.action))
