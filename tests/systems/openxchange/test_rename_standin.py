"""A rename on the stand-in, wherever it starts and wherever it dies: one user, the same id, one valid password."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.planning.changes import Action, Outcome, Result, Step
from reconciler.sandbox.openxchange import control
from reconciler.sandbox.openxchange.bulk import import_users
from reconciler.sandbox.openxchange.install import install
from reconciler.sandbox.openxchange.switches import Fault
from reconciler.sandbox.openxchange.users import User
from tests.services.quick import tools_in_process
from tests.systems.openxchange.test_matching import box, declared
from tests.systems.openxchange.test_renamed import ALT, NEU, rename, state
from tests.systems.openxchange.test_standin import Ox
from tests.systems.plans import NO_PLAN, steps_of

INFO = "info@pirat.example"
DESIRED = state(rename())


@dataclass
class Site:
    """A stand-in that renames logins, with the person under the old name and data of theirs."""

    folder: Path

    def ox(self) -> Ox:
        """As another process would have it: with passwords of its own."""
        return Ox(self.folder)

    async def steps(self, ox: Ox) -> list[Step]:
        """The steps of a plan made now."""
        return await steps_of(ox.system, DESIRED)

    async def finish(self) -> Ox:
        """Plans and carries out, and the next plan is empty."""
        ox = self.ox()
        steps = await self.steps(ox)
        assert {o.result for o in await ox.system.perform(NO_PLAN, steps)} <= {Result.DONE}
        assert await self.steps(ox) == []
        return ox

    def person(self) -> User:
        """The only user besides the admin, whoever that is."""
        (user,) = (user for user in control.users(self.folder) if user.id != 2)
        return user


@pytest.fixture(params=["OLD", "MID", "NEW"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    tools_in_process(monkeypatch)  # that they are programs is the point of test_contract
    return make(tmp_path, request.param)


@pytest.fixture
def mid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    tools_in_process(monkeypatch)
    return make(tmp_path, "MID")


def make(folder: Path, version: str) -> Site:
    install(folder, admin_password="of-the-admin")
    control.set_switches(folder, version=version, USERNAME_CHANGEABLE=True)
    row = {"Name": "pirat.alt", "PrimaryEmail": ALT, "ImapLogin": ALT, "Aliases": f"{ALT},{INFO}", "Password": "old"}
    import_users(
        folder, [{**row, "Display_name": "Pirat Alt", "Given_name": "Pirat", "Sur_name": "Alt", "Note": "kept"}]
    )
    return Site(folder)


def hook(site: Site) -> None:
    """PostfixAdmin's creation hook makes a second user, with the display name that the first one is to have."""
    row = {"Name": "pirat.neu", "PrimaryEmail": NEU, "ImapLogin": NEU, "Password": "hook"}
    import_users(site.folder, [{**row, "Display_name": "Pirat Neu", "Given_name": "Pirat", "Sur_name": "Neu"}])


def tool(site: Site, name: str, *options: str) -> None:
    """Somebody calls a tool by hand."""
    argv = [str(site.folder / "sbin" / name), "-c", "1", "-A", "oxadmin", *options]
    subprocess.run(argv, env={"ADMIN_PASSWORD": "of-the-admin", "LC_ALL": "C.UTF-8"}, check=True, capture_output=True)


def is_renamed(user: User) -> bool:
    fields = user.fields
    names = (fields["Name"], fields["Display_name"], fields["Given_name"], fields["Sur_name"], fields["Note"])
    addresses = {fields[name] for name in ("PrimaryEmail", "Email1", "DefaultSenderAddress", "ImapLogin")}
    whole = ("pirat.neu", "Pirat Neu", "Pirat", "Neu", "kept")
    return user.id == 3 and names == whole and addresses == {NEU} and user.aliases == {ALT, NEU, INFO}


async def test_one_call_moves_login_names_and_all_addresses_and_one_sets_the_password(site: Site) -> None:
    ox = await site.finish()
    assert is_renamed(site.person())
    assert ox.has_password("pirat.neu", NEU)
    assert control.calls(site.folder)["changeuser"] == 2


def _nothing(site: Site) -> None:
    """As it was before anybody did anything."""


def _made_and_deleted(site: Site) -> None:
    hook(site)
    tool(site, "deleteuser", "-i", "4")


