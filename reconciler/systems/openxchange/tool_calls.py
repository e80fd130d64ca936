"""What one change needs, given the user as it is now: a write, or nothing, or a refusal. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.records import OxUserRow, PasswordRow
from reconciler.planning.changes import Action, Change, Outcome, Result
from reconciler.planning.live_users import addresses_of
from reconciler.settings import OpenXchange
from reconciler.systems.openxchange.listuser_csv import Listed
from reconciler.systems.openxchange.provisioning import Write
from reconciler.systems.openxchange.tool_answers import PLAN

Values = dict[str, str | tuple[str, ...]]
_NAMES = ("login", "display_name", "given_name", "surname", "imap_login")
_ADDRESSES = ("primary", "email1", "default_sender")
_FIELDS = (*_NAMES, *_ADDRESSES)


def intend(change: Change, user: Listed | None, section: OpenXchange) -> Write | Outcome:
    """The write that brings `change` about; an Outcome when there is nothing to do or nothing may be done."""
    if change.action is Action.DELETE:
        return _delete(change, user)
    match change.after:
        case PasswordRow() as row:
            return _set_password(row, user)
        case OxUserRow() as row if change.action is Action.CREATE:
            return _create(change, row, user, section)
        case OxUserRow() as row:
            return _update(change, row, user)
    raise TypeError(f"no such effect in OX: {change.kind} {change.action}")


def in_place(change: Change, user: Listed | None) -> bool:
    """Whether the user is what the change makes of it. Passwords cannot be seen."""
    if change.action is Action.DELETE:
        return user is None
    return user is not None and isinstance(change.after, OxUserRow) and not differences(change, user)


def differences(change: Change, user: Listed) -> list[tuple[str, str, str]]:
    """(field, wanted, found) of what is not yet as the change makes it. Aliases that we do not need are left."""
    after, found = change.after, user.row
    if not isinstance(after, OxUserRow):
        return []
    pairs = ((name, getattr(after, name), getattr(found, name)) for name in _FIELDS)
    wrong = [(name, wanted, live) for name, wanted, live in pairs if wanted != live]
    missing = _needed(change, after) - set(found.aliases)
    if missing:
        wrong.append(("aliases", ", ".join(sorted(missing)), ", ".join(found.aliases)))
    return wrong


def described(wrong: list[tuple[str, str, str]]) -> str:
    """The differences in one line."""
    return "; ".join(f"{name.replace('_', ' ')} is {live!r}, not {wanted!r}" for name, wanted, live in wrong)


def _needed(change: Change, after: OxUserRow) -> set[str]:
    """The aliases that the change is about. Others that the row had when it was planned may have gone since."""
    before = change.before.aliases if isinstance(change.before, OxUserRow) else ()
    return (set(after.aliases) - set(before)) | {after.primary, after.default_sender}


def _create(change: Change, row: OxUserRow, user: Listed | None, section: OpenXchange) -> Write | Outcome:
    if user is None:
        values = {
            **{name: str(getattr(row, name)) for name in _NAMES},
            **_addresses(row.primary, row.default_sender, row.aliases),
            "language": section.language,
            "timezone": section.timezone,
        }
        return Write(Action.CREATE, values=values, password=True)
    if in_place(change, user):
        # made by a creation whose answer was lost, or by hand a moment ago: its password is not known to be ours, and
        # ours is the one that the letter carries
        return Write(Action.UPDATE, user.row.id, _repair(user), password=True)
    message = f"OX user {user.row.id} has the login {row.login!r} by now: {described(differences(change, user))}"
    return Outcome.lost_race(message, PLAN)


def _update(change: Change, row: OxUserRow, user: Listed | None) -> Write | Outcome:
    before = change.before
    assert isinstance(before, OxUserRow)
    if user is None:
        return Outcome.lost_race(f"OX user {before.id} ({before.login}) is gone since the plan was made", PLAN)
    # a field may be as planned or already as wanted: changeuser is several calls and may have died between them
    if raced := _race(before, user, _FIELDS, row):
        return raced
    if in_place(change, user):
        return Outcome(Result.DONE)
    return Write(Action.UPDATE, user.row.id, _changed(change, row, user))


def _changed(change: Change, row: OxUserRow, user: Listed) -> Values:
    """Only what differs: OX leaves alone what it is not given."""
    wrong = {name for name, _, _ in differences(change, user)}
    values: Values = {name: getattr(row, name) for name in _NAMES if name in wrong}
    if wrong & {*_ADDRESSES, "aliases"} or user.stored.breaks_the_rule:
        values |= _addresses(row.primary, row.default_sender, {*user.row.aliases, *_needed(change, row)})
    return values


def _delete(change: Change, user: Listed | None) -> Write | Outcome:
    """Irreversible: the user must be exactly the one that was reviewed."""
    before = change.before
    assert isinstance(before, OxUserRow)
    if user is None:
        return Outcome(Result.DONE)
    if raced := _race(before, user, (*_FIELDS, "aliases"), before):
        return raced
    return Write(Action.DELETE, user.row.id)


def _race(before: OxUserRow, user: Listed, fields: Iterable[str], after: OxUserRow) -> Outcome | None:
    """The failure when one of the fields is neither as planned from nor as wanted."""
    raced = [
        f"{name.replace('_', ' ')} was {getattr(before, name)!r} in the plan and is {getattr(user.row, name)!r}"
        for name in fields
        if getattr(user.row, name) not in (getattr(before, name), getattr(after, name))
    ]
    return Outcome.lost_race(f"OX user {before.id} was changed meanwhile: {'; '.join(raced)}", PLAN) if raced else None


def _set_password(row: PasswordRow, user: Listed | None) -> Write | Outcome:
    if user is None:
        return Outcome.lost_race(f"OX user {row.target} of {row.key} is gone since the plan was made", PLAN)
    if row.key not in addresses_of(user.row):
        message = f"OX user {row.target} ({user.row.login}) no longer has the address {row.key}: no new password for it"
        return Outcome.lost_race(message, PLAN)
    return Write(Action.UPDATE, user.row.id, _repair(user), password=True)


def _repair(user: Listed) -> Values:
    """OX refuses every change, even of a name, while the stored addresses break its rule (facts 11)."""
    row = user.row
    if not user.stored.breaks_the_rule or not row.primary:
        return {}
    sender = row.default_sender or row.primary
    return _addresses(row.primary, sender, {*row.aliases, row.primary, sender})


def _addresses(primary: str, sender: str, aliases: Iterable[str]) -> Values:
    """Always the three together, in one casing: the server checks primary, email1 and default sender against the set,
    letter by letter, and a new primary address moves two of them (facts 3.3)."""
    return {"primary": primary, "default_sender": sender, "aliases": tuple(sorted(aliases))}
