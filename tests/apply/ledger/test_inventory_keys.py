"""Keys of the inventory as texts: as many statements however many there are, and never one that the server cut."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import Engine, event

from reconciler.apply.ledger import Ledger, inventory_keys, open_engine
from reconciler.model.records import AliasRole, AliasRow, BlockRow, MailboxRow, Owner, Records, Row, Scope
from reconciler.planning.concern import Concern
from reconciler.planning.ledger_state import LEDGER, PERSON, InventoryEntry, Remembered
from tests.apply.ledger.house import Clock, account, opened
from tests.apply.ledger.test_run_statements import counted
from tests.services.postfixadmin import PostfixAdminDatabase

PACKET = 2**16
"""Bytes of the longest text that the server hands over: some 2,300 of these keys."""


def of(number: int) -> tuple[list[InventoryEntry], dict[str, Records], dict[str, str]]:
    """The inventory of so many accounts with a declared alias each, what is wanted, and the members' numbers."""
    people = {f"konto.beispiel{n}@partei.example": str(n) for n in range(number)}
    boxes: dict[str, Row] = {key: MailboxRow(key, key, "", 1, True) for key in people}
    names = [key.replace("konto", "alias") for key in people]
    aliases: dict[str, Row] = {key: AliasRow(key, key, ("x@x.example",), True, AliasRole.DECLARED) for key in names}
    entries = [InventoryEntry.of("postfixadmin", "mailbox", key, row, account(key)) for key, row in boxes.items()]
    entries += [
        InventoryEntry.of("postfixadmin", "alias", key, row, Owner(Scope.ALIAS, key)) for key, row in aliases.items()
    ]
    entries += [InventoryEntry(LEDGER, PERSON, key, account(key), number) for key, number in people.items()]
    return entries, {"postfixadmin": {"mailbox": boxes, "alias": aliases}}, people


async def looked_back(
    engine: Engine, wanted: Mapping[str, Records], people: Mapping[str, str]
) -> tuple[Remembered, int]:
    engine.dispose()  # what is in the pool has the packet of before
    ledger = Ledger(engine, "nrw", clock=Clock())
    with counted(engine) as statements:
        return await ledger.remember(24, wanted, people), len(statements)


async def test_as_many_statements_beyond_the_longest_packet(
    new_mariadb: Callable[[], PostfixAdminDatabase], packets: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory_keys, "PART", 1_000)
    counts = {}
    for number in (300, 6_000):
        engine = open_engine(new_mariadb().full_url)
        ledger = Ledger(engine, "nrw", clock=Clock())
        await ledger.init()
        entries, wanted, people = of(number)
        await ledger.record(entries, await opened(ledger, []))
        packets(PACKET)
        remembered, counts[number] = await looked_back(engine, wanted, people)
        boxes, aliases = (wanted["postfixadmin"][kind] for kind in ("mailbox", "alias"))
        assert remembered.known == {
            ("postfixadmin", "mailbox"): boxes.keys(),
            ("postfixadmin", "alias"): aliases.keys(),
            (LEDGER, PERSON): people.keys(),
        }
        assert (dict(remembered.inventory), dict(remembered.people)) == ({}, {})
        assert remembered.aliases == aliases.keys()
        if number > 300:  # as one text each they are cut, and then read row by row
            monkeypatch.setattr(inventory_keys, "PART", 10_000)
            again, more = await looked_back(engine, wanted, people)
            assert (again, more - counts[number]) == (remembered, 4)
        await ledger.close()
        packets(2**24)
    assert counts[300] == counts[6_000]


