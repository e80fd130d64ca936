"""Where the targets of aliases lead once a plan is applied: the gate `dangling-alias`."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model.records import AliasDomainRow, Owner, Row, Scope
from reconciler.planning.finding import Severity
from reconciler.planning.transitions import Transition
from reconciler.policy.gate_context import GateContext
from reconciler.policy.gates import run_gates
from tests.policy.drafts import (
    ALT,
    D,
    alias,
    alias_goes,
    alias_row,
    box,
    context,
    domain,
    mailbox_row,
    purge,
    transition,
)

OTHER, LINKED = "other.example", "linked.example"
VORSTAND, PRESSE = f"vorstand@{D}", f"presse@{D}"
LIVE: list[Row] = [domain(), domain(OTHER), mailbox_row(ALT)]


def written(key: str, target: str) -> Transition:
    """A new alias."""
    return transition(Owner(Scope.ALIAS, key), (None, alias_row(key, target)))


def refused(looked_at: GateContext) -> list[str]:
    """The aliases that the gate refuses."""
    found = run_gates(looked_at)
    return [f.subject for f in found if (f.rule, f.severity) == ("dangling-alias", Severity.REFUSAL)]


def leading(target: str, *live: Row) -> GateContext:
    """A plan that makes vorstand@ lead there."""
    return context(written(VORSTAND, target), aliases=[alias(VORSTAND, target)], live=[*LIVE, *live])


@pytest.mark.parametrize(
    "target", [f"nobody@{D}", f"nobody@{OTHER}"], ids=["declared domain", "domain that is only live"]
)
def test_nobody_in_a_domain_of_ours_is_refused(target: str) -> None:
    assert refused(leading(target)) == [VORSTAND]


@pytest.mark.parametrize("target", ["somebody@extern.example", ALT, f"ALIAS@{OTHER}".lower()])
def test_another_domain_and_what_is_live_are_fine(target: str) -> None:
    assert refused(leading(target, alias_row(f"alias@{OTHER}", ALT))) == []


def test_an_alias_domain_leads_to_its_target_and_to_its_catch_all() -> None:
    linked: list[Row] = [domain(LINKED), AliasDomainRow(LINKED, D, True)]
    local, _, _ = ALT.partition("@")
    assert refused(leading(f"{local}@{LINKED}", *linked)) == []
    assert refused(leading(f"nobody@{LINKED}", *linked)) == [VORSTAND]
    assert refused(leading(f"nobody@{LINKED}", *linked, alias_row(f"*@{D}", ALT))) == []


def test_an_alias_that_the_same_plan_makes_is_a_target() -> None:
    both = [alias(VORSTAND, PRESSE), alias(PRESSE, ALT)]
    assert refused(context(written(VORSTAND, PRESSE), written(PRESSE, ALT), aliases=both, live=LIVE)) == []


def test_what_the_plan_would_make_and_does_not_is_told_from_what_nobody_declares() -> None:
    both = [alias(VORSTAND, PRESSE), alias(PRESSE, f"nobody@{D}")]
    stopped = context(written(VORSTAND, PRESSE), written(PRESSE, f"nobody@{D}"), aliases=both, live=LIVE)
    messages = {f.subject: f.message for f in run_gates(stopped) if f.rule == "dangling-alias"}
    assert "which this plan does not make" in messages[VORSTAND]
    assert "neither declared nor live" in messages[PRESSE]


def test_only_an_alias_that_goes_and_is_a_target_is_kept() -> None:
    declared = [alias(VORSTAND, PRESSE), alias(f"info@{D}", f"nobody@{D}")]
    going = context(alias_goes(PRESSE), aliases=declared, live=[*LIVE, alias_row(PRESSE, ALT)])
    assert refused(going) == [PRESSE]
    other = context(alias_goes(PRESSE), aliases=declared[1:], live=[*LIVE, alias_row(PRESSE, ALT)])
    assert refused(other) == []


def test_an_alias_that_another_gate_keeps_is_a_target() -> None:
    declared: dict[str, Any] = {"aliases": [alias(VORSTAND, PRESSE)], "live": [*LIVE, alias_row(PRESSE, ALT)]}
    plan = alias_goes(PRESSE), written(VORSTAND, PRESSE)
    assert refused(context(*plan, **declared)) == [VORSTAND, PRESSE]
    assert refused(context(*plan, policy={"protected": ["presse"]}, **declared)) == []


def test_a_mailbox_that_is_purged_is_no_alias_that_goes() -> None:
    named = context(purge(ALT), mailboxes=[box(f"else@{D}")], aliases=[alias(VORSTAND, ALT)], live=LIVE)
    assert refused(named) == []


def test_a_member_number_that_the_plan_makes_is_a_target() -> None:
    number = f"4711@{D}"
    planned = context(
        written(VORSTAND, number),
        mailboxes=[box(f"neu@{D}", member="4711")],
        aliases=[alias(VORSTAND, number)],
        live=LIVE,
    )
    assert refused(planned) == []
