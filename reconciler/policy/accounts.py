"""Gates about new accounts: domain, naming, register, foreign objects, renames that somebody forgot to declare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeVar

from reconciler.model.addresses import domain_of, local_part
from reconciler.model.records import (
    CREDENTIAL_KINDS,
    AliasRow,
    DomainRow,
    MailboxRow,
    MemberRow,
    OxUserRow,
    Row,
    Scope,
)
from reconciler.planning.changes import Action
from reconciler.planning.findings import Finding, Severity
from reconciler.planning.transitions import Transition
from reconciler.policy.context import Context

R = TypeVar("R", bound=Row)


def unknown_system(context: Context) -> Iterator[Finding]:
    """A new account waits while a system that belongs to accounts is unknown: it would get a second password later."""
    if not context.waiting_for:
        return
    names = " and ".join(context.waiting_for)
    for transition in context.transitions:
        if any(c.action is Action.CREATE and c.kind in CREDENTIAL_KINDS for c in transition.changes):
            message = f"{transition.owner.subject} waits: {names} could not be read"
            yield _about(transition, Severity.WAIT, "unknown-system", message, "run the same command again later")


def missing_domain(context: Context) -> Iterator[Finding]:
    """A mailbox can only be made in a domain that PostfixAdmin has."""
    domains = context.snapshot.rows(DomainRow)
    if domains is None:
        return
    for transition, row in _created(context, MailboxRow):
        domain = domain_of(row.key)
        if domain not in domains:
            message = f"{row.key}: PostfixAdmin does not have the domain {domain}"
            hint = f"add the domain {domain} in PostfixAdmin (Domain List, New Domain), then run this again"
            yield _about(transition, Severity.REFUSAL, "missing-domain", message, hint)


def naming(context: Context) -> Iterator[Finding]:
    """New mailboxes follow the naming pattern of the site; live ones keep their names."""
    pattern = context.site.policy.local_part
    for transition, row in _created(context, MailboxRow):
        if not re.search(pattern, local_part(row.key)):
            message = f"{row.key} does not follow the naming rule {pattern}"
            hint = "choose another name, or change policy.local_part in the site file"
            yield _about(transition, Severity.REFUSAL, "naming", message, hint)


def register(context: Context) -> Iterator[Finding]:
    """An account is made only for somebody whom the register knows as an active member."""
    members = context.snapshot.rows(MemberRow)
    if members is None:
        return
    for transition, row in _created(context, MailboxRow):
        box = context.desired.mailboxes[row.key]  # type: ignore[index]  # a mailbox row's key is an Address
        if box.member is None:
            continue
        entry = members.get(box.member)
        if entry is None:
            message = f"{row.key}: the register has no member {box.member}"
        elif not entry.active:
            message = f"{row.key}: member {box.member} is not active in the register"
        else:
            continue
        hint = "check the number with the member administration, and write the right one at `member:`"
        yield _about(transition, Severity.REFUSAL, "register", message, hint)


def suspected_rename(context: Context) -> Iterator[Finding]:
    """A new mailbox takes over the member alias of a live mailbox that nobody declares: that is a rename, not a new
    account, and without a `renames` entry her mail, contacts and calendar would stay behind."""
    live = context.snapshot.rows(MailboxRow) or {}
    declared = {*context.desired.mailboxes, *(rename.old for rename in context.desired.renames)}
    for transition, row in _created(context, MailboxRow):
        for change in transition.changes:
            if change.action is not Action.UPDATE or not isinstance(change.before, AliasRow):
                continue
            for old in change.before.goto:
                if old in live and old not in declared:
                    message = f"{row.key} is new and takes over {change.key} from {old}, which is live and not declared"
                    # on one line: reports fold hints, and YAML in flow style may be folded
                    rename = f"renames: [{{from: {old}, to: {row.key}, date: {context.desired.today}}}]"
                    hint = f"if this is the same person, declare `{rename}`; if not, declare {old} as well"
                    yield _about(transition, Severity.REFUSAL, "suspected-rename", message, hint)


def foreign(context: Context) -> Iterator[Finding]:
    """An OX login that a user with another person's address holds is not ours to take or to change."""
    users = context.snapshot.rows(OxUserRow)
    if users is None:
        return
    holders = {user.login: user for user in users.values()}
    for transition, row in _created(context, OxUserRow):
        holder = holders.get(row.login)
        if holder is not None:
            message = (
                f"{row.key} wants the OX login {row.login!r}, but user {holder.id} has it: "
                f"{holder.display_name}, {holder.primary or 'without an address'}"
            )
            hint = f"write another login: `groupware: {{username: {row.login}2}}`, or give user {holder.id} another one"
            yield _about(transition, Severity.REFUSAL, "foreign", message, hint)


def _created(context: Context, kind: type[R]) -> Iterator[tuple[Transition, R]]:
    for transition in context.transitions:
        if transition.owner.scope is not Scope.ACCOUNT:
            continue
        for change in transition.changes:
            if change.action is Action.CREATE and isinstance(change.after, kind):
                yield transition, change.after


def _about(transition: Transition, severity: Severity, rule: str, message: str, hint: str) -> Finding:
    return Finding(severity, rule, transition.owner.subject, message, hint, transition.place, transition.owner)