@pytest.mark.parametrize("longest", [4, 31, 309, 310, 311, 10_000])
async def test_of_a_part_nothing_is_cut(new_mariadb: Callable[[], PostfixAdminDatabase], longest: int) -> None:
    """The keys of all mailboxes are a text of 310 characters; who is noted is a shorter one."""
    engine = open_engine(new_mariadb().full_url)

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _record: object) -> None:
        connection.cursor().execute(f"SET SESSION group_concat_max_len = {longest}")

    ledger = Ledger(engine, "nrw", clock=Clock())
    await ledger.init()
    entries, wanted, people = of(10)
    assert sum(len(key) + 1 for key in people) == 310
    former = AliasRow("old@partei.example", "old@partei.example", ("x@x.example",), True, AliasRole.MEMBER)
    first = next(iter(people))
    entries.append(InventoryEntry.of("postfixadmin", "alias", former.key, former, account(first)))
    await ledger.record(entries, await opened(ledger, []))
    about = Concern(frozenset([first, first.replace("konto", "alias"), "konto.beispiel1@partei.example"]))
    remembered = await ledger.remember(24, wanted, {first: "1"}, about=about)
    assert remembered.mailboxes == people.keys()
    assert remembered.people == {first: "0", "konto.beispiel1@partei.example": "1"}
    assert remembered.known[("postfixadmin", "mailbox")] == about.addresses & people.keys()
    assert (remembered.former, remembered.aliases) == ({former.key: first}, about.addresses - people.keys())
    assert remembered.inventory.keys() == {("postfixadmin", "alias", former.key)}
    await ledger.close()


@pytest.mark.parametrize("kinds", ["a", "abcd", "abcde", "0123456789"])
def test_ranges_are_of_about_equal_size(kinds: str) -> None:
    """Also of a table that repeats itself, and that is in another order."""
    keys = [f"{kinds[n % len(kinds)]}{n}@partei.example" for n in range(400_000)]
    bounds = ["", *inventory_keys.bounds_of(keys), "~"]
    there = sorted(keys)
    sizes = [bisect_left(there, high) - bisect_left(there, low) for low, high in pairwise(bounds)]
    assert max(sizes) < 1.05 * inventory_keys.PART
    assert len(sizes) < 10


async def test_whatever_the_keys_and_whatever_is_wanted(
    ledger: Ledger, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other letters, one that begins with another, case; more and less than is wanted, all of it before or behind."""
    monkeypatch.setattr(inventory_keys, "PART", 2)
    keys = ["a", "A", "ab", "a-b", "a.b", "é.example", "b", "ß", "zz", "z", "0", "_", "%", "a\\b", "a'b", "~"]
    rows = {key: BlockRow(key, "REJECT") for key in keys}
    entries = [InventoryEntry.of("postfix", "block", key, row, Owner(Scope.BLOCK, key)) for key, row in rows.items()]
    await ledger.record(entries, await opened(ledger, []))
    for names in (keys, keys[::2], keys[:3], ["é", "ö", "ü"], ["0", "00", "000", "0000"], [*keys, "y", "x", "~~"]):
        wanted: dict[str, Records] = {"postfix": {"block": {name: BlockRow(name, "REJECT") for name in names}}}
        remembered = await ledger.remember(24, wanted)
        assert remembered.known.get(("postfix", "block"), set()) == rows.keys() & set(names)
        assert {key for _, _, key in remembered.inventory} == rows.keys() - set(names)


async def test_aliases_of_ours_are_the_declared_ones_or_others(ledger: Ledger) -> None:
    """As many, fewer, more, and as many but others: what is all of what is declared is not copied, and is the same."""
    names = [f"liste{n}@partei.example" for n in range(4)]
    rows = {name: AliasRow(name, name, ("x@x.example",), True, AliasRole.DECLARED) for name in names}
    entries = [InventoryEntry.of("postfixadmin", "alias", n, row, Owner(Scope.ALIAS, n)) for n, row in rows.items()]
    own = AliasRow("a@partei.example", "a@partei.example", ("a@partei.example",), True, AliasRole.OWN)
    entries.append(InventoryEntry.of("postfixadmin", "alias", own.key, own, account(own.key)))
    await ledger.record(entries, await opened(ledger, []))
    for declared in (names, names[1:], [*names, "neu@partei.example"], [*names[1:], "neu@partei.example"], []):
        wanted: dict[str, Records] = {"postfixadmin": {"alias": {own.key: own, **rows}}}
        remembered = await ledger.remember(24, wanted, {}, dict.fromkeys(declared))
        assert remembered.aliases == set(names)
        assert [name in remembered.aliases for name in (names[0], own.key, "neu@partei.example")] == [
            True,
            False,
            False,
        ]
