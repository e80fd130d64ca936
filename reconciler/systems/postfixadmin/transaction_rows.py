"""What one transaction writes, from steps and the rows as they are now. Pure.

A row that somebody else changed since the plan stops its whole account: nothing of it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from reconciler.model.addresses import domain_of, local_part
from reconciler.model.records import AliasDomainRow, AliasRow, DomainRow, MailboxRow, Owner, PasswordRow, VacationRow
from reconciler.planning.changes import Action, Change, Outcome, Result, Step
from reconciler.settings import PostfixAdmin
from reconciler.systems.postfixadmin.observe import FreshRows, Live
from reconciler.systems.postfixadmin.stored_values import goto_text, quota_bytes, stored_alias
from reconciler.systems.postfixadmin.write_statements import (
    Edit,
    Move,
    Writes,
    new_alias,
    new_alias_domain,
    new_domain,
    new_mailbox,
    password_expiry,
)

AccountSteps = tuple[Step, ...]
"""The steps of one owner: all of them are written, or none."""
Outcomes = dict[str, Outcome]
"""Step id → outcome."""

_PLAN_AGAIN = "run `reconciler plan` again: it shows what is there now"
# PostfixAdmin writes the alias first (facts/postfixadmin.md 5.2, 5.3)
_ORDER = ("domain", "alias_domain", "alias", "mailbox", "vacation", "password", "given_password")


class LockedRows(NamedTuple):
    """What was read under locks: the rows, the days that passwords last by domain, the database's time."""

    found: FreshRows
    days: Mapping[str, int]
    now: datetime


def by_account(steps: Sequence[Step]) -> list[AccountSteps]:
    """The steps by owner, in PostfixAdmin's order."""
    grouped: dict[Owner, list[Step]] = {}
    for step in steps:
        grouped.setdefault(step.change.owner, []).append(step)
    return [tuple(sorted(own, key=lambda step: _ORDER.index(step.change.kind))) for own in grouped.values()]


def rows_of(step: Step) -> set[tuple[str, str]]:
    """(kind, key) of the stored rows that the step is about. A password is in its mailbox's; a rename has the old key
    too; an alias that is to go may be a mailbox's."""
    change = step.change
    kind = "mailbox" if isinstance(change.row, PasswordRow) else change.kind
    keys = {(kind, change.key)}
    if change.before is not None:
        keys.add((kind, change.before.key))
    if change.kind == "alias" and change.action is Action.DELETE:
        keys.add(("mailbox", change.key))
    return keys


def domains_of(change: Change) -> tuple[str, ...]:
    """The domains that must be there before this row can be; none for a domain's own."""
    match change.row:
        case DomainRow():
            return ()
        case AliasDomainRow() as row:
            return row.key, row.target
        case _:
            return (domain_of(change.key),)


def applied_in(found: FreshRows, step: Step) -> bool:
    """Whether the effect of a readable step is in place."""
    return _in_place(step.change, *_live(found, step.change))


def _live(found: FreshRows, change: Change) -> tuple[Live | None, Live | None]:
    """The row under the change's key, and under the old key of a rename."""
    left = found.get((change.kind, change.before.key)) if change.before and change.action is Action.RENAME else None
    return found.get((change.kind, change.key)), left


