"""Random histories of one site: what people declare, what they do by hand, and what dies in between.

Whatever happened, one quiet apply brings the site to what is declared, no address that anybody was promised is lost, no
OX account that holds data is deleted, and each member has exactly one letter whose password works.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reconciler.sandbox.openxchange import control
from tests.proof.crash import Recovery, recover
from tests.proof.dump import letters, opened
from tests.proof.scenarios import ANNA_MUSTER, BERND, BERND_MUSTER
from tests.proof.test_boundaries import model
from tests.proof.touches import Fault, How
from tests.proof.world import DOMAIN, LONG, World

NAMES = ("anna.muster", "anna.beispiel", "anna.neuland", "anna.probe")
PERSON = "anna@gmx.example"
CLARA = f"clara.probe@{DOMAIN}"
HAND_MADE = "hand@made.example"


class Histories(RuleBasedStateMachine):
    """Anna changes names now and then, Clara leaves and comes back; Bernd only wants to be left alone."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="reconciler-history-"))
        self.name = NAMES[0]
        self.renames: list[dict[str, str]] = []
        self.aliases: dict[str, list[str]] = {"vorstand": ["anna.muster", "bernd.muster"]}
        self.blocks: set[str] = set()
        self.clara_left = False
        self.forwards = 0
        self.settled = False

    @initialize()
    def a_site_that_is_in_use(self) -> None:
        """All have their accounts, with data in OX."""
        self.world = World.build(self.folder / "site", with_map=True)
        self._declare()
        assert self.world.apply().status == 0
        self.ids = {user.ident: user.id for user in control.users(self.world.ox)}
        self.settled = True

    # what is declared

    @precondition(lambda self: len(self.renames) < len(NAMES) - 1)
    @rule(move=st.booleans())
    def declare_a_rename(self, move: bool) -> None:
        """The next name, on the next day."""
        self.world.today += timedelta(days=1)
        former, self.name = self.name, NAMES[len(self.renames) + 1]
        kind = "move" if move else "attach"
        entry = {"from": former, "to": self.name, "date": str(self.world.today), "old_mailbox": kind}
        self.renames.append(entry)
        for targets in self.aliases.values():
            targets[:] = [self.name if target == former else target for target in targets]
        self._declare()

    @rule(name=st.sampled_from(["vorstand", "info"]), with_bernd=st.booleans())
    def declare_an_alias(self, name: str, with_bernd: bool) -> None:
        """It leads to Anna, maybe also to Bernd."""
        self.aliases[name] = [self.name, *(["bernd.muster"] if with_bernd else [])]
        self._declare()

    @rule(key=st.sampled_from(["spam.example", "wave.example"]))
    def declare_a_block_or_take_it_back(self, key: str) -> None:
        """A domain that nobody wants mail from, for a while."""
        self.blocks ^= {key}
        self._declare()

    @rule()
    def clara_leaves_or_comes_back(self) -> None:
        """Clara's mailbox is switched off, or restored as it was; the data in OX stays."""
        self.clara_left = not self.clara_left
        self._declare()

    # what people do by hand

    @rule()
    def anna_sets_a_forward(self) -> None:
        """In the mailbox in use; it is Anna's and follows the rename."""
        address = self._present()
        if address is None:
            return
        self.forwards += 1
        goto = f"{address},privat{self.forwards}@extern.example"
        self.world.sql("UPDATE alias SET goto = ? WHERE address = ?", goto, address)
        self.settled = False

    @rule(what=st.sampled_from(["member alias", "declared alias", "display name"]))
    def somebody_breaks_something(self, what: str) -> None:
        """By hand, with the best of intentions."""
        self.settled = False
        if what == "member alias":
            self.world.sql("DELETE FROM alias WHERE address = ?", f"10042@{DOMAIN}")
        elif what == "declared alias":
            self.world.sql("UPDATE alias SET goto = ? WHERE address = ?", BERND, f"vorstand@{DOMAIN}")
        else:
            self.world.sql("UPDATE mailbox SET name = 'Jemand' WHERE username = ?", BERND)

    # what happens to runs

    @rule(number=st.integers(0, 24), how=st.sampled_from(How))
    def an_apply_meets_a_fault(self, number: int, how: How) -> None:
        """It dies, or a line is cut; or it is over before."""
        self.world.apply(Fault(number, how))
        self.settled = False

    @rule(recovery=st.sampled_from(Recovery))
    def somebody_puts_it_right(self, recovery: Recovery) -> None:
        """One command; what it leaves, if it is a resume, was not in the run that died."""
        recover(self.world, recovery)
        self.settled = recovery is Recovery.APPLY
        if self.settled:
            self._everything_is_as_declared()

    # what is always true

    @invariant()
    def no_ox_account_is_lost(self) -> None:
        """docs/rename-invariants.md, invariant 2."""
        if not hasattr(self, "ids"):
            return
        assert {user.id for user in control.users(self.world.ox)} == set(self.ids.values())

    @invariant()
    def no_letter_beside_the_newest_works(self) -> None:
        """docs/rename-invariants.md, invariant 5. In the middle of a transition it may be that none does."""
        if not hasattr(self, "ids"):
            return
        assert all(len(working) <= 1 for working in opened(self.world).values()), opened(self.world)

    def teardown(self) -> None:
        """Every history ends well."""
        if hasattr(self, "ids"):
            recover(self.world, Recovery.APPLY)
            self._everything_is_as_declared()
        shutil.rmtree(self.folder)

    def _everything_is_as_declared(self) -> None:
        again = self.world.plan()
        assert again.status == 0, again.out
        postfix, now = model(self.world), f"{self.name}@{DOMAIN}"
        addresses = [now, f"10042@{DOMAIN}", *(f"{entry['from']}@{DOMAIN}" for entry in self.renames)]
        for address in addresses:
            assert now in postfix.deliver(address).mailboxes, (address, postfix.deliver(address))
        for name, targets in self.aliases.items():
            wanted = {f"{target}@{DOMAIN}" for target in targets}
            assert postfix.deliver(f"{name}@{DOMAIN}").mailboxes == wanted
        lines = self.world.map.read_text(encoding="utf-8").splitlines()
        keys = {line.partition(" ")[0] for line in lines if line.endswith(" REJECT")}
        assert keys == {HAND_MADE, *self.blocks}
        assert (CLARA in postfix.deliver(CLARA).mailboxes) is not self.clara_left
        if self.forwards:
            assert f"privat{self.forwards}@extern.example" in postfix.deliver(now).elsewhere
        self._one_password()

    def _one_password(self) -> None:
        (places,) = opened(self.world)[PERSON]
        login = f"openxchange {self.ids['anna.muster']} {self.name}"
        assert {f"mailbox {self.name}@{DOMAIN}", login} <= set(places), places
        newest = [letter for letter in letters(self.world) if letter.recipient == PERSON][-1]
        assert f"{self.name}@{DOMAIN}" in newest.text

    def _present(self) -> str | None:
        """The newest of Anna's addresses that has a mailbox and its alias."""
        known = model(self.world)
        names = [self.name, *(entry["from"] for entry in reversed(self.renames))]
        addresses = (f"{name}@{DOMAIN}" for name in names)
        return next((a for a in addresses if a in known.mailboxes and a in known.aliases), None)

    def _declare(self) -> None:
        surname = self.name.partition(".")[2].capitalize()
        mailboxes: dict[str, Any] = {
            "bernd.muster": BERND_MUSTER,
            self.name: {**ANNA_MUSTER, "surname": surname},
        }
        if not self.clara_left:
            mailboxes["clara.probe"] = {**ANNA_MUSTER, "given_name": "Clara", "surname": "Probe", "member": "10103"}
        removal = {"mailbox": "clara.probe", "date": str(self.world.today), "reason": "left"}
        blocks = [{"domain": key, "reason": "spam"} for key in sorted(self.blocks)]
        state = {"mailboxes": mailboxes, "aliases": self.aliases, "renames": self.renames, "sender_blocks": blocks}
        self.world.declare(state | {"removals": [removal] if self.clara_left else []})
        self.settled = False


def test_every_history_ends_well() -> None:
    """The same histories each time, so that a failure is one of this change and not of this day."""
    bounded = settings(
        max_examples=300 if LONG else 7,
        stateful_step_count=8,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Histories, settings=bounded)
