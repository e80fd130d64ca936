"""From steps, and the rows as they are now, to what one transaction writes. Pure: `perform` reads and writes.

A row that somebody else changed since the plan stops its whole account: nothing of it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from reconciler.model.addresses import domain_of
from reconciler.model.records import AliasRow, MailboxRow, Owner, PasswordRow
from reconciler.planning.changes import Action, Change, Outcome, Result, Step
from reconciler.settings import PostfixAdmin
from reconciler.systems.postfixadmin.decide import conflict, in_place
from reconciler.systems.postfixadmin.lookup import Found, Live
from reconciler.systems.postfixadmin.texts import goto_text, quota_bytes, stored_alias
from reconciler.systems.postfixadmin.write import Edit, Writes, new_alias, new_mailbox, password_expiry

Account = tuple[Step, ...]
"""The steps of one owner: all of them are written, or none."""
Outcomes = dict[str, Outcome]
"""Step id → outcome."""

_PLAN_AGAIN = "run `reconciler plan` again: it shows what is there now"
# PostfixAdmin writes the alias first (facts/postfixadmin.md 5.2, 5.3)
_ORDER = ("alias", "mailbox", "password")


class Stand(NamedTuple):
    """What was read under locks: the rows, the days that passwords last by domain, the database's time."""

    found: Found
    days: Mapping[str, int]
    now: datetime

    def row(self, step: Step) -> Live | None:
        """The stored row that the step is about."""
        return self.found.get(row_of(step))


def accounts(steps: Sequence[Step]) -> list[Account]:
    """The steps by owner, in PostfixAdmin's order."""
    grouped: dict[Owner, list[Step]] = {}
    for step in steps:
        grouped.setdefault(step.change.owner, []).append(step)
    return [tuple(sorted(own, key=lambda step: _ORDER.index(step.change.kind))) for own in grouped.values()]


def row_of(step: Step) -> tuple[str, str]:
    """(kind, key) of the stored row that the step is about: a password is in its mailbox's."""
    kind = "alias" if step.change.kind == "alias" else "mailbox"
    return kind, step.change.key


class Batch:
    """Collects what the accounts of one transaction write, and what their steps come to once it is committed."""

    def __init__(self, stand: Stand, section: PostfixAdmin, hashes: Mapping[str, str]) -> None:
        self.writes = Writes()
        self.outcomes: Outcomes = {}
        self._stand = stand
        self._section = section
        self._hashes = hashes

    def add(self, account: Account) -> None:
        """Adds an account's writes, or says why it is left out."""
        open_steps = [step for step in account if not self._in_place(step)]
        self.outcomes |= {step.id: Outcome(Result.DONE) for step in account}
        problems = {step.id: problem for step in open_steps if (problem := self._problem(step))}
        if problems:
            left = Outcome(Result.NOT_TRIED, f"left as it is, because {next(iter(problems.values())).message}")
            self.outcomes |= {step.id: problems.get(step.id, left) for step in open_steps}
            return
        for step in open_steps:
            self._write(step.change)

    def _in_place(self, step: Step) -> bool:
        return step.readable and in_place(step.change, self._stand.row(step))

    def _problem(self, step: Step) -> Outcome | None:
        change, live = step.change, self._stand.row(step)
        if change.kind == "password":
            gone = f"the mailbox {change.key} has been deleted by somebody else meanwhile"
            return None if live else Outcome(Result.FAILED, gone, _PLAN_AGAIN)
        if not change.key.isascii():
            return Outcome(Result.FAILED, f"{change.key}: PostfixAdmin's tables hold ASCII addresses only", "rename it")
        problem = conflict(change, live)
        if problem:
            return Outcome(Result.FAILED, problem, _PLAN_AGAIN)
        domain = domain_of(change.key)
        if change.action is Action.CREATE and domain not in self._stand.days:
            hint = f"create the domain there first: postfixadmin-cli domain add {domain}"
            return Outcome(Result.FAILED, f"{change.key}: PostfixAdmin has no domain {domain}", hint)
        return None

    def _write(self, change: Change) -> None:
        match change.after:
            case AliasRow() as row:
                self._alias(change, row)
            case MailboxRow() as row:
                self._mailbox(change, row)
            case PasswordRow() as row:
                self._edit_mailbox(row.key, password=self._hashes[row.key], password_expiry=self._expiry(row.key))
            case _:
                raise ValueError(f"PostfixAdmin cannot carry out {change.action} of {change.kind} {change.key}")

    def _alias(self, change: Change, row: AliasRow) -> None:
        live = self._stand.found.get(("alias", row.key))
        if live is None:
            self.writes.aliases.append(new_alias(row))
            self._log("create_alias", stored_alias(row.key))
            return
        values: dict[str, object] = {}
        for name, _, new in change.fields():
            values[name] = goto_text(row.goto, row.key) if name == "goto" else new
        edit = self.writes.alias_edits.setdefault(live.stored[0], Edit(live.stored))
        edit.values.update(values)
        self._log("edit_alias", stored_alias(row.key))

    def _mailbox(self, change: Change, row: MailboxRow) -> None:
        if self._stand.found.get(("mailbox", row.key)) is None:
            made = new_mailbox(row, self._hashes[row.key], self._expiry(row.key), self._section)
            self.writes.mailboxes.append(made)
            self._log("create_mailbox", row.key)
            return
        values: dict[str, object] = {}
        for name, _, new in change.fields():
            values[name] = quota_bytes(row.quota, self._section.quota_multiplier) if name == "quota" else new
        self._edit_mailbox(row.key, **values)

    def _edit_mailbox(self, key: str, **values: object) -> None:
        stored = self._stand.found["mailbox", key].stored
        if stored[0] not in self.writes.mailbox_edits:
            self._log("edit_mailbox", key)
        self.writes.mailbox_edits.setdefault(stored[0], Edit(stored)).values.update(values)

    def _expiry(self, key: str) -> datetime:
        # a mailbox whose domain row is gone counts as 0 days, as in PostfixAdmin
        return password_expiry(self._stand.now, self._stand.days.get(domain_of(key), 0))

    def _log(self, action: str, address: str) -> None:
        self.writes.log.append((domain_of(address), action, address))