class Batch:
    """What the accounts of one transaction write, and the outcomes of their steps once it is committed."""

    def __init__(self, locked: LockedRows, section: PostfixAdmin, hashes: Mapping[str, str]) -> None:
        self.writes = Writes()
        self.outcomes: Outcomes = {}
        self._found, self._days, self._now = locked
        self._section = section
        self._hashes = hashes

    def add(self, account: AccountSteps) -> None:
        """Adds an account's writes, or the reason why it is left out."""
        open_steps = [step for step in account if not (step.readable and applied_in(self._found, step))]
        self.outcomes |= {step.id: Outcome(Result.DONE) for step in account}
        changes = [step.change for step in account]
        problems = {step.id: problem for step in open_steps if (problem := self._problem(step.change, changes))}
        if problems:
            left = Outcome(Result.NOT_TRIED, f"left as it is, because {next(iter(problems.values())).message}")
            self.outcomes |= {step.id: problems.get(step.id, left) for step in open_steps}
            return
        for step in open_steps:
            self._write(step.change, changes)

    def _problem(self, change: Change, account: Sequence[Change]) -> Outcome | None:
        if isinstance(change.row, PasswordRow):
            gone = f"the mailbox {change.key} has been deleted by somebody else meanwhile"
            return None if self._mailbox_now(change.key, account) else Outcome.lost_race(gone, _PLAN_AGAIN)
        if not change.key.isascii():
            return Outcome(Result.FAILED, f"{change.key}: PostfixAdmin's tables hold ASCII addresses only", "rename it")
        problem = _conflict(change, *_live(self._found, change))
        if problem := problem or self._still_an_own_alias(change, account):
            return Outcome.lost_race(problem, _PLAN_AGAIN)
        moves = change.action in (Action.CREATE, Action.RENAME) or _respells(change)
        for domain in domains_of(change) if moves else ():
            if domain not in self._days:
                hint = f"declare it under `domains:`, or create it there first: postfixadmin-cli domain add {domain}"
                return Outcome(Result.FAILED, f"{change.key}: PostfixAdmin has no domain {domain}", hint)
        return None

    def _still_an_own_alias(self, change: Change, account: Sequence[Change]) -> str | None:
        """A mailbox without its alias falls to the catch-all, and PostfixAdmin cannot edit it (facts 5.3, 6)."""
        if change.kind != "alias" or change.action is not Action.DELETE:
            return None
        goes = any(c.kind == "mailbox" and c.action is Action.DELETE and c.key == change.key for c in account)
        there = ("mailbox", change.key) in self._found
        return f"{change.key} is the alias of a mailbox that stays" if there and not goes else None

    def _mailbox_now(self, key: str, account: Sequence[Change]) -> Live | None:
        """The stored row of a mailbox, which may still be under the key that this transaction changes."""
        old = next((c.before for c in account if c.kind == "mailbox" and c.key == key and c.before), None)
        return self._found.get(("mailbox", key)) or (self._found.get(("mailbox", old.key)) if old else None)

    def _write(self, change: Change, account: Sequence[Change]) -> None:
        match change.row:
            case AliasRow() as row:
                self._alias(change, row, account)
            case MailboxRow() as row:
                self._mailbox(change, row)
            case VacationRow() as row:
                self.writes.vacation_moves.append(self._move(change, row.key))
            case PasswordRow() as row:
                live = self._mailbox_now(row.key, account)
                assert live is not None
                self._edit_mailbox(live, row.key, password=self._hashes[row.key], password_expiry=self._expiry(row.key))
            case DomainRow() as row:
                self._domain(change, row)
            case AliasDomainRow() as row:
                self._alias_domain(change, row)
            case _:
                raise ValueError(f"PostfixAdmin cannot carry out {change.action} of {change.kind} {change.key}")

    def _domain(self, change: Change, row: DomainRow) -> None:
        live = self._found.get(("domain", row.key))
        if live is None:
            self.writes.domains.append(new_domain(row))
            self._log("create_domain", row.key)
            return
        values = {name: new for name, _, new in change.fields()}
        self.writes.domain_edits.append(Edit(live.stored, values))
        self._log("edit_domain", row.key)

    def _alias_domain(self, change: Change, row: AliasDomainRow) -> None:
        live = self._found.get(("alias_domain", row.key))
        if live is None:
            self.writes.alias_domains.append(new_alias_domain(row))
            self._log("create_alias_domain", row.key)
        elif change.action is Action.DELETE:
            self.writes.alias_domain_deletions.append(live.stored)
            self._log("delete_alias_domain", row.target)  # PostfixAdmin's oddity (facts/postfixadmin.md 5.5)
        else:
            columns = {"target": "target_domain"}
            values = {columns.get(name, name): new for name, _, new in change.fields()}
            self.writes.alias_domain_edits.append(Edit(live.stored, values))
            self._log("edit_alias_domain", row.key)

    def _alias(self, change: Change, row: AliasRow, account: Sequence[Change]) -> None:
        live = self._found.get(("alias", row.key))
        if live is None:
            self.writes.aliases.append(new_alias(row, self._stored_targets(account)))
            self._log("create_alias", stored_alias(row.key))
            return
        if change.action is Action.DELETE:
            self.writes.alias_deletions.append(live.stored)
            # PostfixAdmin logs a mailbox's alias with its mailbox (facts/postfixadmin.md 5.4, 5.6)
            if ("mailbox", row.key) not in self._found:
                self._log("delete_alias", stored_alias(row.key))
            return
        values: dict[str, object] = {}
        for name, _, new in change.fields():
            values[name] = goto_text(row.goto, row.key, self._stored_targets(account)) if name == "goto" else new
        if values.pop("spelling", None) is not None:
            values |= {"address": stored_alias(row.key), "domain": domain_of(row.key)}
        self.writes.alias_edits.setdefault(live.stored[0], Edit(live.stored)).values.update(values)
        self._log("edit_alias", stored_alias(row.key))

    def _stored_targets(self, account: Sequence[Change]) -> str:
        """All targets of the account's aliases as they are stored: what a rename carries over stays as it was."""
        keys = dict.fromkeys(change.key for change in account if change.kind == "alias")
        rows = (self._found.get(("alias", key)) for key in keys)
        return ",".join(row.stored[1] for row in rows if row is not None)

    def _mailbox(self, change: Change, row: MailboxRow) -> None:
        live = self._mailbox_now(row.key, [change])
        if live is None:
            expiry = self._expiry(row.key)
            self.writes.mailboxes.append(new_mailbox(row, self._hashes[row.key], expiry, self._section))
            self._log("create_mailbox", row.key)
            return
        if change.action is Action.DELETE:
            self.writes.mailbox_deletions.append(live.stored)
            self._log("delete_mailbox", row.key)
            return
        values = {name: new for name, _, new in change.fields() if name not in ("key", "spelling")}
        if "quota" in values:
            values["quota"] = quota_bytes(row.quota, self._section.quota_multiplier)
        if change.action is Action.RENAME:
            self.writes.mailbox_moves[live.stored[0]] = row.key
            # its own action does not exist; in the log of the old domain it is an edit as well
            self._log("edit_mailbox", live.row.key)
        elif _respells(change):
            self.writes.mailbox_respellings[live.stored[0]] = row.key
        if change.action is Action.RENAME or _respells(change):
            values |= {"username": row.key, "local_part": local_part(row.key), "domain": domain_of(row.key)}
        self._edit_mailbox(live, row.key, **values)

    def _move(self, change: Change, key: str) -> Move:
        assert change.before is not None
        return Move(self._found[change.kind, change.before.key].stored, key)

    def _edit_mailbox(self, live: Live, key: str, **values: object) -> None:
        edits, stored = self.writes.mailbox_edits, live.stored
        if stored[0] not in edits:
            self._log("edit_mailbox", key)
        edits.setdefault(stored[0], Edit(stored)).values.update(values)

    def _expiry(self, key: str) -> datetime:
        # a mailbox whose domain row is gone counts as 0 days, as in PostfixAdmin
        return password_expiry(self._now, self._days.get(domain_of(key), 0))

    def _log(self, action: str, address: str) -> None:
        self.writes.log.append((domain_of(address), action, address))


