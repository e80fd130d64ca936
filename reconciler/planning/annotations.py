"""From changes to what a plan says of them: places, reasons, counts, who is due a password. Pure; for the workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, OldMailbox, Removal
from reconciler.model.places import Origin, Place
from reconciler.model.records import Owner, Scope
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.changes import Action, Change
from reconciler.planning.credentials import Due
from reconciler.planning.declared_entries import Entries
from reconciler.planning.findings import Finding, Locate, Severity
from reconciler.planning.ledger_state import Remembered
from reconciler.planning.plan import Counts
from reconciler.planning.transitions import Pair, Transition, effect_of

STOPS = (Severity.REFUSAL, Severity.WAIT, Severity.LATER)
"""What keeps a transition from being carried out with this plan."""


NOT_DECLARED = "no longer declared"
"""The reason why what we made goes."""
_DECLARED_NOWHERE = "declared nowhere"
"""The same of what somebody else made, in a map or a part of it that is ours alone."""


def due_accounts(
    remembered: Remembered,
    state: DesiredState,
    chains: RenameChains,
    resets: frozenset[Owner] = frozenset(),
    unsubscribe: frozenset[Owner] = frozenset(),
) -> Due:
    """Who is due what: because a run died before it told them, or because git declares a reset for today. An account
    is asked for under its present address."""
    keeping = frozenset(
        Owner(Scope.ACCOUNT, account)
        for account, renames in chains.former.items()
        if renames and renames[0].old_mailbox is OldMailbox.MOVE
    )
    password: set[Owner] = set()
    letter: set[Owner] = set()
    welcome: set[Owner] = set()
    for owner, kinds in remembered.unseen.items():
        account = Owner(Scope.ACCOUNT, chains.of(owner.subject))
        if owner.scope is not Scope.ACCOUNT or account.subject not in state.mailboxes:
            continue
        if kinds & {"password", "attachment"} or ("letter" in kinds and account not in keeping):
            password.add(account)
        elif "letter" in kinds:
            letter.add(account)
        if "welcome_mail" in kinds:
            welcome.add(account)
    return Due(resets | password, frozenset(letter), keeping, unsubscribe, frozenset(welcome))


def counts(pairs: Iterable[Pair], changes: Sequence[Change], unmanaged: Mapping[str, Sequence[str]]) -> Counts:
    """What stays as it is."""
    in_place: dict[str, int] = {}
    changed = {(c.kind, c.key) for c in changes}
    for wanted, found in pairs:
        for kind, table in wanted.items():
            live = found.get(kind, {})
            there = sum(map(live.__contains__, table))
            in_place[kind] = there - sum(1 for of, key in changed if of == kind and key in table and key in live)
    return Counts(in_place, {kind: len(keys) for kind, keys in unmanaged.items()})


def unmanaged(pairs: Iterable[Pair], changes: Sequence[Change]) -> dict[str, list[str]]:
    """The keys of what is live and declared nowhere, by kind."""
    changed = {(c.kind, c.key) for c in changes}
    return {
        kind: [key for key in found.get(kind, {}) if key not in table and (kind, key) not in changed]
        for wanted, found in pairs
        for kind, table in wanted.items()
    }


def explained(
    transitions: Iterable[Transition], state: DesiredState, chains: RenameChains, remembered: Remembered, locate: Locate
) -> tuple[Transition, ...]:
    """The transitions with what git declares of their subject and where, the reason where git gives one, and what they
    count as by that."""
    removals, entries = {removal.mailbox: removal for removal in state.removals}, Entries(state, chains)
    made = {entry.owner for entry in remembered.inventory.values()}
    said = (_explained(t, state, chains, removals, made, locate) for t in transitions)
    return tuple(replace(t, declared=entries.of(t.owner)) for t in said)


def _explained(
    transition: Transition,
    state: DesiredState,
    chains: RenameChains,
    removals: Mapping[Address, Removal],
    made: Set[Owner],
    locate: Locate,
) -> Transition:
    account = transition.owner.scope is Scope.ACCOUNT
    subject = Address(transition.owner.subject)
    removal = removals.get(subject) if account else None
    origin = _origin(transition, state, chains, removal)
    return replace(
        transition,
        place=locate(origin) if origin else None,
        reason=removal.reason if removal else _reason(transition, state, made),
        counts_as=effect_of(transition, removed=removal is not None, renamed=account and subject in chains.former),
    )


def undeclared(transitions: Iterable[Transition]) -> list[Owner]:
    """What goes because its entry went."""
    return [transition.owner for transition in transitions if transition.reason == NOT_DECLARED]


def since(transitions: Iterable[Transition], commits: Mapping[Owner, str]) -> tuple[Transition, ...]:
    """The transitions, with the commit that took the entry out behind the reason of what goes for that."""
    return tuple(
        replace(t, reason=f"{t.reason} ({commits[t.owner]})") if t.owner in commits else t for t in transitions
    )


def written_by(transitions: Iterable[Transition], places: Iterable[Place]) -> tuple[Transition, ...]:
    """The transitions with these places, one for each that has any."""
    left = iter(places)
    return tuple(t if t.place is None else replace(t, place=next(left)) for t in transitions)


def marked(transitions: Iterable[Transition], findings: Sequence[Finding]) -> tuple[Transition, ...]:
    """The transitions with the rules that stop them; without those that wait for a date of the future."""
    rules: dict[Owner, list[str]] = {}
    later = {f.owner for f in findings if f.severity is Severity.LATER}
    for finding in findings:
        if finding.severity in STOPS[:2] and finding.owner is not None:
            rules.setdefault(finding.owner, []).append(finding.rule)
    return tuple(replace(t, refused=tuple(rules.get(t.owner, ()))) for t in transitions if t.owner not in later)


def _origin(
    transition: Transition, state: DesiredState, chains: RenameChains, removal: Removal | None
) -> Origin | None:
    scope, subject = transition.owner
    if scope is Scope.ALIAS:
        alias = state.aliases.get(Address(subject))
        return alias.origin if alias else None
    if scope is Scope.BLOCK:
        block = state.sender_blocks.get(subject)
        return block.origin if block else None
    if transition.action is Action.RENAME and (renames := chains.former.get(Address(subject))):
        return renames[0].origin
    box = state.mailboxes.get(Address(subject))
    return box.origin if box else removal.origin if removal else None


def _reason(transition: Transition, state: DesiredState, made: Set[Owner]) -> str:
    scope, subject = transition.owner
    if scope is Scope.ACCOUNT:
        return ""
    if scope is Scope.ALIAS:
        return "" if subject in state.aliases else NOT_DECLARED
    block = state.sender_blocks.get(subject)
    if block is None:
        return NOT_DECLARED if transition.owner in made else _DECLARED_NOWHERE
    if block.expired(state.today):
        return f"expired on {block.expires}"
    return f"{block.reason}, until {block.expires}" if block.expires else block.reason
