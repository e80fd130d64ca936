"""Transitions: all changes of one account, alias or sender block, with their steps in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from reconciler.model.addresses import without_extension
from reconciler.model.places import Place
from reconciler.model.records import CREDENTIAL_KINDS, AliasRole, AliasRow, MailboxRow, Owner, Records, Scope
from reconciler.planning.changes import Action, Change, Stage, Step
from reconciler.planning.credentials import CredentialEvents, Due, news
from reconciler.planning.declared_entries import DeclaredEntry
from reconciler.planning.ports import System


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
    reason: str = ""
    place: Place | None = None
    refused: tuple[str, ...] = ()
    needs: frozenset[Owner] = frozenset()
    """Owners that this plan creates and that this one leads to, and aliases that lead to this one until this plan leads
    them elsewhere: when one of them fails, this one is not tried."""
    declared: tuple[DeclaredEntry, ...] = ()
    """What git says of its subject."""
    counts_as: Effect | None = None
    """What it counts as by what git declares of its subject (`annotations.explained`); None: by its changes alone."""

    @property
    def id(self) -> str:
        """Unique in a plan: `account:anna@mail.example`."""
        return f"{self.owner.scope}:{self.owner.subject}"

    @property
    def action(self) -> Action:
        """Create when the thing itself is new, delete when it goes, rename when the account changes its address."""
        if any(change.action is Action.RENAME for change in self.changes) or self._made_beside_an_old_one:
            return Action.RENAME
        main = [c for c in self.changes if c.kind in _MAIN_KIND[self.owner.scope]]
        actions = {c.action for c in main}
        if len(actions) == 1:
            return actions.pop()
        return Action.UPDATE

    @property
    def effect(self) -> Effect:
        """What it counts as; the gates, the reports and the ledger ask here and decide nothing themselves."""
        return self.counts_as or effect_of(self)

    @property
    def losses(self) -> tuple[Change, ...]:
        """What nothing brings back: mailboxes that are purged, OX accounts that are deleted with all their data."""
        return tuple(c for c in self.changes if c.action is Action.DELETE and c.kind in CREDENTIAL_KINDS)

    @property
    def irreversible(self) -> bool:
        """Whether something goes that nothing brings back: these, or the subscriptions in OX, with their passwords."""
        return bool(self.losses) or any(c.kind == "subscriptions" for c in self.changes)

    @property
    def switches_off(self) -> bool:
        """Whether a mailbox or an alias is active before and not after."""
        return any(map(switches_off, self.changes))

    @property
    def _made_beside_an_old_one(self) -> bool:
        """A rename that attaches the old mailbox makes a new one, and need not re-key anything."""
        if self.owner.scope is not Scope.ACCOUNT:
            return False
        new = self.owner.subject
        made = any(c.kind == "mailbox" and c.action is Action.CREATE and c.key == new for c in self.changes)
        return made and any(c.key != new and _names_a_former_address(c) for c in self.changes)


# the record whose coming and going is the coming and going of the subject
_MAIN_KIND = {Scope.ACCOUNT: ("mailbox",), Scope.ALIAS: ("alias",), Scope.BLOCK: ("block",)}


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


def effect_of(transition: Transition, *, removed: bool = False, renamed: bool = False) -> Effect:
    """What counts as a removal, in one place. `removed`: git declares the removal of this account, so whatever happens
    to it is one (switched off, purged); `renamed`: it has former addresses, so a mailbox that is made is no creation.
    An OX account that goes is a removal unless it goes beside a rename, which is counted as the change that it is (and
    is `irreversible` all the same). `active: false` is a change."""
    action = transition.action
    if transition.owner.scope is Scope.ACCOUNT:
        purged = any(loss.kind == "mailbox" for loss in transition.losses)
        if removed or purged or (transition.losses and action is not Action.RENAME):
            return Effect.REMOVAL
        if renamed:
            return Effect.CHANGE
    return _EFFECTS[action]


def switches_off(change: Change) -> bool:
    """Whether a mailbox or an alias is active before and not after."""
    before, after = change.before, change.after
    if not isinstance(before, MailboxRow | AliasRow) or not isinstance(after, MailboxRow | AliasRow):
        return False
    return before.active and not after.active


class Pair(NamedTuple):
    """What one system should hold and what it holds, under the same keys."""

    wanted: Records
    found: Records


def group_by_owner(
    changes: Iterable[Change],
    systems: Sequence[System],
    pairs: Mapping[str, Pair],
    due: Due = Due(),  # noqa: B008  # a frozen value
    delimiter: str = "",
) -> list[Transition]:
    """Changes grouped by owner and completed by what follows from them, dangerous ones first."""
    grouped: dict[Owner, list[Change]] = {owner: [] for owner in due.owners}
    for change in changes:
        grouped.setdefault(change.owner, []).append(change)
    by_name = {system.name: system for system in systems}
    makers = {change.key: owner for owner, own in grouped.items() for change in own if _begins_to_answer(change)}
    leavers = _leavers(grouped)
    transitions = []
    for owner, own in grouped.items():
        _complete(owner, own, news(owner, own, due), [s for s in systems if s.name in pairs], pairs)
        if not own:
            continue
        steps = [step for change in own for step in by_name[change.system].steps(change)]
        needs = _needs(owner, own, makers, delimiter)
        if last := _still_led_here(owner, own, leavers):
            needs |= last
            steps = [step._replace(stage=max(step.stage, Stage.REFERENCES)) for step in steps]
        steps.sort(key=lambda step: step.stage)  # stable: within a stage the systems' own order
        transitions.append(Transition(owner, tuple(own), tuple(steps), needs=needs))
    transitions.sort(key=_danger)
    return transitions


def _complete(
    owner: Owner, own: list[Change], told: CredentialEvents, systems: Sequence[System], pairs: Mapping[str, Pair]
) -> None:
    """Adds what follows, until nothing does: what one system says may depend on what another one has said, and not on
    who is asked first (the old mailbox is attached because it gets the new password)."""
    there = {(change.system, change.kind, change.key) for change in own}
    new = True
    while new:
        new = False
        for system in systems:
            pair = pairs[system.name]
            for change in system.follow(owner, tuple(own), pair.wanted, pair.found, told):
                if (change.system, change.kind, change.key) not in there:
                    there.add((change.system, change.kind, change.key))
                    own.append(change)
                    new = True


def _needs(owner: Owner, changes: Sequence[Change], makers: Mapping[str, Owner], delimiter: str) -> frozenset[Owner]:
    """Whose rows among the targets of an alias answer only once this plan is carried out: what is made, gets another
    address or is switched on. For a sub-address the address itself answers."""
    if owner.scope is not Scope.ALIAS:
        return frozenset()
    targets = {target for change in changes if isinstance(change.after, AliasRow) for target in change.after.goto}
    targets |= {without_extension(target, delimiter)[0] for target in targets}
    return frozenset(makers[target] for target in targets if target in makers) - {owner}


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
    """The aliases that must have gone elsewhere before this goes or is switched off: one that fails would lead nowhere.
    What makes anything as well waits for nobody, since such an alias may be waiting for that."""
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


def _danger(transition: Transition) -> tuple[bool, int, int, str]:
    """Dangerous first: what nothing brings back; what goes or is switched off, what changes, what comes; accounts,
    aliases, blocks."""
    scopes = (Scope.ACCOUNT, Scope.ALIAS, Scope.BLOCK)
    actions = (Action.DELETE, Action.RENAME, Action.UPDATE, Action.CREATE)
    goes = transition.effect is Effect.REMOVAL or any(map(_stops_mail, transition.changes))
    rank = 0 if goes else actions.index(transition.action)
    return not transition.irreversible, rank, scopes.index(transition.owner.scope), transition.owner.subject


def _stops_mail(change: Change) -> bool:
    return change.kind == "mailbox" and switches_off(change)
