"""Which user is whose: expect, pair, follow. A wrong pair would give one person's account to another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, GroupwareAccount, Mailbox, Removal, Rename
from reconciler.model.records import MailboxRow, Owner, OxUserRow, PasswordRow, Records, Row, Scope
from reconciler.model.source_places import Origin
from reconciler.planning.changes import Action, Change, Stage, diff
from reconciler.planning.new_passwords import CredentialEvents
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.ports import System
from reconciler.systems.openxchange.matching import match, wanted_users
from tests.systems.openxchange.canned import ANNA, CannedHost, system_on, user, wanted
from tests.systems.plans import effects_of, read_and_matched, step_of

OTHER = "anna@extern.example"


def declared(*boxes: Mailbox) -> DesiredState:
    return DesiredState(date(2026, 11, 24), {box.address: box for box in boxes})


def box(address: str = ANNA, **fields: Any) -> Mailbox:
    values = {"given_name": "Anna", "surname": "Beispiel", "name": "Anna Beispiel", **fields}
    return Mailbox(Address(address), Origin("mailboxes.yaml", "mailboxes", address), **values)


def live(number: int, login: str, primary: str, *aliases: str, imap_login: str = "") -> OxUserRow:
    row = wanted(login, primary)
    return row._replace(
        key=f"openxchange/{number}", account="", id=str(number), aliases=tuple(aliases), imap_login=imap_login
    )


def renamed(login: str, address: str, *former: str) -> OxUserRow:
    """What is wanted of an account that had other addresses before."""
    return wanted(login, address)._replace(aliases=tuple(sorted((address, *former))))


def paired(rows: Sequence[OxUserRow], users: Sequence[OxUserRow]) -> dict[str, str]:
    """Key → id after pairing."""
    records: Records = {"ox_user": {user.key: user for user in users}}
    table = match({"ox_user": {row.key: row for row in rows}}, records).found["ox_user"]
    return {key: row.id for key, row in table.items() if isinstance(row, OxUserRow)}


def test_what_is_expected_of_a_mailbox_with_groupware() -> None:
    (row,) = wanted_users(PlanContext.of(declared(box())), "local_part")["ox_user"].values()
    assert row == OxUserRow(
        ANNA, ANNA, "anna", "Anna Beispiel", "Anna", "Beispiel", ANNA, ANNA, ANNA, ANNA, aliases=(ANNA,)
    )


def test_a_mailbox_without_groupware_has_no_user_and_one_that_is_switched_off_has() -> None:
    state = declared(box(groupware=False), box("klaus@pirat.example", active=False))
    assert list(wanted_users(PlanContext.of(state), "local_part")["ox_user"]) == ["klaus@pirat.example"]


@pytest.mark.parametrize(
    ("rule", "username", "login"),
    [("local_part", None, "anna"), ("address", None, ANNA), ("local_part", "anna2", "anna2")],
)
def test_the_login_is_declared_or_made_by_the_rule(
    rule: Literal["local_part", "address"], username: str | None, login: str
) -> None:
    (row,) = wanted_users(PlanContext.of(declared(box(username=username))), rule)["ox_user"].values()
    assert isinstance(row, OxUserRow)
    assert row.login == login


@pytest.mark.parametrize(
    "user",
    [
        live(3, "anna", ANNA),
        live(3, "anna", "old@pirat.example", "old@pirat.example", ANNA),
        live(3, "anna", "old@pirat.example", imap_login=ANNA),
        live(3, "another.login", ANNA),
    ],
    ids=["login and primary", "login and alias", "login and imap login", "primary alone"],
)
def test_a_user_of_the_account_is_recognised(user: OxUserRow) -> None:
    assert paired([wanted("anna", ANNA)], [user]) == {ANNA: "3"}


def test_a_login_with_another_persons_addresses_is_a_stranger() -> None:
    assert paired([wanted("anna", ANNA)], [live(3, "anna", OTHER, OTHER)]) == {"openxchange/3": "3"}


def test_an_alias_alone_does_not_make_a_user_ours() -> None:
    assert paired([wanted("anna", ANNA)], [live(3, "klaus", "klaus@pirat.example", ANNA)]) == {"openxchange/3": "3"}


def test_a_former_address_counts_for_the_login() -> None:
    row = renamed("anna", ANNA, "muster@pirat.example")
    assert paired([row], [live(3, "anna", "muster@pirat.example")]) == {ANNA: "3"}


def test_the_login_wins_over_the_primary_address_of_another_user() -> None:
    users = [live(3, "other", ANNA, ANNA), live(4, "anna", OTHER, OTHER, ANNA)]
    assert paired([wanted("anna", ANNA)], users) == {ANNA: "4", "openxchange/3": "3"}


def test_a_user_that_one_account_has_by_login_does_not_go_to_another_by_primary_address() -> None:
    rows = [wanted("klaus", "klaus@pirat.example"), wanted("anna", ANNA)]
    # user 3 has Anna's login and an alias of Anna's, and Klaus' address as its primary one
    assert paired(rows, [live(3, "anna", "klaus@pirat.example", ANNA)]) == {ANNA: "3"}


_names = st.sampled_from(["anna", "klaus", "bernd"])
_addresses = _names.map(lambda name: f"{name}@pirat.example")
_users = st.lists(st.tuples(_names, _addresses, st.lists(_addresses, max_size=2)), unique_by=lambda u: u[0])
_accounts = st.lists(st.tuples(_names, _addresses), unique_by=(lambda a: a[0], lambda a: a[1]))


@given(_accounts, _users)
def test_pairing_loses_nobody_gives_nobody_twice_and_changes_nothing_when_repeated(
    accounts: list[tuple[str, str]], users: list[tuple[str, str, list[str]]]
) -> None:
    wanted_rows: Records = {"ox_user": {address: wanted(login, address) for login, address in accounts}}
    found: Records = {"ox_user": {}}
    for number, (login, primary, aliases) in enumerate(users):
        found["ox_user"][f"openxchange/{number}"] = live(number, login, primary, *aliases)
    once = match(wanted_rows, found).found
    assert match(wanted_rows, once).found == once
    assert sorted(row.id for row in once["ox_user"].values() if isinstance(row, OxUserRow)) == sorted(
        str(number) for number in range(len(users))
    )
    for key, row in once["ox_user"].items():
        assert isinstance(row, OxUserRow)
        if not key.startswith("openxchange/"):
            assert key in {row.primary, row.imap_login, *row.aliases}


_often = st.sampled_from([True, True, True, False])
_places = _addresses | st.just("former@pirat.example")
_nothing = st.just(list[str]())
_in_order = st.tuples(_names, _nothing, _often).map(lambda u: (u[0], f"{u[0]}@pirat.example", u[1], u[0], u[2]))
_any = st.tuples(_names, _places, st.lists(_places, max_size=2), _names, _often)
_live = st.lists(_in_order | _any, unique_by=lambda u: u[0], min_size=1)


def _state(
    accounts: list[tuple[str, str]], on: list[bool], *, renamed: bool, gone: GroupwareAccount | None
) -> DesiredState:
    """Accounts of which one may have been renamed and another may be gone for long."""
    boxes = [box(a, name=name, groupware=each) for (name, a), each in zip(accounts, on, strict=False)]
    state, old = declared(*boxes), Address("former@pirat.example")
    origin, day = Origin("renames.yaml", "renames", "0"), date(2026, 1, 1)
    if boxes and renamed:
        state = replace(state, renames=(Rename(old, boxes[0].address, day, origin),))
    away = [a for a in (ANNA, "klaus@pirat.example") if a not in state.mailboxes]
    if away and gone is not None:
        state = replace(state, removals=(Removal(Address(away[0]), day, "left", origin, gone),))
    return state


_states = st.builds(
    _state,
    _accounts,
    st.lists(_often, min_size=3, max_size=3),
    renamed=st.booleans(),
    gone=st.none() | st.sampled_from(GroupwareAccount),
)


@settings(max_examples=300)
@given(_states, _live, st.sampled_from(["", "", OTHER]))
def test_who_is_as_wanted_need_be_no_row(
    state: DesiredState, users: list[tuple[str, str, list[str], str, bool]], imap_login: str
) -> None:
    """`read_and_matched` compares what comes of both ways of reading."""
    listed = [
        user(
            number,
            login,
            primary,
            Display_name=name,
            Given_name="Anna",
            Sur_name="Beispiel",
            Aliases=",".join(aliases) or primary,
            Mailenabled=str(enabled).lower(),
            ImapLogin=imap_login or primary,
        )
        for number, (login, primary, aliases, name, enabled) in enumerate(users, 3)
    ]
    asyncio.run(read_and_matched(system_on(CannedHost(listed)), state))


def test_other_peoples_aliases_are_no_difference() -> None:
    system = system_on(CannedHost())
    rows: Records = {"ox_user": {ANNA: wanted("anna", ANNA)}}
    user = live(3, "anna", ANNA, ANNA, "10042@pirat.example", imap_login=ANNA)
    assert list(diff(system.name, *match(rows, {"ox_user": {user.key: user}}))) == []


def creation_of(kind: str, system: str, row: Row) -> Change:
    return Change(system, kind, Action.CREATE, row.key, None, row, row.owner)


MAILBOX = creation_of("mailbox", "postfixadmin", MailboxRow(ANNA, ANNA, "Anna Beispiel", 10240, True))
OWNER = Owner(Scope.ACCOUNT, ANNA)


def test_a_new_mailbox_gives_the_user_that_is_there_the_same_new_password() -> None:
    system = system_on(CannedHost())
    found: Records = {"ox_user": {ANNA: live(3, "anna", ANNA)._replace(key=ANNA)}}
    (change,) = effects_of(system, declared(), OWNER, [MAILBOX], found, CredentialEvents(renew=True)).changes
    assert change.after == PasswordRow(ANNA, ANNA, "3")
    assert (change.system, change.kind, change.owner) == ("openxchange", "password", OWNER)
    assert [step.stage for step in [step_of(system, change)]] == [Stage.GROUPWARE]
    assert not [step_of(system, change)][0].readable


def test_no_password_without_a_user_of_the_account_or_without_new_credentials() -> None:
    system = system_on(CannedHost())
    user = live(3, "anna", ANNA)
    mine: Records = {"ox_user": {ANNA: user._replace(key=ANNA)}}
    stranger: Records = {"ox_user": {user.key: user}}
    assert _following(system, [MAILBOX], {"ox_user": {}}, renew=True) == []
    assert _following(system, [MAILBOX], stranger, renew=True) == []
    assert (
        effects_of(
            system, declared(), OWNER, [MAILBOX._replace(action=Action.UPDATE)], mine, CredentialEvents(renew=False)
        ).changes
        == []
    )


def _following(system: System, changes: list[Change], found: Records, *, renew: bool) -> list[Change]:
    return list(effects_of(system, declared(), OWNER, changes, found, CredentialEvents(renew=renew)).changes)