def _wiki_7(site: Site) -> None:
    """The recipe's own changeuser: it forgets the default sender."""
    _made_and_deleted(site)
    names = ("-d", "Pirat Neu", "-g", "Pirat", "-s", "Neu")
    tool(site, "changeuser", "-i", "3", "-u", "pirat.neu", *names, "-e", NEU, "-a", f"{NEU},{ALT},{INFO}")


def _wiki_7_whole(site: Site) -> None:
    _wiki_7(site)
    tool(site, "changeuser", "-i", "3", "--imaplogin", NEU, "--defaultsenderaddress", NEU)


def _addresses_only(site: Site) -> None:
    tool(site, "changeuser", "-i", "3", "-e", NEU, "--defaultsenderaddress", NEU, "-a", f"{NEU},{ALT},{INFO}")


@pytest.mark.parametrize(
    ("by_hand", "actions"),
    [
        (_nothing, [Action.RENAME]),
        (hook, [Action.DELETE, Action.RENAME]),
        (_made_and_deleted, [Action.RENAME]),
        (_addresses_only, [Action.RENAME]),
        (_wiki_7, [Action.UPDATE]),
        (_wiki_7_whole, []),
    ],
)
async def test_whatever_was_done_by_hand_is_recognised_and_finished(
    site: Site, by_hand: Callable[[Site], None], actions: Sequence[Action]
) -> None:
    by_hand(site)
    steps = await site.steps(site.ox())
    assert [step.change.action for step in steps if step.readable] == actions
    # from step 7 on they know their password, and get no other one (docs/rename-invariants.md)
    assert any(step.change.kind == "password" for step in steps) is (Action.RENAME in actions)
    await site.finish()
    assert is_renamed(site.person())


@pytest.mark.parametrize("reached", range(4))
async def test_a_death_after_any_step_ends_in_the_same_place(mid: Site, reached: int) -> None:
    hook(mid)
    dying = mid.ox()
    steps = await mid.steps(dying)
    assert [(s.change.kind, s.change.action) for s in steps] == [
        ("ox_user", Action.DELETE),
        ("ox_user", Action.RENAME),
        ("password", Action.UPDATE),
    ]
    for step in steps[:reached]:
        assert (await dying.one(step)).result is Result.DONE
    await mid.finish()
    assert is_renamed(mid.person())


@pytest.mark.parametrize("deaths", [("deleteuser",), ("changeuser",), ("deleteuser", "changeuser")])
@pytest.mark.parametrize("status", [None, 0, 1])
async def test_an_answer_that_is_lost_is_no_failure(mid: Site, deaths: Sequence[str], status: int | None) -> None:
    hook(mid)
    faults = [Fault("dies_after_effect", tool=name, first=1, status=status) for name in deaths]
    control.set_switches(mid.folder, faults=faults)
    ox = await mid.finish()
    assert is_renamed(mid.person())
    assert ox.has_password("pirat.neu", NEU)


async def test_a_plugin_error_after_the_deletion_is_no_failure(mid: Site) -> None:
    hook(mid)
    control.set_switches(mid.folder, faults=[Fault("storage_error", tool="deleteuser")])  # 106, and gone (facts 3.4)
    await mid.finish()
    assert is_renamed(mid.person())


@pytest.mark.parametrize("name", ["deleteuser", "changeuser"])
async def test_while_ox_is_down_everything_of_theirs_is_tried_again(mid: Site, name: str) -> None:
    hook(mid)
    ox = mid.ox()
    steps = await mid.steps(ox)
    control.set_switches(mid.folder, faults=[Fault("down", tool=name, first=1)])
    outcomes = await ox.system.perform(NO_PLAN, steps)
    # a password that is not tried again would let the letter go out with one that is not valid
    again = [step for step, outcome in zip(steps, outcomes, strict=True) if outcome.temporary]
    assert again == (steps if name == "deleteuser" else steps[1:])
    assert {o.result for o in await ox.system.perform(NO_PLAN, again)} == {Result.DONE}
    assert is_renamed(mid.person())
    assert ox.has_password("pirat.neu", NEU)


