"""The crash matrix: every transition × every touch of its run × every way to fail, put right and compared row for row.

A touch is finer than a step: the commits of the journal before and after a step, and every single call of a batch, are
touches of their own, so "killed after the effect and before its journal row" is one cell among many. Every touch meets
every way to fail, and each of these every kind of recovery.

What is compared: all rows of PostfixAdmin and of the inventory, all users of OX with their attached mailboxes, the
sender map, the text of the newest letters, and what the passwords of all letters ever sent open. So "exactly one valid
credential" is part of every comparison, and a further plan must be empty.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.proof.crash import Recovery, Undisturbed, report
from tests.proof.scenarios import (
    BLOCK_CHANGE,
    NEW_ACCOUNT,
    OTHER_RENAMES,
    OTHER_TRANSITIONS,
    RENAME_ATTACH,
    SECOND_ACCOUNT,
    Scenario,
)
from tests.proof.touches import How


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Each scenario is prepared and run to its end once."""
    return Prepared(tmp_path_factory)


class Prepared:
    """The scenarios that were needed so far."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._known: dict[str, Undisturbed] = {}

    def of(self, scenario: Scenario) -> Undisturbed:
        """A scenario with its undisturbed end."""
        if scenario.name not in self._known:
            self._known[scenario.name] = Undisturbed.of(scenario, self._folders.mktemp("undisturbed"))
        return self._known[scenario.name]


class Cells:
    """The cells of some scenarios. pytest-xdist gives each class to one process (`--dist loadscope`): all of them take
    about four minutes of processor time."""

    def check(self, prepared: Prepared, tmp_path: Path, scenario: Scenario, how: How) -> None:
        """Everything that is wrong, with the touch and the fault that did it."""
        undisturbed = prepared.of(scenario)
        wrong = []
        for fault, recovery in product(undisturbed.faults(how), Recovery):
            found = undisturbed.after(fault, recovery, tmp_path / "site")
            if found:
                wrong.append(report(undisturbed, fault, recovery, found))
        assert not wrong, f"{len(wrong)} cells:\n" + "\n".join(wrong)


@pytest.mark.parametrize("how", How)
class TestARename(Cells):
    """With an alias that named the old address."""

    def test_whatever_goes_wrong_the_end_is_the_same(self, prepared: Prepared, tmp_path: Path, how: How) -> None:
        self.check(prepared, tmp_path, RENAME_ATTACH, how)


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("scenario", OTHER_RENAMES, ids=lambda scenario: scenario.name)
class TestOtherRenames(Cells):
    """With what people left in the old mailbox, and with a mailbox that moves."""

    def test_whatever_goes_wrong_the_end_is_the_same(
        self, prepared: Prepared, tmp_path: Path, scenario: Scenario, how: How
    ) -> None:
        self.check(prepared, tmp_path, scenario, how)


@pytest.mark.parametrize("how", How)
@pytest.mark.parametrize("scenario", OTHER_TRANSITIONS, ids=lambda scenario: scenario.name)
class TestOtherTransitions(Cells):
    """Accounts that come, change and go; aliases; blocks."""

    def test_whatever_goes_wrong_the_end_is_the_same(
        self, prepared: Prepared, tmp_path: Path, scenario: Scenario, how: How
    ) -> None:
        self.check(prepared, tmp_path, scenario, how)


def test_the_matrix_meets_every_kind_of_touch(tmp_path: Path) -> None:
    """A matrix over too few touches proves little: each line of a site is cut, each tool that writes is killed."""
    some = (SECOND_ACCOUNT, NEW_ACCOUNT, BLOCK_CHANGE)
    touches = [t for number, s in enumerate(some) for t in Undisturbed.of(s, tmp_path / str(number)).touches]
    assert {touch.line for touch in touches} == {"database", "openxchange", "web", "map", "mail"}
    assert {touch.what for touch in touches} >= {
        "createuser",
        "changeuser",
        "deleteuser",
        "web new",
        "tee",
        "mv",
        "commit",
    }
