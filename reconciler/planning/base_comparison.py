"""Which part of a plan a merge request brings, which waits without it, and what it takes back: two plans from one
observation, that of the merge request and that of its base. Pure; for the workflow.

A line is *waiting* when the base would do exactly the same to the same subject and the same gates refuse it. One that
the merge request changes at all is the merge request's, and says how much of it waits without it. What the base would
do to a subject and the merge request would not is *taken back*, also where that is a part of a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model.records import Owner, Scope
from reconciler.model.rename_chains import RenameChains
from reconciler.planning.changes import Action, Change
from reconciler.planning.finding import Finding
from reconciler.planning.plan import Plan, fingerprint
from reconciler.planning.review_facts import Base, Cause
from reconciler.planning.transitions import Transition, danger_of
from reconciler.translation import tr, tr_number


def compared(
    plan: Plan, base: Base, theirs: Sequence[Transition], findings: Iterable[Finding], chains: RenameChains
) -> Plan:
    """The plan with what brings each part of it. `theirs` and `findings` are of the base's plan, `chains` of the
    declared state: an account that the merge request renames is the same account."""
    waiting = {_present(t.owner, chains): t for t in theirs}
    ours = {t.owner: t for t in plan.transitions}
    known = {_subject(finding, chains) for finding in findings}
    back = (_taken_back(t, ours.get(owner)) for owner, t in waiting.items())
    return replace(
        plan,
        base=base,
        transitions=tuple(_with_cause(t, waiting.get(t.owner)) for t in plan.transitions),
        findings=tuple(f._replace(cause=_cause_of(f, known, chains)) for f in plan.findings),
        taken_back=tuple(sorted((t for t in back if t is not None), key=danger_of)),
    )


def _present(owner: Owner, chains: RenameChains) -> Owner:
    """The owner under its present address. Aliases and blocks have one for good."""
    return owner._replace(subject=chains.of(owner.subject)) if owner.scope is Scope.ACCOUNT else owner


def _with_cause(ours: Transition, theirs: Transition | None) -> Transition:
    if theirs is None:
        return replace(ours, cause=Cause.MERGE_REQUEST)
    if _same(ours, theirs):
        return replace(ours, cause=Cause.WAITING)
    return replace(ours, cause=Cause.MERGE_REQUEST, meaning=(*ours.meaning, *_in_part(ours, theirs)))


def _same(ours: Transition, theirs: Transition) -> bool:
    """Whether both would do the same, and are refused by the same gates: not what git says of the subject beside."""
    return fingerprint(replace(ours, declared=())) == fingerprint(replace(theirs, declared=()))


def _in_part(ours: Transition, theirs: Transition) -> Iterator[str]:
    """What of a line is there without the merge request."""
    waiting = _rows(theirs.changes)
    both = sum(waiting.get(row) == (change.before, change.after) for row, change in _changes(ours).items())
    if theirs.refused and not ours.refused:
        rules = ", ".join(dict.fromkeys(theirs.refused))
        yield tr("without this merge request it is refused: {rules}", rules=rules)
    elif both:
        yield tr_number(
            "{number} of its changes waits without this merge request",
            "{number} of its changes wait without this merge request",
            both,
        )
    else:
        yield tr("another change of it waits without this merge request")


def _changes(transition: Transition) -> Mapping[tuple[str, str, str], Change]:
    return {change.row_id: change for change in transition.changes}


def _rows(changes: Iterable[Change]) -> Mapping[tuple[str, str, str], tuple[object, object]]:
    return {change.row_id: (change.before, change.after) for change in changes}


def _taken_back(theirs: Transition, ours: Transition | None) -> Transition | None:
    """What of the base's line the merge request would not do; None when it would do it all. Under another address
    nothing can be compared row by row: then the merge request's line says what becomes of the account."""
    if ours is None:
        return replace(theirs, cause=Cause.TAKEN_BACK)
    if theirs.owner != ours.owner or Action.RENAME in (theirs.action, ours.action):
        return None
    left = _changes(ours)
    gone = tuple(change for change in theirs.changes if change.row_id not in left)
    if not gone:
        return None
    steps = tuple(step for step in theirs.steps if step.change.row_id not in left)
    return replace(theirs, changes=gone, steps=steps, cause=Cause.TAKEN_BACK)


def _cause_of(finding: Finding, known: set[tuple[str, ...]], chains: RenameChains) -> Cause:
    return Cause.WAITING if _subject(finding, chains) in known else Cause.MERGE_REQUEST


def _subject(finding: Finding, chains: RenameChains) -> tuple[str, ...]:
    """What a finding is about; its words have numbers that another plan changes."""
    owner = _present(finding.owner, chains).id if finding.owner else finding.subject
    return finding.severity, finding.rule, owner
