"""Transitions: all changes of one account, alias or sender block, with their steps in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from reconciler.model.addresses import Address, local_part, without_extension
from reconciler.model.record_kinds import kind_of, name_of
from reconciler.model.records import AliasRole, AliasRow, DomainRow, MailboxRow, Owner, Scope
from reconciler.model.source_places import Place
from reconciler.planning.changes import Action, Change, Stage, Step
from reconciler.planning.declared_entries import DeclaredEntry
from reconciler.planning.finding import Finding
from reconciler.planning.forwards import elsewhere, targets_of
from reconciler.planning.new_passwords import CredentialEvents, Due, credential_events
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import System
from reconciler.planning.review_facts import Cause, Direction, LiveChange
from reconciler.planning.snapshot import Pair


class Effect(StrEnum):
    """What a transition counts as: for the limits, in the headline, in the question of `apply`, in the ledger."""

    REMOVAL = "removal"
    CHANGE = "change"
    CREATION = "creation"


@dataclass(frozen=True, slots=True)
class Transition:
    """What a reviewer sees as one line. `refused` names the rules that stop it; then it is shown, not carried out."""

    owner: Owner
    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    effect: Effect
    """What it counts as, decided once (`effect_of`): gates, reports and the ledger ask here."""
    reason: str = ""
    place: Place | None = None
    refused: tuple[str, ...] = ()
    needs: frozenset[Owner] = frozenset()
    """Owners that this plan creates and that this one leads to, and aliases that lead to this one until this plan leads
    them elsewhere: when one of them fails, this one is not tried."""
    declared: tuple[DeclaredEntry, ...] = ()
    """What git says of its subject."""
    cause: Cause = Cause.NOT_COMPARED
    direction: Direction = Direction.UNKNOWN
    since: datetime | None = None
    """When a change by hand was first seen."""
    by: tuple[LiveChange, ...] = ()
    meaning: tuple[str, ...] = ()
    """What it means for mail, in words."""
    private: frozenset[str] = frozenset()
    """Targets of an account's aliases outside of the site's domains: its user's forwards. Reports count them."""

    @property
    def id(self) -> str:
        """Unique in a plan: `account:anna@mail.example`."""
        return self.owner.id

    @property
    def action(self) -> Action:
        """Create when the thing itself is new, delete when it goes, rename when the account changes its address."""
        return action_of(self.owner, self.changes)

    @property
    def losses(self) -> tuple[Change, ...]:
        """What cannot be undone: mailboxes that are purged, OX accounts that are deleted with all their data."""
        return losses_in(self.changes)

    @property
    def irreversible(self) -> bool:
        """Whether something goes that cannot be restored: these, or the subscriptions in OX, with their passwords."""
        return bool(self.losses) or any(kind_of(c.kind).irreversible for c in self.changes)


def action_of(owner: Owner, changes: Sequence[Change]) -> Action:
    """What happens to the subject, given its changes in all systems."""
    if any(change.action is Action.RENAME for change in changes) or _made_beside_an_old_one(owner, changes):
        return Action.RENAME
    actions = {c.action for c in changes if kind_of(c.kind).main_of is owner.scope}
    return actions.pop() if len(actions) == 1 else Action.UPDATE


