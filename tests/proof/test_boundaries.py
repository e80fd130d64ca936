"""The invariants of docs/rename-invariants.md after every single touch of a rename, and of every rename that was put
right.

Somebody sends mail and looks into OX at each of these moments. `test_delivery` asks a real Postfix the same question.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reconciler.sandbox.openxchange import control
from tests.model_of_postfix import PostfixModel
from tests.proof.crash import Recovery, recover
from tests.proof.scenarios import BERND, MEMBER, NEW, OLD, OTHER_RENAMES, RENAME_ATTACH, Scenario
from tests.proof.touches import Fault, How
from tests.proof.world import LONG, World

RENAMES = (RENAME_ATTACH, *OTHER_RENAMES)


def model(world: World) -> PostfixModel:
    """Postfix's view of the tables as they are now."""
    aliases = world.sql("SELECT address, goto FROM alias WHERE active")
    mailboxes = world.sql("SELECT username FROM mailbox WHERE active")
    domains = world.sql("SELECT domain FROM domain WHERE active")
    return PostfixModel(
        {row["address"]: tuple(filter(None, row["goto"].split(","))) for row in aliases},
        frozenset(row["username"] for row in mailboxes),
        frozenset(row["domain"] for row in domains),
    )


class Watcher:
    """Asserts the invariants of one person whenever it is called."""

    def __init__(self, world: World) -> None:
        self._world = world
        (self._user,) = (user for user in control.users(world.ox) if user.ident == "anna.muster")
        self._declared = set(model(world).aliases)
        self.looks = 0

    def __call__(self) -> None:
        """docs/rename-invariants.md, invariants 1 to 3."""
        self.looks += 1
        postfix = model(self._world)
        # the rows of one account commit at once: either there is nothing of the new address, or all of it
        addresses = [OLD, MEMBER, *([NEW] if NEW in postfix.aliases or NEW in postfix.mailboxes else [])]
        for address in addresses:
            delivery = postfix.deliver(address)
            assert delivery.mailboxes & {OLD, NEW}, f"{address} does not reach Anna: {delivery}"
            assert not delivery.bounces, f"{address} bounces: {delivery}"
        assert self._declared <= set(postfix.aliases), "an address is lost"
        assert postfix.deliver(BERND).mailboxes == {BERND}
        (user,) = (user for user in control.users(self._world.ox) if user.id == self._user.id)
        assert user.ident in ("anna.muster", "anna.beispiel")
        assert user.fields["Language"] == self._user.fields["Language"]


# in `make test` one variant stands for what an account may have beside
SOME = RENAMES if LONG else [s for s in RENAMES if not s.is_variant or s.name == "rename attach with forwards"]


@pytest.mark.parametrize("scenario", SOME, ids=lambda scenario: scenario.name)
def test_nothing_bounces_and_nobody_is_lost_at_any_boundary(tmp_path: Path, scenario: Scenario) -> None:
    """Undisturbed, and with a death after each touch, however it is put right."""
    before = scenario.prepare(tmp_path / "before")
    whole = before.copy(tmp_path / "whole")
    watcher = Watcher(whole)
    touches = whole.apply(watch=watcher).touches
    assert watcher.looks == len(touches)
    for number in range(len(touches)):
        world = before.copy(tmp_path / "site")
        watcher = Watcher(world)
        assert world.apply(Fault(number, How.AFTER), watch=watcher).died
        assert recover(world, tuple(Recovery)[number % 3], watcher).status == 0
        assert watcher.looks > number
        shutil.rmtree(world.folder)
    assert model(whole).deliver(NEW).mailboxes == {NEW}


def test_the_watcher_speaks_up(tmp_path: Path) -> None:
    """A watcher that sees nothing would prove nothing: each hand-made harm is seen."""
    before = RENAME_ATTACH.prepare(tmp_path / "before")
    for harm in (
        f"DELETE FROM alias WHERE address = '{MEMBER}'",
        f"UPDATE mailbox SET active = 0 WHERE username = '{OLD}'",
        f"UPDATE alias SET goto = '{NEW}' WHERE address = '{OLD}'",
        f"UPDATE alias SET goto = '{BERND}' WHERE address = '{OLD}'",
    ):
        world = before.copy(tmp_path / "site")
        watcher = Watcher(world)
        watcher()
        world.sql(harm)
        with pytest.raises(AssertionError):
            watcher()
        shutil.rmtree(world.folder)
