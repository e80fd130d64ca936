"""What pruning the ledger takes out, for the terminal. `cli.ledger_prune` calls these."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from reconciler.planning.history_check import HistoryCheck
from reconciler.planning.ledger_pruning import Pruned, PruningPlan
from reconciler.report.vocabulary import count


def pruning_text(planned: PruningPlan, day: date) -> str:
    """What would go of the runs that ended before the day, and what stays of them, one line each."""
    going = list(_kinds(planned.going))
    head = [f"of the runs that ended before {day} go:", *going] if going else [f"nothing from before {day} can go"]
    kept = list(_kept(planned))
    return "\n".join([*head, *(["kept, since it is needed:", *kept] if kept else [])])


def pruned_text(gone: Pruned, checked: HistoryCheck) -> str:
    """What went, and the new head of the chain."""
    head = f"head {checked.head.number} {checked.head.hash}" if checked.head is not None else ""
    return "\n".join(["pruned:", *_kinds(gone), head]).rstrip()


def _kinds(of: Pruned) -> Iterator[str]:
    if of.steps:
        yield f"  {count(of.steps, 'step')} with old and new values"
    if of.plans:
        yield f"  {count(of.plans, 'plan')}"
    if of.one_shots:
        yield f"  {count(of.one_shots, 'note')} of one-shot dates"
    if of.people:
        yield f"  {count(of.people, 'note')} of whose account an address was: hidden, and still compared"


def _kept(planned: PruningPlan) -> Iterator[str]:
    if planned.kept_steps:
        steps = count(planned.kept_steps, "step")
        yield f"  {steps} of accounts about which something is open ({planned.kept_accounts}), or of one-shot dates"
    if planned.kept_makes:
        yield f"  {count(planned.kept_makes, 'step')} that made a mailbox of an account that is managed"
    if planned.kept_one_shots:
        yield f"  {count(planned.kept_one_shots, 'note')} of one-shot dates of accounts that are managed"
    if planned.kept_run is not None:
        yield f"  run {planned.kept_run}, which did not end well and is the last: reconciler resume"
