"""The gates, in the order in which their findings are shown.

`workflow.make_plan` runs them all, always, before the first effect. A gate is one function that looks at the plan in
the making and returns Findings; it never raises and never writes. A refusal with an owner stops that transition, one
without stops the plan (details.md, "Error, gate or note").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from reconciler.model.records import Owner
from reconciler.planning.findings import Finding, Severity
from reconciler.policy.accounts import foreign, missing_domain, naming, register, suspected_rename, unknown_system
from reconciler.policy.aliases import dangling_alias, missing_alias_domain
from reconciler.policy.context import Context
from reconciler.policy.later import not_carried_out_yet

Gate = Callable[[Context], Iterable[Finding]]

GATES: tuple[Gate, ...] = (
    not_carried_out_yet,
    unknown_system,
    missing_domain,
    naming,
    register,
    suspected_rename,
    foreign,
    missing_alias_domain,
    dangling_alias,
)


def run_gates(context: Context) -> list[Finding]:
    """What every gate has to say."""
    findings: list[Finding] = []
    for gate in GATES:
        findings += gate(replace(context, stopped=_stopped(findings)))
    return findings


def _stopped(findings: Iterable[Finding]) -> dict[Owner, Severity]:
    """A refusal weighs more than a wait."""
    waits = {f.owner: f.severity for f in findings if f.owner and f.severity is Severity.WAIT}
    return waits | {f.owner: f.severity for f in findings if f.owner and f.severity is Severity.REFUSAL}
