"""The causes of a repair, where the ledger has an account under two names."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, Mailbox, Rename
from reconciler.model.records import LetterRow, Owner, Scope
from reconciler.model.source_places import Origin
from reconciler.planning.changes import Action, Change, Stage, Step
from reconciler.planning.half_made import with_causes
from reconciler.planning.ledger_state import Remembered
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Snapshot
from reconciler.planning.transitions import Effect, Transition

HERE = Origin("a.yaml", "x", "0")
OLD, NEW = Address("alt@mail.example"), Address("neu@mail.example")
WAS, IS = Owner(Scope.ACCOUNT, OLD), Owner(Scope.ACCOUNT, NEW)
LETTER = Change(
    "letters", "letter", Action.CREATE, NEW, None, LetterRow(NEW, NEW, "10042", "x@extern.example"), owner=IS
)


@pytest.mark.parametrize("first", [WAS, IS])
def test_what_runs_before_and_after_a_rename_left_counts_together(first: Owner) -> None:
    second = IS if first is WAS else WAS
    unseen = {first: frozenset({"letter"}), second: frozenset({"welcome_mail"})}
    state = DesiredState(
        date(2026, 11, 24), mailboxes={NEW: Mailbox(NEW, HERE)}, renames=(Rename(OLD, NEW, date(2026, 11, 22), HERE),)
    )
    told = Transition(IS, (LETTER,), (Step(LETTER, Stage.LETTER),), Effect.CHANGE)
    snapshot = Snapshot(datetime(2026, 11, 24, tzinfo=UTC))
    (line,) = with_causes([told], PlanContext.of(state), snapshot, Remembered(unseen=unseen))
    assert line.reason == "the letter of an earlier run did not go out"
