"""Whose a user is when addresses change: an account is found under its former ones, a second user is nobody's data.

A wrong answer here renames, or deletes, somebody else's groupware.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, GroupwareAccount, OldMailbox, Removal, Rename
from reconciler.model.records import Absent, Owner, OxUserRow, Records, Scope
from reconciler.model.source_places import Origin
from reconciler.planning.changes import Action, Change, diff
from reconciler.planning.live_users import addresses_of
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import Observation
from reconciler.systems.openxchange.matching import match, wanted_users
from reconciler.systems.openxchange.system import Details
from tests.systems.openxchange.canned import CannedHost, system_on
from tests.systems.openxchange.test_matching import box, declared, live
from tests.systems.plans import review_of

ALT, NEU, MIDDLE = "pirat.alt@pirat.example", "pirat.neu@pirat.example", "pirat.mitte@pirat.example"
TODAY = date(2026, 11, 24)
OWNER = Owner(Scope.ACCOUNT, NEU)


def rename(old: str = ALT, new: str = NEU, days_ago: int = 2, **fields: Any) -> Rename:
    """A declared rename, due two days ago unless told."""
    day = TODAY - timedelta(days=days_ago)
    return Rename(Address(old), Address(new), day, Origin("renames.yaml", "renames", old), **fields)


def state(*renames: Rename, **fields: object) -> DesiredState:
    """Pirat Neu, who had other addresses before."""
    person = box(renames[-1].new if renames else NEU, given_name="Pirat", surname="Neu", name="Pirat Neu", **fields)
    return replace(declared(person), renames=renames)


def changes(
    desired: DesiredState, *users: OxUserRow, rule: Literal["local_part", "address"] = "local_part"
) -> list[Change]:
    """What would be done with these users."""
    wanted = wanted_users(PlanContext.of(desired), rule)
    return list(diff(system_on(CannedHost()).name, *match(wanted, {"ox_user": {user.key: user for user in users}})))


def done(number: int, *more: str) -> OxUserRow:
    """A user whose rename is complete."""
    user = live(number, "pirat.neu", NEU, NEU, *(more or (ALT,)), imap_login=NEU)
    return user._replace(display_name="Pirat Neu", given_name="Pirat", surname="Neu")


def test_the_old_user_is_renamed_with_its_id_and_keeps_all_aliases() -> None:
    (change,) = changes(state(rename()), live(3, "pirat.alt", ALT, ALT, "info@pirat.example", imap_login=ALT))
    assert change.action is Action.RENAME
    assert isinstance(change.before, OxUserRow)
    assert isinstance(change.after, OxUserRow)
    assert (change.before.key, change.after.key, change.owner) == (ALT, NEU, OWNER)
    assert (change.before.id, change.after.id) == ("3", "3")
    after = change.after
    assert (after.login, after.primary, after.email1, after.default_sender, after.imap_login) == (
        "pirat.neu",
        *[NEU] * 4,
    )
    assert set(after.aliases) == {ALT, NEU, "info@pirat.example"}


def test_a_finished_rename_is_nothing_also_with_further_aliases() -> None:
    assert changes(state(rename()), done(3)) == []
    assert changes(state(rename()), done(3, ALT, "info@pirat.example")) == []


def test_a_forgotten_default_sender_is_put_right_without_a_rename() -> None:
    # the wiki's step 7 forgets it (facts 3.3); a rename would mean a new password and a letter
    (change,) = changes(state(rename()), done(3)._replace(default_sender=ALT))
    assert change.action is Action.UPDATE
    assert [name for name, _, _ in change.fields()] == ["default_sender"]


def test_a_former_address_that_is_missing_among_the_aliases_is_put_back() -> None:
    (change,) = changes(state(rename()), done(3, "info@pirat.example"))
    assert change.action is Action.UPDATE
    assert isinstance(change.after, OxUserRow)
    assert ALT in change.after.aliases


@pytest.mark.parametrize(
    "user",
    [
        live(3, "pirat.alt", ALT, ALT),
        live(3, "something.else", ALT, ALT),
        live(3, "pirat.alt", "other@pirat.example", ALT),
        live(3, "pirat.alt", NEU, NEU),
        live(3, "pirat.neu", ALT, ALT),
        live(3, ALT, ALT, ALT),
    ],
    ids=[
        "untouched",
        "odd login",
        "odd primary",
        "only the address changed",
        "only the login changed",
        "login=address",
    ],
)
def test_wherever_the_rename_stands_it_is_recognised_and_goes_on(user: OxUserRow) -> None:
    (change,) = changes(state(rename()), user)
    assert (change.action, change.key) == (Action.RENAME, NEU)
    assert isinstance(change.before, OxUserRow)
    assert (change.before.key, change.before.id) == (ALT, "3")


def test_a_domain_move_keeps_the_login_and_is_a_rename_all_the_same() -> None:
    moved = rename("pirat@a.example", "pirat@b.example")
    (change,) = changes(state(moved), live(3, "pirat", "pirat@a.example", "pirat@a.example"))
    assert change.action is Action.RENAME
    assert "login" not in [name for name, _, _ in change.fields()]


def test_a_future_rename_is_not_one_yet() -> None:
    (change,) = changes(state(rename(days_ago=-1)), live(3, "pirat.alt", ALT, ALT))
    assert (change.action, change.key) == (Action.CREATE, NEU)


def test_a_chain_goes_in_one_step_and_keeps_every_address() -> None:
    chain = state(rename(ALT, MIDDLE, 5), rename(MIDDLE, NEU, 2))
    (change,) = changes(chain, live(3, "pirat.alt", ALT, ALT))
    assert change.action is Action.RENAME
    assert isinstance(change.after, OxUserRow)
    assert set(change.after.aliases) == {ALT, MIDDLE, NEU}


def test_a_rename_back() -> None:
    back = state(rename(ALT, NEU, 5), rename(NEU, ALT, 2))
    (change,) = changes(back, done(3))
    assert (change.action, change.key) == (Action.RENAME, ALT)
    assert isinstance(change.before, OxUserRow)
    assert change.before.key == NEU


# ------------------------------------------------------------------ second users


def second(number: int = 9) -> OxUserRow:
    """What PostfixAdmin's hook makes with the new mailbox (the wiki's step 1)."""
    return live(number, "pirat.neu", NEU, NEU, imap_login=NEU)


def test_a_second_user_shall_be_gone_and_the_one_with_the_data_stays() -> None:
    found = changes(state(rename()), second(9), live(3, "pirat.alt", ALT, ALT))
    by_action = {change.action: change for change in found}
    assert by_action.keys() == {Action.DELETE, Action.RENAME}
    gone = by_action[Action.DELETE]
    assert (gone.key, gone.owner, gone.kind, gone.after) == ("openxchange/9", OWNER, "ox_user", None)
    assert isinstance(gone.before, OxUserRow)
    assert gone.before.id == "9"
    before = by_action[Action.RENAME].before
    assert isinstance(before, OxUserRow)
    assert before.id == "3"


@pytest.mark.parametrize(
    "user",
    [
        live(9, "pirat.neu", "someone@pirat.example", "someone@pirat.example"),
        live(9, "klaus", "klaus@pirat.example", NEU),
        live(9, "klaus", "klaus@pirat.example", ALT),
        live(9, "pirat.neuer", "pirat.neuer@pirat.example"),
    ],
    ids=["our login, other addresses", "our address as an alias", "the old one as an alias", "a similar name"],
)
def test_nobody_else_is_ever_deleted(user: OxUserRow) -> None:
    found = changes(state(rename()), user, live(3, "pirat.alt", ALT, ALT))
    assert [change.action for change in found] == [Action.RENAME]


def test_a_declared_person_is_no_second_user() -> None:
    desired = state(rename())
    desired = replace(desired, mailboxes={**desired.mailboxes, **declared(box("klaus@pirat.example")).mailboxes})
    klaus = live(9, "pirat.neu", "klaus@pirat.example", "klaus@pirat.example", NEU)
    assert [c.key for c in changes(desired, klaus, live(3, "pirat.alt", ALT, ALT)) if c.action is Action.DELETE] == []


def test_after_the_rename_a_newcomer_under_the_former_address_is_not_the_person() -> None:
    assert changes(state(rename()), done(3), live(9, "pirat.alt", ALT, ALT)) == []


def test_an_unfinished_rename_is_never_taken_from_the_older_user() -> None:
    # somebody gave the hook's user both addresses: the data is with the older one all the same
    found = changes(state(rename()), done(9), live(3, "pirat.alt", ALT, ALT))
    assert {change.action: change.key for change in found} == {Action.DELETE: "openxchange/9", Action.RENAME: NEU}


def test_without_the_old_user_the_new_one_is_the_person() -> None:
    # the wiki's site after a hand-made deletion of the wrong user: what is there is all there is
    assert [c.action for c in changes(state(rename()), second())] == [Action.UPDATE]


def test_without_any_user_one_is_made() -> None:
    assert [c.action for c in changes(state(rename()))] == [Action.CREATE]


# ------------------------------------------------------------------ removals


def removed(days_ago: int, groupware: GroupwareAccount) -> DesiredState:
    origin = Origin("removals.yaml", "removals", ALT)
    removal = Removal(Address(ALT), TODAY - timedelta(days=days_ago), "left", origin, groupware)
    return DesiredState(TODAY, removals=(removal,))


@pytest.mark.parametrize(
    ("days_ago", "groupware", "expected"),
    [
        (90, GroupwareAccount.DELETE, ["openxchange/3"]),
        (89, GroupwareAccount.DELETE, []),
        (500, GroupwareAccount.KEEP, []),
    ],
)
def test_a_user_goes_after_the_retention_and_only_when_it_is_declared(
    days_ago: int, groupware: GroupwareAccount, expected: list[str]
) -> None:
    found = changes(removed(days_ago, groupware), live(3, "pirat.alt", ALT, ALT))
    assert [(c.action, c.key) for c in found] == [(Action.DELETE, key) for key in expected]
    assert all(c.owner == Owner(Scope.ACCOUNT, ALT) for c in found)


def test_a_removal_deletes_by_the_primary_address_alone() -> None:
    due = removed(90, GroupwareAccount.DELETE)
    assert changes(due, live(3, "pirat.alt", "klaus@pirat.example", ALT), live(4, "x", "x@pirat.example", ALT)) == []
    assert changes(due) == []


# ------------------------------------------------------------------ what is reported


async def test_a_kept_user_without_a_mailbox_is_reported() -> None:
    system = system_on(CannedHost())
    records: Records = {"ox_user": {"openxchange/3": live(3, "pirat.alt", ALT, ALT)}}
    (finding,) = review_of(system, removed(90, GroupwareAccount.KEEP), Observation(records, Details()))
    assert (finding.rule, finding.subject) == ("kept-groupware", ALT)
    assert "user 3 (pirat.alt)" in finding.message
    assert review_of(system, removed(89, GroupwareAccount.KEEP), Observation(records, Details())) == []
    assert review_of(system, removed(90, GroupwareAccount.DELETE), Observation(records, Details())) == []


async def test_a_stray_under_a_former_address_is_reported() -> None:
    system, desired = system_on(CannedHost()), state(rename())
    users: Records = {"ox_user": {u.key: u for u in (done(3), live(9, "pirat.alt", ALT, ALT))}}
    (finding,) = review_of(system, desired, Observation(users, Details()))
    assert finding.rule == "stray-user"
    assert "9 (pirat.alt)" in finding.message


@pytest.mark.parametrize(("kind", "reported"), [(OldMailbox.ATTACH, True), (OldMailbox.MOVE, False)])
async def test_a_site_without_the_web_interface_says_what_is_to_do_by_hand(kind: OldMailbox, reported: bool) -> None:
    system, desired = system_on(CannedHost()), state(rename(old_mailbox=kind))
    pending: Records = {"ox_user": {"openxchange/3": live(3, "pirat.alt", ALT, ALT)}}
    findings = review_of(system, desired, Observation(pending, Details()))
    assert [f.rule for f in findings] == (["attach-by-hand"] if reported else [])
    finished: Records = {"ox_user": {"openxchange/3": done(3)}}
    assert review_of(system, desired, Observation(finished, Details())) == []


# ------------------------------------------------------------------ properties

_names = st.sampled_from(["a", "b", "c"])
_addresses = _names.map(lambda name: f"{name}@pirat.example")
_users = st.lists(
    st.tuples(_names, _addresses, st.lists(_addresses, max_size=3)), unique_by=(lambda u: u[0], lambda u: u[1])
)
_chains = st.permutations(["a", "b", "c"]).flatmap(
    lambda names: st.integers(0, 2).map(lambda renames: [f"{name}@pirat.example" for name in names[: renames + 1]])
)


def _state(chain: Sequence[str]) -> DesiredState:
    steps = pairwise(chain)
    renames = tuple(rename(old, new, 9 - number) for number, (old, new) in enumerate(steps))
    return replace(declared(box(chain[-1])), renames=renames)


@given(_chains, _users)
def test_of_any_users_one_is_the_persons_and_only_holders_of_its_new_names_go(
    chain: Sequence[str], users: list[tuple[str, str, list[str]]]
) -> None:
    desired = _state(chain)
    wanted = wanted_users(PlanContext.of(desired), "local_part")
    rows = {f"openxchange/{n}": live(n, login, at, at, *more) for n, (login, at, more) in enumerate(users)}
    settled, found = match(wanted, {"ox_user": dict(rows)})
    assert match(wanted, found).found == found
    assert match(settled, found).wanted == settled
    assert sorted(r.id for r in found["ox_user"].values() if isinstance(r, OxUserRow)) == sorted(
        r.id for r in rows.values()
    )
    person = found["ox_user"].get(chain[-1])
    gone = [key for key, row in settled["ox_user"].items() if isinstance(row, Absent)]
    if person is None:
        assert gone == []
        assert not any(user.primary in chain for user in rows.values())
        return
    assert isinstance(person, OxUserRow)
    assert not addresses_of(person).isdisjoint(chain)
    assert f"openxchange/{person.id}" not in gone
    for key in gone:
        assert person.key != chain[-1], "only a pending rename may cost anybody their user"
        assert rows[key].primary == chain[-1] or rows[key].login == chain[-1].partition("@")[0]
    again = [change.action for change in diff(system_on(CannedHost()).name, settled, found)]
    assert again.count(Action.CREATE) == 0