async def test_a_server_that_does_not_rename_stops_it_and_names_property_and_file(mid: Site) -> None:
    control.set_switches(mid.folder, USERNAME_CHANGEABLE=False)
    ox = mid.ox()
    refused, password = await ox.system.perform(NO_PLAN, await mid.steps(ox))
    assert (refused.result, refused.temporary) == (Result.FAILED, False)
    assert "USERNAME_CHANGEABLE=true in AdminUser.properties" in refused.hint
    assert password == Outcome(Result.NOT_TRIED, "it waits for OX user 3")
    assert control.check_password(mid.folder, "pirat.alt", "old")
    assert mid.person().fields["PrimaryEmail"] == ALT
    control.set_switches(mid.folder, USERNAME_CHANGEABLE=True)
    await mid.finish()
    assert is_renamed(mid.person())


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("-u", "pirat.neuer"), "login"),
        (("-d", "Somebody Else"), "display name"),
        (("-e", "x@pirat.example", "-a", f"x@pirat.example,{NEU}", "--defaultsenderaddress", NEU), "primary"),
        (("-a", f"{NEU},x@pirat.example"), "aliases"),
    ],
)
async def test_a_second_user_that_changed_since_is_not_deleted_and_nothing_of_theirs_is_done(
    mid: Site, options: tuple[str, ...], word: str
) -> None:
    hook(mid)
    ox = mid.ox()
    steps = await mid.steps(ox)
    tool(mid, "changeuser", "-i", "4", *options)
    outcomes = await ox.system.perform(NO_PLAN, steps)
    assert [o.result for o in outcomes] == [Result.FAILED, Result.NOT_TRIED, Result.NOT_TRIED]
    assert f"{word} was" in outcomes[0].message
    assert not any(o.temporary for o in outcomes)
    assert {user.id for user in control.users(mid.folder)} == {2, 3, 4}
    assert control.calls(mid.folder).get("deleteuser", 0) == 0
    assert control.check_password(mid.folder, "pirat.alt", "old")


async def test_aliases_that_come_between_plan_and_apply_survive(mid: Site) -> None:
    ox = mid.ox()
    steps = await mid.steps(ox)
    tool(mid, "changeuser", "-i", "3", "-a", f"{ALT},{INFO},later@pirat.example")
    assert {o.result for o in await ox.system.perform(NO_PLAN, steps)} == {Result.DONE}
    assert mid.person().aliases == {ALT, NEU, INFO, "later@pirat.example"}


async def test_a_name_that_changes_between_plan_and_apply_stops_it(mid: Site) -> None:
    ox = mid.ox()
    steps = await mid.steps(ox)
    tool(mid, "changeuser", "-i", "3", "-d", "Pirat A.")
    refused, password = await ox.system.perform(NO_PLAN, steps)
    assert (refused.result, password.result) == (Result.FAILED, Result.NOT_TRIED)
    assert mid.person().fields["Display_name"] == "Pirat A."


async def test_holds_sees_each_effect_but_the_password(mid: Site) -> None:
    hook(mid)
    ox = mid.ox()
    steps = await mid.steps(ox)
    for number, step in enumerate(steps):
        assert await ox.system.is_applied(steps) == [place < number for place in range(3)]
        await ox.one(step)
    assert await ox.system.is_applied(steps) == [True, True, False]


async def test_many_renames_at_once_keep_everybody_apart(mid: Site) -> None:
    import_users(
        mid.folder,
        [
            {"Name": f"u{n}", "PrimaryEmail": f"u{n}@a.example", "Display_name": f"U {n}", "Password": "x"}
            for n in range(8)
        ],
    )
    boxes = [box(f"u{n}@b.example", given_name="U", surname=str(n), name=f"U {n}") for n in range(8)]
    renames = tuple(rename(f"u{n}@a.example", f"u{n}@b.example") for n in range(8))
    desired = replace(declared(*boxes), renames=renames)
    ox = mid.ox()
    steps = await steps_of(ox.system, desired)
    assert len(steps) == 16
    assert {o.result for o in await ox.system.perform(NO_PLAN, steps)} == {Result.DONE}
    for number in range(8):
        user = control.user(mid.folder, f"u{number}")
        assert (user.id, user.fields["PrimaryEmail"]) == (4 + number, f"u{number}@b.example")
        assert ox.has_password(f"u{number}", f"u{number}@b.example")
