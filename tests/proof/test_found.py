"""What the crash matrix and the random histories brought to light, each as the shortest story that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.crash import Recovery, recover
from tests.proof.dump import letters
from tests.proof.scenarios import BERND, FORWARDS, NEW, NEW_ACCOUNT, OLD, RENAME_MOVE
from tests.proof.touches import Fault, How
from tests.proof.world import DOMAIN


def test_an_alias_that_a_rename_rewrote_stays_somebody_elses(tmp_path: Path) -> None:
    """An undeclared alias is left. `rewrite_references` changes one target of it; to own it, and to remove
    it with the next plan since nobody declares it, would lose an address."""
    world = FORWARDS.prepare(tmp_path / "site")
    assert world.apply().status == 0
    assert world.plan().status == 0
    assert world.apply().status == 0
    (liste,) = world.sql("SELECT goto FROM alias WHERE address = ?", f"liste@{DOMAIN}")
    assert liste["goto"] == f"{NEW},bernd.muster@{DOMAIN}"


@pytest.mark.parametrize("recovery", Recovery)
def test_the_inventory_follows_a_rename_that_died_before_it_was_noted(tmp_path: Path, recovery: Recovery) -> None:
    """OX has renamed the user, the journal does not know: whoever finishes it finds it in place, and remembers the user
    under the new address, not under both nor under the old one."""
    world = RENAME_MOVE.prepare(tmp_path / "site")
    touches = [touch.what for touch in world.copy(tmp_path / "whole").apply().touches]
    assert world.apply(Fault(touches.index("changeuser"), How.AFTER)).died
    assert recover(world, recovery).status == 0
    kept = world.sql("SELECT key FROM reconciler_inventory WHERE kind = 'ox_user' ORDER BY key")
    assert [row["key"] for row in kept] == [NEW, BERND]


def test_the_first_letter_of_a_new_account_is_a_welcome_however_often_it_died(tmp_path: Path) -> None:
    """A letter about "a new password" and "older letters" to somebody who never had one would only alarm them."""
    world = NEW_ACCOUNT.prepare(tmp_path / "site")
    before_the_letter = [touch.what for touch in world.copy(tmp_path / "whole").apply().touches].index(
        "mail to anna@gmx.example"
    )
    assert world.apply(Fault(before_the_letter, How.BEFORE)).died
    world.break_lock()
    assert world.apply(Fault(before_the_letter - 3, How.AFTER)).died
    world.break_lock()
    assert world.apply().status == 0
    (anna,) = (letter for letter in letters(world) if letter.recipient == "anna@gmx.example")
    assert anna.subject == f"Deine neue Mailadresse {OLD}"
