"""What pruning the ledger takes out, for the terminal. `cli.ledger_prune` calls these."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from reconciler.planning.history_check import HistoryCheck
from reconciler.planning.ledger_pruning import Pruned, PruningPlan
from reconciler.report.vocabulary import steps_in_words
from reconciler.translation import tr, tr_number


def pruning_text(planned: PruningPlan, day: date) -> str:
    """What would go of the runs that ended before the day, and what stays of them, one line each."""
    going = list(_kinds(planned.going))
    gone = tr("of the runs that ended before {day} go:", day=day)
    head = [gone, *going] if going else [tr("nothing from before {day} can go", day=day)]
    kept = list(_kept(planned))
    return "\n".join([*head, *([tr("kept, since it is needed:"), *kept] if kept else [])])


def pruned_text(gone: Pruned, checked: HistoryCheck) -> str:
    """What went, and the new head of the chain."""
    head = f"head {checked.head.number} {checked.head.hash}" if checked.head is not None else ""
    return "\n".join([tr("pruned:"), *_kinds(gone), head]).rstrip()


def _kinds(of: Pruned) -> Iterator[str]:
    if of.steps:
        yield "  " + tr("{steps} with old and new values", steps=steps_in_words(of.steps))
    if of.plans:
        yield "  " + tr_number("{number} plan", "{number} plans", of.plans)
    if of.one_shots:
        yield "  " + tr("{notes} of one-shot dates", notes=_notes(of.one_shots))
    if of.people:
        yield "  " + tr("{notes} of whose account an address was: hidden, and still compared", notes=_notes(of.people))


def _kept(planned: PruningPlan) -> Iterator[str]:
    if planned.kept_steps:
        yield "  " + tr(
            "{steps} of accounts about which something is open ({accounts}), or of one-shot dates",
            steps=steps_in_words(planned.kept_steps),
            accounts=planned.kept_accounts,
        )
    if planned.kept_makes:
        steps = steps_in_words(planned.kept_makes)
        yield "  " + tr("{steps} that made a mailbox of an account that is managed", steps=steps)
    if planned.kept_one_shots:
        notes = _notes(planned.kept_one_shots)
        yield "  " + tr("{notes} of one-shot dates of accounts that are managed", notes=notes)
    if planned.kept_run is not None:
        run = planned.kept_run
        yield "  " + tr("run {run}, which did not end well and is the last: reconciler resume", run=run)


def _notes(number: int) -> str:
    return tr_number("{number} note", "{number} notes", number)
