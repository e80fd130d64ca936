"""Saved plans: writing and reading one; what is left to do of it; refusing one that is used, expired or stale.

What makes one stale is `planning.staleness`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

from reconciler.apply.ledger import Ledger
from reconciler.cli.state_files import refuse_other_kinds
from reconciler.errors import StalePlan, Unreadable, UsageError
from reconciler.model.records import Owner, Scope
from reconciler.planning.plan import Plan
from reconciler.planning.plan_draft import Draft, Reviewed
from reconciler.planning.staleness import Bound, BoundRow, BoundTransition, bound, differences
from reconciler.report.json import plan_json
from reconciler.report.json_plan_models import PlanDocument, TransitionPart
from reconciler.report.read_document import read_plan

LIFETIME = timedelta(days=7)
"""How long a saved plan may wait for its merge."""

_NAMED = 5
"""How many differences a message names."""

_AGAIN = "run `reconciler plan --out FILE` again and have it reviewed"


def save(made: Plan, out: Path) -> None:
    """Writes plan.json, or what `drift` found. Raises UsageError."""
    write_private(out, plan_json(made), f"reconciler {made.purpose}")


def write_private(out: Path, text: str, command: str, option: str = "--out") -> None:
    """The file whole or not at all, readable for its owner alone (0600, or less by the umask). Follows no link and
    replaces nothing but a file: in a folder that others can write, a link leads where they like. `command` and `option`
    name the file. Raises UsageError."""
    try:
        refuse_other_kinds(out, option, f"{command} --format json")
        _replace(out, text)
    except OSError as error:
        hint = f"name another file with {option}"
        raise UsageError(f"{out} cannot be written: {error.strerror}", hint=hint) from None


def _replace(out: Path, text: str) -> None:
    umask = os.umask(0o077)
    os.umask(umask)
    with NamedTemporaryFile("w", encoding="utf-8", dir=out.parent, prefix=f".{out.name}.", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o600 & ~umask)
            os.fsync(file.fileno())
            Path(file.name).replace(out)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def read_saved(file: Path) -> PlanDocument:
    """The plan in a file. Raises UsageError, and StalePlan when it was changed after it was made."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{file} cannot be read", hint="make it with: reconciler plan --out plan.json") from None
    return read_plan(text)


async def refuse_used(saved: PlanDocument, ledger: Ledger) -> None:
    """Raises StalePlan when a run carried this plan out since it was made; the same changes may have been before."""
    run = await ledger.used(saved.digest)
    if run is not None and run.started >= saved.made:
        raise StalePlan(
            f"this plan was carried out by run {run.id} on {run.started:%Y-%m-%d %H:%M} UTC already",
            hint=f"reconciler history {run.id} shows what became of it; reconciler plan, what is left",
        )


def reviewed(saved: PlanDocument) -> Reviewed:
    """What the saved plan is about."""
    rows = frozenset((c.system, c.kind, c.key) for t in saved.transitions for c in t.changes)
    return Reviewed(frozenset(Owner(Scope(t.scope), t.subject) for t in saved.transitions), rows)


def the_reviewed(saved: PlanDocument, drafted: Draft) -> Draft:
    """What is left to do of a saved plan, under its digest. Raises StalePlan when it is of another site, expired, or
    when something that it is bound to is neither as it was nor as it should become; Unreadable when that is unknown."""
    plan = drafted.plan
    if saved.site != plan.site:
        raise StalePlan(f"this plan is of the site {saved.site}, not of {plan.site}", hint="use the site's own plan")
    if plan.made - saved.made > LIFETIME:
        days = LIFETIME.days
        raise StalePlan(f"this plan was made on {saved.made:%Y-%m-%d} and expired after {days} days", hint=_AGAIN)
    touched = {system for system, _, _ in reviewed(saved).rows}
    for read in plan.unknown:
        if read.system in touched:
            message = f"{read.system} could not be read, so it is not known whether the plan still fits: {read.unknown}"
            raise Unreadable(message, hint=f"{read.hint or 'fix that'}; then apply the same plan again")
    entries = {id: {entry.section: entry.fields for entry in theirs} for id, theirs in drafted.entries.items()}
    found = list(differences(_bound(saved), bound(plan), entries, drafted.settled))
    if found:
        more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        named = "; ".join(map(str, found[:_NAMED])) + more
        raise StalePlan(f"what would be done now is no longer what was reviewed: {named}", hint=_AGAIN)
    return replace(drafted, plan=replace(plan, digest=saved.digest))


def _bound(saved: PlanDocument) -> Bound:
    """What the document says that it is bound to."""
    whole = (f for f in saved.findings if f.severity == "refusal" and f.owner is None)
    return Bound(
        saved.digest,
        {read.system: read.target for read in saved.reads},
        saved.policy,
        frozenset(f"{finding.rule} {finding.subject}" for finding in whole),
        {transition.id: bound_line(transition) for transition in saved.transitions},
    )


def bound_line(saved: TransitionPart) -> BoundTransition:
    """What a line of a document is bound to."""
    return BoundTransition(
        saved.subject,
        {entry.section: entry.fields for entry in saved.declared},
        {(c.system, c.kind, c.key): BoundRow(c.action, c.before, c.after) for c in saved.changes},
        tuple(step.id for step in saved.steps),
        tuple(sorted(set(saved.refused))),
    )
