"""The gates, in the order in which their findings are shown.

`workflow.draft` runs them all, always, before the first effect. A gate is one function that looks at the plan in the
making and returns Findings; it never raises and never writes. A refusal with an owner stops that transition, one
without stops the plan (docs/gates.md, "Error, gate or note").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.model.declared import Confirm
from reconciler.model.records import Owner
from reconciler.planning.finding import Finding, Severity
from reconciler.planning.shard_facts import LimitFacts
from reconciler.policy import limits, limits_of_shards
from reconciler.policy.account_renames import future_rename, move_target, suspected_rename
from reconciler.policy.account_takeovers import (
    foreign_alias,
    foreign_mailbox,
    foreign_number,
    member_changed,
    waiting_alias,
)
from reconciler.policy.alias_targets import dangling_alias, sub_addresses
from reconciler.policy.confirmations import allowed, confirmed, unused, with_confirm_entry
from reconciler.policy.dated_resets import one_shots
from reconciler.policy.domain_limits import (
    domain_off,
    domains,
    missing_alias_domain,
    missing_domain,
    missing_target_domain,
    new_domain,
)
from reconciler.policy.gate_context import GateContext
from reconciler.policy.limits import changes, creations, empty_state, removals
from reconciler.policy.mail_flow import forward_only, mail_flow
from reconciler.policy.new_accounts import lost_password, naming, register, unknown_system
from reconciler.policy.ox_deletions import groupware_delete, second_account
from reconciler.policy.ox_names_taken import display_name, foreign_login
from reconciler.policy.protected import protected
from reconciler.policy.removal_dates import coming_removal, early_purge
from reconciler.policy.unmanaged import kept_groupware, unknown_removal, unmanaged
from reconciler.policy.untold_passwords import half_given_password, uncertain_letters, untold_password
from reconciler.policy.wide_blocks import wide_block
from reconciler.settings import Policy

Gate = Callable[[GateContext], Iterable[Finding]]

GATES: tuple[Gate, ...] = (
    future_rename,
    unknown_system,
    lost_password,
    new_domain,
    domain_off,
    missing_target_domain,
    missing_domain,
    naming,
    register,
    member_changed,
    suspected_rename,
    move_target,
    foreign_mailbox,
    foreign_number,
    foreign_alias,
    second_account,
    protected,
    groupware_delete,
    early_purge,
    # after those that may stop a transition that frees a login or a name
    foreign_login,
    display_name,
    wide_block,
    waiting_alias,
    missing_alias_domain,
    dangling_alias,
    mail_flow,
    untold_password,
    # after all others: what those stop does not count
    removals,
    changes,
    creations,
    empty_state,
    coming_removal,
    unknown_removal,
    unmanaged,
    kept_groupware,
    one_shots,
    half_given_password,
    uncertain_letters,
    forward_only,
    sub_addresses,
    domains,
)


def run_gates(context: GateContext, reviews: Sequence[Finding] = ()) -> list[Finding]:
    """What every gate has to say; a confirmed refusal is a note, every other one comes with the entry to write. What
    the systems' `reviews` stop is stopped for the gates, too: no alias leads to an account that is not made."""
    findings: list[Finding] = []
    used: set[Confirm] = set()
    for gate in GATES:
        now = _after(context, [*reviews, *findings])
        for finding in gate(now):
            confirm = confirmed(now, finding)
            if confirm is not None:
                used.add(confirm)
                findings.append(allowed(now, finding, confirm))
            else:
                findings.append(with_confirm_entry(now, finding))
    return [*findings, *unused(context, used)]


def summary(context: GateContext, findings: Sequence[Finding] = ()) -> tuple[str, ...]:
    """What the limits looked at, given what the gates found: lines for the end of the plan."""
    return tuple(limits.summary(_after(context, findings)))


def limit_facts(
    context: GateContext, findings: Sequence[Finding], has: Callable[[str], bool]
) -> tuple[LimitFacts, ...]:
    """What the limits count, given what the gates found; by name what is about these subjects."""
    return tuple(limits_of_shards.limit_facts(_after(context, findings), findings, has))


def _after(context: GateContext, findings: Sequence[Finding]) -> GateContext:
    """What is left to be judged: not what waits for its date, which is not part of this plan. Of what stops an owner a
    refusal weighs more than a wait, a wait more than a future date."""
    stopped: dict[Owner, Severity] = {}
    for severity in (Severity.LATER, Severity.WAIT, Severity.REFUSAL):
        stopped |= {f.owner: severity for f in findings if f.owner is not None and f.severity is severity}
    left = tuple(t for t in context.transitions if stopped.get(t.owner) is not Severity.LATER)
    return replace(context, transitions=left, stopped=stopped)


def configuration(policy: Policy) -> dict[str, str]:
    """The `policy` section as it was read, defaults included, by dotted key (`limits.removals.number: 5`): a saved plan
    is bound to it and names what differs."""
    return dict(_flat("", policy.model_dump()))


def _flat(prefix: str, section: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)
