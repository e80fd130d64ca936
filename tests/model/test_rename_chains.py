"""Chains of renames: whose an address is, whatever was renamed how often."""

from __future__ import annotations

from datetime import date

from reconciler.model.addresses import Address
from reconciler.model.declared import DesiredState, Rename
from reconciler.model.rename_chains import rename_chains
from reconciler.model.source_places import Origin

TODAY = date(2026, 11, 24)
A, B, C = (Address(f"{name}@mail.example") for name in "abc")


def state(*renames: tuple[Address, Address, int]) -> DesiredState:
    origin = Origin("a.yaml", "renames", "0")
    return DesiredState(TODAY, renames=tuple(Rename(o, n, date(2026, 11, d), origin) for o, n, d in renames))


def test_a_former_address_belongs_to_the_account() -> None:
    chains = rename_chains(state((A, B, 20)))
    assert chains.of(A) == B
    assert chains.of(B) == B
    assert chains.of("x@mail.example") == "x@mail.example"
    assert chains.addresses(B) == (B, A)


def test_a_chain_in_any_order_of_the_file() -> None:
    for renames in (((A, B, 20), (B, C, 21)), ((B, C, 21), (A, B, 20)), ((B, C, 20), (A, B, 20))):
        chains = rename_chains(state(*renames))
        assert chains.addresses(C) == (C, B, A), renames
        assert {chains.of(a) for a in (A, B, C)} == {C}
        assert list(chains.former) == [C]


def test_a_rename_back() -> None:
    chains = rename_chains(state((A, B, 20), (B, A, 22)))
    assert chains.addresses(A) == (A, B)
    assert {chains.of(A), chains.of(B)} == {A}
    assert list(chains.former) == [A]


def test_there_and_back_and_on() -> None:
    chains = rename_chains(state((A, B, 20), (B, A, 21), (A, C, 22)))
    assert chains.addresses(C) == (C, A, B)
    assert {chains.of(a) for a in (A, B, C)} == {C}


def test_two_accounts_stay_two() -> None:
    d, e = Address("d@mail.example"), Address("e@mail.example")
    chains = rename_chains(state((A, B, 20), (d, e, 20)))
    assert chains.of(A) == B
    assert chains.of(d) == e


def test_a_rename_of_the_future_is_not_yet_one() -> None:
    chains = rename_chains(state((A, B, 25)))
    assert chains.of(A) == A
    assert [rename.new for rename in chains.future] == [B]
