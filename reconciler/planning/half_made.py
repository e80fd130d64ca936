"""Half-made accounts: which part is missing or wrong, and why. Pure.

A plan repairs them like any other difference; here the line of the repair gets its cause, and what nobody declares its
remark. PostfixAdmin's form writes the alias, then the mailbox, then calls OX ("ox_create"): whatever dies in between
leaves what came before (docs/facts/postfixadmin.md 5.2). A mailbox that is deleted there leaves its OX account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from reconciler.model.addresses import domain_of, local_part
from reconciler.model.derived_rows import follows, others
from reconciler.model.records import AliasRow, DomainRow, MailboxRow, OxUserRow, Scope
from reconciler.planning.changes import Action, Change
from reconciler.planning.ledger_state import Remembered
from reconciler.planning.live_users import addresses_of
from reconciler.planning.mail_flow_before_after import MailFlow, mail_flow_of
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Snapshot
from reconciler.planning.transitions import Transition
from reconciler.translation import marked, tr


def with_causes(
    transitions: Iterable[Transition], context: PlanContext, snapshot: Snapshot, remembered: Remembered
) -> tuple[Transition, ...]:
    """The transitions; those that repair an account have the cause as their reason."""
    parts = _Parts(context, snapshot, remembered)
    return tuple(replace(t, reason="; ".join(parts.causes(t))) if _may_repair(t) else t for t in transitions)


def _may_repair(transition: Transition) -> bool:
    """A rename and a removal say themselves what they find."""
    account = transition.owner.scope is Scope.ACCOUNT and not transition.reason
    return account and transition.action in (Action.CREATE, Action.UPDATE)


class _Parts:
    """What is live of accounts, and what the ledger knows of them."""

    def __init__(self, context: PlanContext, snapshot: Snapshot, remembered: Remembered) -> None:
        self._mailboxes = snapshot.rows(MailboxRow) or {}
        self._aliases = snapshot.rows(AliasRow) or {}
        self._users = snapshot.rows(OxUserRow) or {}
        self._known = remembered.known
        self._flow = mail_flow_of(snapshot, context.chains, ())
        # an account has two owners when one run ended before its rename and one after
        self._left: dict[str, frozenset[str]] = {}
        for owner, kinds in remembered.unseen.items():
            account = context.chains.of(owner.subject)
            self._left[account] = self._left.get(account, frozenset()) | kinds

    def causes(self, transition: Transition) -> list[str]:
        """Why this is a repair, each cause once; nothing for what is new or merely changed."""
        account = transition.owner.subject
        ordered = sorted(transition.changes, key=lambda change: change.kind == "alias")  # the mailbox and OX first
        found = [cause for change in ordered for cause in self._of(change, account)]
        owed = self._left.get(account, frozenset()) & {"letter", "password"}
        if not found and owed and any(change.kind == "letter" for change in transition.changes):
            found.append(tr("the letter of an earlier run did not go out"))
        return list(dict.fromkeys(found))

    def _of(self, change: Change, account: str) -> Iterable[str]:
        made = change.action is Action.CREATE
        match change.row:
            case MailboxRow() if made and change.key == account:
                return self._no_mailbox(account)
            case OxUserRow() if made and account in self._mailboxes:
                return (self._no_user(account),)
            case AliasRow() if account not in self._mailboxes or change.action is Action.DELETE:
                return ()
            # by their keys: a row that is changed is the found one, which knows no role
            case AliasRow() if change.key == account:
                return self._own_alias(change, account)
            case AliasRow() if local_part(change.key).isdecimal():
                return self._member_alias(change, account)
        return ()

    def _no_mailbox(self, account: str) -> Iterator[str]:
        """The rest of an account without its mailbox."""
        user, own = self._users.get(account), self._aliases.get(account)
        if self._is_ours("mailbox", account):
            yield tr("its mailbox was there before and is gone, deleted outside of reconciler")
        if user is not None:
            yield tr("OX user {id} is there without a mailbox and is taken up, with its data", id=user.id)
        if own is not None and own.goto == (account,):
            yield tr("an alias row that leads to itself was left without its mailbox, as by a creation that failed")
        for number in self._numbers.get(account, ()):
            lost = self._flow is not None and not self._flow.before.deliver(number).arrives
            if lost:
                sentence = marked("{alias} leads to it already, and nobody received that mail")
            else:
                sentence = marked("{alias} leads to it already")
            yield tr(sentence, alias=f"{local_part(number)}@")

    @cached_property
    def _numbers(self) -> dict[str, list[str]]:
        """Address → aliases of member numbers that lead there, those that are on."""
        numbers: dict[str, list[str]] = {}
        for key, row in self._aliases.items():
            if row.active and local_part(key).isdecimal():
                for target in row.goto:
                    numbers.setdefault(target, []).append(key)
        return numbers

    def _no_user(self, account: str) -> str:
        if self._is_ours("ox_user", account):
            return tr("its OX user was there before and is gone, deleted outside of reconciler")
        if account in self._left:
            return tr("the mailbox has no OX user: an earlier run did not get that far")
        if self._is_ours("mailbox", account):
            return tr("the mailbox had no OX user so far")
        return tr('the mailbox has no OX user, as after an "ox_create" error')

    def _member_alias(self, change: Change, account: str) -> Iterator[str]:
        name, ours, before = f"{local_part(change.key)}@", self._is_ours("alias", change.key), change.before
        if not isinstance(before, AliasRow):
            if ours:
                yield tr("{alias} was there before and is gone, deleted outside of reconciler", alias=name)
            elif not self._is_ours("mailbox", account):  # else its number is newly declared
                yield tr("{alias} was missing", alias=name)
        elif account not in before.goto:
            changed = marked("{alias} led elsewhere, changed outside of reconciler")
            yield tr(changed if ours else marked("{alias} led elsewhere"), alias=name)
        elif not before.active:
            yield tr("{alias} was switched off", alias=name)

    def _own_alias(self, change: Change, account: str) -> Iterator[str]:
        before, box = change.before, self._mailboxes[account]
        if not isinstance(before, AliasRow):
            yield tr("the mailbox has no alias row of its own, as after a creation that failed or a deletion by hand")
        elif not before.goto:
            yield tr("its own alias row led nowhere")
        elif before.active != box.active:
            on, off = (
                tr("its own alias row was on and the mailbox off"),
                tr("its own alias row was off and the mailbox on"),
            )
            yield on if before.active else off

    def _is_ours(self, kind: str, key: str) -> bool:
        """Whether the inventory has this record."""
        return any(of == kind and key in keys for (_, of), keys in self._known.items())


class Remarks:
    """What is missing or wrong at single live records, whoever declares them; empty where that is not known."""

    def __init__(self, snapshot: Snapshot, flow: MailFlow | None = None) -> None:
        self._mailboxes = snapshot.rows(MailboxRow)
        self._aliases = snapshot.rows(AliasRow) or {}
        self._users = snapshot.rows(OxUserRow)
        self._domains = snapshot.rows(DomainRow) or {}
        self._flow = flow

    def of(self, kind: str, key: str) -> str:
        """`without an OX user`, about the record of this kind; kinds that are never half-made have none."""
        match kind:
            case "mailbox":
                return ", ".join(self._mailbox(key))
            case "alias":
                return self._alias(key)
            case "ox_user":
                user = (self._users or {}).get(key)
                return tr("without a mailbox") if user is not None and self.is_left(user) else ""
        return ""

    def named(self, kind: str, key: str) -> str:
        """The same; about an OX user with its login and address, since its key is a number."""
        user = (self._users or {}).get(key) if kind == "ox_user" else None
        name = f"{user.login}, {user.primary}" if user is not None else ""
        return ", ".join(filter(None, (name, self.of(kind, key))))

    def is_left(self, user: OxUserRow) -> bool:
        """Whether an OX user in a domain of ours has no mailbox under any of its addresses."""
        boxes = self._mailboxes
        if boxes is None or user.primary in boxes or domain_of(user.primary) not in self._domains:
            return False  # nearly every one
        return boxes.keys().isdisjoint(addresses_of(user))

    def _mailbox(self, key: str) -> Iterator[str]:
        box, own = (self._mailboxes or {}).get(key), self._aliases.get(key)
        if box is None:
            return
        if own is None:
            yield tr("without an alias row of its own")
        elif not own.goto:
            yield tr("its own alias row leads nowhere")
        elif own.active != box.active:
            on, off = tr("switched on, its own alias row off"), tr("switched off, its own alias row on")
            yield on if box.active else off
        if self._users is not None and key not in self._with_user and not follows(self._users, key):
            yield tr("without an OX user")

    @cached_property
    def _with_user(self) -> frozenset[str]:
        """The addresses of users that are not just as wanted."""
        return frozenset(address for user in others(self._users or {}).values() for address in addresses_of(user))

    def _alias(self, key: str) -> str:
        row = self._aliases.get(key)
        if row is None or not row.active or self._flow is None:
            return ""
        lost = sorted(self._flow.before.deliver(key).bounces)
        if not lost:
            return ""
        return tr("its mail comes back from {addresses}, where no mailbox takes it", addresses=", ".join(lost))
