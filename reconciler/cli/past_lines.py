"""What runs since a review did with the lines that were reviewed: whether one of them is to be finished, and what is
not as it was. For `apply --reviewed`; the ledger has the plan of each run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from reconciler.apply.ledger import Ledger
from reconciler.cli.saved_plan import bound_line
from reconciler.errors import Unreadable
from reconciler.forge.marker import Marker, fingerprint_hash, id_hash
from reconciler.model.owners import Scope
from reconciler.planning.changes import RowId
from reconciler.planning.declared_entries import plain
from reconciler.planning.ledger_state import FINISHED, PastRun, PastStep
from reconciler.planning.plan import fingerprint
from reconciler.planning.staleness import bound_transition, line_differences
from reconciler.planning.transitions import Transition
from reconciler.report.json_plan_models import PlanDocument, TransitionPart
from reconciler.report.plan_view import transition_line
from reconciler.translation import tr

_MOST_RUNS = 100
"""How far back runs are looked at; one merge makes few."""
_NAMED = 5
_SHOWN = 8
"""Of a hash; `lines` in the comment's marker has it whole."""


class PastLine(NamedTuple):
    """A run with its steps, and the plan that it carried out."""

    run: PastRun
    plan: PlanDocument


async def past_lines(ledger: Ledger, since: datetime) -> list[PastLine]:
    """The runs since then, newest first. Raises Unreadable."""
    runs = [run for run in await ledger.history(_MOST_RUNS) if run.started >= since]
    return [await _past_line(ledger, run) for run in runs]


async def _past_line(ledger: Ledger, run: PastRun) -> PastLine:
    whole = await ledger.run(run.id)
    assert whole is not None
    try:
        return PastLine(whole, PlanDocument.model_validate_json(await ledger.plan_document(run.id)))
    except ValidationError:
        message = f"the plan of run {run.id} cannot be read, so it is not known what of the review is done"
        raise Unreadable(message, hint="look with: reconciler plan") from None


def with_lines(marker: Marker, past: Sequence[PastLine]) -> Marker | None:
    """A marker that only knows the digest of its plan, with the lines of a run that carried this very plan out; None
    when there was no such run."""
    plan = next((line.plan for line in past if line.plan.digest == marker.digest), None)
    if plan is None:
        return None
    hashes = {id_hash(line.id): fingerprint_hash(line.fingerprint) for line in plan.transitions}
    return marker.model_copy(update={"lines": hashes})


def is_continued(line: Transition, marker: Marker, past: Sequence[PastLine]) -> bool:
    """Whether a run began this line as it was reviewed and left it unfinished, while git declares the same: then it is
    finished, as `resume` does."""
    reviewed = _reviewed(line, marker, past)
    steps = next((steps for run, _ in past if (steps := _steps(run, line))), [])
    unfinished = any(step.state not in FINISHED for step in steps)
    return reviewed is not None and unfinished and bound_line(reviewed).entries == bound_transition(line).entries


def why(line: Transition, marker: Marker, past: Sequence[PastLine]) -> tuple[str, ...]:
    """What is not as it was reviewed, as far as runs since then know it, and what would be done now."""
    reviewed = _reviewed(line, marker, past)
    if reviewed is not None:
        done = {_row(s) for run, _ in past for s in _steps(run, line) if s.state in FINISHED}
        found = [each.words for each in line_differences(bound_line(reviewed), bound_transition(line), done)]
    else:
        found = [words for run, _ in past for step in _steps(run, line) for words in _changed(run, step)]
    if not found:
        found = list(_only_hashes(line, marker, past))
    more = [tr("and {number} more", number=len(found) - _NAMED)] if len(found) > _NAMED else []
    now = "; ".join(step.change.text for step in transition_line(line).steps[:_NAMED])
    return (*found[:_NAMED], *more, tr("now it would be: {now}", now=now))


def _only_hashes(line: Transition, marker: Marker, past: Sequence[PastLine]) -> Iterator[str]:
    """What is known where no run knows which values differ: the marker has nothing but a hash of the line."""
    if then := (marker.lines or {}).get(id_hash(line.id)):
        now = fingerprint_hash(fingerprint(line))
        yield tr("its fingerprint was {then}… in the review and is {now}… now", then=then[:_SHOWN], now=now[:_SHOWN])
    if not any(_steps(run, line) for run, _ in past):
        yield tr(
            "no run since then is about it: it was changed by hand, or git declares something else, or a gate differs"
        )


def _reviewed(line: Transition, marker: Marker, past: Sequence[PastLine]) -> TransitionPart | None:
    """The line as it was reviewed, from the plan of a run that was to carry it out."""
    parts = (part for _, plan in past for part in plan.transitions if part.id == line.id)
    return next((part for part in parts if marker.agrees(part.id, part.fingerprint)), None)


def _steps(run: PastRun, line: Transition) -> list[PastStep]:
    return [step for step in run.steps if step.owner == line.owner]


def _row(step: PastStep) -> RowId:
    return step.system, step.kind, step.key


def _changed(run: PastRun, step: PastStep) -> Iterator[str]:
    """What a run changed of the same account meanwhile: for another merge request, say."""
    if step.state not in FINISHED or step.before is None or step.after is None:
        return
    by = tr("run {id} of {when}", id=run.id, when=f"{run.started:%Y-%m-%d %H:%M} UTC")
    if run.commit:
        by = f"{by}, commit {run.commit[:12]}"
    for name, old in step.before.items():
        new = step.after.get(name)
        if name == "goto" and step.owner.scope is Scope.ACCOUNT:
            continue  # it is its user's, and `now it would be` counts what it holds
        if old != new:
            yield tr(
                "{subject}: {field} was {old}, since {run}: {new}",
                subject=f"{step.system} {step.kind} {step.key}",
                field=name,
                old=plain(old),
                run=by,
                new=plain(new),
            )