_COMPARED = {
    MailboxRow: ("name", "quota", "active", "spelling"),
    AliasRow: ("goto", "active", "spelling"),
    VacationRow: ("active",),
    DomainRow: ("active", "backupmx", "mailboxes", "aliases", "maxquota", "quota"),
    AliasDomainRow: ("target", "active"),
}
"""The fields that are columns; the others say whose a row is and what of it is managed."""


def _in_place(change: Change, live: Live | None, left: Live | None = None) -> bool:
    """Whether the effect is there: all fields of a creation, the changed ones of an update. `left` is the row under the
    old key of a rename."""
    if change.action is Action.DELETE:
        return live is None
    if live is None or (change.action is Action.RENAME and left is not None):
        return False
    return not _differing(change, live, change.after, only_changed=True)


def _respells(change: Change) -> bool:
    """Whether only the spelling of the key changes, so that look-ups find it."""
    return change.action is Action.UPDATE and any(name == "spelling" for name, _, _ in change.fields())


def _conflict(change: Change, live: Live | None, left: Live | None = None) -> str | None:
    """How the row differs from what the plan was made from; None when it does not."""
    if change.action is Action.CREATE:
        if live is None:
            return None
        found = _differing(change, live, change.after)
        return f"{change.key} has been created by somebody else meanwhile, with {_described(found)}"
    if change.action is Action.RENAME:
        if live is not None:
            return f"{change.key} exists already, so nothing can take its place"
        live = left
    assert change.before is not None
    if live is None:
        return f"{change.before.key} has been deleted by somebody else meanwhile"
    found = _differing(change, live, change.before)
    return f"{change.before.key} has been changed by somebody else meanwhile: {_described(found)}" if found else None


def _differing(
    change: Change, live: Live, expected: Any, *, only_changed: bool = False
) -> list[tuple[str, object, object]]:
    """(field, expected, found) of the fields that differ."""
    fields = _COMPARED[type(live.row)]
    if only_changed and change.before is not None:
        fields = tuple(f for f in fields if getattr(change.before, f) != getattr(change.after, f))
    pairs = ((f, getattr(expected, f), getattr(live.row, f)) for f in fields)
    return [(field, wanted, found) for field, wanted, found in pairs if wanted != found]


def _described(fields: list[tuple[str, object, object]]) -> str:
    return ", ".join(f"{name} is {_shown(found)}, expected was {_shown(expected)}" for name, expected, found in fields)


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else repr(value)
