"""What the inventory means: an alias that we made goes with its entry, a mailbox never."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import pytest

from reconciler.model import record_kinds
from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, Mailbox, Rename
from reconciler.model.records import Absent, AliasRole, AliasRow, MailboxRow, Owner, Records, Row, Scope
from reconciler.model.source_places import Origin
from reconciler.planning.ledger_state import InventoryEntry, Remembered
from reconciler.planning.ownership import adopted, changed_by_hand, ours_no_longer_declared
from reconciler.planning.plan_context import PlanContext
from reconciler.planning.snapshot import Pair

TODAY = date(2026, 11, 24)
HERE = Origin("a.yaml", "x", "0")
ANNA, INFO, OLD = (Address(f"{name}@mail.example") for name in ("anna", "info", "old"))
NUMBER = Address("10042@mail.example")
ALIAS = Owner(Scope.ALIAS, INFO)
ACCOUNT = Owner(Scope.ACCOUNT, ANNA)


def alias(key: str, *goto: str, active: bool = True) -> AliasRow:
    return AliasRow(key, "", tuple(sorted(goto)), active)


def remembered(*rows: tuple[AliasRow, Owner], **more: Any) -> Remembered:
    entries = [InventoryEntry.of("postfixadmin", "alias", row.key, row, owner) for row, owner in rows]
    return Remembered(inventory={entry.id: entry for entry in entries}, **more)


def found(*rows: Row) -> Records:
    table: Records = {"mailbox": {}, "alias": {}}
    for row in rows:
        table["mailbox" if isinstance(row, MailboxRow) else "alias"][row.key] = row
    return table


def wanted(past: Remembered, live: Records, state: DesiredState | None = None) -> Records:
    state = state or DesiredState(TODAY)
    pair = Pair({"mailbox": {}, "alias": {}}, live)
    return ours_no_longer_declared("postfixadmin", pair, past, PlanContext.of(state))


def test_an_alias_that_we_made_goes_with_its_entry() -> None:
    row = alias(INFO, ANNA)
    assert wanted(remembered((row, ALIAS)), found(row))["alias"] == {INFO: Absent(INFO, ALIAS)}


def test_an_alias_that_somebody_changed_since_is_left_and_said() -> None:
    past = remembered((alias(INFO, ANNA), ALIAS))
    for by_hand in (alias(INFO, ANNA, "x@extern.example"), alias(INFO, ANNA, active=False)):
        live = found(by_hand)
        assert wanted(past, live)["alias"] == {}
        assert [note.subject for note in changed_by_hand(past, {"postfixadmin": live})] == [INFO]
    assert list(changed_by_hand(past, {"postfixadmin": found(alias(INFO, ANNA))})) == []


def test_an_alias_that_is_gone_already_is_no_change() -> None:
    assert wanted(remembered((alias(INFO, ANNA), ALIAS)), found())["alias"] == {}


def test_the_aliases_of_an_account_that_is_no_longer_declared_stay_with_it() -> None:
    own_alias, number = alias(ANNA, ANNA), alias(NUMBER, ANNA)
    live = found(own_alias, number, MailboxRow(ANNA, "", "", 1, True))
    assert wanted(remembered((own_alias, ACCOUNT), (number, ACCOUNT)), live)["alias"] == {}


def test_an_old_member_number_goes_when_its_account_is_still_declared() -> None:
    own_alias, number = alias(ANNA, ANNA), alias(NUMBER, ANNA)
    live = found(own_alias, number, MailboxRow(ANNA, "", "", 1, True))
    state = DesiredState(TODAY, mailboxes={ANNA: Mailbox(ANNA, HERE, member="10043")})
    past = remembered((own_alias, ACCOUNT), (number, ACCOUNT))
    assert wanted(past, live, state)["alias"] == {NUMBER: Absent(NUMBER, ACCOUNT)}


def test_a_former_address_stays() -> None:
    former = alias(OLD, ANNA)
    state = DesiredState(
        TODAY, mailboxes={ANNA: Mailbox(ANNA, HERE)}, renames=(Rename(OLD, ANNA, date(2026, 11, 22), HERE),)
    )
    past = remembered((former, Owner(Scope.ACCOUNT, OLD)))
    assert wanted(past, found(former, MailboxRow(ANNA, "", "", 1, True)), state)["alias"] == {}


def test_rows_that_equal_what_is_declared_are_adopted_once() -> None:
    own_alias = AliasRow(ANNA, ANNA, (ANNA,), True, AliasRole.OWN)
    box = MailboxRow(ANNA, ANNA, "", 10, True)
    live = found(alias(ANNA, ANNA, "x@extern.example"), MailboxRow(ANNA, "", "Anna", 5, True))
    pair = Pair({"mailbox": {ANNA: box}, "alias": {ANNA: own_alias, INFO: alias(INFO, ANNA)}}, live)
    new = list(adopted("postfixadmin", pair, Remembered()))
    assert {(entry.kind, entry.key) for entry in new} == {("mailbox", ANNA), ("alias", ANNA)}
    assert {entry.owner for entry in new} == {ACCOUNT}
    assert new[0].entry.fields["name" if new[0].kind == "mailbox" else "goto"] in ("Anna", [ANNA, "x@extern.example"])
    known = {("postfixadmin", "mailbox"): frozenset({ANNA}), ("postfixadmin", "alias"): frozenset({ANNA})}
    assert list(adopted("postfixadmin", pair, Remembered(known=known))) == []
    # what a removal holds is in the inventory, though git alone does not want it
    held = [InventoryEntry.of("postfixadmin", kind, ANNA, live[kind][ANNA], ACCOUNT) for kind in ("mailbox", "alias")]
    past = Remembered(inventory={entry.id: entry for entry in held})
    assert list(adopted("postfixadmin", pair, past)) == []
    differing = pair._replace(found=found(MailboxRow(ANNA, "", "", 5, False)))
    assert list(adopted("postfixadmin", differing, Remembered())) == []


class ListRow(NamedTuple):
    """A mailing list, of a system that is not there yet."""

    key: str
    account: str
    members: tuple[str, ...]

    @property
    def owner(self) -> Owner:
        return Owner(Scope.ALIAS, self.account)

    def merged_with(self, found: ListRow) -> ListRow:
        return found if found.members == self.members else found._replace(members=self.members)


@pytest.mark.parametrize(("members", "goes"), [((ANNA,), True), ((ANNA, "x@extern.example"), False)])
def test_what_goes_with_its_entry_goes_when_it_is_ours_and_as_we_left_it(
    monkeypatch: pytest.MonkeyPatch, members: tuple[str, ...], goes: bool
) -> None:
    """Of every kind that says so, whichever system it is of."""
    monkeypatch.setattr(record_kinds, "_BY_NAME", dict(record_kinds._BY_NAME))
    monkeypatch.setattr(record_kinds, "_BY_ROW", dict(record_kinds._BY_ROW))
    rule = record_kinds.OnUndeclared.DELETE_OURS
    record_kinds.register([record_kinds.Kind("list", ListRow, ("list", "lists"), adopted=True, on_undeclared=rule)])
    owner = Owner(Scope.ALIAS, INFO)
    left = InventoryEntry.of("mailman", "list", INFO, ListRow(INFO, INFO, (ANNA,)), owner)
    pair = Pair({"list": {}}, {"list": {INFO: ListRow(INFO, "", members)}})
    past = Remembered(inventory={left.id: left})
    settled = ours_no_longer_declared("mailman", pair, past, PlanContext.of(DesiredState(TODAY)))
    assert settled["list"] == ({INFO: Absent(INFO, owner)} if goes else {})