def losses_in(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(c for c in changes if c.action is Action.DELETE and kind_of(c.kind).credential)


def _made_beside_an_old_one(owner: Owner, changes: Sequence[Change]) -> bool:
    """A rename that attaches the old mailbox makes a new one, and need not re-key anything."""
    made = any(c.kind == "mailbox" and c.action is Action.CREATE and c.key == owner.subject for c in changes)
    others = (change for change in changes if change.key != owner.subject)
    return owner.scope is Scope.ACCOUNT and made and any(map(_names_a_former_address, others))


def _names_a_former_address(change: Change) -> bool:
    if isinstance(change.row, AliasRow):
        return change.row.role is AliasRole.FORMER
    return change.kind in ("mailbox", "vacation", "password", "attachment")


_EFFECTS = {
    Action.CREATE: Effect.CREATION,
    Action.UPDATE: Effect.CHANGE,
    Action.RENAME: Effect.CHANGE,
    Action.DELETE: Effect.REMOVAL,
}


def effect_of(context: PlanContext, owner: Owner, changes: Sequence[Change]) -> Effect:
    """What counts as a removal, decided here alone. Whatever happens to an account whose removal git declares is one
    (switched off, purged). A new mailbox of an account with former addresses is no creation. An OX account that is
    deleted is a removal, except with a rename, which counts as a change (and is `irreversible` all the same).
    `active: false` is a change."""
    action = action_of(owner, changes)
    if owner.scope is Scope.ACCOUNT:
        losses = losses_in(changes)
        purged = any(loss.kind == "mailbox" for loss in losses)
        if owner.subject in context.removed or purged or (losses and action is not Action.RENAME):
            return Effect.REMOVAL
        if Address(owner.subject) in context.chains.former:
            return Effect.CHANGE
    return _EFFECTS[action]


def switches_off(change: Change) -> bool:
    """Whether a mailbox or an alias is active before and not after."""
    before, after, rows = change.before, change.after, MailboxRow | AliasRow
    return isinstance(before, rows) and isinstance(after, rows) and before.active and not after.active


class Grouped(NamedTuple):
    """The transitions, dangerous ones first, and the side effects that the systems cannot do."""

    transitions: list[Transition]
    findings: list[Finding]


def group_by_owner(
    context: PlanContext,
    changes: Iterable[Change],
    systems: Sequence[System],
    pairs: Mapping[str, Pair],
    *,
    due: Due = Due(),  # noqa: B008  # a frozen value
    delimiter: str = "",
) -> Grouped:
    """Changes grouped by owner and completed by their side effects."""
    grouped: dict[Owner, list[Change]] = {owner: [] for owner in sorted(due.owners)}
    for change in changes:
        grouped.setdefault(change.owner, []).append(change)
    by_name = {system.name: system for system in systems if system.name in pairs}
    makers = {change.key: owner for owner, own in grouped.items() for change in own if _begins_to_answer(change)}
    leavers = _leavers(grouped)
    domains = {key for pair in pairs.values() for rows in pair for key in rows.get(name_of(DomainRow), ())}
    transitions, findings = list[Transition](), list[Finding]()
    for owner, own in grouped.items():
        findings += _complete(context, owner, own, credential_events(owner, own, due), by_name, pairs)
        if not own:
            continue
        steps = [Step(change, by_name[change.system].stage(change)) for change in own]
        needs = _needs(owner, own, makers, delimiter)
        needs |= {makers[t] for change in own for t in rewritten(context, change) if t in makers} - {owner}
        if last := _still_led_here(owner, own, leavers):
            needs |= last
            steps = [step._replace(stage=max(step.stage, Stage.REFERENCES)) for step in steps]
        # stable: within a stage the system's own order; the order of the systems themselves decides nothing
        steps.sort(key=lambda step: (step.stage, step.change.system))
        ordered = tuple(step.change for step in steps)
        effect = effect_of(context, owner, ordered)
        private = elsewhere(targets_of(ordered), domains) if owner.scope is Scope.ACCOUNT else frozenset()
        transitions.append(Transition(owner, ordered, tuple(steps), effect, needs=needs, private=private))
    transitions.sort(key=danger_of)
    return Grouped(transitions, findings)


def _complete(
    context: PlanContext,
    owner: Owner,
    own: list[Change],
    events: CredentialEvents,
    systems: Mapping[str, System],
    pairs: Mapping[str, Pair],
) -> list[Finding]:
    """Adds side effects until there are no more. One system's may depend on another's (the old mailbox is attached
    because it gets the new password), and not on who is asked first: all are asked about the same changes each time."""
    there = {change.row_id for change in own}
    while True:
        known = tuple(own)
        answers = [s.side_effects(context, owner, known, pairs[name], events) for name, s in systems.items()]
        for change in (change for answer in answers for change in answer.changes):
            if change.row_id not in there:
                there.add(change.row_id)
                own.append(change)
        if len(own) == len(known):
            return [finding for answer in answers for finding in answer.findings]


def _needs(owner: Owner, changes: Sequence[Change], makers: Mapping[str, Owner], delimiter: str) -> frozenset[Owner]:
    """The owners of those targets of an alias that are live only after this plan: made, renamed or switched on by it.
    For a sub-address the address itself is the target."""
    if owner.scope is not Scope.ALIAS:
        return frozenset()
    targets = {target for change in changes if isinstance(change.after, AliasRow) for target in change.after.goto}
    targets |= {without_extension(target, delimiter)[0] for target in targets}
    return frozenset(makers[target] for target in targets if target in makers) - {owner}


def rewritten(context: PlanContext, change: Change) -> frozenset[str]:
    """Where an alias of nobody's leads only after this change, which a rename rewrites: the new addresses of the other
    people whom it names."""
    before, after, account = change.before, change.after, Address(change.owner.subject)
    if change.owner.scope is not Scope.ACCOUNT or not isinstance(before, AliasRow) or not isinstance(after, AliasRow):
        return frozenset()
    own = change.key in context.chains.addresses(account) or local_part(change.key).isdecimal()
    return frozenset() if own else frozenset(after.goto) - {*before.goto, account}


def _leavers(grouped: Mapping[Owner, Sequence[Change]]) -> Mapping[str, set[Owner]]:
    """Address → aliases that lead there now and, once this plan is carried out, elsewhere."""
    leavers: dict[str, set[Owner]] = {}
    for owner, own in grouped.items():
        for change in own if owner.scope is Scope.ALIAS else ():
            before, after = change.before, change.after
            if isinstance(before, AliasRow) and isinstance(after, AliasRow) and before.active and after.active:
                for target in set(before.goto).difference(after.goto):
                    leavers.setdefault(target, set()).add(owner)
    return leavers


def _still_led_here(owner: Owner, changes: Sequence[Change], leavers: Mapping[str, set[Owner]]) -> frozenset[Owner]:
    """The aliases that must lead elsewhere before this is deleted or switched off: otherwise one that fails leads
    nowhere. What also makes something waits for nobody, since such an alias may be waiting for that."""
    if not leavers or any(map(_begins_to_answer, changes)):
        return frozenset()
    ends = [change.key for change in changes if _ends_to_answer(change)]
    return frozenset(alias for key in ends for alias in leavers.get(key, ())) - {owner}


def _ends_to_answer(change: Change) -> bool:
    return switches_off(change) or (change.action is Action.DELETE and change.kind in ("mailbox", "alias"))


def _begins_to_answer(change: Change) -> bool:
    before, after = change.before, change.after
    if not isinstance(after, MailboxRow | AliasRow) or not after.active:
        return False
    return not isinstance(before, MailboxRow | AliasRow) or before.key != after.key or not before.active


def danger_of(transition: Transition) -> Danger:
    """What transitions are sorted by, dangerous first."""
    return danger(
        transition.owner,
        transition.action,
        transition.effect,
        irreversible=transition.irreversible,
        stops_mail=any(change.kind == "mailbox" and switches_off(change) for change in transition.changes),
    )


Danger = tuple[bool, int, str, str]


def danger(owner: Owner, action: Action, effect: Effect, *, irreversible: bool, stops_mail: bool) -> Danger:
    """What plans are sorted by, dangerous first: what cannot be undone; what is removed or switched off, changed,
    created; accounts, aliases, blocks (in the order of their words)."""
    actions = (Action.DELETE, Action.RENAME, Action.UPDATE, Action.CREATE)
    rank = 0 if effect is Effect.REMOVAL or stops_mail else actions.index(action)
    return not irreversible, rank, owner.scope, owner.subject
