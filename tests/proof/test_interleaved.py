"""Hand edits in the middle of an apply: whatever somebody changes between two touches of a run is there when it ends.

docs/rename-invariants.md, invariant 7: every write is a compare-and-set. Who was faster keeps what they
wrote, and the run says so.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from reconciler.sandbox.openxchange import control
from tests.proof.scenarios import (
    BLOCK_CHANGE,
    FORWARDS,
    MEMBER,
    NEW,
    OLD,
    OTHER_TRANSITIONS,
    RENAME_ATTACH,
    RENAME_MOVE,
    VACATION_RENAME,
)
from tests.proof.world import DOMAIN, LONG, OX_PASSWORD, World
from tests.services.quick import called

BY_HAND = "von.hand@extern.example"
QUOTA = 77 * 1024000
FIRST = 1
"""The touch after which the plan is made and the run written down: the first one takes the lock."""
SCENARIOS = {s.name: s for s in (RENAME_ATTACH, FORWARDS, VACATION_RENAME, RENAME_MOVE, *OTHER_TRANSITIONS)}


class Edit(NamedTuple):
    """What somebody does by hand. `make` says whether there was anything to change, `stands` whether it still is so."""

    make: Callable[[World], bool]
    stands: Callable[[World], bool]


def _goto(address: str) -> Edit:
    def make(world: World) -> bool:
        world.sql("UPDATE alias SET goto = ? WHERE address = ?", BY_HAND, address)
        return stands(world)

    def stands(world: World) -> bool:
        return any(BY_HAND in row["goto"].split(",") for row in world.sql("SELECT goto FROM alias"))

    return Edit(make, stands)


def _mailbox(address: str, column: str, value: object) -> Edit:
    # a mailbox that moves takes what they wrote with it
    def make(world: World) -> bool:
        world.sql(f"UPDATE mailbox SET {column} = ? WHERE username = ?", value, address)
        return stands(world)

    def stands(world: World) -> bool:
        return any(row[column] == value for row in world.sql("SELECT * FROM mailbox"))

    return Edit(make, stands)


def _ox_name(login: str) -> Edit:
    arguments = ["-c", "1", "-A", "oxadmin", "-P", OX_PASSWORD, "--nonl", "--displayname", "Von Hand", "-u", login]

    def make(world: World) -> bool:
        return called("changeuser", world.ox, arguments, {}).status == 0

    def stands(world: World) -> bool:
        return any(user.fields.get("Display_name") == "Von Hand" for user in control.users(world.ox))

    return Edit(make, stands)


def _map_line(old: str, new: str) -> Edit:
    def make(world: World) -> bool:
        if not world.with_map or old not in world.map.read_text(encoding="utf-8"):
            return False
        world.map.write_text(world.map.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
        return True

    def stands(world: World) -> bool:
        return new in world.map.read_text(encoding="utf-8")

    return Edit(make, stands)


EDITS: Mapping[str, Edit] = {
    **{f"goto of {a}": _goto(a) for a in (OLD, NEW, MEMBER, f"vorstand@{DOMAIN}", f"liste@{DOMAIN}")},
    **{f"name of {a}": _mailbox(a, "name", "Von Hand") for a in (OLD, NEW)},
    **{f"quota of {a}": _mailbox(a, "quota", QUOTA) for a in (OLD, NEW)},
    **{f"name in OX of {login}": _ox_name(login) for login in ("anna.muster", "anna.beispiel")},
    "a line of the map": _map_line("hand@made.example REJECT", "hand@made.example DISCARD"),
    "a line of our section": _map_line("a@spam.example REJECT", "a@spam.example DISCARD"),
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], World]:
    """Each scenario, prepared once."""

    @cache
    def of(name: str) -> World:
        return SCENARIOS[name].prepare(tmp_path_factory.mktemp("before") / "site")

    return of


@st.composite
def moments(draw: st.DrawFn) -> tuple[str, str, int]:
    """A transition, an edit that its world has a place for, and the touch after which it happens."""
    scenario = SCENARIOS[draw(st.sampled_from(sorted(SCENARIOS)))]
    of_maps = {"a line of the map", "a line of our section"}
    edit = draw(st.sampled_from(sorted(of_maps if scenario.with_map else EDITS.keys() - of_maps)))
    return scenario.name, edit, draw(st.integers(FIRST, 6 if scenario.with_map else 24))


@settings(max_examples=600 if LONG else 14, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@example(moment=(RENAME_ATTACH.name, f"goto of {OLD}", FIRST))
@example(moment=(RENAME_ATTACH.name, "name in OX of anna.muster", 3))
@example(moment=(RENAME_MOVE.name, f"quota of {OLD}", FIRST))
@example(moment=(BLOCK_CHANGE.name, "a line of our section", FIRST))
@given(moment=moments())
def test_what_somebody_changes_in_the_middle_of_an_apply_stands_at_its_end(
    prepared: Callable[[str], World], tmp_path: Path, moment: tuple[str, str, int]
) -> None:
    scenario, edit, number = moment
    world = prepared(scenario).copy(tmp_path / "site")
    done: list[str] = []
    touches = 0

    def somebody_edits() -> None:
        nonlocal touches
        if touches == number and EDITS[edit].make(world):
            done.append(edit)
        touches += 1

    try:
        answer = world.apply(watch=somebody_edits)
        assert answer.status in (0, 8), answer.out
        assume(done)
        assert EDITS[edit].stands(world), answer.out
    finally:
        shutil.rmtree(world.folder)


def test_the_run_that_was_slower_says_both_values(prepared: Callable[[str], World], tmp_path: Path) -> None:
    world = prepared(RENAME_ATTACH.name).copy(tmp_path / "site")
    looks = iter(range(100))

    def anna_sets_a_forward() -> None:
        if next(looks) == FIRST:
            assert EDITS[f"goto of {OLD}"].make(world)

    answer = world.apply(watch=anna_sets_a_forward)
    assert answer.status == 8
    assert BY_HAND in answer.out
    assert OLD in answer.out
    assert "next: reconciler plan" in answer.out
