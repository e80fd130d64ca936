"""The crash matrix: every transition × every touch of its run × every way to fail, put right and compared row for row.

A touch is finer than a step: the commits of the journal before and after a step, and every single call of a batch, are
touches of their own, so "killed after the effect and before its journal row" is one cell among many. In `make proof`
every touch meets every way to fail with every kind of recovery. In `make test` a way to fail meets every third touch,
the next ways the touches between, and each cell one recovery in turn; variants of a rename (forwards, vacation, a
second OX account) are left to `make proof`. One run in four has real threads and a lock that is renewed meanwhile; the
others have neither, so that their touches come in the same order each time. OX is asked by its tools; in `make proof`
over SOAP as well, of which `make test` has four transitions, and in them the touches that are SOAP.

What is compared: all rows of PostfixAdmin and of the inventory, all users of OX with their attached mailboxes, the
sender map, the text of the newest letters, and what the passwords of all letters ever sent open. So "exactly one valid
credential" is part of every comparison, and a further plan must be empty.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.crash import Undisturbed
from tests.proof.dump import dump
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
from tests.proof.world import LONG

ALL = (RENAME_ATTACH, *OTHER_RENAMES, *OTHER_TRANSITIONS)
BY_TOOLS = [s for s in ALL if LONG or not s.is_variant]
OVER_SOAP = [s.soap() for s in ALL if LONG or s.name in ("rename attach", "new account", "purge", "password reset")]
SCENARIOS = [*BY_TOOLS, *OVER_SOAP]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_whatever_goes_wrong_the_end_is_the_same(tmp_path: Path, scenario: Scenario) -> None:
    """All cells of one transition: everything that is wrong, with the touch and the fault that did it."""
    undisturbed = Undisturbed.of(scenario, tmp_path)
    assert len(undisturbed.touches) > 2, "a run that found nothing to do proves nothing"
    wrong = [said for how in How for said in undisturbed.wrong(how, tmp_path)]
    assert not wrong, f"{len(wrong)} cells:\n" + "\n".join(wrong)


def test_a_live_run_renews_its_lock_between_its_touches(tmp_path: Path) -> None:
    """A heartbeat that never beats would prove nothing in the cells that have one."""
    undisturbed = Undisturbed.of(NEW_ACCOUNT, tmp_path)
    live = undisturbed.world.copy(tmp_path / "live")
    answer = live.apply(live=True)
    assert answer.status == 0, answer.out
    assert len(answer.touches) > len(undisturbed.touches)
    assert dump(live) == undisturbed.end


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
