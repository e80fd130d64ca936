"""OX users by their addresses, those who are as wanted among them."""

from __future__ import annotations

from typing import cast

from reconciler.model.derived_rows import DerivedRows
from reconciler.model.records import OxUserRow
from reconciler.planning.live_users import Users, users_at, with_primary

ANNA, KLAUS = "anna@pirat.example", "klaus@pirat.example"


def _user(number: str, primary: str, *aliases: str) -> OxUserRow:
    return OxUserRow(f"openxchange/{number}", "", number, "", "", "", primary, "", "", primary, aliases, number)


def test_users_are_found_whether_they_are_rows_or_not() -> None:
    wanted = {address: _user("", address, address)._replace(key=address) for address in (ANNA, KLAUS)}
    odd = _user("4", "old@pirat.example", ANNA)
    rows = DerivedRows(wanted, lambda _, row: row.as_found("3"), {KLAUS}, {odd.key: odd})
    users = cast("Users", rows)
    assert [user.id for user in users_at(users, {ANNA, KLAUS})] == ["3", "4"]
    assert [user.id for user in users_at(users, {"old@pirat.example"})] == ["4"]
    assert (first := with_primary(users, ANNA)) is not None
    assert (first.id, first.key, first.account) == ("3", ANNA, "")
    assert with_primary(users, KLAUS) is None
