"""The digest binds everything that the plan would do; nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.records import BlockRow, MailboxRow, Owner, Scope
from reconciler.planning.changes import Action, Change, Stage, Step
from reconciler.planning.declared_entries import DeclaredEntry
from reconciler.planning.plan import digest
from reconciler.planning.transitions import Effect, Transition

A = "anna@mail.example"


def transition(before: MailboxRow | None, after: MailboxRow, stage: Stage = Stage.MAIL_FLOW) -> Transition:
    action = Action.UPDATE if before else Action.CREATE
    change = Change("postfixadmin", "mailbox", action, A, before, after, Owner(Scope.ACCOUNT, A))
    return Transition(change.owner, (change,), (Step(change, stage),), Effect.CHANGE)


OLD = MailboxRow(A, "", "Anna", 100, True)
NEW = OLD._replace(quota=200)
BASE = transition(OLD, NEW)
OTHER = transition(None, NEW._replace(key="b@mail.example"))
ARGUMENTS: dict[str, Any] = {"site": "s", "targets": {"x": "y"}, "policy": {"p": "1"}, "transitions": (BASE, OTHER)}


@pytest.mark.parametrize(
    "changed",
    [
        {"site": "t"},
        {"policy": {"p": "2"}},
        {"targets": {"x": "z"}},
        {"transitions": (OTHER, BASE)},
        {"transitions": (BASE,)},
        {"transitions": (transition(OLD, NEW._replace(quota=201)), OTHER)},
        {"transitions": (transition(OLD._replace(quota=101), NEW), OTHER)},
        {"transitions": (transition(OLD, NEW, Stage.GROUPWARE), OTHER)},
        {"transitions": (replace(BASE, refused=("naming",)), OTHER)},
        {"transitions": (replace(BASE, declared=(DeclaredEntry("mailboxes", A, {"member": "1"}),)), OTHER)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_changing_a_single_bound_item_changes_the_digest(changed: dict[str, Any]) -> None:
    assert digest(**(ARGUMENTS | changed)) != digest(**ARGUMENTS)


def test_places_and_words_are_not_bound() -> None:
    assert digest(**(ARGUMENTS | {"transitions": (replace(BASE, reason="other"), OTHER)})) == digest(**ARGUMENTS)


def test_kinds_of_equal_content_differ() -> None:
    mailbox = Change("p", "x", Action.CREATE, "k", None, BlockRow("k", "a", "b"), Owner(Scope.BLOCK, "k"))
    one = Transition(mailbox.owner, (mailbox,), (Step(mailbox, Stage.FILTER),), Effect.CHANGE)
    other = mailbox._replace(after=BlockRow("k", "a", "c"))
    two = Transition(other.owner, (other,), (Step(other, Stage.FILTER),), Effect.CHANGE)
    assert digest("s", {}, {}, (one,)) != digest("s", {}, {}, (two,))
