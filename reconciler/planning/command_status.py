"""The exit statuses: their numbers, which of several wins, and what a plan and a run mean for the caller
(docs/exit-statuses.md). `cli.exit_status` says which one an error has."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `--help` needs the numbers, and none of the rest
    from reconciler.planning.plan import Plan
    from reconciler.planning.run_outcome import Run

UNDECLARED = "undeclared"
"""The rule of a finding about a live object that git does not declare; only `drift --strict` has such."""


class Status(IntEnum):
    """How a command ended."""

    DONE = 0
    BUG = 1
    USAGE = 2
    INVALID = 3
    PENDING = 4
    REFUSED = 5
    STALE = 6
    LOCKED = 7
    PARTLY = 8
    UNREADABLE = 9


# docs/exit-statuses.md, "Which status wins"
_PRECEDENCE = [Status(number) for number in (1, 2, 3, 7, 6, 5, 8, 9, 4, 0)]


def worst(*statuses: Status) -> Status:
    """The status that wins when several are true."""
    return min(statuses, key=_PRECEDENCE.index, default=Status.DONE)


def plan_status(made: Plan) -> Status:
    """What a plan that was only shown means for the caller. For `drift`, missed dates and what nobody declares count,
    too."""
    drifted = made.purpose == "drift" and (made.missed or any(f.rule == UNDECLARED for f in made.findings))
    return worst(
        Status.REFUSED if made.refused else Status.DONE,
        Status.UNREADABLE if made.unknown else Status.DONE,
        Status.PENDING if made.pending or drifted else Status.DONE,
    )


def run_status(run: Run) -> Status:
    """What a carrying-out means for the caller: what is not as it was reviewed is stale, what nobody reviewed is
    pending."""
    binding = run.binding
    return worst(
        Status.STALE if binding is not None and binding.differing else Status.DONE,
        Status.PENDING if binding is not None and binding.left else Status.DONE,
        Status.REFUSED if run.plan.refused else Status.DONE,
        Status.UNREADABLE if run.plan.unknown else Status.DONE,
        Status.PENDING if not run.transitions and run.plan.pending else Status.DONE,
        Status.DONE if run.complete else Status.PARTLY,
    )


def plan_numbers(made: Plan) -> dict[str, int]:
    """How much of what is in it: no names."""
    actions = [str(transition.action) for transition in made.transitions]
    severities = [str(finding.severity) for finding in made.findings]
    counted = {action: actions.count(action) for action in ("create", "update", "rename", "delete")}
    named = {"refusals": "refusal", "warnings": "warning"}
    counted |= {name: severities.count(severity) for name, severity in named.items()}
    return counted | {"unread systems": len(made.unknown)}


def run_numbers(run: Run) -> dict[str, int]:
    """How many changes ended how."""
    results = [str(transition.result) for transition in run.transitions]
    return {result: results.count(result) for result in ("done", "failed", "not tried", "uncertain")}
