"""From changes to what a plan says of them: places, reasons, counts, who is due a password. Pure; for the workflow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

from reconciler.errors import Unreadable
from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, OldMailbox, Removal, SenderBlock
from reconciler.model.derived_rows import unlike, unwanted
from reconciler.model.records import Owner, Scope
from reconciler.model.source_places import Origin, Place
from reconciler.planning.changes import Action, Change
from reconciler.planning.declared_entries import Entries
from reconciler.planning.finding import Finding, Locate, Severity
from reconciler.planning.ledger_state import Adoption, Remembered, half_given
from reconciler.planning.new_passwords import Due
from reconciler.planning.plan import Counts, Read
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import System
from reconciler.planning.shards import Split
from reconciler.planning.snapshot import Pair, Snapshot
from reconciler.planning.transitions import Transition
from reconciler.translation import tr

STOPS = (Severity.REFUSAL, Severity.WAIT, Severity.LATER)
"""What keeps a transition from being carried out with this plan."""


def due_accounts(
    remembered: Remembered,
    context: PlanContext,
    resets: frozenset[Owner] = frozenset(),
    unsubscribe: frozenset[Owner] = frozenset(),
) -> Due:
    """Who is due what: because a run died before it told them, or because git declares a reset for today. Each account
    is named by its present address."""
    keeping = frozenset(
        Owner(Scope.ACCOUNT, account)
        for account, renames in context.chains.former.items()
        if renames and renames[0].old_mailbox is OldMailbox.MOVE
    )
    password, letter, welcome = set[Owner](), set[Owner](), set[Owner]()
    for owner, kinds in remembered.unseen.items():
        account = Owner(Scope.ACCOUNT, context.chains.of(owner.subject))
        if owner.scope is not Scope.ACCOUNT or account.subject not in context.desired.mailboxes:
            continue
        if half_given(kinds):
            pass  # whoever typed that password types it again; one of ours would be known to nobody
        elif kinds & {"password", "attachment"} or ("letter" in kinds and account not in keeping):
            password.add(account)
        elif "letter" in kinds:
            letter.add(account)
        if "welcome_mail" in kinds:
            welcome.add(account)
    return Due(resets | password, frozenset(letter), keeping, unsubscribe, frozenset(welcome))


def counts(
    pairs: Iterable[Pair],
    changes: Sequence[Change],
    unmanaged: Mapping[str, Sequence[str]],
    adopted: Sequence[Adoption],
    split: Split | None = None,
) -> Counts:
    """What the plan leaves as it is; with a `split` what of that is in its shard."""
    in_place: dict[str, int] = {}
    changed = {(c.kind, c.key) for c in changes if split is None or split.has(c.key)}
    for wanted, found in pairs:
        for kind, table in wanted.items():
            live = found.get(kind, {})
            lacking = [key for key in unlike(table, live) if key not in live]
            there = _number(table, split) - _number(lacking, split)
            in_place[kind] = there - sum(1 for of, key in changed if of == kind and key in table and key in live)
    left = {kind: _number(keys, split) for kind, keys in unmanaged.items()}
    return Counts(in_place, left, Counter(a.kind for a in adopted if split is None or split.has(a.key)))


def _number(keys: Collection[str], split: Split | None) -> int:
    return len(keys) if split is None else sum(map(split.has, keys))


def read_of(system: System, snapshot: Snapshot, split: Split | None = None) -> Read:
    """How a system was read; with a `split` the rows that are in its shard."""
    records = snapshot.records.get(system.name, {})
    rows = {kind: _number(table, split) for kind, table in records.items()}
    unknown, hint = (reasons.get(system.name, "") for reasons in (snapshot.unknown, snapshot.hints))
    return Read(system.name, system.target, rows, unknown, hint)


def unmanaged(pairs: Iterable[Pair], changes: Sequence[Change]) -> dict[str, list[str]]:
    """The keys of live records that git does not declare, by kind."""
    changed = {(c.kind, c.key) for c in changes}
    return {
        kind: [key for key in unwanted(found.get(kind, {}), table) if (kind, key) not in changed]
        for wanted, found in pairs
        for kind, table in wanted.items()
    }


def explained(
    transitions: Iterable[Transition], context: PlanContext, remembered: Remembered, locate: Locate
) -> tuple[Transition, ...]:
    """The transitions with what git declares of their subject and where, and the reason where git gives one."""
    removals = {removal.mailbox: removal for removal in context.desired.removals}
    entries, made = Entries(context), {entry.owner for entry in remembered.inventory.values()}

    def explain(transition: Transition) -> Transition:
        owner = transition.owner
        removal = removals.get(Address(owner.subject)) if owner.scope is Scope.ACCOUNT else None
        origin = _origin(transition, context, removal)
        place = locate(origin) if origin else None
        reason = removal.reason if removal else _reason(owner, context.desired, made)
        return replace(transition, place=place, reason=reason, declared=entries.of(owner))

    return tuple(map(explain, transitions))


def went(transitions: Iterable[Transition], context: PlanContext, remembered: Remembered) -> list[Owner]:
    """What goes because its entry went."""
    made = {entry.owner for entry in remembered.inventory.values()}
    return [t.owner for t in transitions if _went(t.owner, context.desired, made)]


def since(transitions: Sequence[Transition], commits: Mapping[Owner, str]) -> tuple[Transition, ...]:
    """The transitions; those of `commits` with the commit that removed their entry behind the reason."""
    reasons = {t.owner: f"{t.reason} ({commits[t.owner]})" for t in transitions if t.owner in commits}
    return tuple(replace(t, reason=reasons.get(t.owner, t.reason)) for t in transitions)


def written_by(transitions: Iterable[Transition], places: Iterable[Place]) -> tuple[Transition, ...]:
    """The transitions with these places, one for each that has a place."""
    left = iter(places)
    return tuple(t if t.place is None else replace(t, place=next(left)) for t in transitions)


def marked(transitions: Iterable[Transition], findings: Sequence[Finding]) -> tuple[Transition, ...]:
    """The transitions with the rules that stop them; without those that wait for a future date."""
    rules: dict[Owner, list[str]] = {}
    later = {f.owner for f in findings if f.severity is Severity.LATER}
    for finding in findings:
        if finding.severity in STOPS[:2] and finding.owner is not None:
            rules.setdefault(finding.owner, []).append(finding.rule)
    return tuple(replace(t, refused=tuple(rules.get(t.owner, ()))) for t in transitions if t.owner not in later)


def ledger_unknown(recalled: Remembered | Unreadable) -> Iterator[Read]:
    """Without the ledger nothing is removed that we made, and nothing can be applied; what is declared is planned."""
    if isinstance(recalled, Unreadable):
        yield Read("ledger", "", unknown=recalled.message, hint=recalled.hint)


def _origin(transition: Transition, context: PlanContext, removal: Removal | None) -> Origin | None:
    owner, subject = transition.owner, Address(transition.owner.subject)
    entry = context.desired.entry(owner)
    if owner.scope is Scope.ACCOUNT:
        if transition.action is Action.RENAME and (renames := context.chains.former.get(subject)):
            return renames[0].origin
        if entry is None and removal is not None:
            return removal.origin
    return entry.origin if entry is not None else None


def _reason(owner: Owner, state: DesiredState, made: Set[Owner]) -> str:
    entry = state.entry(owner)
    if owner.scope is Scope.ACCOUNT:
        return ""
    if entry is None:
        return tr("no longer declared") if _went(owner, state, made) else tr("declared nowhere")
    if not isinstance(entry, SenderBlock):
        return ""
    if entry.expired(state.today):
        return tr("expired on {day}", day=entry.expires)
    return tr("{reason}, until {day}", reason=entry.reason, day=entry.expires) if entry.expires else entry.reason


def _went(owner: Owner, state: DesiredState, made: Set[Owner]) -> bool:
    """Whether it was declared; a block that is not ours was made by somebody else in a place of ours alone."""
    undeclared = owner.scope is not Scope.ACCOUNT and state.entry(owner) is None
    return undeclared and (owner.scope is not Scope.BLOCK or owner in made)
