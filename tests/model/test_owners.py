"""A scope is an open word: a declared kind brings its own, and the ledger may know others."""

from __future__ import annotations

import pickle

import pytest
from sqlalchemy import String

from reconciler.apply.ledger.tables import declare
from reconciler.model.declared import DesiredState
from reconciler.model.owners import LONGEST_SCOPE, Owner, Scope
from tests.systems.plans import NO_PLAN


def test_a_word_is_one_object_wherever_it_comes_from() -> None:
    assert Scope("account") is Scope.ACCOUNT
    assert pickle.loads(pickle.dumps(Scope.BLOCK)) is Scope.BLOCK
    assert (str(Scope.ALIAS), Scope.ALIAS.section) == ("alias", "aliases")


def test_a_word_that_only_the_ledger_knows_declares_nothing() -> None:
    stranger = Scope("of-another-site")
    assert stranger.section == ""
    state: DesiredState = NO_PLAN.desired
    assert state.entry(Owner(stranger, "anna@mail.example")) is None


def test_a_word_fits_the_ledger() -> None:
    columns = [table.c.scope.type for table in declare() if "scope" in table.c]
    assert [column.length for column in columns if isinstance(column, String)] == [LONGEST_SCOPE] * len(columns)
    assert columns
    with pytest.raises(ValueError, match="the ledger keeps 16 letters"):
        Scope("a-word-that-is-too-long", "some_section")
