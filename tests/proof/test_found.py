"""What the crash matrix and the random histories brought to light, each as the shortest story that shows it."""

from __future__ import annotations

from pathlib import Path

from tests.proof.scenarios import FORWARDS, NEW
from tests.proof.world import DOMAIN


def test_an_alias_that_a_rename_rewrote_stays_somebody_elses(tmp_path: Path) -> None:
    """details.md: an undeclared alias is left. `rewrite_references` changes one target of it; to own it, and to remove
    it with the next plan since nobody declares it, would lose an address."""
    world = FORWARDS.prepare(tmp_path / "site")
    assert world.apply().status == 0
    assert world.plan().status == 0
    assert world.apply().status == 0
    (liste,) = world.sql("SELECT goto FROM alias WHERE address = ?", f"liste@{DOMAIN}")
    assert liste["goto"] == f"{NEW},bernd.muster@{DOMAIN}"
